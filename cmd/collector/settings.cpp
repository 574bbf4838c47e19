#include "settings.h"

#include "base/hash.h"
#include "core/commit_metadata.h"
#include "kafka/client.h"
#include "kafka/internal_names.h"
#include "kafka/named_topics.h"
#include "kafka/topic_name.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace muster::cmd {
namespace {

using kafka::group_in_names;
using kafka::hex64;
using kafka::is_topic_name;

constexpr int64_t kDayMs = 24LL * 3600 * 1000;
// A worker with its clients, before anything is open; twice that is the least to be useful.
constexpr size_t kWorkerBytes = size_t{32} << 20;
constexpr size_t kMemoryPerWorkerMin = 2 * kWorkerBytes;
constexpr size_t kReadAheadMin = size_t{128} << 10;
const http::Address kDefaultAdmin{"127.0.0.1", 9464};
constexpr const char* kTopicName =
    "a name of 1 to 249 letters, digits, '.', '_', '-', neither \".\" nor \"..\"";

// A pod of a StatefulSet keeps its name: that is a stable instance without being told.
std::string default_instance() {
  const char* name = std::getenv("POD_NAME");
  const char* space = std::getenv("POD_NAMESPACE");
  if (name == nullptr || *name == '\0') return "";
  return (space != nullptr && *space != '\0' ? std::string(space) + "." : std::string()) + name;
}

// Stable with an instance: a restart fences and takes over what its predecessor left open. Group
// and topic are in it, so that one instance name may serve several collectors.
std::string transactional_id(const std::string& group, const std::string& topic,
                             const std::string& instance) {
  std::random_device random;
  const std::string who =
      instance.empty() ? hex64((uint64_t{random()} << 32) | random()) : instance;
  std::string id = "muster." + group_in_names(group) + "." + topic + "." + who;
  if (id.size() > core::kTransactionalIdBytesMax) {
    id = id.substr(0, core::kTransactionalIdBytesMax - 17) + "." + hex64(base::hash64(id));
  }
  return id;
}

void read_names(config::Options& options, kafka::Settings& kafka) {
  kafka.group = options.text("consumer-group");
  kafka.instance = options.maybe_text("instance").value_or(default_instance());
  kafka::TopicNames& topics = kafka.topics;
  topics = kafka::topic_names(kafka.group, options.text("event-topic"),
                              options.maybe_text("output-topic"));
  kafka.transactional_id = transactional_id(kafka.group, topics.input, kafka.instance);

  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  const bool group_fits = !kafka.group.empty() && kafka.group.size() <= kafka::kTopicNameBytesMax &&
                          std::ranges::none_of(kafka.group, is_control);
  if (!group_fits)
    options.wrong("consumer-group", "a name of 1 to 249 bytes without control characters");
  if (!is_topic_name(topics.input)) {
    options.wrong("event-topic", kTopicName);
  } else if (!is_topic_name(topics.dead_letter)) {
    options.wrong("event-topic", "a name that leaves room for \"-dlq\": at most 245 characters");
  } else if (group_fits && !is_topic_name(topics.repartition)) {
    options.wrong("event-topic",
                  "a name short enough for the topic muster.<group>.<event topic>.repartition: at "
                  "most 249 characters, these would be " +
                      std::to_string(topics.repartition.size()));
  }
  if (options.maybe_text("output-topic") && !is_topic_name(topics.output))
    options.wrong("output-topic", kTopicName);
  if (options.maybe_text("instance")) {
    if (!is_topic_name(kafka.instance)) options.wrong("instance", kTopicName);
  } else if (!kafka.instance.empty() && !is_topic_name(kafka.instance)) {
    options.add_error("POD_NAMESPACE, POD_NAME: expected " + std::string(kTopicName) +
                      " as the name of this instance, got \"" + kafka.instance +
                      "\"; --instance names another");
  }
}

void read_checkpoints(config::Options& options, CollectorSettings& s) {
  s.checkpoint_interval =
      core::Duration{options.seconds_as_ms("checkpoint-interval", 10, 3'600'000)};
  const auto text = options.maybe_text("redis");
  if (!text || text->empty()) return;
  auto url = redis::parse_url(*text);
  if (!url) return options.wrong_secret("redis", url.error().message);
  s.redis.emplace();
  s.redis->url = std::move(url.value());
  s.redis->group = s.kafka.group;
  s.redis->topic = s.kafka.topics.input;
  s.redis->client_name = s.kafka.client_id;
}

void read_memory_limit(config::Options& options, CollectorSettings& s) {
  if (options.maybe_text("memory-limit"))
    s.memory_limit =
        options.bytes("memory-limit", s.workers * kMemoryPerWorkerMin, uint64_t{1} << 50);
}

// A quarter of the limit is for records that are fetched and wait, shared among all logs that the
// process may get. Empty: it is enough.
std::string share_read_ahead(CollectorSettings& s) {
  if (!s.memory_limit) return "";
  const size_t logs = size_t{2} * static_cast<size_t>(s.kafka.partitions);
  s.kafka.read_ahead_bytes_max = std::max(*s.memory_limit / 4 / logs, kReadAheadMin);
  const size_t least = s.workers * kMemoryPerWorkerMin + 2 * logs * kReadAheadMin;
  if (*s.memory_limit >= least || s.kafka.read_ahead_bytes_max > kReadAheadMin) return "";
  return "--memory-limit: " + std::to_string(s.kafka.partitions) + " partitions need at least " +
         std::to_string((least >> 20) + 1) + "MiB";
}

void read_admin(config::Options& options, AdminSettings& admin) {
  admin.address = kDefaultAdmin;
  if (const auto text = options.maybe_text("admin")) {
    admin.asked_for = true;
    admin.address = http::parse_address(*text);
    if (!admin.address && *text != "off")
      options.wrong("admin", "HOST:PORT, e.g. 127.0.0.1:9464 or [::]:9464, or off");
  }
  admin.advertised = options.text("admin-advertise");
  if (!admin.advertised.empty() && !http::parse_address(admin.advertised))
    options.wrong("admin-advertise", "HOST:PORT");
  admin.token = options.text("admin-token");
  const auto is_plain = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::ranges::all_of(admin.token, is_plain))
    options.wrong_secret("admin-token", "it may hold ASCII without spaces only");
}

uint32_t bytes_of(size_t limit) {
  return static_cast<uint32_t>(std::min<size_t>(limit, collector::kBytesMax));
}

}  // namespace

config::Options collector_options() {
  return config::Options(
      "muster-collector",
      "says once when a group of events is complete, has failed or has timed out", "COLLECTOR_",
      {{"brokerlist", "Kafka's brokers", "localhost:9092", "HOST:PORT,..."},
       {"event-topic", "the topic with the events", "eventbus-collector", "TOPIC"},
       {"output-topic", "the topic for the outcomes; default: the event topic", "", "TOPIC"},
       {"consumer-group", "the consumer group", "DefaultCollectorGroup", "GROUP"},
       {"instance",
        "a name of this instance's own that outlives restarts; default: $POD_NAMESPACE.$POD_NAME",
        "", "NAME"},
       {"partitions", "create event and output topic with so many partitions if they are missing",
        "", "N"},
       {"partitioner", "where a group's id lives: murmur2 (Java's) or crc32 (librdkafka's)",
        "murmur2", "NAME"},
       {"handler-topics",
        "topics that a group's handlers may name, as a regular expression for the whole name", ".*",
        "REGEX"},
       {"early-ttl", "how long events wait for their group's Create", "30", "SECONDS"},
       {"closed-ttl", "how long a closed group is remembered", "300", "SECONDS"},
       {"max-ttl", "the longest time to live that a group may ask for", "604800", "SECONDS"},
       {"max-expected", "how many ids a group may expect", "10000", "N"},
       {"max-message-bytes", "the largest event; default: the event topic's max.message.bytes", "",
        "N"},
       {"remembered-max",
        "how many closed groups a partition remembers; beyond, the oldest go early", "2000000",
        "N"},
       {"memory-limit",
        "near it, events of new groups wait in their topic; bytes, or as in 512MiB or 4GiB", "",
        "SIZE"},
       {"sender", "put into outcomes as their sender", "", "NAME"},
       {"workers", "group members in this process, each with threads of its own", "1", "N"},
       {"carry-after",
        "write an open group into the journal again when it was written so long ago; recovery "
        "reads back no further",
        "600", "SECONDS"},
       {"journal-retention", "how long the journal is kept, beyond what recovery needs", "604800",
        "SECONDS"},
       {"redis", "where checkpoints go, which make recovery fast", "",
        "redis://[USER:PASSWORD@]HOST[:PORT][/DB]"},
       {"checkpoint-interval", "how often what has changed is written there", "1", "SECONDS"},
       {"admin",
        "where the admin server listens: metrics, health, groups; off: nowhere; default: "
        "127.0.0.1:9464, or any free port there if that is taken",
        "", "HOST:PORT"},
       {"admin-advertise",
        "where others reach it; default: where it listens, with this machine's name if that is "
        "everywhere",
        "", "HOST:PORT"},
       {"admin-token", "what a request has to carry to change something; none: nothing can be", "",
        "TOKEN"},
       {"accept-loss",
        "go on where something that recovery needs is gone; open groups may be forgotten", "", ""},
       {"accept-partitions", "go on after partitions were added to the event topic", "", ""},
       {"log-level", "debug, info, warn or error", "info", "LEVEL"},
       {"log-format", "text or json", "text", "FORMAT"}});
}

CollectorSettings read_settings(config::Options& options) {
  CollectorSettings s;
  s.kafka.brokers = options.text("brokerlist");
  if (s.kafka.brokers.empty())
    options.wrong("brokerlist", "host:port, or several with commas between them");
  read_names(options, s.kafka);
  s.kafka.partitioner = options.one_of("partitioner", {"murmur2", "crc32"});
  s.kafka.client_id = "muster-collector";
  for (const auto& [name, value, source] : options.kafka_properties())
    s.kafka.properties.push_back({name, value, source});
  for (auto& wrong : kafka::check_properties(s.kafka)) options.add_error(std::move(wrong));

  s.kafka.handler_topics = options.text("handler-topics");
  if (!kafka::is_regular_expression(s.kafka.handler_topics))
    options.wrong("handler-topics", "a regular expression (ECMAScript)");
  if (options.maybe_text("partitions")) {
    s.topics.partitions = static_cast<int32_t>(options.integer("partitions", 1, 10'000));
  }
  s.kafka.journal_retention_ms =
      options.seconds_as_ms("journal-retention", 3'600'000, 3650 * kDayMs);

  read_checkpoints(options, s);
  read_admin(options, s.admin);
  s.accept_loss = options.on("accept-loss");
  s.topics.accept_partitions = options.on("accept-partitions");

  s.collector.early_ttl = core::Duration{options.seconds_as_ms("early-ttl", 1, 30 * kDayMs)};
  s.collector.closed_ttl = core::Duration{options.seconds_as_ms("closed-ttl", 0, 30 * kDayMs)};
  s.collector.max_ttl = core::Duration{options.seconds_as_ms("max-ttl", 1, 3650 * kDayMs)};
  s.collector.max_expected =
      static_cast<uint32_t>(options.integer("max-expected", 0, collector::kExpectedMax));
  s.collector.max_message_bytes = 0;  // the topic's, when it is known
  if (options.maybe_text("max-message-bytes")) {
    s.collector.max_message_bytes =
        static_cast<uint32_t>(options.integer("max-message-bytes", 1, collector::kBytesMax));
  }
  s.collector.sender = options.text("sender");
  if (options.errors().empty() && !collector::valid([&] {
        auto checked = s.collector;
        if (checked.max_message_bytes == 0) checked.max_message_bytes = 1;
        return checked;
      }())) {
    options.add_error("--sender: not UTF-8");
  }
  s.workers = static_cast<size_t>(options.integer("workers", 1, 64));
  read_memory_limit(options, s);
  s.carry_after = core::Duration{options.seconds_as_ms("carry-after", 100, 365 * kDayMs)};
  s.remembered_max = static_cast<size_t>(options.integer("remembered-max", 0, 1'000'000'000));

  const std::string level = options.one_of("log-level", {"info", "debug", "warn", "error"});
  if (level == "debug") s.log_level = base::LogLevel::kDebug;
  if (level == "warn") s.log_level = base::LogLevel::kWarn;
  if (level == "error") s.log_level = base::LogLevel::kError;
  s.log_json = options.one_of("log-format", {"text", "json"}) == "json";
  return s;
}

std::string adopt(const kafka::TopicFacts& facts, CollectorSettings& settings) {
  settings.kafka.partitions = facts.partitions;
  settings.kafka.produce_bytes_max =
      std::min({settings.kafka.produce_bytes_max, facts.output_bytes_max,
                facts.dead_letter_bytes_max, facts.repartition_bytes_max});
  if (settings.collector.max_message_bytes == 0)
    settings.collector.max_message_bytes = bytes_of(facts.input_bytes_max);
  settings.collector.output_bytes_max = bytes_of(facts.output_bytes_max);
  settings.dead_letter_bytes_max = facts.dead_letter_bytes_max;
  return share_read_ahead(settings);
}

std::optional<runtime::MemoryLimit::Options> worker_memory(const CollectorSettings& settings) {
  if (!settings.memory_limit) return std::nullopt;
  return runtime::MemoryLimit::Options{*settings.memory_limit / settings.workers, kWorkerBytes,
                                       kafka::read_ahead_bytes(settings.kafka)};
}

kafka::Settings worker_settings(const kafka::Settings& process, size_t i) {
  kafka::Settings settings = process;
  if (i == 0) return settings;
  if (!settings.instance.empty()) settings.instance += "-worker-" + std::to_string(i);
  settings.transactional_id =
      transactional_id(settings.group, settings.topics.input, settings.instance);
  return settings;
}

}  // namespace muster::cmd

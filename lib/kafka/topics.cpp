#include "kafka/topics.h"

#include "base/log.h"
#include "kafka/client.h"
#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace muster::kafka {
namespace {

constexpr int kCallTimeoutMs = 5'000;
constexpr auto kPause = std::chrono::milliseconds(500);
constexpr auto kLookAgain = std::chrono::milliseconds(100);
// One entry of the journal may hold the carried state of many ids, a forwarded record has headers
// on top of its own.
constexpr size_t kInternalBytesMax = 16'777'216;
constexpr size_t kForwardedHeadersBytesMax = 65'536;
constexpr size_t kDefaultMessageBytesMax = 1'048'588;

struct NewTopic {
  std::string name;
  int32_t partitions = 0;
  std::vector<std::pair<std::string, std::string>> configs;
};

// What stands in the way; empty code: nothing.
struct Obstacle {
  std::string text;
  bool final = false;
  bool passing = false;  // gone in a moment, not worth a word
};

class Admin {
 public:
  explicit Admin(const Settings& settings) {
    MadeClient made = make_client(make_conf(settings, ClientRole::kAdmin), ClientRole::kAdmin);
    client_ = std::move(made.client);
    error_ = std::move(made.error);
    if (client_) queue_.reset(rd_kafka_queue_new(client_.get()));
  }

  const std::string& error() const { return error_; }

  // Partition counts; a topic that does not exist is absent.
  std::optional<Obstacle> read_partitions(const std::vector<std::string>& names,
                                          std::map<std::string, int32_t>& out) {
    out.clear();
    // By name, one by one: a question for all topics could be denied, and one with a wrong name
    // must not spoil others.
    for (const std::string& name : names) {
      const TopicHandle topic(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
      if (!topic)
        return Obstacle{"topic " + name + ": " + rd_kafka_err2str(rd_kafka_last_error()), true};
      const rd_kafka_metadata_t* metadata = nullptr;
      const auto code = rd_kafka_metadata(client_.get(), 0, topic.get(), &metadata, kCallTimeoutMs);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return obstacle(code, "cannot reach Kafka");
      const auto topic_code =
          metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
      const int32_t count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
      rd_kafka_metadata_destroy(metadata);
      const bool missing = topic_code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                           topic_code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
      if (!missing && topic_code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return obstacle(topic_code, "topic " + name);
      if (!missing && count > 0) out[name] = count;
    }
    return std::nullopt;
  }

  std::optional<Obstacle> create(const NewTopic& wanted) {
    char text[512];
    std::unique_ptr<rd_kafka_NewTopic_t, decltype(&rd_kafka_NewTopic_destroy)> topic(
        rd_kafka_NewTopic_new(wanted.name.c_str(), wanted.partitions, -1, text, sizeof text),
        rd_kafka_NewTopic_destroy);
    if (!topic) return Obstacle{"topic " + wanted.name + ": " + text, true};
    for (const auto& [name, value] : wanted.configs) {
      rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    }
    rd_kafka_NewTopic_t* topics[] = {topic.get()};
    rd_kafka_CreateTopics(client_.get(), topics, 1, nullptr, queue_.get());
    const EventHandle event(rd_kafka_queue_poll(queue_.get(), kCallTimeoutMs * 2));
    if (!event) return Obstacle{"creating topic " + wanted.name + ": no answer"};
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return obstacle(rd_kafka_event_error(event.get()), "creating topic " + wanted.name);
    }
    size_t count = 0;
    const auto* results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event.get()), &count);
    for (size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        base::log_info("created topic " + wanted.name + " with " +
                       std::to_string(wanted.partitions) + " partitions");
      } else if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {  // another instance was faster
        const char* why = rd_kafka_topic_result_error_string(results[i]);
        return Obstacle{"creating topic " + wanted.name + ": " +
                            (why != nullptr ? why : rd_kafka_err2str(code)),
                        !worth_asking_again(code)};
      }
    }
    return std::nullopt;
  }

  std::optional<Obstacle> grow(const std::string& name, int32_t partitions) {
    char text[512];
    std::unique_ptr<rd_kafka_NewPartitions_t, decltype(&rd_kafka_NewPartitions_destroy)> wanted(
        rd_kafka_NewPartitions_new(name.c_str(), static_cast<size_t>(partitions), text,
                                   sizeof text),
        rd_kafka_NewPartitions_destroy);
    if (!wanted) return Obstacle{"topic " + name + ": " + text, true};
    rd_kafka_NewPartitions_t* all[] = {wanted.get()};
    rd_kafka_CreatePartitions(client_.get(), all, 1, nullptr, queue_.get());
    const EventHandle event(rd_kafka_queue_poll(queue_.get(), kCallTimeoutMs * 2));
    if (!event) return Obstacle{"adding partitions to topic " + name + ": no answer"};
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return obstacle(rd_kafka_event_error(event.get()), "adding partitions to topic " + name);
    }
    size_t count = 0;
    const auto* results = rd_kafka_CreatePartitions_result_topics(
        rd_kafka_event_CreatePartitions_result(event.get()), &count);
    for (size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return obstacle(code, "adding partitions to topic " + name);
    }
    base::log_warn("topic " + name + " has " + std::to_string(partitions) +
                   " partitions now, as the input");
    return std::nullopt;
  }

  // max.message.bytes; the broker's default where it cannot be read.
  size_t message_bytes_max(const std::string& name) {
    std::unique_ptr<rd_kafka_ConfigResource_t, decltype(&rd_kafka_ConfigResource_destroy)> resource(
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()),
        rd_kafka_ConfigResource_destroy);
    rd_kafka_ConfigResource_t* resources[] = {resource.get()};
    rd_kafka_DescribeConfigs(client_.get(), resources, 1, nullptr, queue_.get());
    const EventHandle event(rd_kafka_queue_poll(queue_.get(), kCallTimeoutMs));
    if (event && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      size_t count = 0;
      const auto* answers = rd_kafka_DescribeConfigs_result_resources(
          rd_kafka_event_DescribeConfigs_result(event.get()), &count);
      for (size_t i = 0; i < count; ++i) {
        size_t entries = 0;
        const auto* configs = rd_kafka_ConfigResource_configs(answers[i], &entries);
        for (size_t c = 0; c < entries; ++c) {
          if (std::string(rd_kafka_ConfigEntry_name(configs[c])) == "max.message.bytes") {
            return std::stoull(rd_kafka_ConfigEntry_value(configs[c]));
          }
        }
      }
    }
    base::log_warn("cannot read the settings of topic " + name +
                   " (DescribeConfigs denied?): taking max.message.bytes to be " +
                   std::to_string(kDefaultMessageBytesMax));
    return kDefaultMessageBytesMax;
  }

 private:
  static Obstacle obstacle(rd_kafka_resp_err_t code, const std::string& what) {
    return {what + ": " + rd_kafka_err2str(code), !worth_asking_again(code)};
  }

  ClientHandle client_;
  QueueHandle queue_;
  std::string error_;
};

void pause(std::chrono::milliseconds time, const std::atomic<bool>& stop) {
  constexpr auto kStep = std::chrono::milliseconds(100);
  for (; time.count() > 0 && !stop; time -= kStep) std::this_thread::sleep_for(kStep);
}

// A static member that comes back within its session gets the partitions it had (KIP-345), without
// the new ones: the group shares out anew only when it is missed first.
void outlast_session(const Settings& settings, const std::atomic<bool>& stop) {
  int64_t session_ms = kSessionTimeoutMs;
  for (const Property& property : settings.properties) {
    if (property.name == "session.timeout.ms")
      session_ms = std::strtoll(property.value.c_str(), nullptr, 10);
  }
  base::log_info("waiting for " + std::to_string(session_ms) +
                 " ms, so that the group shares out the new partitions");
  pause(std::chrono::milliseconds(session_ms) + kPause, stop);
}

// One look at the topics, and what can be made of the missing ones. Empty: all there, `facts`
// filled.
std::optional<Obstacle> try_once(Admin& admin, const Settings& settings, const TopicWishes& wishes,
                                 TopicFacts& facts) {
  const TopicNames& names = settings.topics;
  bool made = false;
  std::map<std::string, int32_t> found;
  const std::vector<std::string> all = {names.input, names.output, names.dead_letter,
                                        names.repartition, names.journal};
  if (auto obstacle = admin.read_partitions(all, found)) return obstacle;
  for (const std::string& name : {names.input, names.output}) {
    if (found.contains(name)) continue;
    if (!wishes.partitions) {
      return Obstacle{"topic " + name +
                      " does not exist (create it, or say --partitions N to have it created)"};
    }
    if (auto obstacle = admin.create({name, *wishes.partitions, {}})) return obstacle;
    found[name] = *wishes.partitions;
    made = true;
  }
  facts.partitions = found[names.input];
  if (!found.contains(names.dead_letter)) {
    if (auto obstacle = admin.create({names.dead_letter, facts.partitions, {}})) return obstacle;
    found[names.dead_letter] = facts.partitions;
    made = true;
  }
  facts.input_bytes_max = admin.message_bytes_max(names.input);
  const size_t internal_bytes_max =
      std::max(kInternalBytesMax, facts.input_bytes_max + kForwardedHeadersBytesMax);
  for (const std::string& name : {names.repartition, names.journal}) {
    if (found.contains(name)) continue;
    const NewTopic internal{
        name,
        facts.partitions,
        {{"cleanup.policy", "delete"},
         // Trimmed by us, never past what recovery needs, however long nobody runs.
         {"retention.ms", "-1"},
         {"retention.bytes", "-1"},
         {"message.timestamp.type", "CreateTime"},
         {"max.message.bytes", std::to_string(internal_bytes_max)}}};
    if (auto obstacle = admin.create(internal)) return obstacle;
    found[name] = facts.partitions;
    made = true;
  }
  if (found[names.journal] < facts.partitions && !wishes.accept_partitions) {
    return Obstacle{"the input topic " + names.input + " has " + std::to_string(facts.partitions) +
                        " partitions, it had " + std::to_string(found[names.journal]) +
                        ": most keys have a new home, and groups that are open now will miss what "
                        "is sent there. "
                        "--accept-partitions goes on all the same",
                    true};
  }
  for (const std::string& name : {names.dead_letter, names.repartition, names.journal}) {
    if (found[name] >= facts.partitions) continue;
    if (auto obstacle = admin.grow(name, facts.partitions)) return obstacle;
    made = true;
    if (name == names.journal) facts.grown = true;
  }
  // The brokers hear of a new topic a little later, and so would we and the group's leader.
  if (made) return Obstacle{"new topics are not there yet", false, true};
  facts.output_bytes_max =
      names.output == names.input ? facts.input_bytes_max : admin.message_bytes_max(names.output);
  facts.dead_letter_bytes_max = admin.message_bytes_max(names.dead_letter);
  facts.repartition_bytes_max = admin.message_bytes_max(names.repartition);
  return std::nullopt;
}

}  // namespace

TopicsReady ensure_topics(const Settings& settings, const TopicWishes& wishes,
                          const std::atomic<bool>& stop) {
  Admin admin(settings);
  if (!admin.error().empty()) return {std::nullopt, admin.error()};
  std::string said;
  bool grown = false;
  while (!stop) {
    TopicFacts facts;
    const auto obstacle = try_once(admin, settings, wishes, facts);
    grown = grown || facts.grown;
    if (!obstacle) {
      if (grown && !settings.instance.empty()) outlast_session(settings, stop);
      return {facts, ""};
    }
    if (obstacle->final) return {std::nullopt, obstacle->text};
    if (obstacle->text != said && !obstacle->passing) base::log_warn("waiting: " + obstacle->text);
    said = obstacle->text;
    pause(obstacle->passing ? kLookAgain : kPause, stop);
  }
  return {std::nullopt, ""};
}

namespace {

Admin tool_admin(const Settings& settings) {
  Admin admin(settings);
  if (!admin.error().empty()) throw std::runtime_error(admin.error());
  return admin;
}

}  // namespace

std::map<std::string, int32_t> find_topics(const Settings& settings,
                                           const std::vector<std::string>& names) {
  Admin admin = tool_admin(settings);
  std::map<std::string, int32_t> found;
  if (const auto obstacle = admin.read_partitions(names, found))
    throw std::runtime_error(obstacle->text);
  return found;
}

void make_compacted_topic(const Settings& settings, const std::string& name) {
  Admin admin = tool_admin(settings);
  if (const auto obstacle = admin.create({name, 1, {{"cleanup.policy", "compact"}}}))
    throw std::runtime_error(obstacle->text);
  // The brokers hear of a new topic a little later.
  for (int tries = 0; tries < 100; ++tries) {
    std::map<std::string, int32_t> found;
    if (const auto obstacle = admin.read_partitions({name}, found))
      throw std::runtime_error(obstacle->text);
    if (found.contains(name)) return;
    std::this_thread::sleep_for(kLookAgain);
  }
  throw std::runtime_error("topic " + name + " was created, but is not there yet");
}

}  // namespace muster::kafka

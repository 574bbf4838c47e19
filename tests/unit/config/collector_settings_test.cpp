#include "settings.h"

#include "core/commit_metadata.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <set>

using namespace muster;

namespace {

struct Outcome {
  cmd::CollectorSettings settings;
  std::vector<std::string> errors;

  bool complains(const std::string& source, const std::string& about) const {
    for (const std::string& error : errors) {
      if (error.starts_with(source + ":") && error.find(about) != std::string::npos) return true;
    }
    return false;
  }
};

// The environment of the one who runs the tests is not part of them.
void set_pod(const char* space, const char* name) {
  space != nullptr ? setenv("POD_NAMESPACE", space, 1) : unsetenv("POD_NAMESPACE");
  name != nullptr ? setenv("POD_NAME", name, 1) : unsetenv("POD_NAME");
}

Outcome settings_of(std::vector<std::string> arguments,
                    std::map<std::string, std::string> environment = {}) {
  config::Options options = cmd::collector_options();
  options.parse({std::move(arguments), std::move(environment)});
  cmd::CollectorSettings settings = cmd::read_settings(options);
  return {std::move(settings), options.errors()};
}

Outcome plain(std::vector<std::string> arguments,
              std::map<std::string, std::string> environment = {}) {
  set_pod(nullptr, nullptr);
  return settings_of(std::move(arguments), std::move(environment));
}

bool legal_topic(const std::string& name) {
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string::npos;
}

}  // namespace

TEST_CASE("the collector has a default for everything") {
  const Outcome outcome = plain({});
  CHECK(outcome.errors.empty());
  const kafka::Settings& kafka = outcome.settings.kafka;
  CHECK(kafka.brokers == "localhost:9092");
  CHECK(kafka.group == "DefaultCollectorGroup");
  CHECK(kafka.instance.empty());
  CHECK(kafka.topics.input == "eventbus-collector");
  CHECK(kafka.topics.output == "eventbus-collector");
  CHECK(kafka.topics.dead_letter == "eventbus-collector-dlq");
  CHECK(kafka.topics.repartition == "muster.DefaultCollectorGroup.eventbus-collector.repartition");
  CHECK(kafka.topics.journal == "muster.DefaultCollectorGroup.eventbus-collector.journal");
  CHECK(kafka.partitioner == "murmur2");
  CHECK(kafka.handler_topics == ".*");
  CHECK_FALSE(outcome.settings.topics.partitions.has_value());
  CHECK(outcome.settings.collector.early_ttl == std::chrono::seconds(30));
  CHECK(outcome.settings.collector.closed_ttl == std::chrono::seconds(300));
  CHECK(outcome.settings.log_level == base::LogLevel::kInfo);
  CHECK_FALSE(outcome.settings.log_json);
}

TEST_CASE("names that Kafka would refuse are wrong options, named by where they were said") {
  const std::string long_name(250, 'a');
  struct Row {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
    std::string source;
  };
  std::vector<Row> table;
  for (const std::string& name :
       {std::string("a b"), std::string("a/b"), std::string("."), std::string(".."),
        std::string("\xc3\xa4"), std::string("a\n"), long_name}) {
    table.push_back({{"--event-topic", name}, {}, "--event-topic"});
    table.push_back({{"--output-topic", name}, {}, "--output-topic"});
    table.push_back({{"--instance", name}, {}, "--instance"});
    table.push_back({{}, {{"COLLECTOR_EVENT_TOPIC", name}}, "COLLECTOR_EVENT_TOPIC"});
  }
  for (const char* option :
       {"brokerlist", "event-topic", "output-topic", "consumer-group", "instance"}) {
    table.push_back({{"--" + std::string(option), ""}, {}, "--" + std::string(option)});
  }
  table.push_back({{"--consumer-group", long_name}, {}, "--consumer-group"});
  table.push_back({{}, {{"COLLECTOR_CONSUMER_GROUP", "a\tb"}}, "COLLECTOR_CONSUMER_GROUP"});
  for (const Row& row : table) {
    CAPTURE(row.source);
    CAPTURE(row.arguments.empty() ? "" : row.arguments.back());
    const Outcome outcome = plain(row.arguments, row.environment);
    CHECK(outcome.errors.size() == 1);
    CHECK(outcome.complains(row.source, "expected"));
  }
}

TEST_CASE("the topics whose names follow from others are legal too, or their origin is refused") {
  CHECK(plain({"--event-topic", std::string(208, 'a')}).errors.empty());
  CHECK(plain({"--event-topic", std::string(209, 'a')}).complains("--event-topic", "repartition"));
  CHECK(plain({"--event-topic", std::string(246, 'a')}).complains("--event-topic", "-dlq"));
  CHECK(plain({"--event-topic", "a", "--consumer-group", std::string(240, 'g')})
            .complains("--event-topic", "repartition"));
  CHECK(plain({"--output-topic", std::string(249, 'a')}).errors.empty());
}

TEST_CASE("a group may be called what a topic may not: its journal gets a legal name of its own") {
  std::set<std::string> journals;
  const std::vector<std::string> groups = {
      "a b", "a/b", "a_b", "a.b", "\xe7\xbe\xa4", "team:collector", "a b "};
  for (const std::string& group : groups) {
    CAPTURE(group);
    const Outcome outcome = plain({"--consumer-group", group, "--instance", "one"});
    CHECK(outcome.errors.empty());
    CHECK(outcome.settings.kafka.group == group);
    CHECK(legal_topic(outcome.settings.kafka.topics.journal));
    CHECK(legal_topic(outcome.settings.kafka.transactional_id));
    journals.insert(outcome.settings.kafka.topics.journal);
  }
  CHECK(journals.size() == groups.size());
}

TEST_CASE(
    "the transactional id is stable with an instance, of its own without one, and fits into a "
    "commit's metadata") {
  const auto id = [](std::vector<std::string> arguments) {
    return plain(std::move(arguments)).settings.kafka.transactional_id;
  };
  CHECK(id({"--instance", "one"}) == "muster.DefaultCollectorGroup.eventbus-collector.one");
  CHECK(id({}) != id({}));
  const std::string one = id({"--event-topic", std::string(120, 'a'), "--instance", "one"});
  const std::string two = id({"--event-topic", std::string(120, 'a'), "--instance", "two"});
  CHECK(one != two);
  CHECK(one == id({"--event-topic", std::string(120, 'a'), "--instance", "one"}));
  CHECK(one.size() <= core::kTransactionalIdBytesMax);
  // Kafka keeps valid UTF-8 only: what is cut in the middle of a character comes back as another
  // text.
  std::string group;
  while (group.size() < 120) group += "\xe7\xbe\xa4";
  CHECK(legal_topic(id({"--consumer-group", group, "--instance", "one"})));
}

TEST_CASE("a pod's name is the instance, unless another one is given") {
  struct Row {
    const char* space;
    const char* name;
    const char* instance;
  };
  const Row table[] = {{nullptr, nullptr, ""}, {"blue", nullptr, ""},
                       {"blue", "", ""},       {nullptr, "pod-0", "pod-0"},
                       {"", "pod-0", "pod-0"}, {"blue", "pod-0", "blue.pod-0"}};
  for (const Row& row : table) {
    set_pod(row.space, row.name);
    CHECK(settings_of({}).settings.kafka.instance == row.instance);
  }
  set_pod("blue", "pod-0");
  CHECK(settings_of({"--instance", "one"}).settings.kafka.instance == "one");
  set_pod("blue", std::string(248, 'p').c_str());
  CHECK(settings_of({}).complains("POD_NAMESPACE, POD_NAME", "expected"));
  CHECK(settings_of({"--instance", "one"}).errors.empty());
  set_pod(nullptr, nullptr);
}

TEST_CASE("a wrong property of Kafka's client is named by where it was said") {
  CHECK(plain({"-X", "no.such.property=1"})
            .complains("-X no.such.property", "No such configuration property"));
  CHECK(plain({"-X", "session.timeout.ms=x"})
            .complains("-X session.timeout.ms", "session.timeout.ms"));
  CHECK(plain({}, {{"COLLECTOR_KAFKA_SESSION_TIMEOUT_MS", "x"}})
            .complains("COLLECTOR_KAFKA_SESSION_TIMEOUT_MS", "session.timeout.ms"));
  CHECK(plain({}, {{"COLLECTOR_KAFKA_GROUP_ID", "x"}})
            .complains("COLLECTOR_KAFKA_GROUP_ID", "set by muster"));
  const Outcome good = plain({"-X", "linger.ms=7"}, {{"COLLECTOR_KAFKA_LINGER_MS", "8"}});
  CHECK(good.errors.empty());
  CHECK(good.settings.kafka.properties ==
        std::vector<kafka::Property>{{"linger.ms", "8", "COLLECTOR_KAFKA_LINGER_MS"},
                                     {"linger.ms", "7", "-X linger.ms"}});
}

TEST_CASE("every number has its limits, and all that break them are listed") {
  const Outcome outcome = plain(
      {"--partitions",     "0",    "--early-ttl",         "0",   "--closed-ttl",        "-1",
       "--max-ttl",        "1e12", "--max-expected",      "-1",  "--max-message-bytes", "0",
       "--remembered-max", "x",    "--journal-retention", "1",   "--log-level",         "loud",
       "--log-format",     "xml",  "--partitioner",       "md5", "--event-topic",       "a b",
       "--instance",       ""});
  CHECK(outcome.errors.size() == 13);
  for (const char* option : {"partitions", "early-ttl", "closed-ttl", "max-ttl", "max-expected",
                             "max-message-bytes", "remembered-max", "journal-retention",
                             "log-level", "log-format", "partitioner", "event-topic", "instance"}) {
    CAPTURE(option);
    CHECK(outcome.complains("--" + std::string(option), "expected"));
  }
}

TEST_CASE("which topics handlers may name is a regular expression, and a wrong one is named") {
  for (const char* good : {"", "orders", "orders\\..*|bills", "[a-z]{3}"}) {
    CAPTURE(good);
    const Outcome outcome = plain({"--handler-topics", good});
    CHECK(outcome.errors.empty());
    CHECK(outcome.settings.kafka.handler_topics == good);
  }
  CHECK(plain({}, {{"COLLECTOR_HANDLER_TOPICS", "orders"}}).settings.kafka.handler_topics ==
        "orders");
  for (const char* wrong : {"(", "[a", "*", "a{2"}) {
    CAPTURE(wrong);
    const Outcome outcome = plain({"--handler-topics", wrong});
    CHECK(outcome.errors.size() == 1);
    CHECK(outcome.complains("--handler-topics", "regular expression"));
  }
  CHECK(plain({}, {{"COLLECTOR_HANDLER_TOPICS", "("}})
            .complains("COLLECTOR_HANDLER_TOPICS", "regular expression"));
}

TEST_CASE("a sender that is no UTF-8 is refused, for it becomes part of JSON") {
  CHECK(plain({"--sender", "\xff"}).complains("--sender", "UTF-8"));
  CHECK(plain({"--sender", "\xc3\xa4"}).errors.empty());
}

TEST_CASE("what is given reaches the parts that take it") {
  const Outcome outcome = plain({"--brokerlist",
                                 "a:1,b:2",
                                 "--event-topic",
                                 "in",
                                 "--output-topic",
                                 "out",
                                 "--consumer-group",
                                 "g",
                                 "--instance",
                                 "one",
                                 "--partitions",
                                 "3",
                                 "--partitioner",
                                 "crc32",
                                 "--early-ttl",
                                 "0.5",
                                 "--closed-ttl",
                                 "0",
                                 "--max-ttl",
                                 "60",
                                 "--max-expected",
                                 "5",
                                 "--max-message-bytes",
                                 "1000",
                                 "--sender",
                                 "me",
                                 "--remembered-max",
                                 "9",
                                 "--journal-retention",
                                 "3600",
                                 "--accept-loss",
                                 "--accept-partitions",
                                 "--log-level",
                                 "debug",
                                 "--log-format",
                                 "json"});
  REQUIRE(outcome.errors.empty());
  const cmd::CollectorSettings& s = outcome.settings;
  CHECK(s.kafka.brokers == "a:1,b:2");
  CHECK(s.kafka.topics.output == "out");
  CHECK(s.kafka.topics.journal == "muster.g.in.journal");
  CHECK(s.kafka.partitioner == "crc32");
  CHECK(s.topics.partitions == 3);
  CHECK(s.kafka.journal_retention_ms == 3'600'000);
  CHECK(s.accept_loss);
  CHECK(s.topics.accept_partitions);
  CHECK(s.collector.early_ttl == std::chrono::milliseconds(500));
  CHECK(s.collector.closed_ttl == std::chrono::milliseconds(0));
  CHECK(s.collector.max_ttl == std::chrono::seconds(60));
  CHECK(s.collector.max_expected == 5);
  CHECK(s.collector.max_message_bytes == 1'000);
  CHECK(s.collector.sender == "me");
  CHECK(s.remembered_max == 9);
  CHECK(s.log_level == base::LogLevel::kDebug);
  CHECK(s.log_json);
}

TEST_CASE("the help names every option of the collector") {
  const std::string help = cmd::collector_options().help();
  for (const char* option : {"--brokerlist",     "--event-topic",  "--output-topic",
                             "--consumer-group", "--instance",     "--partitions",
                             "--partitioner",    "--early-ttl",    "--closed-ttl",
                             "--max-ttl",        "--max-expected", "--max-message-bytes",
                             "--remembered-max", "--sender",       "--journal-retention",
                             "--workers",        "--carry-after",  "--log-level",
                             "--log-format",     "--config",       "-X",
                             "--handler-topics", "--memory-limit"}) {
    CAPTURE(option);
    CHECK(help.find(option) != std::string::npos);
  }
}

TEST_CASE(
    "two collectors whose group and topic read alike when joined have journals of their own") {
  const auto one = plain({"--consumer-group", "a.b", "--event-topic", "c"});
  const auto other = plain({"--consumer-group", "a", "--event-topic", "b.c"});
  CHECK(one.settings.kafka.topics.journal != other.settings.kafka.topics.journal);
  CHECK(one.settings.kafka.transactional_id != other.settings.kafka.transactional_id);
}

TEST_CASE("each worker of a process is a member and a writer of its own") {
  SUBCASE("under names that outlive restarts") {
    const auto process = plain({"--instance", "a", "--workers", "3"}).settings.kafka;
    const auto first = cmd::worker_settings(process, 0);
    const auto third = cmd::worker_settings(process, 2);
    CHECK(first.instance == "a");
    CHECK(first.transactional_id == process.transactional_id);
    CHECK(third.instance == "a-worker-2");
    CHECK(third.transactional_id != first.transactional_id);
    CHECK(third.transactional_id == cmd::worker_settings(process, 2).transactional_id);
  }
  SUBCASE("or under random ones") {
    const auto process = plain({"--workers", "2"}).settings.kafka;
    CHECK(cmd::worker_settings(process, 1).instance.empty());
    CHECK(cmd::worker_settings(process, 1).transactional_id != process.transactional_id);
  }
}

TEST_CASE("a produce request is never larger than the strictest of the topics takes") {
  auto settings = plain({}).settings;
  kafka::TopicFacts facts;
  facts.partitions = 3;
  facts.input_bytes_max = 2'000'000;
  facts.output_bytes_max = 50'000;
  facts.dead_letter_bytes_max = 70'000;
  facts.repartition_bytes_max = 16'000'000;
  CHECK(cmd::adopt(facts, settings).empty());
  CHECK(settings.kafka.partitions == 3);
  CHECK(settings.kafka.produce_bytes_max == 50'000);
  CHECK(settings.collector.max_message_bytes == 2'000'000);
  CHECK(settings.collector.output_bytes_max == 50'000);
  CHECK(settings.dead_letter_bytes_max == 70'000);
}

TEST_CASE("a limit of memory is bytes, shared by the workers, a quarter of it for reading ahead") {
  constexpr size_t kMiB = size_t{1} << 20;
  CHECK_FALSE(plain({}).settings.memory_limit.has_value());
  CHECK_FALSE(cmd::worker_memory(plain({}).settings).has_value());
  CHECK(plain({"--memory-limit", "4GiB"}).settings.memory_limit == 4096 * kMiB);
  CHECK(plain({}, {{"COLLECTOR_MEMORY_LIMIT", "134217728"}}).settings.memory_limit == 128 * kMiB);
  auto settings = plain({"--memory-limit", "256MiB", "--workers", "2"}).settings;
  kafka::TopicFacts facts;
  facts.partitions = 16;
  CHECK(cmd::adopt(facts, settings).empty());
  CHECK(settings.kafka.read_ahead_bytes_max == 2 * kMiB);
  const auto memory = cmd::worker_memory(settings);
  REQUIRE(memory.has_value());
  CHECK(memory->bytes == 128 * kMiB);
  CHECK(memory->read_ahead_bytes_max == 2 * kMiB);
  CHECK(memory->fixed_bytes < 64 * kMiB);
  // The user's own property counts as it is.
  settings.kafka.properties = {{"queued.max.messages.kbytes", "3072", "-X"}};
  CHECK(cmd::worker_memory(settings)->read_ahead_bytes_max == 3 * kMiB);
}

TEST_CASE("a limit of memory that is no size, or too small to work with, is refused") {
  for (const char* wrong : {"", "4", "63MiB", "4GB", "-1GiB", "1.5GiB", "GiB", "64 MiB",
                            "2097152TiB", "18446744073709551615KiB"}) {
    CAPTURE(wrong);
    const Outcome outcome = plain({}, {{"COLLECTOR_MEMORY_LIMIT", wrong}});
    CHECK(outcome.errors.size() == 1);
    CHECK(outcome.complains("COLLECTOR_MEMORY_LIMIT", "at least 64MiB"));
  }
  CHECK(plain({"--memory-limit", "64MiB"}).errors.empty());
  CHECK(plain({"--memory-limit", "64MiB", "--workers", "2"})
            .complains("--memory-limit", "at least 128MiB"));
  auto settings = plain({"--memory-limit", "64MiB"}).settings;
  kafka::TopicFacts facts;
  facts.partitions = 1'000;
  CHECK(cmd::adopt(facts, settings).find("1000 partitions need at least 5") != std::string::npos);
}

TEST_CASE("checkpoints go where --redis says, and nowhere without it") {
  CHECK_FALSE(plain({}).settings.redis.has_value());
  CHECK_FALSE(plain({"--redis", ""}).settings.redis.has_value());
  const auto with = plain({"--redis", "redis://:secret@cache:7000/3", "--event-topic", "t",
                           "--consumer-group", "g", "--checkpoint-interval", "0.5"});
  REQUIRE(with.settings.redis.has_value());
  CHECK(with.settings.redis->url.address() == "cache:7000/3");
  CHECK(with.settings.redis->group == "g");
  CHECK(with.settings.redis->topic == "t");
  CHECK(with.settings.checkpoint_interval == std::chrono::milliseconds(500));
}

TEST_CASE("a wrong Redis URL is named by where it was said, and its password is not repeated") {
  const auto flag = plain({"--redis", "redis://:secret@:port"});
  CHECK(flag.complains("--redis", "URL"));
  const auto variable = plain({}, {{"COLLECTOR_REDIS", "http://:secret@cache"}});
  CHECK(variable.complains("COLLECTOR_REDIS", "URL"));
  for (const auto& errors : {flag.errors, variable.errors}) {
    for (const std::string& error : errors) CHECK(error.find("secret") == std::string::npos);
  }
}

TEST_CASE("the admin server is on this machine's loopback, elsewhere if asked, or nowhere") {
  const auto none = plain({}).settings.admin;
  CHECK(none.address == http::Address{"127.0.0.1", 9464});
  CHECK_FALSE(none.asked_for);
  CHECK(none.token.empty());
  const auto asked =
      plain({"--admin", "[::]:80", "--admin-advertise", "me.example:81", "--admin-token", "secret"})
          .settings.admin;
  CHECK(asked.address == http::Address{"::", 80});
  CHECK(asked.asked_for);
  CHECK(asked.advertised == "me.example:81");
  CHECK(asked.token == "secret");
  CHECK_FALSE(plain({"--admin", "off"}).settings.admin.address);
  CHECK(plain({"--admin", "9464"}).complains("--admin", "HOST:PORT"));
  CHECK(plain({"--admin-advertise", "x"}).complains("--admin-advertise", "HOST:PORT"));
  const auto spaced = plain({"--admin-token", "two words"});
  CHECK(spaced.complains("--admin-token", "ASCII"));
  CHECK(spaced.errors.front().find("words") == std::string::npos);
}

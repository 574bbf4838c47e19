// NamedTopics over librdkafka's mock cluster.
#include "kafka/named_topics.h"

#include "mock_kafka.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

using namespace muster::kafka;
using namespace muster::kafka::test;

namespace {

constexpr const char* kNoName = "no topic can have that name";
constexpr const char* kInternal = "it is internal, and not for handlers";
constexpr const char* kNotAllowed = "--handler-topics does not allow it";
constexpr const char* kMissing = "it does not exist";

// A stopped one asks nobody: what it knows it says, anything else it leaves open.
const std::atomic<bool> kGo{false};
const std::atomic<bool> kStopped{true};

Settings nobody() {
  Settings s;
  s.brokers = "127.0.0.1:1";
  s.client_id = "test";
  return s;
}

}  // namespace

// That the look does not create one: with the real broker.
TEST_CASE("a record can go to a topic that is there, and to no other") {
  MockKafka kafka;
  kafka.topic("orders", 2);
  kafka.topic_error("bills", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  kafka.topic_error("Orders", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  // Kafka shows no partitions of it; on an error beside some librdkafka 2.8 dies (its issue 4907).
  kafka.topic("secret", 0);
  kafka.topic_error("secret", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const std::string longest(249, 'a');
  kafka.topic(longest, 1);
  NamedTopics topics(kafka.settings());
  CHECK(topics.obstacle("orders", kGo) == "");
  CHECK(topics.obstacle("bills", kGo) == kMissing);
  CHECK(topics.obstacle("Orders", kGo) == kMissing);
  CHECK(topics.obstacle("secret", kGo) == "the broker denies it to us");
  CHECK(topics.obstacle(longest, kGo) == "");
}

TEST_CASE("names that no topic can have, and internal ones, are refused without asking") {
  const std::string with_nul("orders\0x", 8);
  struct {
    std::string name;
    const char* obstacle;
  } const table[] = {
      {"", kNoName},
      {".", kNoName},
      {"..", kNoName},
      {"a b", kNoName},
      {"a/b", kNoName},
      {"a\n", kNoName},
      {"\xc3\xa4", kNoName},
      {"orders,bills", kNoName},
      {with_nul, kNoName},
      {std::string(250, 'a'), kNoName},
      {std::string(5'000'000, 'a'), kNoName},  // too much for std::regex, too
      {"__consumer_offsets", kInternal},
      {"__", kInternal},
      {"muster.g.in.journal", kInternal},
      {"muster.", kInternal},
  };
  NamedTopics topics(nobody());
  for (const auto& row : table) {
    CAPTURE(row.name.substr(0, 300));
    CHECK(topics.obstacle(row.name, kStopped) == row.obstacle);
  }
  // These are names like any other: they would be asked for.
  for (const char* name : {"_orders", "muster", "muster-orders", "Muster.orders", "a__b", "...",
                           "x.muster.y", "a.b_c-D9"}) {
    CAPTURE(name);
    CHECK_FALSE(topics.obstacle(name, kStopped).has_value());
  }
}

TEST_CASE("what --handler-topics does not allow is refused without asking: the whole name counts") {
  struct {
    const char* allowed;
    const char* name;
    bool refused;
  } const table[] = {
      {"orders", "orders", false},   {"orders", "orders2", true},
      {"orders", "my-orders", true}, {"orders|bills", "bills", false},
      {"h\\..*", "h.orders", false}, {"h\\..*", "handler", true},
      {"[a-z]{3}", "abc", false},    {"[a-z]{3}", "abcd", true},
      {"", "orders", true},          {".*", "orders", false},
  };
  for (const auto& row : table) {
    CAPTURE(row.allowed);
    CAPTURE(row.name);
    Settings settings = nobody();
    settings.handler_topics = row.allowed;
    NamedTopics topics(settings);
    const auto obstacle = topics.obstacle(row.name, kStopped);
    CHECK(obstacle.has_value() == row.refused);
    CHECK(obstacle.value_or(kNotAllowed) == kNotAllowed);
  }
  SUBCASE("and allowing an internal one does not make it less internal") {
    Settings settings = nobody();
    settings.handler_topics = "__.*|muster\\..*";
    CHECK(NamedTopics(settings).obstacle("__consumer_offsets", kStopped) == kInternal);
    CHECK(NamedTopics(settings).obstacle("muster.x", kStopped) == kInternal);
  }
}

TEST_CASE("what is known of a topic is believed for a while, that it is missing not for long") {
  MockKafka kafka;
  kafka.topic("orders", 1);
  kafka.topic_error("bills", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  NamedTopics topics(kafka.settings());
  CHECK_FALSE(topics.obstacle("orders", kStopped).has_value());
  CHECK(topics.obstacle("orders", kGo) == "");
  CHECK(topics.obstacle("bills", kGo) == kMissing);
  const auto asked = std::chrono::steady_clock::now();
  kafka.topic_error("bills", RD_KAFKA_RESP_ERR_NO_ERROR);
  CHECK(topics.obstacle("orders", kStopped) == "");
  // Unless this machine has stood still for seconds.
  const auto believed = topics.obstacle("bills", kStopped);
  if (std::chrono::steady_clock::now() - asked < std::chrono::seconds(1))
    CHECK(believed == kMissing);
  while (topics.obstacle("bills", kGo) != "") {
    REQUIRE(std::chrono::steady_clock::now() - asked < std::chrono::seconds(60));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(topics.obstacle("bills", kStopped) == "");
}

TEST_CASE("a topic is asked for until the broker answers, or it is stopped") {
  NamedTopics topics(nobody());
  std::atomic<bool> stop{false};
  std::thread stopper([&stop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop = true;
  });
  CHECK_FALSE(topics.obstacle("orders", stop).has_value());
  stopper.join();
  CHECK_FALSE(topics.obstacle("orders", kStopped).has_value());  // nothing was learnt
}

TEST_CASE("who looks for topics creates none, whatever the user's properties say") {
  Settings settings = nobody();
  settings.properties = {{"allow.auto.create.topics", "true", ""}};
  const ConfHandle conf = make_conf(settings, ClientRole::kAdmin);
  char text[16];
  size_t size = sizeof text;
  REQUIRE(rd_kafka_conf_get(conf.get(), "allow.auto.create.topics", text, &size) ==
          RD_KAFKA_CONF_OK);
  CHECK(std::string(text) == "false");
}

TEST_CASE("regular expressions are told from what is none") {
  for (const char* good : {"", ".*", "orders|bills", "h\\..*", "[a-z]{3}"})
    CHECK(is_regular_expression(good));
  for (const char* wrong : {"(", "[a", "*", "a{2", "\\"}) CHECK_FALSE(is_regular_expression(wrong));
}

#include "kafka/client.h"

#include "kafka/member_name.h"

#include <doctest/doctest.h>

#include <librdkafka/rdkafka.h>

#include <optional>

using namespace muster::kafka;

namespace {

Settings settings() {
  Settings s;
  s.brokers = "127.0.0.1:1";
  s.group = "g";
  s.client_id = "c";
  s.transactional_id = "t";
  return s;
}

std::optional<std::string> value(const ConfHandle& conf, const char* name) {
  char text[512];
  size_t size = sizeof text;
  if (rd_kafka_conf_get(conf.get(), name, text, &size) != RD_KAFKA_CONF_OK) return std::nullopt;
  return text;
}

struct Row {
  ClientRole role;
  const char* name;
  const char* value;
};

}  // namespace

TEST_CASE("what the promises stand on is set for each kind of client") {
  Settings s = settings();
  s.instance = "one";
  s.admin = "host:9464";
  const Row table[] = {
      {ClientRole::kGroupConsumer, "group.id", "g"},
      {ClientRole::kGroupConsumer, "group.instance.id", "one"},
      {ClientRole::kGroupConsumer, "isolation.level", "read_committed"},
      {ClientRole::kGroupConsumer, "enable.auto.commit", "false"},
      {ClientRole::kGroupConsumer, "enable.auto.offset.store", "false"},
      {ClientRole::kGroupConsumer, "enable.partition.eof", "true"},
      {ClientRole::kGroupConsumer, "auto.offset.reset", "error"},
      {ClientRole::kGroupConsumer, "partition.assignment.strategy", "range"},
      {ClientRole::kReader, "isolation.level", "read_committed"},
      {ClientRole::kReader, "enable.auto.commit", "false"},
      {ClientRole::kReader, "auto.offset.reset", "error"},
      {ClientRole::kReader, "group.instance.id", ""},
      {ClientRole::kEnds, "isolation.level", "read_uncommitted"},
      {ClientRole::kProducer, "transactional.id", "t"},
      {ClientRole::kProducer, "partitioner", "murmur2"},
      {ClientRole::kAdmin, "client.id", "c"},
      {ClientRole::kGroupConsumer, "client.id", "t@host:9464"},
      {ClientRole::kOperator, "enable.idempotence", "true"},
      {ClientRole::kOperator, "client.id", "c"},
      {ClientRole::kAdmin, "bootstrap.servers", "127.0.0.1:1"},
  };
  for (const Row& row : table) {
    CAPTURE(row.name);
    // The library knows some names by an older one.
    const std::string name =
        row.name == std::string("bootstrap.servers") ? "metadata.broker.list" : row.name;
    CHECK(value(make_conf(s, row.role), name.c_str()).value_or("") == row.value);
  }
}

TEST_CASE(
    "without an instance the member is a dynamic one, and another partitioner may be asked for") {
  Settings s = settings();
  s.partitioner = "crc32";
  CHECK(value(make_conf(s, ClientRole::kGroupConsumer), "group.instance.id").value_or("").empty());
  CHECK(value(make_conf(s, ClientRole::kProducer), "partitioner") == "consistent");
}

TEST_CASE(
    "the user's property beats our default, a later one beats an earlier one, and none beats what "
    "is fixed") {
  Settings s = settings();
  CHECK(value(make_conf(s, ClientRole::kGroupConsumer), "session.timeout.ms") == "6000");
  s.properties = {{"session.timeout.ms", "7000", ""},
                  {"session.timeout.ms", "8000", ""},
                  {"isolation.level", "read_uncommitted", ""},
                  {"group.id", "other", ""}};
  const ConfHandle conf = make_conf(s, ClientRole::kGroupConsumer);
  CHECK(value(conf, "session.timeout.ms") == "8000");
  CHECK(value(conf, "isolation.level") == "read_committed");
  CHECK(value(conf, "group.id") == "g");
}

TEST_CASE("names and values that are wrong are refused with their source, all of them") {
  Settings s = settings();
  s.properties = {{"session.timeout.ms", "x", "ENV"},
                  {"no.such", "1", "-X no.such"},
                  {"linger.ms", "5", "-X linger.ms"},
                  {"session.timeout.ms", "-5", "file: kafka.session.timeout.ms"},
                  {"", "1", "FILE"}};
  const auto wrong = check_properties(s);
  REQUIRE(wrong.size() == 4);
  CHECK(wrong[0].starts_with("ENV: "));
  CHECK(wrong[1].starts_with("-X no.such: "));
  CHECK(wrong[2].starts_with("file: kafka.session.timeout.ms: "));
  CHECK(wrong[3].starts_with("FILE: "));
}

TEST_CASE("what muster sets itself cannot be set, under none of its names") {
  for (const char* name :
       {"bootstrap.servers", "metadata.broker.list", "group.id", "group.instance.id",
        "isolation.level", "enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store",
        "enable.partition.eof", "auto.offset.reset", "transactional.id",
        "partition.assignment.strategy", "partitioner", "enable.idempotence", "message.max.bytes",
        "acks", "request.required.acks"}) {
    CAPTURE(name);
    Settings s = settings();
    s.properties = {{name, "true", "-X"}};
    const auto wrong = check_properties(s);
    REQUIRE(wrong.size() == 1);
    CHECK(wrong[0].find("set by muster") != std::string::npos);
  }
}

TEST_CASE("clients of all kinds can be made, and what does not go together is told instead") {
  for (const ClientRole role : {ClientRole::kGroupConsumer, ClientRole::kReader, ClientRole::kEnds,
                                ClientRole::kProducer, ClientRole::kAdmin, ClientRole::kOperator}) {
    const MadeClient made = make_client(make_conf(settings(), role), role);
    CHECK(made.client != nullptr);
    CHECK(made.error.empty());
  }
  Settings s = settings();
  s.properties = {{"security.protocol", "ssl", ""}, {"ssl.ca.location", "/no/such/file", ""}};
  const MadeClient made = make_client(make_conf(s, ClientRole::kReader), ClientRole::kReader);
  CHECK(made.client == nullptr);
  CHECK_FALSE(made.error.empty());
}

TEST_CASE("the library says its version") {
  CHECK(library_version() >= 0x02000200);
  CHECK_FALSE(library_version_text().empty());
}

TEST_CASE("the versions that fail at a retry are warned of, by name, and no others are") {
  const std::pair<int, bool> table[] = {
      {0x020002ff, false}, {0x020101ff, false}, {0x020200ff, true},  {0x020300ff, true},
      {0x020401ff, true},  {0x020500ff, false}, {0x020800ff, false}, {0x030000ff, false}};
  for (const auto& [version, warned] : table) {
    CAPTURE(version);
    const std::string warning = library_warning(version, "1.2.3");
    CHECK(warning.empty() == !warned);
    CHECK((warning.find("librdkafka 1.2.3") != std::string::npos) == warned);
  }
}

TEST_CASE("handles own what they hold, queues and topics before their client") {
  const ClientHandle client =
      make_client(make_conf(settings(), ClientRole::kReader), ClientRole::kReader).client;
  REQUIRE(client);
  const QueueHandle queue(rd_kafka_queue_new(client.get()));
  const TopicHandle topic(rd_kafka_topic_new(client.get(), "t", nullptr));
  const PartitionListHandle list(rd_kafka_topic_partition_list_new(1));
  const ErrorHandle error(rd_kafka_error_new(RD_KAFKA_RESP_ERR__STATE, "words"));
  const GroupMetadataHandle metadata(rd_kafka_consumer_group_metadata_new("g"));
  CHECK((queue && topic && list && error && metadata));
}

TEST_CASE("a member's name says which writer it is, and where it can be asked") {
  CHECK(member_name("muster.g.t.one", "") == "muster.g.t.one");
  const MemberName with = read_member_name(member_name("muster.g.t.one", "[::1]:9464"));
  CHECK(with.transactional_id == "muster.g.t.one");
  CHECK(with.admin == "[::1]:9464");
  CHECK(read_member_name("muster.g.t.one").transactional_id == "muster.g.t.one");
  CHECK(read_member_name("muster.g.t.one").admin.empty());
}

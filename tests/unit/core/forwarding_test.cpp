#include "core/forwarding.h"

#include "owned_headers.h"

#include <doctest/doctest.h>

using namespace muster::core;

namespace {

// What a record of an input says, and all of it has to come back.
struct Row {
  const char* title;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::optional<int64_t> timestamp;
  OwnedHeaders headers;
};

Record record_of(const Row& row) {
  Record record;
  record.topic = "in";
  record.partition = Partition{3};
  record.offset = Offset{17};
  if (row.timestamp) record.timestamp = time_from_ms(*row.timestamp);
  record.time = time_from_ms(4'000);
  record.key = row.key;
  record.value = row.value;
  record.headers = row.headers.lazy();
  return record;
}

// The output as it is read from the repartition topic.
Record as_read(const Output& output, const OwnedHeaders& headers) {
  Record record;
  record.topic = "muster.g.in.repartition";
  record.partition = *output.partition;
  record.offset = Offset{900};
  record.timestamp = output.timestamp;
  record.key = output.key;
  record.value = output.value;
  record.headers = headers.lazy();
  return record;
}

std::vector<Header> headers_of(const Record& record) {
  std::vector<Header> headers;
  record.headers.read(headers);
  return headers;
}

}  // namespace

TEST_CASE("a forwarded record says in four headers behind its own where it lay and when") {
  const Row row{"", "k", "v", 5'000, {{{"trace", "1"}, {"none", std::nullopt}}}};
  Arena bytes;
  const Output output = forward(record_of(row), Partition{1}, bytes);
  CHECK(output.topic == TopicRole::kRepartition);
  CHECK(output.partition == Partition{1});
  CHECK(output.key == "k");
  CHECK(output.value == "v");
  CHECK(output.timestamp == time_from_ms(4'000));  // the record's time, not what it claims
  CHECK(output.cause == Cause{Partition{3}, Offset{17}});
  CHECK(output.headers == std::vector<Header>{{"trace", "1"},
                                              {"none", std::nullopt},
                                              {"muster.origin.topic", "in"},
                                              {"muster.origin.partition", "3"},
                                              {"muster.origin.offset", "17"},
                                              {"muster.origin.timestamp", "5000"}});
}

TEST_CASE("what was forwarded comes back as it was") {
  const Row table[] = {
      {"plain", "k", "v", 5'000, {}},
      {"no key", std::nullopt, "v", 5'000, {}},
      {"an empty key", "", "v", 5'000, {}},
      {"a tombstone", "k", std::nullopt, 5'000, {}},
      {"an empty value", "k", "", 5'000, {}},
      {"no timestamp", "k", "v", std::nullopt, {}},
      {"a timestamp of 0", "k", "v", 0, {}},
      {"a timestamp before 1970", "k", "v", -1'000, {}},
      {"headers", "k", "v", 5'000, {{{"a", "1"}, {"b", ""}, {"c", std::nullopt}, {"a", "2"}}}},
      {"a header without a name", "k", "v", 5'000, {{{"", "1"}}}},
      {"its user's own header of that name", "k", "v", 5'000, {{{"muster.origin.topic", "mine"}}}},
      {"forwarded by somebody else's muster", "k", "v", 5'000, origin("other", 8, 9, 10)},
  };
  for (const Row& row : table) {
    CAPTURE(row.title);
    const Record before = record_of(row);
    Arena bytes;
    const Output output = forward(before, Partition{1}, bytes);
    const OwnedHeaders written = owned(output.headers);
    Record after = as_read(output, written);
    std::vector<Header> own;
    REQUIRE(restore(after, own));
    CHECK(after.topic == before.topic);
    CHECK(after.partition == before.partition);
    CHECK(after.offset == before.offset);
    CHECK(after.timestamp == before.timestamp);
    CHECK(after.key == before.key);
    CHECK(after.value == before.value);
    CHECK(headers_of(after) == headers_of(before));
  }
}

TEST_CASE("everything is copied: the record may go right after") {
  std::string key = "key";
  std::string value = "value";
  OwnedHeaders headers{{{"name", "header"}}};
  std::string topic = "in";
  Record record;
  record.topic = topic;
  record.key = key;
  record.value = value;
  record.headers = headers.lazy();
  Arena bytes;
  const Output output = forward(record, Partition{1}, bytes);
  for (std::string* text : {&key, &value, &topic}) text->assign(text->size(), 'x');
  headers.list = {{"xxxx", "xxxxxx"}};
  CHECK(output.key == "key");
  CHECK(output.value == "value");
  CHECK(output.headers.at(0) == Header{"name", "header"});
  CHECK(output.headers.at(1) == Header{"muster.origin.topic", "in"});
}

TEST_CASE("a record that nobody forwarded stays as it is") {
  const auto headers = [](size_t which, const char* name, std::optional<std::string> value) {
    OwnedHeaders changed = origin("in", 3, 17, 5'000);
    changed.list.at(which) = {name, std::move(value)};
    return changed;
  };
  OwnedHeaders behind = origin("in", 3, 17, 5'000);
  behind.list.emplace_back("trace", "1");
  OwnedHeaders cut = origin("in", 3, 17, 5'000);
  cut.list.pop_back();
  struct {
    const char* title;
    OwnedHeaders headers;
  } const table[] = {
      {"no headers", {}},
      {"its own headers", {{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}}},
      {"one is missing", cut},
      {"another header behind them", behind},
      {"no topic", headers(0, "muster.origin.topic", std::nullopt)},
      {"another name for the topic", headers(0, "origin.topic", "in")},
      {"no partition", headers(1, "muster.origin.partition", std::nullopt)},
      {"a partition that is no number", headers(1, "muster.origin.partition", "3x")},
      {"an empty partition", headers(1, "muster.origin.partition", "")},
      {"a partition out of range", headers(1, "muster.origin.partition", "3000000000")},
      {"no offset", headers(2, "muster.origin.offset", std::nullopt)},
      {"an offset that is no number", headers(2, "muster.origin.offset", " 17")},
      {"another name for the timestamp", headers(3, "timestamp", "5000")},
      {"a timestamp that is no number", headers(3, "muster.origin.timestamp", "now")},
  };
  for (const auto& row : table) {
    CAPTURE(row.title);
    Record record;
    record.topic = "repartition";
    record.partition = Partition{1};
    record.offset = Offset{900};
    record.timestamp = time_from_ms(4'000);
    record.headers = row.headers.lazy();
    std::vector<Header> own;
    REQUIRE_FALSE(restore(record, own));
    CHECK(record.topic == "repartition");
    CHECK(record.partition == Partition{1});
    CHECK(record.offset == Offset{900});
    CHECK(record.timestamp == time_from_ms(4'000));
    CHECK(headers_of(record).size() == row.headers.list.size());
  }
}

TEST_CASE("the four headers can be taken off again") {
  Arena bytes;
  Output output =
      forward(record_of({"", "k", "v", 5'000, {{{"trace", "1"}}}}), Partition{1}, bytes);
  strip_origin(output.headers);
  CHECK(output.headers == std::vector<Header>{{"trace", "1"}});
}

#include "command/letter.h"
#include "command/letter_filter.h"
#include "core/dead_letter.h"

#include <doctest/doctest.h>

using namespace muster;
using command::Destination;
using command::Letter;
using core::Offset;
using core::Partition;

namespace {

// A record of the dead-letter topic, made by what makes them.
struct Lying {
  core::Arena bytes;
  core::Output output;
  core::Record record;

  explicit Lying(const core::Reject& reject, size_t bytes_max = 1'000'000)
      : output(core::dead_letter(reject, core::time_from_ms(5'000), bytes_max, bytes)) {
    record.topic = "events-dlq";
    record.partition = Partition{1};
    record.offset = Offset{77};
    record.timestamp = output.timestamp;
    record.key = output.key;
    record.value = output.value;
    record.headers = core::LazyHeaders(output.headers);
  }
};

core::Reject reject() {
  core::Reject reject;
  reject.topic = "events";
  reject.partition = Partition{3};
  reject.offset = Offset{4711};
  reject.timestamp = core::time_from_ms(1'000);
  reject.key = "order-17";
  reject.value = "{}";
  reject.code = "unexpected";
  reject.message = "the group does not expect this entity";
  return reject;
}

}  // namespace

TEST_CASE("a letter is taken apart into the record as it was and what was said about it") {
  core::Reject rejected = reject();
  // The record's own headers may be called like ours.
  rejected.headers = {{"muster.error.code", "mine"}, {"none", std::nullopt}};
  const Lying lying(rejected);
  const Letter letter = command::take_apart(lying.record);
  CHECK(letter.ours);
  CHECK(letter.partition == Partition{1});
  CHECK(letter.offset == Offset{77});
  CHECK(letter.code == "unexpected");
  CHECK(letter.message == "the group does not expect this entity");
  CHECK(letter.source == command::Source{"events", 3, 4711});
  CHECK(letter.key == std::string_view("order-17"));
  CHECK(letter.value == std::string_view("{}"));
  CHECK(letter.time == core::time_from_ms(1'000));
  CHECK(letter.headers == rejected.headers);
  CHECK(!letter.truncated);
  CHECK(command::destination(letter) == Destination{"events", Partition{3}, ""});
}

TEST_CASE("of a tombstone without a key nothing is made up") {
  core::Reject rejected = reject();
  rejected.key.reset();
  rejected.value.reset();
  const Lying lying(rejected);
  const Letter letter = command::take_apart(lying.record);
  CHECK(letter.ours);
  CHECK(!letter.key);
  CHECK(!letter.value);
  CHECK(letter.headers.empty());
}

TEST_CASE("what was cut cannot be sent back") {
  core::Reject rejected = reject();
  const std::string large(200'000, 'x');
  rejected.value = large;
  rejected.headers = {{"own", "1"}};
  const Lying lying(rejected, 100'000);
  const Letter letter = command::take_apart(lying.record);
  CHECK(letter.ours);
  CHECK(letter.truncated == std::string_view("200000"));
  CHECK(letter.headers == rejected.headers);
  CHECK(command::destination(letter).topic.empty());
  CHECK(command::destination(letter).obstacle == "only its beginning was kept");
}

TEST_CASE("somebody else's record in the topic is shown and never sent") {
  const std::vector<core::Header> headers = {{"__connect.errors.topic", "events"}};
  core::Record record;
  record.headers = core::LazyHeaders(headers);
  const Letter letter = command::take_apart(record);
  CHECK(!letter.ours);
  CHECK(letter.headers == headers);
  CHECK(command::destination(letter).topic.empty());
}

TEST_CASE("an outcome that could not be delivered goes to where it was meant for") {
  struct Row {
    const char* code;
    const char* message;
    int32_t partition;
    Destination to;
  };
  const Row table[] = {
      {"no-such-topic", "topic billing: it does not exist", 3, {"billing", {}, ""}},
      {"undeliverable", "topic events: Message size too large", -1, {"events", {}, ""}},
      // A record on its way home: where it lay before is known.
      {"undeliverable",
       "topic muster.g.events.repartition: too large",
       3,
       {"events", Partition{3}, ""}},
      {"undeliverable", "no topic is named", -1, {"", {}, "no header says where it came from"}},
      // Only these codes name a topic in their message.
      {"json", "topic billing: no", 3, {"events", Partition{3}, ""}},
  };
  for (const Row& row : table) {
    CAPTURE(row.message);
    core::Reject rejected = reject();
    rejected.code = row.code;
    rejected.message = row.message;
    rejected.partition = Partition{row.partition};
    const Lying lying(rejected);
    CHECK(command::destination(command::take_apart(lying.record)) == row.to);
  }
}

TEST_CASE("records of one key are of one lane, and so are those of a partition without keys") {
  const auto lane = [](std::optional<std::string_view> key, int32_t partition) {
    core::Reject rejected = reject();
    rejected.key = key;
    rejected.partition = Partition{partition};
    const Lying lying(rejected);
    return command::lane(command::take_apart(lying.record));
  };
  CHECK(lane("a", 1) == lane("a", 1));
  CHECK(lane("a", 1) != lane("b", 1));
  CHECK(lane("a", 1) != lane("a", 2));
  CHECK(lane({}, 1) == lane({}, 1));
  CHECK(lane({}, 1) != lane("", 1));
}

TEST_CASE("a filter takes what fits all of it") {
  const Lying lying(reject());
  const Letter letter = command::take_apart(lying.record);
  using Filter = command::LetterFilter;
  struct Row {
    const char* what;
    void (*set)(Filter&);
    bool fits;
  };
  const Row table[] = {
      {"nothing", [](Filter&) {}, true},
      {"code",
       [](Filter& f) {
         f.codes = {"json", "unexpected"};
       },
       true},
      {"other code", [](Filter& f) { f.codes = {"json"}; }, false},
      {"key", [](Filter& f) { f.key = "order-17"; }, true},
      {"other key", [](Filter& f) { f.key = "order-1"; }, false},
      {"topic", [](Filter& f) { f.source_topic = "events"; }, true},
      {"other topic", [](Filter& f) { f.source_topic = "event"; }, false},
      {"source partition",
       [](Filter& f) {
         f.source_partition = {3, 3};
       },
       true},
      {"other source partition",
       [](Filter& f) {
         f.source_partition = {4, 9};
       },
       false},
      {"source offset",
       [](Filter& f) {
         f.source_offset = {4711, 4712};
       },
       true},
      {"other source offset",
       [](Filter& f) {
         f.source_offset = {0, 4710};
       },
       false},
      {"partition",
       [](Filter& f) {
         f.partition = {1, 1};
       },
       true},
      {"other partition",
       [](Filter& f) {
         f.partition = {0, 0};
       },
       false},
      {"offset",
       [](Filter& f) {
         f.offset = {77, 77};
       },
       true},
      {"other offset",
       [](Filter& f) {
         f.offset = {78, 80};
       },
       false},
      {"from", [](Filter& f) { f.times.from = core::time_from_ms(1'000); }, true},
      {"from later", [](Filter& f) { f.times.from = core::time_from_ms(1'001); }, false},
      {"to", [](Filter& f) { f.times.to = core::time_from_ms(1'000); }, true},
      {"to earlier", [](Filter& f) { f.times.to = core::time_from_ms(999); }, false},
  };
  for (const Row& row : table) {
    CAPTURE(row.what);
    Filter filter;
    row.set(filter);
    CHECK(filter.matches(letter) == row.fits);
    CHECK(filter.any() == (row.what != std::string_view("nothing")));
  }
}

#include "core/checkpoint.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>

using namespace muster;
using namespace muster::core;

namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
constexpr int64_t kOffsetMax = std::numeric_limits<int64_t>::max();

CheckpointHead full_head() {
  CheckpointHead head;
  head.epoch = Epoch{0xfedcba9876543210ULL};
  head.n = BatchNumber{1'000'000};
  head.part = 3;
  head.finished = true;
  head.writer = 0xabc;
  head.clock = time_from_ms(1'595'029'101'123);
  head.next = {Offset{17}, Offset{5}};
  head.journal = Offset{1'234};
  head.needed_journal = Offset{1'000};
  head.needed_repartition = Offset{4};
  head.entries = 12;
  head.entries_sum = 0x123456789abcdef0ULL;
  head.closed = {2, 3, 7};
  return head;
}

// As a writer of another version would: with a right checksum.
std::string with_check(const std::string& text) {
  char check[40];
  std::snprintf(check, sizeof check, " check=%016llx",
                static_cast<unsigned long long>(base::hash64(text)));
  return text + check;
}
std::string without_check(const std::string& text) { return text.substr(0, text.rfind(' ')); }
std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string encoded(const CheckpointEntry& entry) {
  std::string bytes;
  encode(entry, bytes);
  return bytes;
}
std::string encoded(const ClosedIds& closed) {
  std::string bytes;
  encode(closed, bytes);
  return bytes;
}
ClosedIds some_closed() {
  ClosedIds closed;
  closed.left = {"gone", "", std::string_view("a\0b", 3)};
  closed.ids = {{"id", BatchNumber{1}, "state"}, {"", BatchNumber{kMax}, ""}};
  return closed;
}

// Every one of the texts that differ from `good` in one byte, are cut off, or go on.
template <typename Readable>
void check_damage_is_refused(const std::string& good, const Readable& readable) {
  REQUIRE(readable(good));
  for (size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    CHECK_FALSE(readable(good.substr(0, i)));
    for (const int flip : {1, 0x20, 0x80}) {
      std::string damaged = good;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      CHECK_FALSE(readable(damaged));
    }
  }
  for (const std::string& more : {std::string(1, '\0'), std::string("x"), std::string(" x"), good})
    CHECK_FALSE(readable(good + more));
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = good;
    for (int flips = 0; flips < 3; ++flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (damaged != good) CHECK_FALSE(readable(damaged));
  }
}

}  // namespace

// --- the head

TEST_CASE("a head is one line that people can read") {
  const std::string text = encode(full_head());
  CHECK(text == with_check("muster1 fedcba9876543210 n=1000000 part=3 finished=1 "
                           "writer=0000000000000abc clock=1595029101123 next=17,5 journal=1234 "
                           "needed=1000,4 entries=12 sum=123456789abcdef0 closed=2,3,7"));
}

TEST_CASE("a head comes back as it was written, least and greatest values too") {
  CheckpointHead least;
  CheckpointHead greatest = full_head();
  greatest.epoch = Epoch{kMax};
  greatest.n = BatchNumber{kMax};
  greatest.part = std::numeric_limits<uint32_t>::max();
  greatest.writer = kMax;
  greatest.clock = Time::max();
  greatest.next = {Offset{kOffsetMax}, Offset{0}};
  greatest.journal = Offset{kOffsetMax};
  greatest.needed_journal = Offset{kOffsetMax};
  greatest.needed_repartition = Offset{kOffsetMax};
  greatest.entries = kMax;
  greatest.entries_sum = kMax;
  greatest.closed = {2, kMax};
  CheckpointHead before_1970 = full_head();
  before_1970.clock = Time::min();
  before_1970.finished = false;
  CheckpointHead one_log = full_head();
  one_log.next = {Offset{9}};
  one_log.closed = {};
  for (const CheckpointHead& head : {least, greatest, before_1970, one_log, full_head()}) {
    const std::string text = encode(head);
    CAPTURE(text);
    const auto decoded = decode_checkpoint_head(text);
    REQUIRE(decoded.has_value());
    CHECK(*decoded == head);
  }
}

TEST_CASE("every value of a head makes it another text: writers know theirs by it") {
  CheckpointHead heads[13];
  for (CheckpointHead& head : heads) head = full_head();
  heads[0].epoch = Epoch{1};
  heads[1].n = BatchNumber{1};
  heads[2].part = 4;
  heads[3].finished = false;
  heads[4].writer = 1;
  heads[5].clock = Time{};
  heads[6].next = {Offset{17}};
  heads[7].journal = Offset{1};
  heads[8].needed_journal = Offset{1};
  heads[9].needed_repartition = Offset{1};
  heads[10].entries = 1;
  heads[11].entries_sum = 1;
  heads[12].closed = {2, 3};
  for (const CheckpointHead& head : heads) CHECK(encode(head) != encode(full_head()));
}

TEST_CASE("a head that was damaged is refused") {
  check_damage_is_refused(encode(full_head()), [](const std::string& text) {
    return decode_checkpoint_head(text).has_value();
  });
}

TEST_CASE(
    "a head of another version, and a stranger's text, are refused with a right checksum too") {
  const std::string good = without_check(encode(full_head()));
  REQUIRE(decode_checkpoint_head(with_check(good)).has_value());
  const std::string table[] = {
      "",
      " ",
      "OK",
      "muster1",
      "muster1 ",
      "muster1 fedcba9876543210",
      "{\"epoch\":1}",
      replaced(good, "muster1", "muster2"),
      replaced(good, "muster1", "muster10"),
      replaced(good, "muster1 ", "muster1x"),
      replaced(good, "fedcba9876543210", "fedcba987654321"),
      replaced(good, "fedcba9876543210", "fedcba9876543210f"),
      replaced(good, "fedcba9876543210", "not hexadecimal!"),
      replaced(good, " n=1000000", ""),
      replaced(good, " n=1000000", " n="),
      replaced(good, " n=1000000", " n=-1"),
      replaced(good, " n=1000000", " n=1e6"),
      replaced(good, " n=1000000", " n=18446744073709551616"),
      replaced(good, " n=1000000 part=3", " part=3 n=1000000"),
      replaced(good, " part=3", " part=4294967296"),
      replaced(good, " part=3", " apart=3"),
      replaced(good, " finished=1", " finished=2"),
      replaced(good, " finished=1", " finished=yes"),
      replaced(good, " next=17,5", " next=17,x"),
      replaced(good, " next=17,5", " next=17;5"),
      replaced(good, " next=17,5", " next=,5"),
      replaced(good, " next=17,5", " next=17,"),
      replaced(good, " needed=1000,4", " needed=1000"),
      replaced(good, " needed=1000,4", " needed=1000,4,4"),
      replaced(good, " sum=123456789abcdef0", " sum=123456789abcdefg"),
      replaced(good, " closed=2,3,7", ""),
      replaced(good, " closed=2,3,7", " closed=2,3,7 "),
      good + " color=blue",
      "  " + good,
  };
  for (const std::string& text : table) {
    CAPTURE(text);
    CHECK_FALSE(decode_checkpoint_head(text).has_value());
    CHECK_FALSE(decode_checkpoint_head(with_check(text)).has_value());
  }
}

// --- entries

TEST_CASE("an entry comes back as it was written, with its checksum") {
  const std::string large(1'000'000, 'x');
  for (const BatchNumber since :
       {BatchNumber{1}, BatchNumber{127}, BatchNumber{128}, BatchNumber{kMax}}) {
    for (const std::string& state : {std::string(), std::string("state"), std::string(3, '\0'),
                                     std::string("\x01\xff\x80"), large}) {
      for (const std::string& key : {std::string(), std::string("a"), std::string("a\0b", 3)}) {
        const CheckpointEntry entry{key, since, state};
        std::string bytes;
        const uint32_t checksum = encode(entry, bytes);
        const auto decoded = decode_checkpoint_entry(key, bytes);
        REQUIRE(decoded.has_value());
        CHECK(decoded->entry == entry);
        CHECK(decoded->checksum == checksum);
      }
    }
  }
}

TEST_CASE("an entry is appended to what there is") {
  const CheckpointEntry entry{"key", BatchNumber{300}, "state"};
  std::string bytes = "before";
  const uint32_t checksum = encode(entry, bytes);
  CHECK(bytes == "before" + encoded(entry));
  std::string alone;
  CHECK(encode(entry, alone) == checksum);
}

TEST_CASE("the checksum of an entry differs by name, batch and state, and is the same every time") {
  const auto sum = [](std::string_view key, uint64_t since, std::string_view state) {
    std::string bytes;
    return encode(CheckpointEntry{key, BatchNumber{since}, state}, bytes);
  };
  CHECK(sum("a", 5, "state") == sum("a", 5, "state"));
  CHECK(sum("a", 5, "state") != sum("b", 5, "state"));
  CHECK(sum("", 5, "state") != sum(std::string_view("\0", 1), 5, "state"));
  CHECK(sum("a", 5, "state") != sum("a", 6, "state"));
  CHECK(sum("a", 5, "state") != sum("a", 5, "statf"));
  CHECK(sum("a", 5, "") != sum("b", 5, ""));
}

TEST_CASE("an entry under another name is refused") {
  const std::string value = encoded(CheckpointEntry{"a", BatchNumber{5}, "state"});
  CHECK(decode_checkpoint_entry("a", value).has_value());
  CHECK_FALSE(decode_checkpoint_entry("b", value).has_value());
  CHECK_FALSE(decode_checkpoint_entry("", value).has_value());
  CHECK_FALSE(decode_checkpoint_entry(std::string_view("a\0", 2), value).has_value());
}

TEST_CASE("an entry that was damaged is refused") {
  check_damage_is_refused(
      encoded(CheckpointEntry{"key", BatchNumber{300}, "its state"}),
      [](const std::string& value) { return decode_checkpoint_entry("key", value).has_value(); });
}

TEST_CASE("an entry of another version, or that needs a batch 0, is refused") {
  std::string newer = encoded(CheckpointEntry{"key", BatchNumber{300}, "state"});
  newer[0] = 2;
  CHECK_FALSE(decode_checkpoint_entry("key", newer).has_value());
  const std::string zero = encoded(CheckpointEntry{"key", BatchNumber{0}, "state"});
  CHECK_FALSE(decode_checkpoint_entry("key", zero).has_value());
}

TEST_CASE("an entry whose batch is written longer than need be is refused") {
  const auto value_of = [](const std::string& batch) {
    const std::string rest = batch + "state";
    std::string value(1, '\1');
    base::ByteWriter(value).fixed64(base::hash64(rest, base::hash64("key")));
    return value + rest;
  };
  const std::string shortest = value_of("\x38");
  const auto decoded = decode_checkpoint_entry("key", shortest);
  REQUIRE(decoded.has_value());
  CHECK(decoded->entry.state == "state");
  CHECK_FALSE(decode_checkpoint_entry("key", value_of(std::string("\xb8\x00", 2))).has_value());
}

// --- closed ids

TEST_CASE("closed ids come back as they were written") {
  ClosedIds only_left;
  only_left.left = {"a"};
  ClosedIds only_ids;
  only_ids.ids = {{"a", BatchNumber{1}, "state"}};
  ClosedIds many;
  std::vector<std::string> names;
  for (int i = 0; i < 1'000; ++i) names.push_back("name " + std::to_string(i));
  for (const std::string& name : names) {
    many.left.push_back(name);
    many.ids.push_back({name, BatchNumber{7}, name});
  }
  for (const ClosedIds& closed : {ClosedIds{}, only_left, only_ids, some_closed(), many}) {
    const std::string bytes = encoded(closed);
    const auto decoded = decode_closed_ids(bytes);
    REQUIRE(decoded.has_value());
    CHECK(*decoded == closed);
  }
}

TEST_CASE("closed ids that were damaged are refused") {
  check_damage_is_refused(encoded(some_closed()), [](const std::string& bytes) {
    return decode_closed_ids(bytes).has_value();
  });
}

TEST_CASE("closed ids of another version, or one that needs a batch 0, are refused") {
  std::string newer = encoded(some_closed());
  newer[0] = 2;
  CHECK_FALSE(decode_closed_ids(newer).has_value());
  ClosedIds zero = some_closed();
  zero.ids[0].since = BatchNumber{0};
  CHECK_FALSE(decode_closed_ids(encoded(zero)).has_value());
}

TEST_CASE("an entry is not taken for closed ids, nor these for an entry, nor a head for either") {
  const std::string entry = encoded(CheckpointEntry{"", BatchNumber{1}, "state"});
  const std::string closed = encoded(some_closed());
  const std::string head = encode(full_head());
  CHECK_FALSE(decode_closed_ids(entry).has_value());
  CHECK_FALSE(decode_closed_ids(head).has_value());
  CHECK_FALSE(decode_checkpoint_entry("", head).has_value());
  CHECK_FALSE(decode_checkpoint_head(entry).has_value());
  CHECK_FALSE(decode_checkpoint_head(closed).has_value());
}

#include "core/journal_entry.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster::core;

namespace {

JournalEntry full_entry() {
  JournalEntry entry;
  entry.epoch = Epoch{0xfedcba9876543210ULL};
  entry.n = BatchNumber{1'000'000};
  entry.origin = BatchNumber{7};
  entry.clock = time_from_ms(1'595'029'101'000);
  entry.options = "options";
  entry.routing = Routing{Partitioner::kCrc32, 12};
  entry.replies = {"reply 1", ""};
  entry.ranges = {{Offset{0}, Offset{17}}, {Offset{5}, Offset{5}}};
  entry.ceiling = time_from_ms(1'595'029'101'123);
  entry.tick = time_from_ms(1'595'029'101'124);
  entry.forgets = {"a", std::string_view("b\0c", 3)};
  entry.carried = {{"key", "state"}, {"other", ""}};
  return entry;
}

}  // namespace

TEST_CASE("an entry comes back as it was written") {
  std::string bytes;
  const JournalEntry entry = full_entry();
  encode(entry, bytes);
  const auto decoded = decode_journal_entry(bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded.value() == entry);

  JournalEntry least;
  least.ranges = {{Offset{0}, Offset{0}}};
  std::string small;
  encode(least, small);
  CHECK(decode_journal_entry(small).value() == least);
}

TEST_CASE(
    "where ids lived is part of an entry: nowhere else, or by which partitioner over how many") {
  const std::optional<Routing> table[] = {
      std::nullopt,
      Routing{Partitioner::kMurmur2, 1},
      Routing{Partitioner::kMurmur2, 3},
      Routing{Partitioner::kCrc32, 3},
      Routing{Partitioner::kCrc32, 2'147'483'647},
  };
  for (const auto& routing : table) {
    JournalEntry entry = full_entry();
    entry.routing = routing;
    std::string bytes;
    encode(entry, bytes);
    const auto decoded = decode_journal_entry(bytes);
    REQUIRE(decoded.ok());
    CHECK(decoded.value().routing == routing);
    CHECK(decoded.value() == entry);
  }
}

TEST_CASE("an entry of a partitioner that this version does not know is refused") {
  JournalEntry entry;
  entry.routing = Routing{static_cast<Partitioner>(2), 3};
  std::string bytes;
  encode(entry, bytes);
  const auto decoded = decode_journal_entry(bytes);
  REQUIRE_FALSE(decoded.ok());
  CHECK(decoded.error().message.find("partitioner") != std::string::npos);
}

TEST_CASE("an entry that is cut off, too long, of another version or kind is refused") {
  std::string bytes;
  encode(full_entry(), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode_journal_entry(std::string_view(bytes).substr(0, size)).ok());
  }
  CHECK_FALSE(decode_journal_entry(bytes + "x").ok());
  std::string newer = bytes;
  newer[1] = 2;
  CHECK(decode_journal_entry(newer).error().message.find("version 2") != std::string::npos);
  CHECK_FALSE(decode_journal_entry("{}").ok());
}

TEST_CASE("damaged bytes never crash the decoder") {
  std::string bytes;
  encode(full_entry(), bytes);
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    for (int flips = 0; flips < 3; ++flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    [[maybe_unused]] const bool ok = decode_journal_entry(damaged).ok();
  }
}

// When a shard's checkpoints are written, and what the store's answers mean for the next one.
#include "runtime/checkpoints.h"

#include "shard_checkpoints.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;

namespace {

constexpr Partition kP0{0};
constexpr Partition kP1{1};

Checkpoints::Options each_second() {
  Checkpoints::Options options;
  options.interval = std::chrono::seconds(1);
  return options;
}

// A live shard, its checkpoints, and a clock that the test turns.
struct Turns {
  explicit Turns(const Checkpoints::Options& options = each_second(),
                 size_t part_bytes_max = 1'000'000)
      : checkpoints(options) {
    ShardLimits limits = with_checkpoints();
    limits.checkpoint_part_bytes_max = part_bytes_max;
    shard = world.new_shard(limits);
  }

  World world;
  std::unique_ptr<Shard> shard;
  Checkpoints checkpoints;
  KeptCheckpoint store;
  int64_t now = 10'000;

  // A batch with a record each, committed.
  void change(const std::vector<std::string>& ids) {
    for (const auto& id : ids) world.log.push_back({1'000, id, "add"});
    world.batch(*shard, world.log.size(), 10'000);
  }
  std::optional<StorePart> round(bool at_once = false) {
    return checkpoints.round(*shard, 7, time_from_ms(now), at_once);
  }
  std::optional<StorePart> round_at(int64_t ms) {
    now = ms;
    return round();
  }
  std::optional<std::string> answer(const StorePart& part, StoreResult result) {
    if (result == StoreResult::kDone)
      REQUIRE(store.write(*part.part) == KeptCheckpoint::Answer::kWritten);
    return checkpoints.on({part.request, result, "told by the test"}, shard.get(),
                          time_from_ms(now));
  }
  int64_t next_at() const { return to_ms(checkpoints.next_at(kP0)); }
};

size_t builds_on(const StorePart& part) { return part.part->builds_on.size(); }

}  // namespace

TEST_CASE("a checkpoint begins when something is new, but not before the interval has passed") {
  Turns turns;
  CHECK_FALSE(turns.round().has_value());
  turns.change({"a"});
  const auto first = turns.round();
  REQUIRE(first.has_value());
  CHECK(decode_checkpoint_head(first->part->head)->writer == 7);
  CHECK(turns.checkpoints.partition_of(first->request) == kP0);
  turns.now = 10'400;  // the interval counts from the beginning, not from the answer
  CHECK_FALSE(turns.answer(*first, StoreResult::kDone).has_value());
  CHECK(turns.checkpoints.totals().checkpoints == 1);
  CHECK(turns.checkpoints.totals().parts == 1);
  CHECK_FALSE(turns.round_at(20'000).has_value());  // nothing is new
  turns.now = 10'500;
  turns.change({"b"});
  CHECK(turns.next_at() == 11'000);
  CHECK_FALSE(turns.round_at(10'999).has_value());
  const auto second = turns.round_at(11'000);
  REQUIRE(second.has_value());
  CHECK(second->request != first->request);
  CHECK(turns.next_at() == 12'000);
  turns.answer(*second, StoreResult::kDone);
  CHECK(state_in(turns.world, turns.store) == turns.shard->fingerprint());
}

TEST_CASE("the last one does not wait for its turn, unless the store fails") {
  Turns turns;
  turns.change({"a"});
  turns.answer(*turns.round(), StoreResult::kDone);
  turns.change({"b"});
  CHECK_FALSE(turns.round().has_value());
  const auto last = turns.round(/*at_once=*/true);
  REQUIRE(last.has_value());
  turns.answer(*last, StoreResult::kNotSent);
  CHECK_FALSE(turns.round(/*at_once=*/true).has_value());
  turns.now = turns.next_at();
  CHECK(turns.round(/*at_once=*/true).has_value());
}

TEST_CASE("ids are written down a few in a round, and one part at a time is with the store") {
  Checkpoints::Options options = each_second();
  options.ids_per_round = 2;
  SUBCASE("in one part") {
    Turns turns(options);
    turns.change({"a", "b", "c", "d", "e"});
    CHECK_FALSE(turns.checkpoints.busy(*turns.shard));
    CHECK_FALSE(turns.round().has_value());
    CHECK(turns.checkpoints.busy(*turns.shard));
    CHECK_FALSE(turns.round().has_value());
    const auto part = turns.round();
    REQUIRE(part.has_value());
    CHECK(part->part->entries.size() == 5);
    CHECK_FALSE(turns.checkpoints.busy(*turns.shard));
  }
  SUBCASE("in many") {
    Turns turns(options, 1);
    turns.change({"a", "b", "c"});
    for (int number = 0; number < 3; ++number) {
      const auto part = turns.round();
      REQUIRE(part.has_value());
      CHECK(part->part->entries.size() == 1);
      CHECK_FALSE(turns.round().has_value());  // it fills the next one, and waits
      CHECK_FALSE(turns.round().has_value());
      CHECK_FALSE(turns.checkpoints.busy(*turns.shard));
      turns.answer(*part, StoreResult::kDone);
      CHECK(turns.checkpoints.busy(*turns.shard) == (number < 2));
      CHECK(turns.checkpoints.totals().parts == static_cast<uint64_t>(number) + 1);
      CHECK(turns.checkpoints.totals().checkpoints == (number < 2 ? 0 : 1));
    }
    CHECK(state_in(turns.world, turns.store) == turns.shard->fingerprint());
  }
}

TEST_CASE("a part stays as it is until the answer, whatever goes on") {
  Turns turns(each_second(), 1);
  turns.change({"a", "b"});
  const StorePart part = *turns.round();
  const std::string head = part.part->head;
  turns.change({"a", "b", "c"});
  turns.round();
  turns.checkpoints.abandon(*turns.shard);
  turns.shard.reset();
  CHECK(part.part->head == head);
  CHECK(part.part->entries.at(0).key == "a");
  CHECK(turns.checkpoints.partition_of(part.request) == kP0);
  CHECK_FALSE(turns.answer(part, StoreResult::kUnknown).has_value());
}

TEST_CASE("each answer: what is said, when the next one begins, and what that builds on") {
  using Result = StoreResult;
  struct {
    const char* title;
    Result result;
    const char* said;
    int64_t next_at;
    bool failing;
    size_t failures;
    size_t builds_on;  // 0: all is written anew
  } const table[] = {
      {"done", Result::kDone, "", 12'000, false, 0, 1},
      {"nothing was written", Result::kNotSent, "no checkpoint: told by the test", 12'300, true, 1,
       1},
      {"nobody knows", Result::kUnknown, "no checkpoint: told by the test", 12'300, true, 1, 2},
      {"another head is there", Result::kOtherHead,
       "the checkpoint in the store is not the one that was written last: writing all anew", 12'300,
       false, 0, 0},
      {"a newer one is there", Result::kNewerHead,
       "the store has a newer checkpoint than this process: somebody else may own the partition by "
       "now",
       12'300, true, 1, 0},
  };
  for (const auto& row : table) {
    CAPTURE(std::string(row.title));
    Turns turns;
    turns.change({"a", "b"});
    turns.answer(*turns.round(), Result::kDone);
    turns.change({"b", "c"});
    const StorePart part = *turns.round_at(11'000);
    turns.now = 11'300;
    CHECK(turns.answer(part, row.result).value_or("") == row.said);
    CHECK(turns.next_at() == row.next_at);
    CHECK(turns.checkpoints.failing(kP0) == row.failing);
    CHECK(turns.checkpoints.totals().failures == row.failures);
    if (row.result == Result::kDone) turns.change({"d"});
    CHECK_FALSE(turns.round_at(row.next_at - 1).has_value());
    const auto next = turns.round_at(row.next_at);
    REQUIRE(next.has_value());
    CHECK(builds_on(*next) == row.builds_on);
    turns.answer(*next, Result::kDone);
    CHECK_FALSE(turns.checkpoints.failing(kP0));
    CHECK(state_in(turns.world, turns.store) == turns.shard->fingerprint());
  }
}

TEST_CASE("a store that is away is tried ever more seldom, and said to be away once") {
  struct {
    const char* title;
    core::Duration interval;
    std::vector<int64_t> pauses;
  } const table[] = {
      {"each second", std::chrono::seconds(1), {1'000, 2'000, 4'000, 8'000, 10'000, 10'000}},
      {"ten times a second", std::chrono::milliseconds(100), {100, 200, 400, 800, 1'600, 3'200}},
      {"each hour: that would be late", std::chrono::hours(1), {10'000, 10'000, 10'000}},
  };
  for (const auto& row : table) {
    CAPTURE(std::string(row.title));
    Checkpoints::Options options = each_second();
    options.interval = row.interval;
    Turns turns(options);
    turns.change({"a"});
    size_t failures = 0;
    for (const int64_t pause : row.pauses) {
      const auto part = turns.round();
      REQUIRE(part.has_value());
      turns.now += 50;
      const auto said =
          turns.answer(*part, failures % 2 == 0 ? StoreResult::kNotSent : StoreResult::kUnknown);
      CHECK(said.has_value() == (failures == 0));
      CHECK(turns.checkpoints.totals().failures == ++failures);
      CHECK(turns.next_at() == turns.now + pause);
      turns.now += pause;
    }
    // It is back, and goes again.
    CHECK_FALSE(turns.answer(*turns.round(), StoreResult::kDone).has_value());
    CHECK_FALSE(turns.checkpoints.failing(kP0));
    turns.change({"a"});
    turns.now = turns.next_at();
    CHECK(turns.answer(*turns.round(), StoreResult::kNotSent).has_value());
    CHECK(turns.next_at() == turns.now + row.pauses[0]);
  }
}

TEST_CASE("a shard that is not live any more gives up what is under way, and its turn") {
  Turns turns;
  turns.change({"a"});
  turns.answer(*turns.round(), StoreResult::kDone);
  turns.change({"b"});
  SUBCASE("nothing is") {
    turns.checkpoints.abandon(*turns.shard);
    const auto next = turns.round();
    REQUIRE(next.has_value());
    CHECK(builds_on(*next) == 1);
  }
  SUBCASE("a part is with the store: that may be written, and nobody hears the answer") {
    const StorePart part = *turns.round_at(11'000);
    turns.checkpoints.abandon(*turns.shard);
    CHECK_FALSE(turns.shard->checkpointer()->under_way());
    CHECK(turns.next_at() == 0);
    SUBCASE("it lives again before the answer") {
      const auto next = turns.round();
      REQUIRE(next.has_value());
      CHECK(builds_on(*next) == 2);
      CHECK_FALSE(turns.answer(part, StoreResult::kDone).has_value());
      CHECK(turns.checkpoints.totals().checkpoints == 1);
      turns.answer(*next, StoreResult::kDone);
      CHECK(turns.checkpoints.totals().checkpoints == 2);
      CHECK(state_in(turns.world, turns.store) == turns.shard->fingerprint());
    }
    SUBCASE("it is gone") {
      turns.shard.reset();
      CHECK_FALSE(turns.answer(part, StoreResult::kNewerHead).has_value());
      CHECK(turns.checkpoints.totals().failures == 0);
    }
  }
  SUBCASE("the store was failing: another owner need not know") {
    turns.answer(*turns.round_at(11'000), StoreResult::kNotSent);
    turns.checkpoints.abandon(*turns.shard);
    CHECK_FALSE(turns.checkpoints.failing(kP0));
    CHECK(turns.round().has_value());
  }
}

TEST_CASE("a shard of which nothing was written yet, or that has no checkpoints, is given up too") {
  Turns turns;
  turns.checkpoints.abandon(*turns.shard);
  const auto without = turns.world.new_shard();
  turns.checkpoints.abandon(*without);
  turns.change({"a"});
  CHECK(turns.round().has_value());
}

TEST_CASE("partitions have turns of their own") {
  Turns turns;
  World other;
  other.partition = kP1;
  auto shard = other.new_shard(with_checkpoints());
  other.log = {{1'000, "x", "add"}};
  other.batch(*shard, 1, 10'000);
  turns.change({"a"});
  const auto first = turns.round();
  turns.now = 10'500;
  const auto second = turns.checkpoints.round(*shard, 8, time_from_ms(turns.now), false);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(turns.checkpoints.partition_of(first->request) == kP0);
  CHECK(turns.checkpoints.partition_of(second->request) == kP1);
  turns.answer(*first, StoreResult::kNotSent);
  CHECK(turns.checkpoints.failing(kP0));
  CHECK_FALSE(turns.checkpoints.failing(kP1));
  CHECK_FALSE(
      turns.checkpoints
          .on({second->request, StoreResult::kDone, ""}, shard.get(), time_from_ms(turns.now))
          .has_value());
  CHECK(turns.next_at() == 11'500);
  CHECK(to_ms(turns.checkpoints.next_at(kP1)) == 11'500);
  CHECK(turns.checkpoints.failing(kP0));
}

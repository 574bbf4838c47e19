#include "core/shard.h"

#include "toy_processor.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <sstream>

using namespace muster::core;

namespace {

struct Written {
  int64_t timestamp = 0;
  std::string key;
  std::string value;
};

// A log of records at offsets 0, 1, ..., and the journal of the batches that read it.
struct World {
  std::vector<Written> log;
  std::vector<std::string> journal;
  std::vector<CommitMetadata> committed;
  std::vector<std::string> outputs;

  std::vector<Record> records(size_t from, size_t to) const {
    std::vector<Record> out;
    for (size_t i = from; i < to; ++i) {
      Record record;
      record.topic = "in";
      record.offset = Offset{static_cast<int64_t>(i)};
      record.timestamp = time_from_ms(log[i].timestamp);
      record.key = log[i].key;
      record.value = log[i].value;
      out.push_back(record);
    }
    return out;
  }

  // Applies what the log holds from where the shard stands up to `to`, with the clock at `wall`.
  void batch(Shard& shard, size_t to, int64_t wall, std::optional<int64_t> tick = {}) {
    Batch out;
    auto taken = records(static_cast<size_t>(raw(shard.next(0))), to);
    shard.begin(time_from_ms(wall));
    shard.apply(0, taken, Offset{static_cast<int64_t>(to)}, out);
    shard.seal(tick ? std::optional(time_from_ms(*tick)) : std::nullopt, "id", out);
    for (const Output& output : out.outputs) {
      if (output.topic == TopicRole::kJournal) {
        journal.emplace_back(*output.value);
      } else {
        outputs.emplace_back(output.value.value_or("null"));
      }
    }
    committed.push_back(*decode_commit_metadata(out.offsets.back().metadata));
    shard.committed(shard.n(), Offset{static_cast<int64_t>(journal.size() - 1)});
  }

  JournalEntry entry(size_t i) const { return decode_journal_entry(journal[i]).value(); }

  void replay(Shard& shard, size_t i) const {
    const JournalEntry e = entry(i);
    REQUIRE(shard.replay_begin(e, Offset{static_cast<int64_t>(i)}));
    for (Record& record : records(static_cast<size_t>(raw(e.ranges[0].from)),
                                  static_cast<size_t>(raw(e.ranges[0].to)))) {
      shard.replay_record(0, record);
    }
    REQUIRE(shard.replay_end(e));
  }

  // A successor: from the last commit's origin.
  std::unique_ptr<Shard> recover(const ShardLimits& limits = {},
                                 const std::string& options = "toy") const {
    auto shard =
        std::make_unique<Shard>(Partition{0}, 1, std::make_unique<ToyProcessor>(options), limits);
    const CommitMetadata& last = committed.back();
    for (size_t i = static_cast<size_t>(raw(last.journal_offset)); i < journal.size(); ++i) {
      if (entry(i).n >= last.origin) replay(*shard, i);
    }
    shard->go_live();
    return shard;
  }
};

std::unique_ptr<Shard> new_shard(const ShardLimits& limits = {}) {
  auto shard = std::make_unique<Shard>(Partition{0}, 1, std::make_unique<ToyProcessor>(), limits);
  shard->start(Epoch{9}, {Offset{0}}, Offset{0});
  return shard;
}

}  // namespace

TEST_CASE("records never fire a timer; the tick does, for all that is due by then") {
  World world;
  auto shard = new_shard();
  world.log = {{1'000, "a", "add"}, {50'000, "b", "add"}};
  world.batch(*shard, 2, 60'000);
  CHECK(world.outputs.empty());
  CHECK(shard->clock() == Time{});
  world.batch(*shard, 2, 60'000, 11'000);
  CHECK(world.outputs == std::vector<std::string>{"a timed out at 1"});
  CHECK(shard->clock() == time_from_ms(11'000));
}

TEST_CASE("a record from the future counts as one of now") {
  World world;
  auto shard = new_shard();
  world.log = {{999'999'999, "a", "add"}};
  world.batch(*shard, 1, 5'000);
  CHECK(shard->no_timer_before() <= time_from_ms(15'000));
  world.batch(*shard, 1, 15'000, 15'000);
  CHECK(world.outputs.size() == 1);
}

TEST_CASE("a deadline never lies before the clock that has already been taken") {
  World world;
  auto shard = new_shard();
  world.batch(*shard, 0, 100'000, 100'000);
  world.log = {{1'000, "a", "add"}};
  world.batch(*shard, 1, 100'001);
  world.batch(*shard, 1, 109'999, 109'999);
  CHECK(world.outputs.empty());
  world.batch(*shard, 1, 110'000, 110'000);
  CHECK(world.outputs.size() == 1);
}

TEST_CASE("timers of one time fire in the order of their ids, however they were armed") {
  World world;
  auto shard = new_shard();
  world.log = {{1'000, "c", "add"}, {1'000, "a", "add"}, {1'000, "b", "add"}};
  world.batch(*shard, 3, 2'000, 11'000);
  CHECK(world.outputs ==
        std::vector<std::string>{"a timed out at 1", "b timed out at 1", "c timed out at 1"});
}

TEST_CASE("a rejected record becomes a dead letter with the place it lay at") {
  World world;
  auto shard = new_shard();
  world.log = {{1'000, "a", "nothing"}, {1'000, "k", "bad"}};
  auto records = world.records(0, 2);
  const std::vector<Header> own = {{"trace", "1"}, {"empty", std::nullopt}};
  records[1].headers = LazyHeaders(own);
  Batch out;
  shard->begin(time_from_ms(2'000));
  shard->apply(0, records, Offset{2}, out);
  REQUIRE(out.outputs.size() == 1);
  const Output& letter = out.outputs[0];
  CHECK(letter.topic == TopicRole::kDeadLetter);
  CHECK(letter.key == "k");
  CHECK(letter.value == "bad");
  CHECK(letter.timestamp == time_from_ms(1'000));
  const std::vector<Header> expected = {{"trace", "1"},
                                        {"empty", std::nullopt},
                                        {"__connect.errors.topic", "in"},
                                        {"__connect.errors.partition", "0"},
                                        {"__connect.errors.offset", "1"},
                                        {"__connect.errors.exception.message", "is bad"},
                                        {"muster.error.code", "bad"}};
  CHECK(letter.headers == expected);
}

TEST_CASE(
    "records without effect leave the batch clean, and a later clock may still be read for it") {
  World world;
  auto shard = new_shard();
  world.log = {{1'000, "a", "nothing"}, {1'000, "a", "add"}};
  Batch out;
  auto records = world.records(0, 2);
  shard->begin(time_from_ms(2'000));
  shard->apply(0, std::span(records).first(1), Offset{1}, out);
  CHECK_FALSE(shard->dirty());
  CHECK(shard->moved());
  shard->begin(time_from_ms(3'000));
  shard->apply(0, std::span(records).subspan(1), Offset{2}, out);
  CHECK(shard->dirty());
  shard->seal({}, "id", out);
  const auto entry = decode_journal_entry(*out.outputs.back().value).value();
  CHECK(entry.ranges == std::vector<LogRange>{{Offset{0}, Offset{2}}});
  CHECK(entry.ceiling == time_from_ms(3'000));
  CHECK_FALSE(shard->moved());
}

TEST_CASE(
    "a forgotten id is named in the entry of the batch that dropped it, and nothing is left of "
    "it") {
  World world;
  auto shard = new_shard();
  world.log = {{1'000, "a", "add"}, {1'001, "a", "end"}};
  world.batch(*shard, 2, 2'000);
  CHECK(shard->living() == 1);
  CHECK(world.entry(0).origin == BatchNumber{1});
  world.batch(*shard, 2, 6'000, 6'000);
  CHECK(shard->living() == 1);
  world.batch(*shard, 2, 6'001, 6'001);
  CHECK(world.entry(2).forgets == std::vector<std::string_view>{"a"});
  CHECK(shard->living() == 0);
  CHECK(world.committed.back().origin == BatchNumber{3});
}

TEST_CASE("remembered ids beyond the limit leave before their time, the oldest first") {
  World world;
  ShardLimits limits;
  limits.remembered_max = 1;
  auto shard = new_shard(limits);
  world.log = {{1'000, "a", "end"}, {1'000, "b", "end"}, {1'000, "c", "end"}};
  world.batch(*shard, 3, 2'000);
  CHECK(world.entry(0).forgets == std::vector<std::string_view>{"a", "b"});
}

TEST_CASE("an id that lives long is carried, and its past is not needed any more") {
  World world;
  ShardLimits limits;
  limits.carry_after = std::chrono::seconds(3);
  auto shard = new_shard(limits);
  world.log = {{1'000, "a", "add"}, {1'100, "b", "add"}, {5'000, "a", "add"}};
  world.batch(*shard, 2, 2'000);
  CHECK(world.entry(0).carried.empty());
  world.batch(*shard, 3, 6'000);
  REQUIRE(world.entry(1).carried.size() == 2);
  CHECK(world.entry(1).origin == BatchNumber{2});
  const auto recovered = world.recover(limits);
  CHECK(recovered->fingerprint() == shard->fingerprint());
  CHECK(recovered->timers() == shard->timers());
}

TEST_CASE(
    "a batch decided under other options is replayed under them, and the next goes on under "
    "today's") {
  World world;
  auto shard = new_shard();
  world.log = {{1'000, "a", "add"}};
  world.batch(*shard, 1, 2'000);
  auto recovered = world.recover({}, "toy 2");
  CHECK(recovered->processor().options() == "toy 2");
  world.batch(*recovered, 1, 3'000);
  CHECK(world.entry(1).options == "toy 2");
  auto unknown = Shard(Partition{0}, 1, std::make_unique<ToyProcessor>(), {});
  JournalEntry foreign = world.entry(0);
  foreign.options = "another version's";
  CHECK_FALSE(unknown.replay_begin(foreign, Offset{0}));
}

TEST_CASE(
    "whatever crashes, the state is that of a replica that follows the journal and never crashed") {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](uint32_t n) { return static_cast<int64_t>(random() % n); };
    ShardLimits limits;
    limits.timers_per_tick_max = 3;
    limits.forgets_per_batch_max = 4;
    limits.remembered_max = 5;
    limits.carry_after = std::chrono::seconds(8);
    World world;
    auto shard = new_shard(limits);
    Shard replica(Partition{0}, 1, std::make_unique<ToyProcessor>(), limits);
    int64_t now = 1'000'000;
    for (int step = 0; step < 120; ++step) {
      const int64_t count = below(4);
      for (int64_t i = 0; i < count; ++i) {
        static const char* const kValues[] = {"add", "add", "end", "nothing", "bad"};
        // Late, reordered and future-dated.
        world.log.push_back({now - below(20'000) + below(3'000), "id" + std::to_string(below(12)),
                             kValues[below(5)]});
      }
      now += below(4'000);
      std::optional<int64_t> tick;
      if (below(2) == 0) tick = now;
      world.batch(*shard, world.log.size(), now, tick);
      world.replay(replica, world.journal.size() - 1);
      REQUIRE(replica.fingerprint() == shard->fingerprint());
      if (below(8) != 0) continue;
      shard = world.recover(limits);
      REQUIRE(shard->fingerprint() == replica.fingerprint());
      REQUIRE(shard->n() == replica.n());
      REQUIRE(shard->timers() == replica.timers());
    }
  }
}

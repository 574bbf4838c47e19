// A shard that shares ids with the other partitions' shards.
#include "core/shard.h"

#include "shard_world.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster::core;

namespace {

// By murmur2 over two partitions a, b, c and e live in 0; d, f, g and h in 1. By crc32 d, e and g
// live in 0, and a, b and c in 1.
constexpr Routing kByMurmur2{Partitioner::kMurmur2, 2};
constexpr Routing kByCrc32{Partitioner::kCrc32, 2};

using Texts = std::vector<std::string>;
using Ranges = std::vector<LogRange>;

World routed(Routing routing = kByMurmur2, Partition partition = Partition{0}) {
  World world;
  world.routing = routing;
  world.partition = partition;
  return world;
}

// As another shard has put it there.
Written arrived(int64_t timestamp, std::string key, std::string value, int64_t offset = 40) {
  return {timestamp, std::move(key), std::move(value), origin("in", 1, offset, timestamp)};
}

std::string forwards(const World& world) {
  std::string text;
  for (const auto& [home, written] : world.forwarded)
    text += written.key + " to " + std::to_string(raw(home)) + "; ";
  return text;
}

bool knows(const Shard& shard, std::string_view id) {
  return shard.processor().find(id).has_value();
}

}  // namespace

TEST_CASE("a record is applied where its id lives, and forwarded from anywhere else") {
  struct {
    const char* title;
    Routing routing;
    int32_t partition;
    Written written;
    const char* forwarded;
    bool applied;
    Texts outputs;
  } const table[] = {
      {"at home", kByMurmur2, 0, {1'000, "a", "add"}, "", true, {}},
      {"away", kByMurmur2, 1, {1'000, "a", "add"}, "a to 0; ", false, {}},
      {"away, and at home there", kByMurmur2, 1, {1'000, "d", "add"}, "", true, {}},
      {"the other way", kByMurmur2, 0, {1'000, "d", "add"}, "d to 1; ", false, {}},
      {"by another partitioner", kByCrc32, 0, {1'000, "a", "add"}, "a to 1; ", false, {}},
      {"one partition is home to all", {{}, 1}, 0, {1'000, "d", "add"}, "", true, {}},
      {"of three", {{}, 3}, 0, {1'000, "b", "add"}, "b to 2; ", false, {}},
      {"bad, so nobody's: said where it lies",
       kByMurmur2,
       0,
       {1'000, "d", "bad"},
       "",
       false,
       {"bad"}},
      {"of no concern", kByMurmur2, 0, {1'000, "d", "nothing"}, "", false, {}},
  };
  for (const auto& row : table) {
    CAPTURE(row.title);
    World world = routed(row.routing, Partition{row.partition});
    auto shard = world.new_shard();
    world.log = {row.written};
    world.batch(*shard, 1, 2'000);
    CHECK(forwards(world) == row.forwarded);
    CHECK(knows(*shard, row.written.key) == row.applied);
    CHECK(world.outputs == row.outputs);
  }
}

TEST_CASE("without routing every record is at home, and there is one log") {
  World world;
  auto shard = world.new_shard();
  CHECK(shard->logs() == 1);
  world.log = {{1'000, "a", "add"}, {1'000, "d", "add"}};
  world.batch(*shard, 2, 2'000);
  CHECK(world.forwarded.empty());
  CHECK(shard->living() == 2);
  CHECK_FALSE(world.entry(0).routing.has_value());
}

TEST_CASE("a forwarded record goes with its time as this batch saw it, and wants to be committed") {
  World world = routed();
  auto shard = world.new_shard();
  world.log = {{1'000, "d", "add"}, {999'999, "f", "add", {{{"trace", "1"}}}}};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 0, 2, out);
  CHECK(shard->dirty());
  REQUIRE(out.outputs.size() == 2);
  CHECK(out.outputs[0].topic == TopicRole::kRepartition);
  CHECK(out.outputs[0].partition == Partition{1});
  CHECK(out.outputs[0].timestamp == time_from_ms(1'000));
  CHECK(out.outputs[0].cause == Cause{Partition{0}, Offset{0}});
  CHECK(out.outputs[1].timestamp == time_from_ms(2'000));  // a clock that runs ahead moves nobody
  CHECK(out.outputs[1].headers == std::vector<Header>{{"trace", "1"},
                                                      {"muster.origin.topic", "in"},
                                                      {"muster.origin.partition", "0"},
                                                      {"muster.origin.offset", "1"},
                                                      {"muster.origin.timestamp", "999999"}});
  CHECK(shard->living() == 0);
}

TEST_CASE("a record that was forwarded counts from when it was, not from when it is read") {
  World world = routed();
  auto shard = world.new_shard();
  world.repartition = {{1'500, "a", "add", origin("in", 1, 40, 999'999)}};
  world.batch(*shard, 0, 60'000);
  world.batch(*shard, 0, 60'000, 11'499);
  CHECK(world.outputs.empty());
  world.batch(*shard, 0, 60'000, 11'500);
  CHECK(world.outputs == Texts{"a timed out at 1"});
}

TEST_CASE("whatever is said of a forwarded record says where it lay before") {
  World world = routed();
  auto shard = world.new_shard();
  world.repartition = {{1'500, "k", "bad", origin("in", 1, 40, 1'200)}};
  world.repartition[0].headers.list.insert(world.repartition[0].headers.list.begin(),
                                           {"trace", "1"});
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 1, 1, out);
  REQUIRE(out.outputs.size() == 1);
  CHECK(out.outputs[0].topic == TopicRole::kDeadLetter);
  CHECK(out.outputs[0].partition == Partition{1});
  CHECK(out.outputs[0].timestamp == time_from_ms(1'200));
  CHECK(out.outputs[0].cause == Cause{Partition{1}, Offset{40}});
  CHECK(out.outputs[0].headers ==
        std::vector<Header>{{"trace", "1"},
                            {"__connect.errors.topic", "in"},
                            {"__connect.errors.partition", "1"},
                            {"__connect.errors.offset", "40"},
                            {"__connect.errors.exception.message", "is bad"},
                            {"muster.error.code", "bad"}});
  REQUIRE(out.dead_letters.size() == 1);
  CHECK(out.dead_letters[0].topic == "in");
  CHECK(out.dead_letters[0].partition == Partition{1});
  CHECK(out.dead_letters[0].offset == Offset{40});
}

TEST_CASE("what nobody forwarded does not belong into the repartition topic, and is not applied") {
  World world = routed();
  auto shard = world.new_shard();
  world.repartition = {{1'500, "a", "add", {{{"trace", "1"}}}}};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 1, 1, out);
  CHECK_FALSE(knows(*shard, "a"));
  REQUIRE(out.outputs.size() == 1);
  CHECK(out.outputs[0].topic == TopicRole::kDeadLetter);
  CHECK(out.outputs[0].value == "add");
  REQUIRE(out.dead_letters.size() == 1);
  CHECK(out.dead_letters[0].code == "not-forwarded");
  CHECK(out.dead_letters[0].topic == "repartition");
  CHECK(out.dead_letters[0].partition == Partition{0});
  CHECK(out.dead_letters[0].offset == Offset{0});
}

TEST_CASE("both offsets are committed, with one text beside them") {
  World world = routed();
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "add"}, {1'000, "b", "add"}};
  world.repartition = {arrived(1'000, "c", "add")};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 0, 2, out);
  world.apply(*shard, 1, 1, out);
  shard->seal({}, "id", out);
  const std::string metadata =
      encode(CommitMetadata{Epoch{9}, BatchNumber{1}, BatchNumber{1}, Offset{0}, "id"});
  CHECK(out.offsets == std::vector<OffsetCommit>{{0, Partition{0}, Offset{2}, metadata},
                                                 {1, Partition{0}, Offset{1}, metadata}});
  const auto entry = decode_journal_entry(*out.outputs.back().value).value();
  CHECK(entry.ranges == Ranges{{Offset{0}, Offset{2}}, {Offset{0}, Offset{1}}});
  CHECK(entry.routing == kByMurmur2);
}

TEST_CASE(
    "records of the second log make the batch dirty, whatever they say; a position does not") {
  World world = routed();
  auto shard = world.new_shard();
  world.repartition = {arrived(1'000, "x", "nothing")};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 0, 0, out);
  shard->apply(1, {}, Offset{0}, out);
  CHECK_FALSE(shard->dirty());
  world.apply(*shard, 1, 1, out);
  CHECK(shard->dirty());  // a record of the first log that came now would be replayed before it
  CHECK(out.outputs.empty());
  shard->seal({}, "id", out);
  shard->begin(time_from_ms(3'000));
  shard->apply(1, {}, Offset{4}, out);  // markers
  CHECK_FALSE(shard->dirty());
  CHECK(shard->moved());
}

TEST_CASE("positions of both logs can be taken back") {
  World world = routed();
  auto shard = world.new_shard();
  world.log = {{1'000, "x", "nothing"}};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 0, 1, out);
  shard->apply(1, {}, Offset{4}, out);
  CHECK(shard->next(0) == Offset{1});
  CHECK(shard->next(1) == Offset{4});
  shard->rewind();
  CHECK(shard->next(0) == Offset{0});
  CHECK(shard->next(1) == Offset{0});
  CHECK(shard->moved());  // its epoch is still to be announced
  world.apply(*shard, 0, 1, out);
  CHECK(shard->next(0) == Offset{1});
}

TEST_CASE(
    "a batch is replayed under the routing that it was decided by, the next goes by today's") {
  World world = routed(kByMurmur2);
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "add"}, {1'000, "d", "add"}};
  world.batch(*shard, 2, 2'000);
  CHECK(forwards(world) == "d to 1; ");

  world.routing = kByCrc32;
  auto recovered = world.recover();
  CHECK(recovered->fingerprint() == shard->fingerprint());
  CHECK(knows(*recovered, "a"));
  CHECK_FALSE(knows(*recovered, "d"));
  CHECK(world.forwarded.size() == 1);  // a replay puts out nothing

  world.forwarded.clear();
  world.log.push_back({3'000, "a", "add"});
  world.log.push_back({3'000, "d", "add"});
  world.batch(*recovered, 4, 3'000);
  CHECK(forwards(world) == "a to 1; ");
  CHECK(knows(*recovered, "d"));
  CHECK(world.entry(0).routing == kByMurmur2);
  CHECK(world.entry(1).routing == kByCrc32);
  CHECK(world.recover()->fingerprint() == recovered->fingerprint());
}

TEST_CASE("what was forwarded once stays, also if homes have changed since") {
  World world = routed(kByCrc32);
  auto shard = world.new_shard();
  world.repartition = {arrived(1'000, "a", "add")};  // lives in 1 by now
  world.batch(*shard, 0, 2'000);
  CHECK(world.forwarded.empty());
  CHECK(knows(*shard, "a"));
}

TEST_CASE("the repartition log is needed from where the origin's batch begins in it") {
  struct {
    const char* title;
    std::vector<Written> log;
    std::vector<Written> repartition;
    std::optional<int64_t> tick;
    int64_t journal;  // needed from here on after this batch
    int64_t repartition_from;
  } const ledger[] = {
      {"a is born", {{1'000, "a", "add"}}, {arrived(1'000, "b", "add")}, {}, 0, 0},
      {"two for nobody",
       {},
       {arrived(1'500, "x", "nothing"), arrived(1'500, "x", "nothing")},
       {},
       0,
       0},
      {"both end", {{2'000, "a", "end"}}, {arrived(2'000, "b", "end")}, {}, 0, 0},
      {"c is born", {}, {arrived(2'500, "c", "add")}, {}, 0, 0},
      {"a and b are forgotten", {}, {arrived(7'000, "x", "nothing")}, 7'000, 3, 4},
      {"c times out", {}, {}, 12'500, 3, 4},
      {"c is forgotten", {}, {arrived(17'500, "x", "nothing")}, 17'500, 5, 6},
      {"nothing", {}, {}, {}, 6, 7},
  };
  World world = routed();
  auto shard = world.new_shard();
  for (const auto& row : ledger) {
    CAPTURE(row.title);
    world.log.insert(world.log.end(), row.log.begin(), row.log.end());
    world.repartition.insert(world.repartition.end(), row.repartition.begin(),
                             row.repartition.end());
    world.batch(*shard, world.log.size(), 20'000, row.tick);
    CHECK(raw(shard->needed_from().journal) == row.journal);
    CHECK(raw(shard->needed_from().repartition) == row.repartition_from);
    // Not a record less, not one more.
    const auto recovered = world.recover();
    CHECK(recovered->fingerprint() == shard->fingerprint());
  }
}

TEST_CASE(
    "over many partitions, whatever crashes: states are those of replicas, and ids live at home") {
  constexpr int32_t kPartitions = 3;
  constexpr Routing kRouting{Partitioner::kMurmur2, kPartitions};
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](uint32_t n) { return static_cast<int64_t>(random() % n); };
    ShardLimits limits;
    limits.timers_per_tick_max = 3;
    limits.forgets_per_batch_max = 4;
    limits.remembered_max = 5;
    limits.carry_after = std::chrono::seconds(8);
    std::vector<World> worlds;
    std::vector<std::unique_ptr<Shard>> shards;
    std::vector<std::unique_ptr<Shard>> replicas;
    for (int32_t p = 0; p < kPartitions; ++p) {
      worlds.push_back(routed(kRouting, Partition{p}));
      shards.push_back(worlds.back().new_shard(limits));
      replicas.push_back(worlds.back().empty_shard(limits));
    }
    int64_t now = 1'000'000;
    size_t forwarded = 0;
    for (int step = 0; step < 150; ++step) {
      const auto p = static_cast<size_t>(below(kPartitions));
      World& world = worlds[p];
      for (int64_t count = below(5); count > 0; --count) {
        static const char* const kValues[] = {"add", "add", "end", "nothing", "bad"};
        world.log.push_back({now - below(20'000) + below(3'000), "id" + std::to_string(below(12)),
                             kValues[below(5)]});
      }
      now += below(2'000);
      std::optional<int64_t> tick;
      if (below(2) == 0) tick = now;
      world.batch(*shards[p], world.log.size(), now, tick);
      for (auto& [home, written] : world.forwarded) {
        ++forwarded;
        worlds.at(static_cast<size_t>(raw(home))).repartition.push_back(std::move(written));
      }
      world.forwarded.clear();
      world.replay(*replicas[p], world.journal.size() - 1);
      REQUIRE(replicas[p]->fingerprint() == shards[p]->fingerprint());
      if (below(8) != 0) continue;
      shards[p] = world.recover(limits);
      REQUIRE(shards[p]->fingerprint() == replicas[p]->fingerprint());
      REQUIRE(shards[p]->n() == replicas[p]->n());
      REQUIRE(shards[p]->timers() == replicas[p]->timers());
      REQUIRE(shards[p]->next(0) == replicas[p]->next(0));
      REQUIRE(shards[p]->next(1) == replicas[p]->next(1));
      for (int i = 0; i < 12; ++i) {
        const std::string id = "id" + std::to_string(i);
        if (home_of(id, kRouting) != worlds[p].partition) REQUIRE_FALSE(knows(*shards[p], id));
      }
    }
    REQUIRE(forwarded > 50);
  }
}

#include "core/shard.h"

#include "shard_world.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster::core;

TEST_CASE("records never fire a timer; the tick does, for all that is due by then") {
  World world;
  auto shard = world.new_shard();
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
  auto shard = world.new_shard();
  world.log = {{999'999'999, "a", "add"}};
  world.batch(*shard, 1, 5'000);
  CHECK(shard->no_timer_before() <= time_from_ms(15'000));
  world.batch(*shard, 1, 15'000, 15'000);
  CHECK(world.outputs.size() == 1);
}

TEST_CASE("a deadline never lies before the clock that has already been taken") {
  World world;
  auto shard = world.new_shard();
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
  auto shard = world.new_shard();
  world.log = {{1'000, "c", "add"}, {1'000, "a", "add"}, {1'000, "b", "add"}};
  world.batch(*shard, 3, 2'000, 11'000);
  CHECK(world.outputs ==
        std::vector<std::string>{"a timed out at 1", "b timed out at 1", "c timed out at 1"});
}

TEST_CASE("a rejected record becomes a dead letter with the place it lay at") {
  World world;
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "nothing"}, {1'000, "k", "bad"}};
  auto records = world.records(0, 0, 2);
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
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "nothing"}, {1'000, "a", "add"}};
  Batch out;
  auto records = world.records(0, 0, 2);
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

TEST_CASE("a record whose time was cut makes its round count, also if nothing came of it") {
  struct {
    const char* title;
    std::optional<Time> timestamp;
    bool dirty;
  } const table[] = {
      {"from the past", time_from_ms(1'000), false},
      {"of now", time_from_ms(2'000), false},
      {"from the future", time_from_ms(2'001), true},
      {"without a time", {}, true},
  };
  for (const auto& row : table) {
    CAPTURE(row.title);
    World world;
    auto shard = world.new_shard();
    world.log = {{0, "a", "nothing"}};
    auto records = world.records(0, 0, 1);
    records[0].timestamp = row.timestamp;
    Batch out;
    shard->begin(time_from_ms(2'000));
    shard->apply(0, records, Offset{1}, out);
    CHECK(shard->dirty() == row.dirty);
  }
}

TEST_CASE(
    "a forgotten id is named in the entry of the batch that dropped it, and nothing is left of "
    "it") {
  World world;
  auto shard = world.new_shard();
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
  auto shard = world.new_shard(limits);
  world.log = {{1'000, "a", "end"}, {1'000, "b", "end"}, {1'000, "c", "end"}};
  world.batch(*shard, 3, 2'000);
  CHECK(world.entry(0).forgets == std::vector<std::string_view>{"a", "b"});
}

TEST_CASE("an id that lives long is carried, and its past is not needed any more") {
  World world;
  ShardLimits limits;
  limits.carry_after = std::chrono::seconds(3);
  auto shard = world.new_shard(limits);
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
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "add"}};
  world.batch(*shard, 1, 2'000);
  auto recovered = world.recover({}, "toy 2");
  CHECK(recovered->processor().options() == "toy 2");
  world.batch(*recovered, 1, 3'000);
  CHECK(world.entry(1).options == "toy 2");
  Shard unknown(Partition{0}, {}, std::make_unique<ToyProcessor>(), {});
  JournalEntry foreign = world.entry(0);
  foreign.options = "another version's";
  CHECK_FALSE(unknown.replay_begin(foreign, Offset{0}));
}

// --- where it stands

TEST_CASE("a new epoch is to be announced, until its first batch is sealed") {
  World world;
  auto shard = world.new_shard();
  CHECK(shard->moved());
  CHECK_FALSE(shard->dirty());
  world.batch(*shard, 0, 1'000);
  CHECK_FALSE(shard->moved());
  CHECK(world.entry(0).ranges == std::vector<LogRange>{{Offset{0}, Offset{0}}});
  shard->announce();
  CHECK(shard->moved());
  world.batch(*shard, 0, 1'001);
  CHECK_FALSE(shard->moved());
  CHECK_FALSE(world.recover()->moved());
}

TEST_CASE("what had no effect can be taken back, and is applied again later") {
  World world;
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "add"}, {1'000, "x", "nothing"}, {1'000, "y", "nothing"}};
  world.batch(*shard, 1, 2'000);
  Batch dropped;
  shard->begin(time_from_ms(3'000));
  world.apply(*shard, 0, 3, dropped);
  CHECK(shard->moved());
  shard->rewind();
  CHECK_FALSE(shard->moved());
  CHECK(shard->next(0) == Offset{1});
  world.batch(*shard, 3, 4'000);
  CHECK(world.entry(1).ranges == std::vector<LogRange>{{Offset{1}, Offset{3}}});
  CHECK(world.recover()->fingerprint() == shard->fingerprint());
}

TEST_CASE("the journal is needed from where the last committed batch says, not the last sealed") {
  World world;
  auto shard = world.new_shard();
  CHECK(shard->needed_from().journal == Offset{0});
  world.log = {{1'000, "a", "add"}, {1'001, "a", "end"}};
  world.batch(*shard, 1, 2'000);
  world.batch(*shard, 2, 3'000);
  CHECK(shard->needed_from().journal == Offset{0});  // a's life began in the entry at 0
  world.batch(*shard, 2, 7'000, 7'000);              // a is forgotten
  CHECK(world.entry(2).forgets == std::vector<std::string_view>{"a"});
  const Offset forgotten = shard->needed_from().journal;
  Batch out;
  shard->seal({}, "id", out);
  CHECK(shard->needed_from().journal == forgotten);
  shard->committed(shard->n(), Offset{3});
  CHECK(shard->needed_from().journal > forgotten);
}

TEST_CASE("an output says which record it comes of, and one of a timer says none") {
  World world;
  world.partition = Partition{5};
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "end"}, {1'000, "b", "add"}, {1'000, "k", "bad"}};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 0, 3, out);
  shard->seal(time_from_ms(11'000), "id", out);
  REQUIRE(out.outputs.size() == 4);
  CHECK(out.outputs[0].value == "a=1");
  CHECK(out.outputs[0].cause == Cause{Partition{5}, Offset{0}});
  CHECK(out.outputs[1].value == "bad");
  CHECK(out.outputs[1].cause == Cause{Partition{5}, Offset{2}});
  CHECK(out.outputs[2].value == "b timed out at 1");
  CHECK_FALSE(out.outputs[2].cause.has_value());
  CHECK(out.outputs[3].topic == TopicRole::kJournal);
  CHECK_FALSE(out.outputs[3].cause.has_value());
}

TEST_CASE("an output to a topic that a user has named says which; its time is that of sending") {
  World world;
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "to orders"}, {1'000, "b", "end"}};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 0, 2, out);
  REQUIRE(out.outputs.size() == 2);
  CHECK(out.outputs[0].topic == TopicRole::kNamed);
  CHECK(out.outputs[0].topic_name == "orders");
  CHECK(out.outputs[0].key == "a");
  CHECK(out.outputs[0].value == "a");
  CHECK(out.outputs[0].cause == Cause{Partition{0}, Offset{0}});
  CHECK_FALSE(out.outputs[0].timestamp.has_value());
  CHECK(out.outputs[1].topic_name.empty());
  CHECK_FALSE(out.outputs[1].timestamp.has_value());
  CHECK_FALSE(out.to_input);
}

TEST_CASE("an output to the input has the time it was given, and the batch says that it has one") {
  World world;
  auto shard = world.new_shard();
  world.log = {{1'000, "a", "tell x"}, {9'000, "b", "tell y"}, {1'000, "c", "end"}};
  Batch out;
  shard->begin(time_from_ms(2'000));
  world.apply(*shard, 0, 3, out);
  REQUIRE(out.outputs.size() == 3);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(out.outputs[i].topic == TopicRole::kInput);
    CHECK(out.outputs[i].value == "end");
    CHECK_FALSE(out.outputs[i].partition.has_value());  // the home of the key
  }
  CHECK(out.outputs[0].key == "x");
  CHECK(out.outputs[0].timestamp == time_from_ms(1'000));
  CHECK(out.outputs[1].timestamp == time_from_ms(2'000));  // it came of a record from the future
  CHECK(out.to_input);                                     // what follows does not change it
  out.clear();
  CHECK_FALSE(out.to_input);
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
    auto shard = world.new_shard(limits);
    Shard replica(Partition{0}, {}, std::make_unique<ToyProcessor>(), limits);
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

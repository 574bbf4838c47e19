// A shard whose state is written down beside the journal, and one that begins with that.
#include "core/shard.h"

#include "checkpointer_ledger.h"
#include "shard_checkpoints.h"

#include <doctest/doctest.h>

#include <functional>

using namespace muster::core;

namespace {

using Names = std::vector<std::string_view>;

constexpr Routing kByMurmur2{Partitioner::kMurmur2, 2};  // a, b, c live in partition 0; d in 1

// a counts two and waits, b has ended at 3 s and is remembered until 8 s: after batch 1.
World some_world() {
  World world;
  world.log = {{1'000, "a", "add"}, {2'000, "a", "add"}, {3'000, "b", "end"}};
  return world;
}

}  // namespace

TEST_CASE("a shard that is loaded stands where the batch ended, and goes on as the first does") {
  World world = some_world();
  auto first = world.new_shard(with_checkpoints());
  world.batch(*first, 2, 4'000);
  world.batch(*first, 3, 4'000, 3'500);
  KeptCheckpoint store;
  checkpoint(*first, store);
  const auto second = loaded(world, store);
  REQUIRE(second != nullptr);
  CHECK(second->epoch() == Epoch{9});
  CHECK(second->n() == BatchNumber{2});
  CHECK(second->clock() == time_from_ms(3'500));
  CHECK(second->next(0) == Offset{3});
  CHECK(second->living() == 2);
  CHECK(second->timers() == 1);
  CHECK(second->fingerprint() == first->fingerprint());
  CHECK_FALSE(second->dirty());
  CHECK_FALSE(second->moved());
  SUBCASE("in replay") {
    world.log.push_back({4'000, "a", "add"});
    world.batch(*first, 4, 5'000);
    world.batch(*first, 4, 8'000, 8'000);
    replay_rest(world, *second);
    CHECK(second->fingerprint() == first->fingerprint());
  }
  SUBCASE("live: timers fire, and what is remembered is forgotten in time") {
    second->go_live();
    world.outputs.clear();
    world.batch(*second, 3, 7'999, 7'999);
    CHECK(world.entry(2).forgets.empty());
    world.batch(*second, 3, 8'000, 8'000);
    CHECK(world.entry(3).forgets == Names{"b"});
    world.batch(*second, 3, 12'000, 12'000);
    CHECK(world.outputs == std::vector<std::string>{"a timed out at 2"});
  }
}

TEST_CASE("a checkpoint is wanted of a batch's end at which something is new, one at a time") {
  World world = some_world();
  KeptCheckpoint store;
  auto shard = world.new_shard(with_checkpoints());
  CHECK_FALSE(shard->checkpoint_wanted());  // there was no batch yet
  world.batch(*shard, 1, 4'000);
  CHECK(shard->checkpoint_wanted());
  shard->begin_checkpoint(1);
  CHECK_FALSE(shard->checkpoint_wanted());
  finish_checkpoint(*shard, store);
  CHECK_FALSE(shard->checkpoint_wanted());
  Batch out;
  shard->begin(time_from_ms(4'000));
  world.apply(*shard, 0, 2, out);
  CHECK_FALSE(shard->checkpoint_wanted());  // in the middle of one
  shard->seal({}, "id", out);
  CHECK(shard->checkpoint_wanted());
  world.keep(out);
  shard->committed(shard->n(), Offset{1});
  checkpoint(*shard, store);
  world.log.push_back({3'000, "x", "nothing"});
  world.batch(*shard, 2, 4'000);
  CHECK(shard->checkpoint_wanted());  // it stands elsewhere, and that is worth a head
  const auto no_checkpoints = world.new_shard();
  world.batch(*no_checkpoints, 1, 4'000);
  CHECK_FALSE(no_checkpoints->checkpoint_wanted());
}

TEST_CASE("one that failed is wanted again, also if nothing happens") {
  World world = some_world();
  auto shard = world.new_shard(with_checkpoints());
  KeptCheckpoint store;
  world.batch(*shard, 2, 4'000);
  checkpoint(*shard, store);
  SUBCASE("with what it held") { world.batch(*shard, 3, 4'000); }
  SUBCASE("with a head alone") { world.batch(*shard, 2, 4'000, 4'000); }
  shard->begin_checkpoint(1);
  shard->checkpointer()->failed(false);
  CHECK(shard->checkpoint_wanted());
  checkpoint(*shard, store);
  CHECK(state_in(world, store) == shard->fingerprint());
}

TEST_CASE("a part waits until its batch has committed, and says where that one's entry lies") {
  World world = some_world();
  auto shard = world.new_shard(with_checkpoints());
  Batch one;
  shard->begin(time_from_ms(4'000));
  world.apply(*shard, 0, 1, one);
  shard->seal({}, "id", one);
  const auto journal = [&shard] {
    return decode_checkpoint_head(shard->next_part()->head)->journal;
  };
  SUBCASE("begun before") {
    shard->begin_checkpoint(1);
    shard->checkpointer()->write(10);
    CHECK(shard->checkpointer()->part_waits());
    CHECK_FALSE(shard->part_ready());
    Batch two;  // sealed while the first one commits
    shard->begin(time_from_ms(4'000));
    world.apply(*shard, 0, 2, two);
    shard->seal({}, "id", two);
    CHECK_FALSE(shard->part_ready());
    shard->committed(BatchNumber{1}, Offset{7});
    CHECK(shard->part_ready());
    shard->committed(BatchNumber{2}, Offset{9});
    CHECK(journal() == Offset{7});
  }
  SUBCASE("begun behind it") {
    shard->committed(BatchNumber{1}, Offset{7});
    shard->begin_checkpoint(1);
    shard->checkpointer()->write(10);
    CHECK(shard->part_ready());
    CHECK(journal() == Offset{7});
  }
  SUBCASE("begun at a later one") {
    shard->committed(BatchNumber{1}, Offset{7});
    Batch two;
    shard->begin(time_from_ms(4'000));
    world.apply(*shard, 0, 2, two);
    shard->seal({}, "id", two);
    shard->begin_checkpoint(1);
    shard->checkpointer()->write(10);
    CHECK_FALSE(shard->part_ready());
    shard->committed(BatchNumber{2}, Offset{9});
    CHECK(journal() == Offset{9});
  }
}

TEST_CASE(
    "whatever happens while it is written, it holds the ids as they were at the batch's end") {
  struct {
    const char* title;
    std::vector<Written> records;
    std::optional<int64_t> tick;
  } const table[] = {
      {"nothing", {}, {}},
      {"a record for an open id", {{5'000, "a", "add"}}, {}},
      {"a record that ends it", {{5'000, "a", "end"}}, {}},
      {"a record for a remembered one", {{5'000, "b", "add"}}, {}},
      {"a new one", {{5'000, "c", "add"}}, {}},
      {"records for all of them",
       {{5'000, "a", "add"}, {5'000, "b", "end"}, {5'000, "c", "end"}},
       {}},
      {"b is forgotten", {}, 8'000},
      {"a is timed out", {}, 12'000},
      {"and forgotten", {}, 17'000},
      {"one is carried", {{60'000, "x", "nothing"}}, {}},
      {"a forgotten one comes back", {{5'000, "b", "add"}}, 8'000},
  };
  for (const bool whole : {true, false}) {
    for (const auto& row : table) {
      CAPTURE(whole);
      CAPTURE(row.title);
      ShardLimits limits = with_checkpoints();
      limits.carry_after = std::chrono::seconds(20);
      World world = some_world();
      auto shard = world.new_shard(limits);
      KeptCheckpoint store;
      if (!whole) {
        world.batch(*shard, 0, 4'000);
        checkpoint(*shard, store);
      }
      world.batch(*shard, 3, 4'000);
      const std::string state = shard->fingerprint();
      shard->begin_checkpoint(1);
      world.log.insert(world.log.end(), row.records.begin(), row.records.end());
      const bool carries = row.title == std::string("one is carried");
      const int64_t wall = carries ? 60'000 : std::max<int64_t>(6'000, row.tick.value_or(0));
      world.batch(*shard, world.log.size(), wall, row.tick);
      CHECK(world.entry(world.journal.size() - 1).carried.empty() != carries);
      if (row.title == std::string("a forgotten one comes back")) {
        world.log.push_back({9'000, "b", "add"});
        world.batch(*shard, world.log.size(), 9'000);
      }
      finish_checkpoint(*shard, store);
      auto second = loaded(world, store, limits);
      REQUIRE(second != nullptr);
      CHECK(second->fingerprint() == state);
      replay_rest(world, *second);
      CHECK(second->fingerprint() == shard->fingerprint());
      CHECK(second->timers() == shard->timers());
      if (!shard->checkpoint_wanted()) continue;
      checkpoint(*shard, store);
      CHECK(state_in(world, store, limits) == shard->fingerprint());
    }
  }
}

namespace {

// Has one effect on the record's id, the one that the value names.
class OneEffect final : public TextKeeper {
 public:
  void on_record(const Record& record, Time now, Effects& effects) override {
    const auto found = find(*record.key);
    const Slot slot = found ? *found : make(std::string(*record.key));
    const Key key{name(slot), slot};
    if (record.value == "touch") effects.touch(key);
    if (record.value == "arm") effects.arm(key, now);
    if (record.value == "disarm") effects.disarm(key);
    if (record.value == "forget") effects.forget(key, now);
  }
  void on_timer(Slot slot, Time, Effects&) override { set(slot, "fired"); }
  bool load(std::string_view key, std::string_view bytes, Effects&) override {
    const auto found = find(key);
    set(found ? *found : make(std::string(key)), std::string(bytes));
    return true;
  }
};

std::unique_ptr<Shard> one_effect_shard(const ShardLimits& limits) {
  return std::make_unique<Shard>(Partition{0}, std::nullopt, std::make_unique<OneEffect>(), limits);
}

}  // namespace

TEST_CASE("whatever is done to an id makes it one that has changed") {
  for (const char* effect : {"touch", "arm", "disarm", "forget", "its timer fires", "nothing"}) {
    CAPTURE(std::string(effect));
    World world;
    auto shard = one_effect_shard(with_checkpoints());
    shard->start(Epoch{9}, {Offset{0}}, Offset{0});
    world.log = {{1'000, "a", "touch"}, {1'000, "b", "touch"}, {1'000, "a", "arm"}};
    world.batch(*shard, 3, 2'000);
    KeptCheckpoint store;
    checkpoint(*shard, store);
    std::optional<int64_t> tick;
    if (effect == std::string("its timer fires")) tick = 2'000;
    world.log.push_back({1'000, "a", effect});
    world.batch(*shard, 4, 2'000, tick);
    CHECK(shard->checkpointer()->any_change() == (effect != std::string("nothing")));
    shard->begin_checkpoint(1);
    shard->checkpointer()->write(10);
    const auto part = shard->next_part();
    CHECK(part->entries.size() + part->entries_left.size() ==
          (effect == std::string("nothing") ? 0 : 1));
  }
}

TEST_CASE("an id that was carried in the replay behind a checkpoint has changed, too") {
  ShardLimits limits = with_checkpoints();
  limits.carry_after = std::chrono::seconds(3);
  World world;
  auto first = one_effect_shard(limits);
  first->start(Epoch{9}, {Offset{0}}, Offset{0});
  world.log = {{1'000, "a", "touch"}};
  world.batch(*first, 1, 2'000);
  KeptCheckpoint store;
  checkpoint(*first, store);
  world.batch(*first, 1, 6'000);
  REQUIRE(world.entry(1).carried.size() == 1);
  auto second = one_effect_shard(limits);
  REQUIRE(store.load(*second));
  replay_rest(world, *second);
  checkpoint(*second, store);
  CHECK(decode_checkpoint_entry("a", store.entries.at("a"))->entry.since == BatchNumber{2});
}

TEST_CASE("ids that are loaded leave in the order of their times, not in that of reading") {
  World world;
  ShardLimits limits = with_checkpoints();
  auto first = world.new_shard(limits);
  world.log = {{1'000, "a", "add"}, {1'000, "b", "end"}, {3'000, "a", "end"}};
  world.batch(*first, 3, 4'000);  // b may leave at 6 s, a at 8 s
  KeptCheckpoint store;
  checkpoint(*first, store);
  SUBCASE("each when its time has come") {
    auto second = loaded(world, store, limits);
    REQUIRE(second != nullptr);
    second->go_live();
    world.batch(*second, 3, 6'000, 6'000);
    CHECK(world.entry(1).forgets == Names{"b"});
    world.batch(*second, 3, 8'000, 8'000);
    CHECK(world.entry(2).forgets == Names{"a"});
  }
  SUBCASE("the oldest first if there are too many") {
    limits.remembered_max = 1;
    auto second = loaded(world, store, limits);
    REQUIRE(second != nullptr);
    second->go_live();
    world.batch(*second, 3, 4'500);
    CHECK(world.entry(1).forgets == Names{"b"});
  }
}

TEST_CASE("a record that only passes through changes nothing, whatever is being written") {
  World world;
  world.routing = kByMurmur2;
  world.log = {{1'000, "a", "add"}};
  auto shard = world.new_shard(with_checkpoints());
  world.batch(*shard, 1, 2'000);
  KeptCheckpoint store;
  shard->begin_checkpoint(1);
  world.log.push_back({1'000, "d", "add"});
  world.repartition = {{1'000, "b", "add", origin("in", 1, 0, 1'000)},
                       {1'000, "a", "end", origin("in", 1, 1, 1'000)}};
  world.batch(*shard, 2, 2'000);
  CHECK(world.forwarded.size() == 1);
  finish_checkpoint(*shard, store);
  auto second = loaded(world, store);
  REQUIRE(second != nullptr);
  CHECK(second->living() == 1);
  CHECK(second->next(0) == Offset{1});
  CHECK(second->next(1) == Offset{0});
  replay_rest(world, *second);
  CHECK(second->fingerprint() == shard->fingerprint());
  CHECK(second->next(1) == Offset{2});
}

// --- what is needed should it be lost

TEST_CASE(
    "a checkpoint takes no id's past away: that may go when the id has left, or was carried") {
  ShardLimits limits = with_checkpoints();
  limits.carry_after = std::chrono::seconds(20);
  World world;
  world.routing = kByMurmur2;
  auto first = world.new_shard(limits);
  world.batch(*first, 0, 1'000);
  world.log = {{1'000, "a", "add"}};
  world.repartition = {{1'000, "x", "nothing", origin("in", 1, 0, 1'000)},
                       {1'000, "b", "add", origin("in", 1, 1, 1'000)}};
  world.batch(*first, 1, 2'000);  // batch 2, at offset 1
  world.repartition.push_back({1'000, "x", "nothing", origin("in", 1, 2, 1'000)});
  world.batch(*first, 1, 3'000);
  KeptCheckpoint store;
  checkpoint(*first, store);
  const CheckpointHead head = *store.decoded_head();
  CHECK(head.needed_journal == Offset{1});
  CHECK(head.needed_repartition == Offset{0});
  world.log.push_back({3'000, "c", "add"});
  world.batch(*first, 2, 4'000);  // batch 4

  auto second = loaded(world, store, limits);
  REQUIRE(second != nullptr);
  replay_rest(world, *second);
  world.batch(*second, 2, 5'000);
  CHECK(world.committed.back().origin == BatchNumber{2});
  CHECK(raw(second->needed_from().journal) == 1);
  CHECK(raw(second->needed_from().repartition) == 0);
  CHECK(world.recover(limits)->fingerprint() == second->fingerprint());
  SUBCASE("they end and are forgotten") {
    world.log.insert(world.log.end(), {{5'000, "a", "end"}, {5'000, "b", "end"}});
    world.batch(*second, 4, 6'000);
    world.batch(*second, 4, 10'000, 10'000);
    CHECK(world.entry(6).forgets == Names{"a", "b"});
    CHECK(world.committed.back().origin == BatchNumber{4});  // c's
    CHECK(raw(second->needed_from().journal) == 3);
    CHECK(raw(second->needed_from().repartition) == 3);
  }
  SUBCASE("they are carried") {
    world.batch(*second, 2, 24'000);
    CHECK(world.entry(5).carried.size() == 3);
    CHECK(world.committed.back().origin == BatchNumber{6});
    CHECK(raw(second->needed_from().repartition) == 3);
  }
  CHECK(world.recover(limits)->fingerprint() == second->fingerprint());
}

TEST_CASE("a checkpoint of a checkpoint still knows what its ids need") {
  World world;
  auto shard = world.new_shard(with_checkpoints());
  world.batch(*shard, 0, 1'000);
  world.log = {{1'000, "a", "add"}};
  world.batch(*shard, 1, 2'000);
  for (int life = 0; life < 3; ++life) {
    KeptCheckpoint store;
    shard->checkpointer()->start_over();
    checkpoint(*shard, store);
    shard = loaded(world, store);
    REQUIRE(shard != nullptr);
    shard->go_live();
    world.log.push_back({2'000, "id" + std::to_string(life), "add"});
    world.batch(*shard, world.log.size(), 2'000);
    CHECK(world.committed.back().origin == BatchNumber{2});
    CHECK(raw(shard->needed_from().journal) == 1);
  }
}

// --- what is void

namespace {

// a and b are entries, c and d closed under 2, e under 3; batch 2.
KeptCheckpoint some_kept() {
  World world;
  auto shard = world.new_shard(with_checkpoints());
  KeptCheckpoint store;
  world.log = {{1'000, "a", "add"},
               {1'000, "b", "add"},
               {1'000, "c", "end"},
               {1'000, "d", "end"},
               {1'000, "e", "end"}};
  world.batch(*shard, 4, 2'000);
  checkpoint(*shard, store);
  world.batch(*shard, 5, 2'000);
  checkpoint(*shard, store);
  return store;
}

// An id as the shard saves it, with the head's sums to match.
void put_entry(KeptCheckpoint& store, const CheckpointEntry& entry) {
  const std::string name(entry.key);
  std::string value;
  const uint32_t checksum = encode(entry, value);
  const auto old = decode_checkpoint_entry(name, store.entries.at(name));
  store.change_head([&](CheckpointHead& head) {
    head.entries_sum -= old->checksum;
    head.entries_sum += checksum;
  });
  store.entries[name] = value;
}
void put_closed(KeptCheckpoint& store, uint64_t number, const ClosedIds& closed) {
  store.closed[number].clear();
  encode(closed, store.closed[number]);
}

}  // namespace

TEST_CASE("a checkpoint whose head says that it does not fit is void") {
  struct {
    const char* title;
    std::function<void(CheckpointHead&)> change;
    bool fits;
  } const table[] = {
      {"as it was", [](CheckpointHead&) {}, true},
      {"unfinished", [](CheckpointHead& h) { h.finished = false; }, false},
      {"before any batch", [](CheckpointHead& h) { h.n = BatchNumber{0}; }, false},
      {"of no log", [](CheckpointHead& h) { h.next = {}; }, false},
      {"of two logs", [](CheckpointHead& h) { h.next.push_back(Offset{0}); }, false},
      {"closed ids out of order",
       [](CheckpointHead& h) {
         h.closed = {3, 2};
       },
       false},
      {"closed ids twice",
       [](CheckpointHead& h) {
         h.closed = {2, 3, 3};
       },
       false},
      {"a number that is not one of closed ids",
       [](CheckpointHead& h) {
         h.closed = {1, 2, 3};
       },
       false},
      {"too great a number",
       [](CheckpointHead& h) {
         h.closed = {2, 3, uint64_t{1} << 31};
       },
       false},
      {"more closed ids than there are", [](CheckpointHead& h) { h.closed.push_back(4); }, false},
      {"fewer", [](CheckpointHead& h) { h.closed.pop_back(); }, true},  // they are not read then
      {"more entries", [](CheckpointHead& h) { ++h.entries; }, false},
      {"other entries", [](CheckpointHead& h) { ++h.entries_sum; }, false},
  };
  for (const auto& row : table) {
    CAPTURE(std::string(row.title));
    KeptCheckpoint store = some_kept();
    store.change_head(row.change);
    CHECK((loaded(World{}, store) != nullptr) == row.fits);
  }
}

TEST_CASE("a checkpoint that lacks something, or whose bytes were damaged, is void") {
  const KeptCheckpoint good = some_kept();
  REQUIRE(loaded(World{}, good) != nullptr);
  KeptCheckpoint store = good;
  SUBCASE("an entry") { store.entries.erase("a"); }
  SUBCASE("all entries") { store.entries.clear(); }
  SUBCASE("the first closed ids") { store.closed.erase(2); }
  SUBCASE("the last") { store.closed.erase(3); }
  SUBCASE("all of them") { store.closed.clear(); }
  SUBCASE("an entry is another's") { store.entries["a"] = store.entries["b"]; }
  SUBCASE("an entry is damaged") { store.entries["a"].back() ^= 1; }
  SUBCASE("an entry is too many") {
    std::string value;
    encode(CheckpointEntry{"x", BatchNumber{1}, "\x01\x01\x02"}, value);
    store.entries["x"] = value;
  }
  SUBCASE("closed ids are damaged") { store.closed[2].back() ^= 1; }
  SUBCASE("nothing") { store.head.clear(); }
  CHECK(loaded(World{}, store) == nullptr);
}

TEST_CASE("closed ids come in the order of the head, or the checkpoint is void") {
  const KeptCheckpoint store = some_kept();
  auto shard = World{}.empty_shard(with_checkpoints());
  REQUIRE(shard->load_begin(*store.decoded_head(), store.head));
  CHECK_FALSE(shard->load_closed(3, store.closed.at(3)));
  shard = World{}.empty_shard(with_checkpoints());
  REQUIRE(shard->load_begin(*store.decoded_head(), store.head));
  CHECK(shard->load_closed(2, store.closed.at(2)));
  CHECK_FALSE(shard->load_closed(2, store.closed.at(2)));
  CHECK(shard->load_closed(3, store.closed.at(3)));
  CHECK_FALSE(shard->load_closed(4, store.closed.at(3)));
}

TEST_CASE("an id that says it needs a later batch, or whose state cannot be read, makes it void") {
  KeptCheckpoint store = some_kept();
  const std::string state =
      std::string(decode_checkpoint_entry("a", store.entries["a"])->entry.state);
  SUBCASE("of this batch: it fits") {
    put_entry(store, {"a", BatchNumber{2}, state});
    put_closed(store, 3, {{}, {{"e", BatchNumber{2}, state}}});
    CHECK(loaded(World{}, store) != nullptr);
    return;
  }
  SUBCASE("an entry of a later one") { put_entry(store, {"a", BatchNumber{3}, state}); }
  SUBCASE("a closed one") { put_closed(store, 3, {{}, {{"e", BatchNumber{3}, state}}}); }
  SUBCASE("an entry's state") { put_entry(store, {"a", BatchNumber{1}, state + "x"}); }
  SUBCASE("that of a closed one") { put_closed(store, 3, {{}, {{"e", BatchNumber{1}, "x"}}}); }
  CHECK(loaded(World{}, store) == nullptr);
}

TEST_CASE("entries may come twice, and names may have left that nobody knows") {
  KeptCheckpoint store = some_kept();
  put_closed(store, 3, {{"c", "nobody", "a"}, {}});
  auto shard = World{}.empty_shard(with_checkpoints());
  REQUIRE(shard->load_begin(*store.decoded_head(), store.head));
  for (const uint64_t number : {2, 3}) REQUIRE(shard->load_closed(number, store.closed.at(number)));
  for (int times = 0; times < 2; ++times) {
    for (const auto& [name, value] : store.entries) {
      const Carried entry{name, value};
      REQUIRE(shard->load_entries({&entry, 1}));
    }
  }
  CHECK(shard->load_end());
  CHECK(shard->living() == 3);
}

// The worker that writes checkpoints of its live shards, whatever else happens to these.
#include "checkpoint_script.h"
#include "runtime/worker.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

// Live since 1 s, with a in its state and in a checkpoint.
struct Life : Process {
  explicit Life(FakeKafka& kafka, const WorkerOptions& options = with_store())
      : Process(kafka, options), world(kafka) {
    add("a", "add");
    start();
    REQUIRE(stored_n() == 1);
    history.clear();
  }

  FakeKafka& world;

  void add(const std::string& id, const std::string& value) {
    world.input[kP0].add({1'000, id, value});
  }
  // The batch of the checkpoint in the store; 0: there is none that is finished.
  uint64_t stored_n() const {
    const auto head = decode_checkpoint_head(world.store.head(kP0));
    return head && head->finished ? raw(head->n) : 0;
  }
  size_t builds_on() const { return parts.front().part->builds_on.size(); }
};

// What a successor makes of the store and of Kafka: by a checkpoint, and the same as by Kafka alone.
void check_successor(FakeKafka& kafka, int64_t now_ms) {
  std::string states[2];
  for (const bool by_checkpoint : {true, false}) {
    FakeKafka copy = kafka;
    Process successor(copy, by_checkpoint ? with_store() : worker_options());
    successor.now_ms = now_ms;
    successor.tell(Assigned{{kP0}});
    while (!successor.worker.ready() && successor.step()) {
    }
    REQUIRE(successor.worker.ready());
    CHECK(says(successor, "from a checkpoint") == by_checkpoint);
    states[by_checkpoint ? 0 : 1] = state_of(successor);
  }
  CHECK(states[0] == states[1]);
}

}  // namespace

TEST_CASE("what has changed is written each second, and nothing if nothing has") {
  FakeKafka kafka;
  Life life(kafka);
  life.add("b", "end");
  life.run_at(1'999);
  CHECK(life.count<StorePart>() == 0);
  CHECK(life.worker.next_wakeup() == at(2'000));
  life.run_at(2'000);
  CHECK(life.count<StorePart>() == 1);
  CHECK(life.stored_n() == 2);
  life.run_at(5'000);
  CHECK(life.count<StorePart>() == 1);
  CHECK(life.worker.checkpoint_totals().checkpoints == 2);
  check_successor(kafka, 5'000);
}

TEST_CASE("a checkpoint goes to the store when its batch has committed, not before") {
  FakeKafka kafka;
  Life life(kafka);
  life.hold_commits = true;
  life.add("a", "add");
  life.run_at(3'000);
  REQUIRE(life.waiting.has_value());
  CHECK(life.count<StorePart>() == 0);
  SUBCASE("it commits") {
    life.answer_commit();
    life.run();
    CHECK(life.stored_n() == 2);
  }
  SUBCASE("it fails, and never goes") {
    life.history.clear();
    life.hold_commits = false;
    life.fail_commit();
    CHECK(life.count<LoadCheckpoint>() == 1);
    CHECK(life.count<StorePart>() == 0);
    CHECK(life.stored_n() == 1);
    life.run();
    life.run_at(5'000);
    CHECK(life.stored_n() == 2);
  }
  check_successor(kafka, 5'000);
}

TEST_CASE("batches do not wait for a slow store: what they change goes with the next checkpoint") {
  FakeKafka kafka;
  Life life(kafka);
  life.hold_parts = true;
  for (const char* id : {"b", "c", "d"}) {
    life.add(id, "end");
    life.run_at(life.now_ms + 1'000);
  }
  CHECK(kafka.outputs.size() == 3);
  CHECK(life.count<StorePart>() == 1);
  CHECK(life.stored_n() == 1);
  life.hold_parts = false;
  life.answer_part();
  CHECK(life.stored_n() == 2);
  life.run();
  CHECK(life.stored_n() == 4);
  check_successor(kafka, 5'000);
}

TEST_CASE("a store that is away is said once, and written to when it is back") {
  FakeKafka kafka;
  Life life(kafka);
  kafka.store.away = true;
  for (int i = 0; i < 60; ++i) {
    life.add("b" + std::to_string(i), "end");
    life.run_at(life.now_ms + 1'000);
  }
  CHECK(kafka.outputs.size() >= 60);
  CHECK(notes(life) == Texts{"!partition 0: no checkpoint: the store is away"});
  CHECK(life.count<StorePart>() < 12);
  CHECK(life.worker.checkpoint_totals().failures == life.count<StorePart>());
  kafka.store.away = false;
  life.run_at(life.now_ms + 10'000);
  CHECK(life.stored_n() == raw(life.worker.shard(kP0)->n()));
  check_successor(kafka, life.now_ms);
}

TEST_CASE("a store that was emptied gets all anew, one that another writes to is left to it") {
  FakeKafka kafka;
  Life life(kafka);
  life.add("b", "add");
  SUBCASE("emptied") {
    kafka.store.kept.clear();
    life.run_at(2'000);
    CHECK(says(life, "!partition 0: the checkpoint in the store is not the one"));
    CHECK(life.stored_n() == 0);
    life.run_at(3'000);
    CHECK(life.stored_n() == 2);
    check_successor(kafka, 3'000);
  }
  SUBCASE("another writes") {
    kafka.store.kept[kP0].change_head([](CheckpointHead& head) { head.n = BatchNumber{9}; });
    const KeptCheckpoint others = kafka.store.kept[kP0];
    life.run_at(2'000);
    CHECK(says(life, "!partition 0: the store has a newer checkpoint"));
    life.run_at(30'000);
    CHECK(kafka.store.kept[kP0] == others);
  }
}

TEST_CASE("each recovery writes under a name of its own") {
  FakeKafka kafka;
  Life life(kafka);
  const uint64_t first = kafka.store.kept[kP0].decoded_head()->writer;
  life.hold_commits = true;
  life.add("a", "add");
  life.run();
  life.hold_commits = false;
  life.fail_commit();
  life.run_at(3'000);
  CHECK(life.stored_n() == 2);
  CHECK(kafka.store.kept[kP0].decoded_head()->writer != first);
}

// --- failures

TEST_CASE("an abort while a part is with the store: nobody waits for it, and it may be written") {
  for (const char* fate : {"written", "not written", "written in the end"}) {
    CAPTURE(std::string(fate));
    FakeKafka kafka;
    Life life(kafka);
    life.hold_parts = true;
    life.add("b", "add");
    life.run_at(2'000);
    REQUIRE(life.parts.size() == 1);
    life.hold_commits = true;
    life.add("a", "add");
    life.run();
    REQUIRE(life.waiting.has_value());
    if (fate == std::string("written")) kafka.store.write(0, *life.parts.front().part);
    life.hold_commits = false;
    life.fail_commit();
    if (fate == std::string("written")) life.answer_part(StoreResult::kDone);
    if (fate == std::string("not written")) life.answer_part(StoreResult::kNotSent);
    life.run();
    CHECK(life.worker.ready());
    const size_t batches = fate == std::string("written") ? 0 : 1;
    CHECK(says(life, "from a checkpoint and " + std::to_string(batches) + " batches"));
    CHECK(life.worker.checkpoint_totals().failures == 0);
    life.hold_parts = false;
    while (!life.parts.empty()) life.answer_part();
    life.run_at(4'000);
    CHECK(life.stored_n() == 3);
    check_successor(kafka, 4'000);
  }
}

// --- partitions that go

TEST_CASE("a partition that comes back goes on with its checkpoint: only changes are written") {
  FakeKafka kafka;
  Life life(kafka);
  life.hold_parts = true;
  life.add("b", "add");
  SUBCASE("a part is with the store, and is written") {
    life.run_at(2'000);
    life.tell(Revoked{});
    kafka.store.write(0, *life.parts.front().part);
    SUBCASE("the answer comes while nobody owns it") { life.answer_part(StoreResult::kDone); }
    SUBCASE("the answer comes later") {}
  }
  SUBCASE("a part is with the store, and is not written") {
    life.run_at(2'000);
    life.tell(Revoked{});
    life.answer_part(StoreResult::kUnknown);
  }
  SUBCASE("none is") {
    life.run();
    life.tell(Revoked{});
  }
  life.history.clear();
  life.tell(Assigned{{kP0}});
  life.run();
  CHECK(life.count<LoadCheckpoint>() == 0);
  while (life.parts.size() > 1) life.answer_part(StoreResult::kDone);  // the one from before
  REQUIRE(life.parts.size() == 1);
  const CheckpointPart& part = *life.parts.front().part;
  CHECK_FALSE(part.builds_on.empty());
  REQUIRE(part.entries.size() == 1);
  CHECK(part.entries[0].key == "b");
  life.answer_part();
  CHECK(life.stored_n() == 2);
  check_successor(kafka, 3'000);
}

TEST_CASE("the answer for a partition that is gone concerns nobody") {
  FakeKafka kafka;
  Life life(kafka);
  life.hold_parts = true;
  life.add("b", "add");
  life.run_at(2'000);
  REQUIRE(life.parts.size() == 1);
  life.tell(Revoked{.lost = true});
  SUBCASE("nothing came in its place") {}
  SUBCASE("another did") { life.tell(Assigned{{kP1}}); }
  SUBCASE("it came back, and recovers") {
    kafka.committed[kP0].metadata.clear();  // by way of another
    life.tell(Assigned{{kP0}});
  }
  life.answer_part(StoreResult::kOtherHead);
  CHECK(notes(life).size() <= 1);
  CHECK_FALSE(says(life, "checkpoint in the store"));
}

TEST_CASE("a shard that had begun another batch is not kept, and its checkpoint is given up") {
  FakeKafka kafka;
  Life life(kafka);
  life.hold_parts = true;
  life.hold_commits = true;
  life.add("b", "add");
  life.run_at(2'000);  // in flight
  life.add("c", "add");
  life.run();  // in the batch that waits
  life.tell(Revoked{.lost = true});
  life.answer_commit();
  life.hold_commits = false;
  life.hold_parts = false;
  while (!life.parts.empty()) life.answer_part();
  life.tell(Assigned{{kP0}});
  life.run_at(4'000);
  CHECK(life.stored_n() == raw(life.worker.shard(kP0)->n()));
  check_successor(kafka, 4'000);
}

// --- the end

TEST_CASE("a clean stop waits for a last checkpoint, so that the successor has nothing to replay") {
  FakeKafka kafka;
  Life life(kafka);
  life.add("b", "add");
  life.run();
  CHECK(life.stored_n() == 1);  // its turn has not come
  life.hold_parts = true;
  SUBCASE("it had not begun") {}
  SUBCASE("one was under way, and then comes the last") {
    life.run_at(2'000);
    life.add("c", "add");
    life.run();
  }
  life.tell(StopRequested{});
  life.run();
  while (!life.parts.empty()) {
    CHECK_FALSE(life.exit_code().has_value());
    life.answer_part();
    life.run();
  }
  CHECK(life.exit_code() == 0);
  CHECK(Offset{static_cast<int64_t>(life.stored_n())} == kafka.committed[kP0].next);
  Process second(kafka, with_store());
  second.start();
  CHECK(says(second, "from a checkpoint and 0 batches"));
}

TEST_CASE("a stop that has nothing to write waits for nothing") {
  FakeKafka kafka;
  Life life(kafka);
  life.hold_parts = true;
  life.tell(StopRequested{});
  CHECK(life.exit_code() == 0);
}

TEST_CASE("a stop waits for the last commit first, and then for its checkpoint") {
  FakeKafka kafka;
  Life life(kafka);
  life.hold_commits = true;
  life.hold_parts = true;
  life.add("b", "add");
  life.run();
  life.tell(StopRequested{});
  life.run_at(9'000);
  CHECK_FALSE(life.exit_code().has_value());
  CHECK(life.parts.empty());
  life.answer_commit();
  life.run();
  CHECK_FALSE(life.exit_code().has_value());
  REQUIRE(life.parts.size() == 1);
  life.answer_part();
  CHECK(life.exit_code() == 0);
  CHECK(life.stored_n() == 2);
}

TEST_CASE("a stop does not wait for a store that is away, nor long for one that is silent") {
  FakeKafka kafka;
  Life life(kafka);
  life.add("b", "add");
  life.run();
  SUBCASE("it was away before") {
    kafka.store.away = true;
    life.run_at(2'000);
    REQUIRE(says(life, "the store is away"));
    life.tell(StopRequested{});
    CHECK(life.exit_code() == 0);
  }
  SUBCASE("it goes away now") {
    kafka.store.away = true;
    life.tell(StopRequested{});
    life.run();
    CHECK(life.exit_code() == 0);
  }
  SUBCASE("it is silent") {
    life.hold_parts = true;
    life.tell(StopRequested{});
    life.run();
    life.run_at(life.now_ms + 299);
    REQUIRE(life.parts.size() == 1);
    CHECK_FALSE(life.exit_code().has_value());
    life.run_at(life.now_ms + 1);
    CHECK(life.exit_code() == 0);
    const size_t said = life.history.size();
    life.answer_part(StoreResult::kUnknown);  // too late
    CHECK(life.history.size() == said);
  }
  CHECK(life.count<Exit>() == 1);
}

TEST_CASE("a stop writes all anew if the store was emptied") {
  FakeKafka kafka;
  Life life(kafka);
  life.add("b", "add");
  life.run();
  kafka.store.kept.clear();
  life.tell(StopRequested{});
  life.run();
  CHECK(life.exit_code() == 0);
  CHECK(life.stored_n() == 2);
  check_successor(kafka, 3'000);
}

TEST_CASE("a stop while a checkpoint is read waits for nothing") {
  FakeKafka kafka;
  { Life first(kafka); }
  Process second(kafka, with_store());
  second.hold_pages = true;
  second.start();
  REQUIRE(second.worker.loading().size() == 1);
  second.tell(StopRequested{});
  second.run();
  CHECK(second.exit_code() == 0);
}

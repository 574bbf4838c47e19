// Partitions that go and come back: their shards are kept aside, and go on if nobody else was there.
#include "script.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

bool recovered(const Process& process) { return process.count<StartReading>() > 0; }

// Taken away, and given back after `between`.
void rebalance(
    Process& process, const std::function<void()>& between = [] {},
    std::vector<Partition> partitions = {kP0}) {
  process.tell(Revoked{});
  between();
  process.history.clear();
  process.tell(Assigned{std::move(partitions)});
  process.run();
  REQUIRE(process.worker.ready());
}

// What Kafka says of a partition whose batch n was committed by somebody.
Location committed_at(uint64_t n, int64_t next, int64_t journal_end, int64_t input_end) {
  const std::string metadata =
      encode(CommitMetadata{Epoch{77}, BatchNumber{n}, BatchNumber{1}, Offset{0}, "id"});
  return {kP0,
          {{Offset{next}, metadata, {Offset{0}, Offset{input_end}}}},
          {Offset{0}, Offset{journal_end}}};
}

}  // namespace

TEST_CASE("a partition that comes back as it was goes on without recovery") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start();
  const std::string state = process.worker.shard(kP0)->fingerprint();
  rebalance(process);
  CHECK(process.history ==
        Actions{Locate{process.request(), {kP0}}, Assign{{{kP0, Log::kInput, Offset{1}}}}});
  CHECK(process.worker.shard(kP0)->fingerprint() == state);
  CHECK(process.worker.shard(kP0)->epoch() == Epoch{1'001});
  kafka.input[kP0].add({1'000, "a", "end"});
  process.run();
  CHECK(kafka.outputs == Texts{"a=2"});
  // And a successor finds what it needs.
  Process second(kafka);
  second.start();
  CHECK(second.worker.shard(kP0)->fingerprint() == process.worker.shard(kP0)->fingerprint());
}

TEST_CASE("its timers go on too") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start();
  rebalance(process);
  CHECK_FALSE(recovered(process));
  process.run_at(10'999);
  CHECK(kafka.outputs.empty());
  process.run_at(11'000);
  CHECK(kafka.outputs == Texts{"a timed out at 1"});
}

TEST_CASE("records that were read and not committed are read again") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start();
  kafka.input[kP0].add({1'000, "x", "nothing"});
  process.run();
  REQUIRE(process.worker.shard(kP0)->next(0) == Offset{2});
  REQUIRE(kafka.committed[kP0].next == Offset{1});
  process.tell(Revoked{});
  process.history.clear();
  process.tell(Assigned{{kP0}});
  CHECK(process.history.back() == Action{Assign{{{kP0, Log::kInput, Offset{1}}}}});
  CHECK(process.worker.shard(kP0)->next(0) == Offset{1});
  process.run();
  CHECK_FALSE(recovered(process));
  CHECK(process.worker.shard(kP0)->next(0) == Offset{2});
}

TEST_CASE("if somebody committed in between, or the offsets were set, the state is built anew") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start();
  const Epoch epoch = process.worker.shard(kP0)->epoch();
  SUBCASE("another member had it and went on") {
    rebalance(process, [&kafka] {
      kafka.input[kP0].add({1'000, "a", "add"});
      Process(kafka).start();
    });
    CHECK(recovered(process));
    CHECK(process.worker.shard(kP0)->n() == BatchNumber{2});
    CHECK(process.worker.shard(kP0)->epoch() == epoch);
    kafka.input[kP0].add({1'000, "a", "end"});
    process.run();
    CHECK(kafka.outputs == Texts{"a=3"});
  }
  SUBCASE("another member had it and read nothing, but a group timed out") {
    process.now_ms = 12'000;
    rebalance(process, [&kafka] {
      Process other(kafka);
      other.now_ms = 11'500;
      other.start();
    });
    CHECK(kafka.committed[kP0].next == Offset{1});
    CHECK(recovered(process));
    process.run_at(30'000);
    CHECK(kafka.outputs == Texts{"a timed out at 1"});
  }
  SUBCASE("another member had it and did nothing") {
    rebalance(process, [&kafka] { Process(kafka).start(); });
    CHECK_FALSE(recovered(process));
  }
  SUBCASE("an operator's reset, to the same offset") {
    rebalance(process, [&kafka] { kafka.committed[kP0] = {0, kP0, Offset{1}, ""}; });
    CHECK(process.worker.shard(kP0)->living() == 0);
    CHECK(process.worker.shard(kP0)->epoch() != epoch);
  }
  SUBCASE("an operator's reset, back") {
    rebalance(process, [&kafka] { kafka.committed[kP0] = {0, kP0, Offset{0}, ""}; });
    CHECK(process.worker.shard(kP0)->living() == 1);  // read again
    CHECK(process.worker.shard(kP0)->epoch() != epoch);
  }
  SUBCASE("offsets that expired") {
    rebalance(process, [&kafka] { kafka.committed.clear(); });
    CHECK(recovered(process));
    CHECK(process.worker.shard(kP0)->epoch() == epoch);
    CHECK(process.worker.shard(kP0)->living() == 1);
  }
}

TEST_CASE("a partition that does not come back at once is somebody else's") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start({kP0, kP1});
  rebalance(process, [] {}, {kP1});
  CHECK(process.worker.shard(kP0) == nullptr);
  rebalance(process, [] {}, {kP0, kP1});
  CHECK(recovered(process));
  CHECK(process.worker.shard(kP0)->living() == 1);
}

TEST_CASE("with two logs both positions have to be the committed ones") {
  const WorkerOptions options = worker_options(Routing{Partitioner::kMurmur2, 1});
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.repartition[kP0].add({1'000, "b", "add", origin("in", 1, 0, 1'000)});
  Process process(kafka, options);
  process.start();
  SUBCASE("they are") {
    rebalance(process);
    CHECK_FALSE(recovered(process));
    CHECK(process.history.back() ==
          Action{Assign{{{kP0, Log::kInput, Offset{1}}, {kP0, Log::kRepartition, Offset{1}}}}});
    CHECK(process.worker.shard(kP0)->living() == 2);
  }
  SUBCASE("one was set") {
    rebalance(process, [&kafka] { kafka.committed_repartition[kP0] = {1, kP0, Offset{0}, ""}; });
    CHECK_FALSE(recovered(process));
    CHECK(process.worker.shard(kP0)->living() == 1);  // b, read again
  }
}

TEST_CASE("after a failure nothing is kept: the state may hold what did not commit") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "end"});
  process.run();
  process.tell(Revoked{});
  process.history.clear();
  process.fail_commit();
  process.hold_commits = false;
  process.tell(Assigned{{kP0}});
  process.run();
  CHECK(recovered(process));
  CHECK(kafka.outputs == Texts{"a=2"});
}

TEST_CASE("a partition that is given back takes along what was applied: the shard is kept") {
  Worker worker = announced_worker();
  apply(worker, {{0, "a", "add"}}, 1, 1'100);
  worker.handle(Revoked{}, at(1'200));
  committed_batch(worker);
  worker.handle(Committed{{Offset{2}}}, at(1'250));
  CHECK(worker.take_actions() == Actions{Unassign{}});
  worker.handle(Assigned{{kP0}}, at(1'300));
  const uint64_t request = located_last(worker.take_actions()).request;
  worker.handle(Located{request, {committed_at(2, 1, 4, 1)}, {8}}, at(1'300));
  CHECK(worker.take_actions() == Actions{Assign{{{kP0, Log::kInput, Offset{1}}}}});
}

TEST_CASE("what was applied with effect and not sealed is no state to keep") {
  Worker worker = announced_worker();
  apply(worker, {{0, "a", "add"}}, 1, 1'100);
  worker.handle(Revoked{true}, at(1'200));
  worker.handle(Assigned{{kP0}}, at(1'300));
  const uint64_t request = located_last(worker.take_actions()).request;
  worker.handle(Located{request, {committed_at(1, 0, 2, 1)}, {8}}, at(1'300));
  CHECK(worker.take_actions() == Actions{StartReading{kP0, Log::kJournal, Offset{0}},
                                         Assign{{{kP0, Log::kInput, Offset{0}}}}});
}

TEST_CASE("a batch that never went has a number that another's may have: its shard is not kept") {
  Worker worker = announced_worker();
  apply(worker, {{0, "a", "end"}}, 1, 1'100);
  worker.end_round(at(1'100));
  committed_batch(worker);  // 2
  apply(worker, {{1, "b", "end"}}, 2, 1'110);
  worker.end_round(at(1'110));  // 3
  worker.handle(Revoked{true}, at(1'120));
  worker.handle(Committed{{Offset{2}}}, at(1'130));
  CHECK(worker.take_actions() == Actions{Unassign{}});
  worker.handle(Assigned{{kP0}}, at(1'140));
  const uint64_t request = located_last(worker.take_actions()).request;
  // Somebody else's third batch, over the same record.
  worker.handle(Located{request, {committed_at(3, 2, 6, 2)}, {8}}, at(1'140));
  CHECK(worker.take_actions() == Actions{StartReading{kP0, Log::kJournal, Offset{0}},
                                         Assign{{{kP0, Log::kInput, Offset{2}}}}});
}

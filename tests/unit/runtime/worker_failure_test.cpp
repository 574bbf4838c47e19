// The worker when transactions fail, partitions are taken away, or the end has come.
#include "runtime/worker.h"

#include "script.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

TEST_CASE(
    "a failed transaction: new producer, located again, state from the logs, and the same outputs "
    "once more") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "k", "bad"});
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'100, "a", "end"});
  process.run();
  REQUIRE(process.waiting.has_value());
  const Texts first = values(*process.waiting->batch);
  process.history.clear();
  process.fail_commit();
  CHECK_FALSE(process.worker.ready());
  CHECK(process.worker.live_partitions().empty());
  CHECK(process.history == Actions{Note{true, "lost"}, OpenProducer{},
                                   Locate{process.request(), {kP0}},
                                   StartReading{kP0, Log::kJournal, Offset{0}},
                                   Assign{{{kP0, Log::kInput, Offset{2}}}}});
  process.run();
  REQUIRE(process.waiting.has_value());
  CHECK(values(*process.waiting->batch) == first);
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"!bad", "a=2"});
  CHECK(process.worker.totals().batches_failed == 1);
}

TEST_CASE("a failure while a second batch waits drops that too, and nothing is lost or doubled") {
  FakeKafka kafka;
  WorkerOptions options = worker_options();
  SUBCASE("it is still being built") {}
  SUBCASE("it is full") { options.batch_records_max = 1; }
  Process process(kafka, options);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "end"});
  process.run();
  kafka.input[kP0].add({1'000, "b", "end"});
  process.run();
  CHECK(process.worker.can_build() == (options.batch_records_max > 1));
  process.fail_commit();
  process.hold_commits = false;
  process.run();
  CHECK(kafka.outputs == Texts{"a=1", "b=1"});
  CHECK(process.worker.totals().records == 2);
}

TEST_CASE("a transaction whose answer was lost but that had committed is not done again") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.hold_commits = true;
  process.start();
  kafka.commit(*process.waiting->batch);
  process.fail_commit();
  process.hold_commits = false;
  process.run();
  kafka.input[kP0].add({1'000, "a", "end"});
  process.run();
  CHECK(kafka.outputs == Texts{"a=2"});
  CHECK(process.worker.shard(kP0)->epoch() == Epoch{1'001});
}

TEST_CASE(
    "a failure that no call will mend ends the worker with its exit code, and nothing is heard "
    "after it") {
  Worker worker = live_worker();
  worker.handle(Failed{{Remedy::kStop, "denied", 3}}, at(0));
  CHECK(worker.take_actions() == Actions{Exit{3, "denied"}});
  CHECK_FALSE(worker.can_build());
  worker.handle(Revoked{}, at(0));
  worker.handle(Assigned{{kP0}}, at(0));
  worker.handle(StopRequested{}, at(0));
  worker.on_time(at(100'000));
  CHECK(worker.take_actions().empty());
}

// --- the group takes partitions away

TEST_CASE(
    "a revocation with nothing in flight gives the partitions back at once; what was not sealed is "
    "dropped") {
  Worker worker = live_worker();
  apply(worker, {{0, "x", "nothing"}}, 1, 100);
  worker.end_round(at(100));
  worker.handle(Revoked{}, at(100));
  CHECK(worker.take_actions() == Actions{Unassign{}});
  CHECK(worker.seats() == 0);
  CHECK_FALSE(worker.ready());
  worker.handle(Assigned{{kP1}}, at(200));
  CHECK(located_last(worker.take_actions()).partitions == std::vector{kP1});
}

TEST_CASE("a revocation during a commit waits for it, and for the batch behind it") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "end"}}, 1, 100);
  worker.end_round(at(100));
  committed_batch(worker);
  apply(worker, {{1, "b", "end"}}, 2, 110);
  worker.end_round(at(110));
  worker.handle(Revoked{}, at(120));
  CHECK(worker.take_actions().empty());
  CHECK_FALSE(worker.can_build());
  worker.handle(Committed{{Offset{0}}}, at(130));
  CHECK(values(committed_batch(worker)) == Texts{"b=1"});
  worker.handle(Committed{{Offset{2}}}, at(140));
  CHECK(worker.take_actions() == Actions{Unassign{}});
}

TEST_CASE(
    "partitions that are lost: what is on its way is awaited, what waits behind it never goes") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "end"}}, 1, 100);
  worker.end_round(at(100));
  committed_batch(worker);
  apply(worker, {{1, "b", "end"}}, 2, 110);
  worker.end_round(at(110));
  worker.handle(Revoked{true}, at(120));
  CHECK(worker.take_actions().empty());
  SUBCASE("it commits") {
    worker.handle(Committed{{Offset{0}}}, at(130));
    CHECK(worker.take_actions() == Actions{Unassign{}});
    worker.handle(Assigned{{kP0}}, at(140));
    CHECK(located_last(worker.take_actions()).partitions == std::vector{kP0});
  }
  SUBCASE("it is fenced") {
    worker.handle(Failed{{Remedy::kAbortAndRebuild, "fenced", 1}}, at(130));
    CHECK(worker.take_actions() == Actions{Note{true, "fenced"}, OpenProducer{}, Unassign{}});
    worker.handle(Assigned{{kP0}}, at(140));
    CHECK(worker.take_actions().empty());
    worker.handle(ProducerOpened{}, at(150));
    CHECK(located_last(worker.take_actions()).partitions == std::vector{kP0});
  }
  CHECK(worker.totals().counters == Effects::Counters{});
}

TEST_CASE("a revocation during recovery stops the reading") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process(kafka).start();
  Process second(kafka);
  second.portion_max = 1;
  second.tell(Assigned{{kP0}});
  second.step();
  second.history.clear();
  second.tell(Revoked{});
  CHECK(second.history == Actions{StopReading{kP0}, Unassign{}});
  CHECK(second.worker.replay_wants().empty());
}

TEST_CASE(
    "an answer to an older question where to begin is void: others may have committed since") {
  Worker worker(worker_options(), make_toy);
  worker.handle(ProducerOpened{}, at(0));
  worker.handle(Assigned{{kP0}}, at(0));
  const uint64_t older = located_last(worker.take_actions()).request;
  worker.handle(Revoked{}, at(0));
  CHECK(worker.take_actions() == Actions{Unassign{}});
  worker.handle(Assigned{{kP0}}, at(0));
  const uint64_t newer = located_last(worker.take_actions()).request;
  CHECK(newer != older);
  worker.handle(Located{older, {empty_location(kP0, 3)}, {7}}, at(0));
  CHECK(worker.take_actions().empty());
  worker.handle(Located{newer, {empty_location(kP0, 9)}, {7}}, at(0));
  CHECK(worker.take_actions() == Actions{Assign{{{kP0, Log::kInput, Offset{9}}}}});
}

// --- the end

TEST_CASE("a stop with nothing to commit exits at once, whatever the state") {
  SUBCASE("before anything was heard") {
    Worker worker(worker_options(), make_toy);
    worker.take_actions();
    worker.handle(StopRequested{}, at(0));
    CHECK(worker.take_actions() == Actions{Exit{0, ""}});
  }
  SUBCASE("live and idle") {
    Worker worker = announced_worker();
    worker.handle(StopRequested{}, at(0));
    CHECK(worker.take_actions() == Actions{Exit{0, ""}});
    worker.handle(StopRequested{}, at(0));
    CHECK(worker.take_actions().empty());
  }
  SUBCASE("in recovery") {
    FakeKafka kafka;
    kafka.input[kP0].add({1'000, "a", "add"});
    Process(kafka).start();
    Process second(kafka);
    second.portion_max = 1;
    second.tell(Assigned{{kP0}});
    second.tell(StopRequested{});
    CHECK(second.exit_code() == 0);
  }
}

TEST_CASE("a stop right after the first start commits the new epoch first") {
  Worker worker = live_worker();
  worker.handle(StopRequested{}, at(10));
  CHECK(worker.take_actions().empty());
  worker.end_round(at(10));
  CHECK(entry_of(committed_batch(worker)).n == BatchNumber{1});
  worker.handle(Committed{{Offset{0}}}, at(20));
  CHECK(worker.take_actions() == Actions{Exit{0, ""}});
}

TEST_CASE("a clean stop commits what was applied, also positions alone, then exits") {
  Worker worker = live_worker();
  apply(worker, {{0, "x", "nothing"}}, 1, 100);
  worker.end_round(at(100));
  worker.handle(StopRequested{}, at(110));
  CHECK(worker.take_actions().empty());
  worker.end_round(at(110));
  CHECK(entry_of(committed_batch(worker)).ranges == std::vector<LogRange>{{Offset{0}, Offset{1}}});
  worker.handle(Committed{{Offset{0}}}, at(120));
  CHECK(worker.take_actions() == Actions{Exit{0, ""}});
}

TEST_CASE("a stop waits for the batch in flight and for the one behind it") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "end"}}, 1, 100);
  worker.end_round(at(100));
  committed_batch(worker);
  apply(worker, {{1, "b", "end"}}, 2, 110);
  worker.end_round(at(110));
  worker.handle(StopRequested{}, at(120));
  CHECK(worker.take_actions().empty());
  worker.handle(Committed{{Offset{0}}}, at(130));
  worker.end_round(at(130));
  CHECK(values(committed_batch(worker)) == Texts{"b=1"});
  worker.handle(Committed{{Offset{2}}}, at(140));
  CHECK(worker.take_actions() == Actions{Exit{0, ""}});
}

TEST_CASE("a stop under load reads nothing more") {
  FakeKafka kafka;
  for (int i = 0; i < 100; ++i) kafka.input[kP0].add({1'000, "id" + std::to_string(i), "end"});
  Process process(kafka);
  process.portion_max = 10;
  process.tell(Assigned{{kP0}});
  process.step();
  process.step();
  const size_t before = kafka.outputs.size();
  process.tell(StopRequested{});
  CHECK(process.worker.room() == 0);
  process.run();
  CHECK(process.exit_code() == 0);
  CHECK(kafka.outputs.size() == before);
  CHECK(raw(kafka.committed[kP0].next) == static_cast<int64_t>(before));
}

TEST_CASE(
    "a stop whose last transaction fails exits all the same: what was not committed is read "
    "again") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "end"});
  Process process(kafka);
  process.hold_commits = true;
  process.start();
  process.tell(StopRequested{});
  process.fail_commit();
  CHECK(process.exit_code() == 0);
  Process(kafka).start();
  CHECK(kafka.outputs == Texts{"a=1"});
}

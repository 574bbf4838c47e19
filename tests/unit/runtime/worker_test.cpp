// The worker as a state machine: events in, actions out, compared by value. Live batches and the
// clock.
#include "runtime/worker.h"

#include "script.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

TEST_CASE("the first start: a producer, then the place, then the positions, then live") {
  Worker worker(worker_options(), make_toy);
  CHECK(worker.take_actions() == Actions{OpenProducer{}});
  worker.handle(Assigned{{kP0, kP1}}, at(0));
  CHECK(worker.take_actions().empty());
  worker.handle(ProducerOpened{}, at(0));
  CHECK(worker.take_actions() == Actions{Locate{1, {kP0, kP1}}});
  CHECK_FALSE(worker.ready());
  CHECK_FALSE(worker.can_build());
  worker.handle(Located{1, {empty_location(kP0, 3), empty_location(kP1, 5)}, {7, 8}}, at(0));
  CHECK(worker.take_actions() ==
        Actions{Assign{{{kP0, Log::kInput, Offset{3}}, {kP1, Log::kInput, Offset{5}}}}});
  CHECK(worker.ready());
  CHECK(worker.can_build());
  CHECK(worker.shard(kP0)->epoch() == Epoch{7});
  CHECK(worker.shard(kP1)->epoch() == Epoch{8});
}

TEST_CASE("partitions that come after the producer are located at once") {
  Worker worker(worker_options(), make_toy);
  worker.handle(ProducerOpened{}, at(0));
  CHECK(worker.take_actions() == Actions{OpenProducer{}});
  worker.handle(Assigned{{kP0}}, at(0));
  CHECK(worker.take_actions() == Actions{Locate{1, {kP0}}});
}

TEST_CASE("a member without partitions says so to the group and is never ready") {
  Worker worker(worker_options(), make_toy);
  worker.handle(ProducerOpened{}, at(0));
  worker.take_actions();
  worker.handle(Assigned{{}}, at(0));
  CHECK(worker.take_actions() == Actions{Assign{}});
  CHECK_FALSE(worker.ready());
  worker.end_round(at(10'000));
  worker.on_time(at(10'000));
  CHECK(worker.take_actions().empty());
  worker.handle(Revoked{}, at(10'000));
  CHECK(worker.take_actions() == Actions{Unassign{}});
}

TEST_CASE(
    "records with effect make one transaction: outputs, journal entry, offset with metadata") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "add"}, {1, "a", "end"}, {2, "b", "add"}}, 4, 100);
  worker.end_round(at(110));
  const Batch& batch = committed_batch(worker);
  CHECK(worker.committing());
  CHECK(values(batch) == Texts{"a=2"});
  REQUIRE(batch.outputs.size() == 2);
  CHECK(batch.outputs[1].partition == kP0);
  const JournalEntry entry = entry_of(batch);
  CHECK(entry.epoch == Epoch{77});
  CHECK(entry.n == BatchNumber{1});
  CHECK(entry.ranges == std::vector<LogRange>{{Offset{0}, Offset{4}}});
  CHECK(entry.ceiling == at(100));
  CHECK_FALSE(entry.tick.has_value());
  CHECK(batch.offsets ==
        std::vector<OffsetCommit>{
            {0, kP0, Offset{4},
             encode(CommitMetadata{Epoch{77}, BatchNumber{1}, BatchNumber{1}, Offset{0}, "id"})}});
  worker.handle(Committed{{Offset{0}}}, at(120));
  CHECK_FALSE(worker.committing());
  CHECK(worker.take_actions().empty());
  CHECK(worker.totals().records == 3);
  CHECK(worker.totals().batches_committed == 1);
}

TEST_CASE(
    "the next batch is built while one commits, and goes when that has committed: never two at a "
    "time") {
  WorkerOptions options = worker_options();
  options.batch_records_max = 1;
  Worker worker = live_worker(options);
  apply(worker, {{0, "a", "add"}}, 1, 100);
  worker.end_round(at(100));
  const Batch& first = committed_batch(worker);
  CHECK(worker.can_build());
  apply(worker, {{1, "a", "end"}}, 2, 110);
  worker.end_round(at(110));
  CHECK(worker.take_actions().empty());
  CHECK_FALSE(worker.can_build());  // one in flight, one waits
  CHECK(entry_of(first).n == BatchNumber{1});
  worker.handle(Committed{{Offset{5}}}, at(120));
  const Batch& second = committed_batch(worker);
  CHECK(entry_of(second).n == BatchNumber{2});
  CHECK(values(second) == Texts{"a=2"});
  CHECK(worker.can_build());
}

TEST_CASE("while a batch commits the next one grows, round after round") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "end"}}, 1, 1'010);
  worker.end_round(at(1'010));
  committed_batch(worker);
  apply(worker, {{1, "b", "end"}}, 2, 1'020);
  worker.end_round(at(1'020));
  apply(worker, {{2, "c", "end"}}, 3, 1'030);
  worker.end_round(at(1'030));
  CHECK(worker.take_actions().empty());
  worker.handle(Committed{{Offset{0}}}, at(1'040));
  worker.end_round(at(1'040));
  const Batch& grown = committed_batch(worker);
  CHECK(values(grown) == Texts{"b=1", "c=1"});
  CHECK(entry_of(grown).ranges == std::vector<LogRange>{{Offset{1}, Offset{3}}});
  CHECK(entry_of(grown).ceiling == at(1'030));
}

TEST_CASE("a batch in which a time was cut to the ceiling takes no further round") {
  Worker worker = live_worker();
  CHECK(worker.extendable(kP0));
  apply(worker, {{0, "a", "end"}}, 1, 1'010);
  worker.end_round(at(1'010));
  committed_batch(worker);
  std::vector<Record> records(1);
  records[0].topic = "in";
  records[0].offset = Offset{1};
  records[0].timestamp = at(5'000);  // a producer whose clock is ahead
  records[0].key = "b";
  records[0].value = "nothing";
  const Fetched fetched{records, Offset{2}};
  worker.apply(kP0, {&fetched, 1}, at(1'020));
  CHECK_FALSE(worker.extendable(kP0));
  worker.end_round(at(1'030));
  worker.handle(Committed{{Offset{0}}}, at(1'040));
  worker.end_round(at(1'040));
  CHECK(entry_of(committed_batch(worker)).ceiling == at(1'020));
  CHECK(worker.extendable(kP0));
}

TEST_CASE(
    "a new epoch is committed by an empty batch, soon; after that empty rounds change nothing") {
  Worker worker = live_worker();
  worker.end_round(at(999));
  CHECK(worker.take_actions().empty());
  CHECK(worker.next_wakeup() == at(1'000));
  worker.end_round(at(1'000));
  const Batch& batch = committed_batch(worker);
  CHECK(values(batch).empty());
  CHECK(entry_of(batch).epoch == Epoch{77});
  CHECK(entry_of(batch).n == BatchNumber{1});
  CHECK(entry_of(batch).ranges == std::vector<LogRange>{{Offset{0}, Offset{0}}});
  worker.handle(Committed{{Offset{0}}}, at(1'010));
  worker.end_round(at(100'000));
  CHECK(worker.take_actions().empty());
  CHECK_FALSE(worker.next_wakeup().has_value());
}

TEST_CASE(
    "positions that moved over records without effect are committed now and then, alone or with "
    "the next batch") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "nothing"}}, 3, 500);
  worker.end_round(at(500));
  CHECK(worker.take_actions().empty());
  CHECK(worker.next_wakeup() == at(1'000));
  worker.end_round(at(999));
  CHECK(worker.take_actions().empty());
  worker.end_round(at(1'000));
  const Batch& idle = committed_batch(worker);
  CHECK(idle.outputs.size() == 1);
  CHECK(entry_of(idle).ranges == std::vector<LogRange>{{Offset{0}, Offset{3}}});
  worker.handle(Committed{{Offset{0}}}, at(1'010));

  apply(worker, {{3, "a", "nothing"}}, 4, 1'020);
  worker.end_round(at(1'020));
  CHECK(worker.take_actions().empty());
  apply(worker, {{4, "a", "add"}}, 5, 1'030);
  worker.end_round(at(1'030));
  const Batch& next = committed_batch(worker);
  CHECK(entry_of(next).ranges == std::vector<LogRange>{{Offset{3}, Offset{5}}});
  CHECK(entry_of(next).ceiling == at(1'030));
}

TEST_CASE("a batch takes so many records, and so many bytes of outputs") {
  WorkerOptions options = worker_options();
  options.batch_records_max = 3;
  options.batch_output_bytes_max = 10;
  Worker worker = live_worker(options);
  CHECK(worker.room() == 3);
  apply(worker, {{0, "a", "nothing"}, {1, "a", "nothing"}}, 2, 100);
  CHECK(worker.room() == 1);
  worker.end_round(at(100));
  CHECK(worker.room() == 1);
  SUBCASE("so many records, though nothing came of them") {
    apply(worker, {{2, "a", "nothing"}}, 3, 110);
  }
  SUBCASE("so many bytes") { apply(worker, {{2, "long name", "end"}}, 3, 110); }
  CHECK(worker.room() == 0);
  worker.end_round(at(110));
  CHECK(entry_of(committed_batch(worker)).ranges == std::vector<LogRange>{{Offset{0}, Offset{3}}});
  CHECK(worker.room() == 3);
}

TEST_CASE("a batch that puts out much per record makes the next ones smaller") {
  WorkerOptions options = worker_options();
  options.batch_output_bytes_max = 2'000;
  Worker worker = live_worker(options);
  std::vector<Given> given;
  for (int64_t i = 0; i < 100; ++i) given.push_back({i, "name" + std::to_string(i), "end"});
  apply(worker, given, 100, 100);
  worker.end_round(at(100));
  const size_t bytes = committed_batch(worker).bytes.bytes_used();
  CHECK(worker.room() == 2'000 / (bytes / 100 + 1));
}

TEST_CASE("the partitions are read in turn, so that none starves") {
  FakeKafka kafka;
  Process process(kafka);
  process.start({Partition{0}, Partition{1}, Partition{2}});
  std::map<Partition, int> firsts;
  for (int i = 0; i < 9; ++i) ++firsts[process.worker.live_partitions().front()];
  CHECK(firsts ==
        std::map<Partition, int>{{Partition{0}, 3}, {Partition{1}, 3}, {Partition{2}, 3}});
}

// --- the clock

TEST_CASE(
    "the clock moves when the ends of the logs were read and all up to them was applied, to the "
    "time asked") {
  WorkerOptions options = worker_options();
  options.idle_commit = std::chrono::hours(1);
  Worker worker = live_worker(options);
  apply(worker, {{0, "a", "add"}}, 1, 100);
  worker.end_round(at(100));
  committed_batch(worker);
  worker.handle(Committed{{Offset{0}}}, at(100));
  worker.on_time(at(10'099));
  CHECK(worker.take_actions().empty());
  worker.on_time(at(10'105));
  CHECK(worker.take_actions() == Actions{ReadEnds{1, Log::kInput, {kP0}}});
  worker.on_time(at(10'106));
  worker.end_round(at(10'106));
  CHECK(worker.take_actions().empty());  // asked once, and not answered

  worker.handle(EndsRead{1, {{kP0, Offset{3}}}}, at(10'110));
  worker.end_round(at(10'110));
  worker.on_time(at(10'110));
  CHECK(worker.take_actions().empty());  // two offsets are still to come
  apply(worker, {{1, "b", "nothing"}}, 2, 10'120);
  worker.end_round(at(10'120));
  CHECK(worker.take_actions().empty());
  apply(worker, {}, 3, 10'130);  // only a position: markers
  worker.end_round(at(10'130));
  const Batch& batch = committed_batch(worker);
  CHECK(values(batch) == Texts{"a timed out at 1"});
  CHECK(entry_of(batch).tick == at(10'105));
  CHECK(worker.shard(kP0)->clock() == at(10'105));
}

TEST_CASE("a backlog never fails whom it would have saved") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "b", "add"});
  Process process(kafka);
  process.start();
  // Long after both are due, a's end is the last record of a backlog that comes record by record.
  for (int i = 0; i < 20; ++i) kafka.input[kP0].add({2'000, "x", "nothing"});
  kafka.input[kP0].add({2'000, "a", "end"});
  process.portion_max = 1;
  process.run_at(60'000);
  CHECK(kafka.outputs == Texts{"a=2", "b timed out at 1"});
}

TEST_CASE("nothing fires before its time, and on an idle topic it fires on time") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start();
  process.run_at(10'999);
  CHECK(kafka.outputs.empty());
  CHECK(process.worker.next_wakeup() == at(11'000));
  process.run_at(11'000);
  CHECK(kafka.outputs == Texts{"a timed out at 1"});
}

TEST_CASE("ends that could not be read are asked for again") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "add"}}, 1, 100);
  worker.end_round(at(100));
  committed_batch(worker);
  worker.on_time(at(11'000));
  CHECK(worker.take_actions() == Actions{ReadEnds{1, Log::kInput, {kP0}}});
  worker.handle(EndsRead{1, {}}, at(11'001));
  worker.on_time(at(11'002));
  CHECK(worker.take_actions() == Actions{ReadEnds{2, Log::kInput, {kP0}}});
}

TEST_CASE("a tick with very many timers is split over batches; the log is not asked again") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'001, "b", "add"});
  kafka.input[kP0].add({1'002, "c", "add"});
  WorkerOptions options = worker_options();
  options.shard.timers_per_tick_max = 1;
  Process process(kafka, options);
  process.now_ms = 2'000;
  process.start();
  const size_t before = kafka.transactions;
  process.run_at(20'000);
  CHECK(kafka.outputs == Texts{"a timed out at 1", "b timed out at 1", "c timed out at 1"});
  CHECK(kafka.transactions == before + 3);
  CHECK(process.count<ReadEnds>() == 1);
  CHECK(process.worker.shard(kP0)->clock() == at(20'000));
}

TEST_CASE("an answer about the ends from before a rebuild moves no clock") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process process(kafka);
  process.start();
  process.hold_ends = true;
  process.run_at(12'000);
  REQUIRE(process.asked.has_value());
  const ReadEnds first = *process.asked;
  process.hold_commits = true;
  kafka.input[kP0].add({12'000, "b", "add"});
  process.run();
  process.fail_commit();
  process.hold_commits = false;
  process.run_at(13'000);
  const size_t before = kafka.transactions;
  const ReadEnds second = *process.asked;
  process.tell(EndsRead{first.request, {{kP0, Offset{1}}}});
  process.run();
  CHECK(kafka.transactions == before);  // asked at 12,000 of a state that is gone
  CHECK(second.request > first.request);
  CHECK(process.asked == second);
  process.answer_ends();
  process.run();
  CHECK(kafka.outputs == Texts{"a timed out at 1"});
}

TEST_CASE("while an answer is awaited there is nothing to wake up for: the loop must sleep") {
  SUBCASE("another partition's ends are being read") {
    FakeKafka kafka;
    kafka.input[kP0].add({1'000, "a", "add"});
    kafka.input[kP1].add({1'500, "b", "add"});
    Process process(kafka);
    process.now_ms = 2'000;
    process.start({kP0, kP1});
    process.hold_ends = true;
    process.run_at(11'000);
    REQUIRE(process.asked.has_value());
    process.run_at(12'000);  // b is due as well by now
    CHECK(process.worker.next_wakeup().value_or(Time::max()) > process.now());
  }
  SUBCASE("the partitions are to be given back when the commit is through") {
    FakeKafka kafka;
    kafka.input[kP0].add({1'000, "a", "add"});
    Process process(kafka);
    process.hold_commits = true;
    process.start();
    process.tell(Revoked{});
    process.now_ms = 12'000;
    process.worker.on_time(process.now());
    CHECK(process.worker.next_wakeup().value_or(Time::max()) > process.now());
  }
  SUBCASE("an epoch is due for a commit, but the positions of others are not known yet") {
    FakeKafka kafka;
    kafka.input[kP1].add({1'000, "a", "add"});
    {
      Process first(kafka);
      first.start({kP1});
    }
    kafka.committed.clear();
    Process process(kafka);
    process.portion_max = 1;
    process.tell(Assigned{{kP0, kP1}});  // the journal of 1 is scanned
    REQUIRE(process.worker.shard(kP0) != nullptr);
    process.now_ms = 5'000;
    CHECK(process.worker.next_wakeup().value_or(Time::max()) > process.now());
    process.run();
    CHECK(process.worker.ready());
    process.run_at(6'000);
    CHECK(kafka.committed.size() == 2);
  }
  SUBCASE("positions are due for a commit, but one is in flight") {
    FakeKafka kafka;
    kafka.input[kP0].add({1'000, "a", "end"});
    Process process(kafka);
    process.hold_commits = true;
    process.start();
    REQUIRE(process.waiting.has_value());
    kafka.input[kP0].add({1'000, "x", "nothing"});
    process.run();
    process.now_ms = 5'000;  // no round in between: while a batch commits, only a backlog is read
    process.worker.on_time(process.now());
    CHECK(process.worker.next_wakeup().value_or(Time::max()) > process.now());
  }
}

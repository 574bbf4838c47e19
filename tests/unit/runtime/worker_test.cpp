// The worker as a state machine: events in, actions out, compared by value.
#include "runtime/worker.h"

#include "fake_kafka.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

using Actions = std::vector<Action>;
using Texts = std::vector<std::string>;

constexpr Partition kP0{0};
constexpr Partition kP1{1};

Location empty_location(Partition partition, int64_t begin = 0) {
  return {partition, {}, "", {Offset{begin}, Offset{begin}}, {}};
}

// The last action, which is a Locate: what it is numbered is the worker's business.
Locate located_last(const Actions& actions) {
  REQUIRE_FALSE(actions.empty());
  REQUIRE(std::holds_alternative<Locate>(actions.back()));
  return std::get<Locate>(actions.back());
}

// A worker whose partition 0 is live from offset 0, with nothing behind it.
Worker live_worker(WorkerOptions options = {"id", {}}) {
  Worker worker(std::move(options), make_toy);
  worker.handle(ProducerOpened{}, time_from_ms(0));
  worker.handle(Assigned{{kP0}}, time_from_ms(0));
  const uint64_t request = located_last(worker.take_actions()).request;
  worker.handle(Located{request, {empty_location(kP0)}, {77}}, time_from_ms(0));
  worker.take_actions();
  return worker;
}

struct Given {
  int64_t offset = 0;
  std::string key;
  std::string value;
};

void apply(Worker& worker, const std::vector<Given>& given, int64_t next, int64_t wall) {
  std::vector<Record> records;
  for (const Given& g : given) {
    Record record;
    record.topic = "in";
    record.offset = Offset{g.offset};
    record.timestamp = time_from_ms(wall);
    record.key = g.key;
    record.value = g.value;
    records.push_back(record);
  }
  worker.apply(kP0, {records, Offset{next}}, time_from_ms(wall));
}

// The one action, which is a Commit.
const Batch& committed_batch(Worker& worker) {
  const Actions actions = worker.take_actions();
  REQUIRE(actions.size() == 1);
  REQUIRE(std::holds_alternative<Commit>(actions[0]));
  return *std::get<Commit>(actions[0]).batch;
}

Texts values(const Batch& batch) {
  Texts out;
  for (const Output& output : batch.outputs) {
    if (output.topic != TopicRole::kJournal) out.emplace_back(*output.value);
  }
  return out;
}

JournalEntry entry_of(const Batch& batch) {
  return decode_journal_entry(*batch.outputs.at(batch.shards.at(0).journal_output).value).value();
}

Time at(int64_t ms) { return time_from_ms(ms); }

}  // namespace

TEST_CASE("the first start: a producer, then the place, then the positions, then live") {
  Worker worker({"id", {}}, make_toy);
  CHECK(worker.take_actions() == Actions{OpenProducer{}});
  worker.handle(Assigned{{kP0, kP1}}, at(0));
  CHECK(worker.take_actions().empty());
  worker.handle(ProducerOpened{}, at(0));
  CHECK(worker.take_actions() == Actions{Locate{1, {kP0, kP1}}});
  CHECK_FALSE(worker.ready());
  CHECK_FALSE(worker.can_build());
  worker.handle(Located{1, {empty_location(kP0, 3), empty_location(kP1, 5)}, {7, 8}}, at(0));
  CHECK(worker.take_actions() == Actions{Assign{{{kP0, Offset{3}}, {kP1, Offset{5}}}}});
  CHECK(worker.ready());
  CHECK(worker.can_build());
  CHECK(worker.shard(kP0)->epoch() == Epoch{7});
  CHECK(worker.shard(kP1)->epoch() == Epoch{8});
}

TEST_CASE("partitions that come after the producer are located at once") {
  Worker worker({"id", {}}, make_toy);
  worker.handle(ProducerOpened{}, at(0));
  CHECK(worker.take_actions() == Actions{OpenProducer{}});
  worker.handle(Assigned{{kP0}}, at(0));
  CHECK(worker.take_actions() == Actions{Locate{1, {kP0}}});
}

TEST_CASE("a member without partitions says so to the group and is never ready") {
  Worker worker({"id", {}}, make_toy);
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

TEST_CASE("records with effect make one transaction: outputs, journal entry, offset with metadata") {
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
        std::vector<OffsetCommit>{{kP0, Offset{4}, encode(CommitMetadata{Epoch{77}, BatchNumber{1}, BatchNumber{1}, Offset{0}, "id"})}});
  worker.handle(Committed{{Offset{0}}}, at(120));
  CHECK_FALSE(worker.committing());
  CHECK(worker.take_actions().empty());
  CHECK(worker.totals().records == 3);
  CHECK(worker.totals().batches_committed == 1);
}

TEST_CASE("the next batch is built while one commits, and goes when that has committed: never two at a time") {
  Worker worker = live_worker();
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

TEST_CASE("a round that was applied while a batch waits is not possible, and an empty one changes nothing") {
  Worker worker = live_worker();
  worker.end_round(at(100));
  worker.end_round(at(100'000));
  CHECK(worker.take_actions().empty());
}

TEST_CASE("positions that moved over records without effect are committed now and then, alone or with the next batch") {
  Worker worker = live_worker({"id", {}, 20'000, size_t{8} << 20, std::chrono::seconds(1)});
  apply(worker, {{0, "a", "nothing"}}, 3, 500);
  worker.end_round(at(500));
  CHECK(worker.take_actions().empty());
  CHECK(worker.next_wakeup(at(500)) == at(1'000));
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
  Worker worker = live_worker({"id", {}, 3, 10, std::chrono::seconds(1)});
  CHECK(worker.room() == 3);
  apply(worker, {{0, "a", "nothing"}, {1, "a", "nothing"}}, 2, 100);
  CHECK(worker.room() == 1);
  worker.end_round(at(100));
  CHECK(worker.room() == 3);
  apply(worker, {{2, "long name", "end"}}, 3, 110);
  CHECK(worker.room() == 0);
}

TEST_CASE("the partitions are read in turn, so that none starves") {
  FakeKafka kafka;
  Process process(kafka);
  process.start({Partition{0}, Partition{1}, Partition{2}});
  std::map<Partition, int> firsts;
  for (int i = 0; i < 9; ++i) ++firsts[process.worker.live_partitions().front()];
  CHECK(firsts == std::map<Partition, int>{{Partition{0}, 3}, {Partition{1}, 3}, {Partition{2}, 3}});
}

// --- the clock

TEST_CASE("the clock moves when the ends of the logs were read and all up to them was applied, to the time asked") {
  Worker worker = live_worker({"id", {}, 20'000, size_t{8} << 20, std::chrono::hours(1)});
  apply(worker, {{0, "a", "add"}}, 1, 100);
  worker.end_round(at(100));
  committed_batch(worker);
  worker.handle(Committed{{Offset{0}}}, at(100));
  worker.on_time(at(10'099));
  CHECK(worker.take_actions().empty());
  worker.on_time(at(10'105));
  CHECK(worker.take_actions() == Actions{ReadEnds{at(10'105), {kP0}}});
  worker.on_time(at(10'106));
  worker.end_round(at(10'106));
  CHECK(worker.take_actions().empty());  // asked once, and not answered

  worker.handle(EndsRead{at(10'105), {{kP0, Offset{3}}}}, at(10'110));
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
  CHECK(process.worker.next_wakeup(process.now()) == at(11'000));
  process.run_at(11'000);
  CHECK(kafka.outputs == Texts{"a timed out at 1"});
}

TEST_CASE("ends that could not be read are asked for again") {
  Worker worker = live_worker();
  apply(worker, {{0, "a", "add"}}, 1, 100);
  worker.end_round(at(100));
  committed_batch(worker);
  worker.on_time(at(11'000));
  CHECK(worker.take_actions() == Actions{ReadEnds{at(11'000), {kP0}}});
  worker.handle(EndsRead{at(11'000), {}}, at(11'001));
  worker.on_time(at(11'002));
  CHECK(worker.take_actions() == Actions{ReadEnds{at(11'002), {kP0}}});
}

TEST_CASE("a tick with very many timers is split over batches; the log is not asked again") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'001, "b", "add"});
  kafka.input[kP0].add({1'002, "c", "add"});
  WorkerOptions options{"id", {}};
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
  process.hold_commits = true;
  kafka.input[kP0].add({12'000, "b", "add"});
  process.run();
  process.fail_commit();
  process.hold_commits = false;
  process.run_at(13'000);
  const size_t before = kafka.transactions;
  process.answer_ends();
  process.run();
  CHECK(kafka.transactions == before);  // asked at 12,000 of a state that is gone
  REQUIRE(process.asked.has_value());
  CHECK(process.asked->at == at(13'000));
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
    CHECK(process.worker.next_wakeup(process.now()).value_or(Time::max()) > process.now());
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
    CHECK(process.worker.next_wakeup(process.now()).value_or(Time::max()) > process.now());
  }
}

// --- failures

TEST_CASE("a failed transaction: new producer, located again, state from the logs, and the same outputs once more") {
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
  CHECK(process.history == Actions{Note{true, "lost"}, OpenProducer{}, Locate{process.request(), {kP0}},
                                   StartReading{kP0, ReplayLog::kJournal, Offset{0}}, Assign{{{kP0, Offset{2}}}}});
  process.run();
  REQUIRE(process.waiting.has_value());
  CHECK(values(*process.waiting->batch) == first);
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"!bad", "a=2"});
  CHECK(process.worker.totals().batches_failed == 1);
}

TEST_CASE("a failure while a second batch waits drops that too, and nothing is lost or doubled") {
  FakeKafka kafka;
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "end"});
  process.run();
  kafka.input[kP0].add({1'000, "b", "end"});
  process.run();
  CHECK_FALSE(process.worker.can_build());
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

TEST_CASE("a failure that no call will mend ends the worker with its exit code, and nothing is heard after it") {
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

TEST_CASE("a revocation with nothing in flight gives the partitions back at once; what was not sealed is dropped") {
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

TEST_CASE("partitions that are lost: what is on its way is awaited, what waits behind it never goes") {
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

TEST_CASE("an answer to an older question where to begin is void: others may have committed since") {
  Worker worker({"id", {}}, make_toy);
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
  CHECK(worker.take_actions() == Actions{Assign{{{kP0, Offset{9}}}}});
}

// --- the end

TEST_CASE("a stop with nothing to commit exits at once, whatever the state") {
  SUBCASE("before anything was heard") {
    Worker worker({"id", {}}, make_toy);
    worker.take_actions();
    worker.handle(StopRequested{}, at(0));
    CHECK(worker.take_actions() == Actions{Exit{0, ""}});
  }
  SUBCASE("live and idle") {
    Worker worker = live_worker();
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

TEST_CASE("a stop whose last transaction fails exits all the same: what was not committed is read again") {
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

// --- another life

TEST_CASE("a successor goes on where the last commit ended, with the same epoch and the same state") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add_gap();
  std::string state;
  {
    Process first(kafka);
    first.start();
    state = first.worker.shard(kP0)->fingerprint();
  }
  Process second(kafka);
  second.tell(Assigned{{kP0}});
  CHECK(second.history == Actions{OpenProducer{}, Locate{second.request(), {kP0}}, StartReading{kP0, ReplayLog::kJournal, Offset{0}},
                                  Assign{{{kP0, Offset{2}}}}});
  second.history.clear();
  second.now_ms = 3'500;
  second.run();
  CHECK(second.worker.shard(kP0)->fingerprint() == state);
  CHECK(second.worker.shard(kP0)->epoch() == Epoch{1'001});
  CHECK(second.history == Actions{StartReading{kP0, ReplayLog::kInput, Offset{0}}, StopReading{kP0},
                                  Note{false, "partition 0: recovered 1 ids from 1 batches with 1 records in 2.500 s"}});
  kafka.input[kP0].add({1'100, "a", "end"});
  second.run();
  CHECK(kafka.outputs == Texts{"a=2"});
}

TEST_CASE("offsets that were set back start from there with nothing, under a new epoch, and it is said") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process first(kafka);
  first.start();
  const OffsetCommit old = kafka.committed[kP0];
  kafka.input[kP0].add({1'000, "a", "add"});
  first.run();
  kafka.committed[kP0] = old;
  Process second(kafka);
  second.start();
  CHECK(second.count<Note>() == 1);
  CHECK(second.worker.ready());
  kafka.input[kP0].add({1'000, "a", "end"});
  second.run();
  CHECK(kafka.outputs == Texts{"a=2"});  // the first one is not known any more
  SUBCASE("and the life after that follows the new epoch, past the old one's entries") {
    kafka.input[kP0].add({1'000, "b", "add"});
    second.run();
    Process third(kafka);
    third.start();
    CHECK(third.worker.ready());
    CHECK(third.worker.shard(kP0)->epoch() == second.worker.shard(kP0)->epoch());
    CHECK(third.worker.shard(kP0)->fingerprint() == second.worker.shard(kP0)->fingerprint());
  }
}

TEST_CASE("an operator's reset begins with nothing at that offset, whatever the journal holds") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "b", "end"});
  Process(kafka).start();
  kafka.committed[kP0] = {kP0, Offset{1}, ""};
  kafka.outputs.clear();
  Process second(kafka);
  second.start();
  CHECK(kafka.outputs == Texts{"b=1"});
  CHECK(second.worker.shard(kP0)->living() == 1);
}

TEST_CASE("no committed offsets but a journal: its last entry says where to go on") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "b", "end"});
  Process first(kafka);
  first.start();
  kafka.committed.clear();
  Process second(kafka);
  second.tell(Assigned{{kP0}});
  CHECK(second.history == Actions{OpenProducer{}, Locate{second.request(), {kP0}}, StartReading{kP0, ReplayLog::kJournal, Offset{0}}});
  second.run();
  CHECK(second.worker.shard(kP0)->fingerprint() == first.worker.shard(kP0)->fingerprint());
  CHECK(second.worker.shard(kP0)->next(0) == Offset{2});
  CHECK(kafka.outputs == Texts{"b=1"});
}

TEST_CASE("a recovery that misses something says what and exits with 1, unless the loss was accepted") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "b", "add"});
  Process(kafka).start();
  kafka.input[kP0].add({1'000, "c", "end"});
  std::string said;
  SUBCASE("the input that the replay needs") {
    kafka.input[kP0].truncate_before(2);
    said = "partition 0: recovery needs the input from offset 0, but it is retained from 2: 2 offsets are lost";
  }
  SUBCASE("the journal") {
    kafka.journal[kP0].truncate_before(1);
    said = "partition 0: the journal begins at offset 1, recovery needs it from 0";
  }
  Process second(kafka);
  second.start();
  CHECK(second.exit_code() == 1);
  CHECK_FALSE(second.worker.can_build());
  CHECK(std::get<Exit>(second.history.back()).message.starts_with(said));

  WorkerOptions options{"id", {}};
  options.accept_loss = true;
  Process third(kafka, options);
  third.start();
  CHECK(third.worker.ready());
  CHECK(kafka.outputs == Texts{"c=1"});
}

TEST_CASE("records that are gone before they were read are a loss too") {
  FakeKafka kafka;
  for (const char* id : {"a", "b", "c"}) kafka.input[kP0].add({1'000, id, "end"});
  Process(kafka).start();
  for (const char* id : {"d", "e"}) kafka.input[kP0].add({1'000, id, "end"});
  kafka.input[kP0].truncate_before(4);
  Process second(kafka);
  second.start();
  CHECK(second.exit_code() == 1);
}

TEST_CASE("what nobody needs of the journal is offered for deletion, now and then") {
  FakeKafka kafka;
  WorkerOptions options{"id", {}};
  options.trim_interval = std::chrono::seconds(100);
  Process process(kafka, options);
  process.start();
  for (int i = 0; i < 50; ++i) {
    kafka.input[kP0].add({process.now_ms, "id" + std::to_string(i), "end"});
    process.run_at(process.now_ms + 10'000);
  }
  CHECK(process.count<TrimJournal>() == 5);
  CHECK(raw(kafka.journal[kP0].ends().begin) > 0);
  Process second(kafka, options);
  second.now_ms = process.now_ms;
  second.start();
  CHECK(second.worker.shard(kP0)->fingerprint() == process.worker.shard(kP0)->fingerprint());
}

TEST_CASE("one partition is fresh while another recovers: positions are set together, each goes live when it can") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process(kafka).start();
  kafka.input[kP1].add({1'000, "b", "end"});
  Process second(kafka);
  second.tell(Assigned{{kP0, kP1}});
  CHECK(second.history.back() == Action{Assign{{{kP0, Offset{1}}, {kP1, Offset{0}}}}});
  CHECK_FALSE(second.worker.ready());
  CHECK(second.worker.shard(kP0) == nullptr);
  CHECK(second.worker.shard(kP1) != nullptr);
  second.step();
  CHECK(kafka.outputs == Texts{"b=1"});
  second.run();
  CHECK(second.worker.ready());
}

TEST_CASE("two partitions share a transaction, each with its own entry and offset") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "end"});
  kafka.input[kP1].add({1'000, "b", "end"});
  Process process(kafka);
  process.start({kP0, kP1});
  CHECK(kafka.transactions == 1);
  CHECK(kafka.committed.size() == 2);
  CHECK(kafka.journal[kP0].end() == 2);
  CHECK(kafka.journal[kP1].end() == 2);
}

TEST_CASE("whatever crashes when, the next life has the state of the last commit, and no output is lost or doubled") {
  // Ids live in one window of time each: what is forgotten when is not decided by the records alone, and a name that
  // comes again shows it.
  constexpr int64_t kWindowMs = 4'000;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](uint32_t n) { return static_cast<int64_t>(random() % n); };
    FakeKafka kafka;
    FakeKafka calm;  // the same records and times, and one life
    WorkerOptions options{"id", {}};
    options.shard.timers_per_tick_max = 4;
    options.trim_interval = std::chrono::seconds(3);
    auto process = std::make_unique<Process>(kafka, options);
    Process replica(calm, options);
    process->start();
    replica.start();
    int64_t now = 1'000'000;
    for (int i = 0; i < 60; ++i) {
      now += below(1'500);
      for (int64_t count = below(5); count > 0; --count) {
        static const char* const kValues[] = {"add", "add", "end", "nothing", "bad"};
        const std::string id = std::to_string(now / kWindowMs) + "/" + std::to_string(below(6));
        const Written written{now - below(500), id, kValues[below(5)]};
        kafka.input[kP0].add(written);
        calm.input[kP0].add(written);
        if (below(3) == 0) {
          kafka.input[kP0].add_gap();
          calm.input[kP0].add_gap();
        }
      }
      replica.run_at(now);
      process->portion_max = static_cast<size_t>(1 + below(4));
      process->hold_commits = below(4) == 0;
      process->run_at(now);
      if (process->waiting) {
        if (below(2) == 0) kafka.commit(*process->waiting->batch);  // it went through, the answer was lost
        const bool crash = below(2) == 0;
        if (crash) {
          process = std::make_unique<Process>(kafka, options);
        } else {
          process->hold_commits = false;
          process->fail_commit();
        }
        process->now_ms = now;
        process->portion_max = static_cast<size_t>(1 + below(4));
        crash ? process->start() : process->run();
        REQUIRE(process->worker.ready());
      }
      REQUIRE_FALSE(process->exit_code().has_value());
      REQUIRE(process->worker.shard(kP0)->next(0) == Offset{kafka.input[kP0].end()});
    }
    // A tick that was lost shifts deadlines a little, so the order may differ, what was said may not.
    std::ranges::sort(kafka.outputs);
    std::ranges::sort(calm.outputs);
    REQUIRE(kafka.outputs == calm.outputs);
  }
}

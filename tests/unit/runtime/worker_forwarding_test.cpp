// Workers over a topic whose records do not all arrive where their ids live, and outputs that are
// refused.
#include "script.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

// Over two partitions a, b, c and e live in 0; d, f, g and h in 1.
constexpr Routing kTwo{Partitioner::kMurmur2, 2};
constexpr Routing kOne{Partitioner::kMurmur2, 1};

// Steps of 10 ms, as long as something wants to be done.
void run_for(Process& process, int64_t ms) {
  for (const int64_t end = process.now_ms + ms; process.now_ms < end;)
    process.run_at(process.now_ms + 10);
}

std::vector<std::string> warnings(const Process& process) {
  std::vector<std::string> texts;
  for (const Action& action : process.history) {
    const auto* note = std::get_if<Note>(&action);
    if (note != nullptr && note->warning) texts.push_back(note->text);
  }
  return texts;
}

}  // namespace

TEST_CASE("the positions of both logs are handed out together, and both are committed") {
  FakeKafka kafka;
  Process process(kafka, worker_options(kTwo));
  process.start({kP0, kP1});
  CHECK(process.history.back() == Action{Assign{{{kP0, Log::kInput, Offset{0}},
                                                 {kP0, Log::kRepartition, Offset{0}},
                                                 {kP1, Log::kInput, Offset{0}},
                                                 {kP1, Log::kRepartition, Offset{0}}}}});
  process.run_at(1'200);
  CHECK(kafka.committed.size() == 2);
  CHECK(kafka.committed_repartition.size() == 2);
  CHECK(kafka.committed[kP0].metadata == kafka.committed_repartition[kP0].metadata);
}

TEST_CASE("a record that arrived elsewhere reaches its home, and its group answers and times out") {
  FakeKafka kafka;
  kafka.input[kP1].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "d", "add"});
  kafka.input[kP1].add({1'000, "b", "add"});
  kafka.input[kP0].add({1'000, "b", "end"});
  Process process(kafka, worker_options(kTwo));
  process.start({kP0, kP1});
  CHECK(kafka.repartition[kP0].end() == 4);  // with markers
  CHECK(kafka.repartition[kP1].end() == 2);
  process.run_at(10'999);
  CHECK(kafka.outputs.size() == 1);
  process.run_at(11'000);
  CHECK(std::ranges::count(kafka.outputs, "a timed out at 1") == 1);
  CHECK(std::ranges::count(kafka.outputs, "d timed out at 1") == 1);
  CHECK(process.count<ReadCommitted>() == 0);  // all partitions are here
}

TEST_CASE("a backlog in another partition never fails whom it would have saved") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "b", "add"});
  SUBCASE("of this worker's") {
    Process process(kafka, worker_options(kTwo));
    process.start({kP0, kP1});
    for (int i = 0; i < 20; ++i) kafka.input[kP1].add({2'000, "x", "nothing"});
    kafka.input[kP1].add({2'000, "a", "end"});
    process.portion_max = 1;
    process.run_at(60'000);
    run_for(process, 100);
  }
  SUBCASE("of another worker's") {
    Process process(kafka, worker_options(kTwo));
    process.start({kP0});
    for (int i = 0; i < 20; ++i) kafka.input[kP1].add({2'000, "x", "nothing"});
    kafka.input[kP1].add({2'000, "a", "end"});
    process.run_at(60'000);
    run_for(process, 1'000);
    CHECK(kafka.outputs.empty());
    CHECK(process.worker.next_wakeup() > process.now());
    CHECK(process.count<ReadCommitted>() <= 110);

    Process other(kafka, worker_options(kTwo));
    other.now_ms = process.now_ms;
    other.portion_max = 1;
    other.start({kP1});
    run_for(other, 300);
    run_for(process, 300);
  }
  CHECK(kafka.outputs == Texts{"a=2", "b timed out at 1"});
}

TEST_CASE("a partition that stands still holds the timeouts of the others, and that is said") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP1].add({1'000, "x", "nothing"});  // nobody reads it
  Process process(kafka, worker_options(kTwo));
  process.start({kP0});
  process.run_at(11'000);
  process.run_at(20'999);
  CHECK(warnings(process).empty());
  process.run_at(21'000);
  const std::string said =
      "timeouts of partition 0 wait since 10 s: not yet read are partition 1 from its beginning to "
      "1";
  CHECK(warnings(process) == Texts{said});
  run_for(process, 5'000);
  CHECK(warnings(process) == Texts{said});
  process.run_at(81'000);
  CHECK(warnings(process).size() == 2);
  CHECK(kafka.outputs.empty());
}

TEST_CASE(
    "positions without effect are committed sooner where others may wait, at once if they do") {
  struct {
    const char* title;
    std::optional<Routing> routing;
    int64_t after_ms;
  } const table[] = {
      {"no routing", {}, 1'000},
      {"one partition", Routing{Partitioner::kMurmur2, 1}, 1'000},
      {"two", kTwo, 200},
  };
  for (const auto& row : table) {
    CAPTURE(row.title);
    FakeKafka kafka;
    Process process(kafka, worker_options(row.routing));
    process.start({kP0});
    process.run_at(10'000);  // the epoch
    kafka.input[kP0].add({1'000, "x", "nothing"});
    process.run_at(10'000 + row.after_ms - 1);
    CHECK(kafka.committed[kP0].next == Offset{0});
    CHECK(process.worker.next_wakeup() == at(10'000 + row.after_ms));
    process.run_at(10'000 + row.after_ms);
    CHECK(kafka.committed[kP0].next == Offset{1});
  }
  SUBCASE("a tick of the partition beside it waits") {
    FakeKafka kafka;
    kafka.input[kP0].add({1'000, "a", "add"});
    WorkerOptions options = worker_options(kTwo);
    options.idle_commit_forwarding = std::chrono::hours(1);
    Process process(kafka, options);
    process.start({kP0, kP1});
    kafka.input[kP1].add({1'000, "x", "nothing"});
    process.run_at(11'000);
    CHECK(kafka.outputs == Texts{"a timed out at 1"});
    CHECK(kafka.committed[kP1].next == Offset{1});
  }
}

TEST_CASE("what nobody needs of the repartition log is offered for deletion with the journal") {
  FakeKafka kafka;
  WorkerOptions options = worker_options(Routing{Partitioner::kMurmur2, 1});
  options.trim_interval = std::chrono::seconds(100);
  Process process(kafka, options);
  process.start();
  for (int i = 0; i < 50; ++i) {
    kafka.repartition[kP0].add(
        {process.now_ms, "id" + std::to_string(i), "end", origin("in", 1, i, process.now_ms)});
    process.run_at(process.now_ms + 10'000);
  }
  size_t of_repartition = 0;
  for (const Action& action : process.history) {
    const auto* trim = std::get_if<Trim>(&action);
    if (trim != nullptr && trim->log == Log::kRepartition) ++of_repartition;
  }
  CHECK(of_repartition >= 4);
  CHECK(raw(kafka.repartition[kP0].ends().begin) > 30);
  Process second(kafka, options);
  second.now_ms = process.now_ms;
  second.start();
  CHECK(second.worker.ready());
  CHECK(second.worker.shard(kP0)->fingerprint() == process.worker.shard(kP0)->fingerprint());
}

// --- outputs that are refused

TEST_CASE("a refused transaction is applied again, with a dead letter for what was refused") {
  FakeKafka kafka;
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "end"});
  kafka.input[kP0].add({1'000, "b", "end"});
  process.run();
  REQUIRE(values(*process.waiting->batch) == Texts{"a=1", "b=1"});
  process.refuse_commit({{1, "out", "too large", false}});
  process.run();
  REQUIRE(process.waiting.has_value());
  const Batch& batch = *process.waiting->batch;
  CHECK(values(batch) == Texts{"a=1", "b=1"});
  CHECK(batch.outputs[0].topic == TopicRole::kOutput);
  CHECK(batch.outputs[1].topic == TopicRole::kDeadLetter);
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"a=1", "!b=1"});
  CHECK(
      warnings(process) ==
      Texts{"refused", "dead letter undeliverable: in partition 0 offset 1: topic out: too large"});
  CHECK(process.worker.totals().batches_failed == 1);
  CHECK(process.worker.totals().undeliverable_dropped == 0);
  CHECK(process.worker.shard(kP0)->living() == 2);  // what was decided stays
}

TEST_CASE("refused together, alone, as a dead letter: at last it is dropped, counted and said") {
  FakeKafka kafka;
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "end"});
  kafka.input[kP0].add({1'000, "b", "end"});
  process.run();
  const std::vector<Refusal> attempts[] = {
      {{0, "out", "no", false}, {1, "out", "no", false}},
      {{1, "out", "no", false}},
      {{1, "dead", "no", false}},
  };
  for (const auto& refusals : attempts) {
    REQUIRE(process.waiting.has_value());
    process.refuse_commit(refusals);
    process.run();
  }
  REQUIRE(process.waiting.has_value());
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"a=1"});
  CHECK(process.worker.totals().undeliverable_dropped == 1);
  CHECK(warnings(process).back() ==
        "dropped, because the dead-letter topic refuses it too: dead: no (of the record at "
        "partition 0 offset 1)");
  process.hold_commits = false;
  kafka.input[kP0].add({1'000, "c", "end"});
  process.run();
  CHECK(kafka.outputs == Texts{"a=1", "c=1"});
}

TEST_CASE("a worker whose journal is refused ends") {
  FakeKafka kafka;
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "end"});
  process.run();
  process.refuse_commit({{1, "g.journal", "too large", false}});
  CHECK(process.history.back() == Action{Exit{1, "the journal was refused: g.journal: too large"}});
}

// --- topics that are not there

TEST_CASE(
    "an output whose topic is not there: a dead letter in the same batch, sent again as it is") {
  FakeKafka kafka;
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "end"});
  kafka.input[kP0].add({1'000, "b", "to orders"});
  kafka.input[kP0].add({1'000, "b", "to bills"});
  process.run();
  REQUIRE(process.waiting.has_value());
  const Batch* batch = process.waiting->batch;
  REQUIRE(values(*batch) == Texts{"a=1", "b", "b"});
  const std::vector<OffsetCommit> offsets = batch->offsets;
  const Output journal = batch->outputs.back();
  process.history.clear();
  process.not_sent({{1, "orders", "it does not exist", true, "no-such-topic"}});
  // Nothing is opened, located or read again.
  CHECK(process.history == Actions{Commit{batch}});
  CHECK(process.worker.ready());
  CHECK(process.worker.live_partitions() == std::vector{kP0});
  CHECK(values(*batch) == Texts{"a=1", "b", "b"});
  CHECK(batch->offsets == offsets);
  CHECK(batch->outputs.back() == journal);
  const Output& letter = batch->outputs[1];
  CHECK(letter.topic == TopicRole::kDeadLetter);
  CHECK(letter.partition == kP0);
  CHECK(letter.key == "b");
  CHECK(letter.headers == std::vector<Header>{{"__connect.errors.topic", "in"},
                                              {"__connect.errors.partition", "0"},
                                              {"__connect.errors.offset", "1"},
                                              {"__connect.errors.exception.message",
                                               "topic orders: it does not exist"},
                                              {"muster.error.code", "no-such-topic"}});
  CHECK(warnings(process).empty());  // it is not true yet
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"a=1", "!b", "bills: b"});
  CHECK(warnings(process) ==
        Texts{"dead letter no-such-topic: in partition 0 offset 1: topic orders: it does not "
              "exist"});
  CHECK(process.worker.totals().batches_failed == 0);
  CHECK(process.worker.totals().undeliverable_dropped == 0);
  CHECK(process.worker.totals().records == 3);

  process.hold_commits = false;
  kafka.input[kP0].add({1'000, "c", "to orders"});  // it may be there by now
  process.run();
  CHECK(kafka.outputs.back() == "orders: c");
}

TEST_CASE(
    "a batch that was not sent twice is mended twice, and its dead letters stay what they are") {
  FakeKafka kafka;
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "to orders"});
  kafka.input[kP0].add({1'000, "a", "to bills"});
  process.run();
  REQUIRE(process.waiting.has_value());
  process.not_sent({{0, "orders", "gone", true, "no-such-topic"}});
  process.not_sent({{1, "bills", "gone", true, "no-such-topic"}});
  REQUIRE(process.waiting.has_value());
  const Batch& batch = *process.waiting->batch;
  CHECK(batch.dead_letters.size() == 2);
  CHECK(batch.outputs[0].headers.size() == 5);
  CHECK(batch.outputs[1].headers.size() == 5);
  SUBCASE("it commits") {}
  SUBCASE("it fails: what is built from the logs has them too, and need not be refused again") {
    process.fail_commit();
    process.run();
    REQUIRE(process.waiting.has_value());
    CHECK(process.worker.totals().batches_failed == 1);
    CHECK(process.waiting->batch->dead_letters.size() == 2);
  }
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"!a", "!a"});
}

TEST_CASE("what comes meanwhile waits for a batch that was not sent, as for any other") {
  FakeKafka kafka;
  Process process(kafka);
  process.start();
  process.hold_commits = true;
  kafka.input[kP0].add({1'000, "a", "to orders"});
  process.run();
  kafka.input[kP0].add({1'000, "b", "end"});
  process.run();  // a batch behind it
  process.tell(Revoked{});
  process.not_sent({{0, "orders", "gone", true, "no-such-topic"}});
  CHECK(process.count<Unassign>() == 0);
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"!a"});
  REQUIRE(process.waiting.has_value());
  process.answer_commit();
  CHECK(kafka.outputs == Texts{"!a", "b=1"});
  CHECK(process.count<Unassign>() == 1);
}

// --- records that shards put out to the input

TEST_CASE("one partition: what is put out to the input in time is heard before the timeout") {
  FakeKafka kafka;
  WorkerOptions options = worker_options(kOne);
  options.idle_commit = std::chrono::hours(1);
  Process process(kafka, options);
  process.start();
  // The second one is put out when the worker knows that this happens.
  for (const char* const id : {"a", "b"}) {
    CAPTURE(id);
    const int64_t began = process.now_ms;
    kafka.outputs.clear();
    kafka.input[kP0].add({began, id, "add"});
    process.run();
    kafka.input[kP0].add({began + 9'000, id, "tell " + std::string(id)});
    kafka.input[kP0].add({began + 9'000, "x", "nothing"});
    process.hold_commits = true;
    process.run_at(began + 10'000);
    process.run_at(began + 10'100);
    REQUIRE(process.waiting.has_value());  // the record is in no log yet
    CHECK(values(*process.waiting->batch) == Texts{"end"});
    CHECK(process.worker.can_build());  // no tick is behind it
    process.hold_commits = false;
    process.answer_commit();
    process.run_at(began + 10'200);
    CHECK(kafka.outputs == Texts{std::string(id) + "=2"});
    process.run_at(began + 20'000);
    CHECK(kafka.outputs.size() == 1);
  }
}

TEST_CASE("one partition whose input is written: a tick commits where its shard stands, at once") {
  FakeKafka kafka;
  WorkerOptions options = worker_options(kOne);
  options.idle_commit = std::chrono::hours(1);
  Process process(kafka, options);
  process.start();
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "y", "tell y"});
  process.run();
  kafka.input[kP0].add({1'000, "x", "nothing"});
  process.run();
  CHECK(kafka.committed[kP0].next < Offset{kafka.input[kP0].end()});
  process.run_at(11'000);
  CHECK(kafka.outputs == Texts{"y=1", "a timed out at 1"});
  CHECK(kafka.committed[kP0].next == Offset{kafka.input[kP0].end()});
}

TEST_CASE("a timer may put out to the input, too: later ticks go through all stages") {
  FakeKafka kafka;
  Process process(kafka, worker_options(kOne));
  process.start();
  kafka.input[kP0].add({1'000, "of:a", "add"});
  kafka.input[kP0].add({3'000, "a", "add"});
  kafka.input[kP0].add({3'000, "b", "add"});
  process.run_at(3'000);
  process.run_at(11'000);
  CHECK(process.count<ReadEnds>() == 1);
  CHECK(kafka.outputs == Texts{"of:a timed out at 1", "a=2"});
  process.run_at(13'000);
  CHECK(process.count<ReadEnds>() == 4);
  CHECK(kafka.outputs.back() == "b timed out at 1");
}

TEST_CASE(
    "what another partition's backlog puts out to a shard's input is heard before a timeout") {
  FakeKafka kafka;
  kafka.partitions = 2;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "b", "add"});
  Process process(kafka, worker_options(kTwo));
  SUBCASE("of this worker's") {
    process.start({kP0, kP1});
    for (int i = 0; i < 20; ++i) kafka.input[kP1].add({2'000, "x", "nothing"});
    kafka.input[kP1].add({2'000, "d", "tell a"});
    process.portion_max = 1;
    process.run_at(60'000);
    run_for(process, 100);
  }
  SUBCASE("of another worker's") {
    process.start({kP0});
    for (int i = 0; i < 20; ++i) kafka.input[kP1].add({2'000, "x", "nothing"});
    kafka.input[kP1].add({2'000, "d", "tell a"});
    process.run_at(60'000);
    run_for(process, 1'000);
    CHECK(kafka.outputs.empty());
    Process other(kafka, worker_options(kTwo));
    other.now_ms = process.now_ms;
    other.portion_max = 1;
    other.start({kP1});
    run_for(other, 300);
    run_for(process, 300);
  }
  CHECK(kafka.outputs == Texts{"a=2", "b timed out at 1"});
}

// --- crashes

TEST_CASE("whatever crashes when, every record counts once at home, from whichever partition") {
  // All records of an id lie within less than its 10 s, so that it times out once, with all.
  constexpr int64_t kWindowMs = 4'000;
  size_t forwarded = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](uint32_t n) { return static_cast<int64_t>(random() % n); };
    FakeKafka kafka;
    WorkerOptions options = worker_options(kTwo);
    options.shard.timers_per_tick_max = 4;
    options.trim_interval = std::chrono::seconds(3);
    const std::vector<Partition> both = {kP0, kP1};
    std::map<std::string, int> sent;
    size_t bad = 0;
    auto process = std::make_unique<Process>(kafka, options);
    int64_t now = 1'000'000;
    process->now_ms = now;
    process->start(both);
    for (int i = 0; i < 60; ++i) {
      now += below(1'000);
      for (int64_t count = below(5); count > 0; --count) {
        static const char* const kValues[] = {"add", "add", "nothing", "bad"};
        const std::string id = std::to_string(now / kWindowMs) + "/" + std::to_string(below(6));
        const std::string value = kValues[below(4)];
        FakeLog& log = kafka.input[both[static_cast<size_t>(below(2))]];
        log.add({now - below(500), id, value});
        if (below(3) == 0) log.add_gap();
        if (value == "add") ++sent[id];
        if (value == "bad") ++bad;
      }
      process->portion_max = static_cast<size_t>(1 + below(4));
      process->hold_commits = below(4) == 0;
      process->run_at(now);
      if (below(6) == 0 && !process->waiting) {
        process->tell(Revoked{});
        process->tell(Assigned{both});
        process->run();
      }
      if (!process->waiting) continue;
      // It went through and the answer was lost, or it did not.
      if (below(2) == 0) kafka.commit(*process->waiting->batch);
      const bool crash = below(2) == 0;
      if (crash) {
        process = std::make_unique<Process>(kafka, options);
        process->now_ms = now;
        process->start(both);
      } else {
        process->hold_commits = false;
        process->fail_commit();
        process->run();
      }
      REQUIRE(process->worker.ready());
    }
    process->hold_commits = false;
    process->run_at(now);
    for (int i = 0; i < 20; ++i) process->run_at(process->now_ms + 1'000);
    REQUIRE_FALSE(process->exit_code().has_value());
    Texts expected(bad, "!bad");
    for (const auto& [id, count] : sent)
      expected.push_back(id + " timed out at " + std::to_string(count));
    std::ranges::sort(expected);
    std::ranges::sort(kafka.outputs);
    REQUIRE(kafka.outputs == expected);
    for (const Partition p : both) forwarded += static_cast<size_t>(kafka.repartition[p].end()) / 2;
  }
  CHECK(forwarded > 500);
}

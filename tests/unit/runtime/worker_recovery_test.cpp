// The worker in its next life: what it recovers, from where, and what it cannot.
#include "runtime/worker.h"

#include "script.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

TEST_CASE(
    "a successor goes on where the last commit ended, with the same epoch and the same state") {
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
  CHECK(second.history == Actions{OpenProducer{}, Locate{second.request(), {kP0}},
                                  StartReading{kP0, Log::kJournal, Offset{0}},
                                  Assign{{{kP0, Log::kInput, Offset{2}}}}});
  second.history.clear();
  second.now_ms = 3'500;
  second.run();
  CHECK(second.worker.shard(kP0)->fingerprint() == state);
  CHECK(second.worker.shard(kP0)->epoch() == Epoch{1'001});
  CHECK(second.history ==
        Actions{
            StartReading{kP0, Log::kInput, Offset{0}}, StopReading{kP0},
            Note{false, "partition 0: recovered 1 ids from 1 batches with 1 records in 2.500 s"}});
  kafka.input[kP0].add({1'100, "a", "end"});
  second.run();
  CHECK(kafka.outputs == Texts{"a=2"});
}

TEST_CASE(
    "offsets that were set back start from there with nothing, under a new epoch, and it is said") {
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
  kafka.committed[kP0] = {0, kP0, Offset{1}, ""};
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
  CHECK(second.history == Actions{OpenProducer{}, Locate{second.request(), {kP0}},
                                  StartReading{kP0, Log::kJournal, Offset{0}}});
  second.run();
  CHECK(second.worker.shard(kP0)->fingerprint() == first.worker.shard(kP0)->fingerprint());
  CHECK(second.worker.shard(kP0)->next(0) == Offset{2});
  CHECK(kafka.outputs == Texts{"b=1"});
  CHECK(kafka.committed.empty());
  SUBCASE("and where it stands is committed soon, with nothing else to say") {
    second.run_at(second.now_ms + 1'000);
    CHECK(kafka.committed[kP0].next == Offset{2});
    CHECK(entry_at(kafka, 2).epoch == second.worker.shard(kP0)->epoch());
    CHECK(kafka.journal[kP0].end() == 4);
    second.run_at(second.now_ms + 100'000);
    CHECK(kafka.journal[kP0].end() == 6);  // ids that were forgotten, no more
  }
}

TEST_CASE(
    "a successor of another name puts that beside the offsets soon, one of the same does not") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process(kafka).start();
  const auto writer = [&kafka] {
    return decode_commit_metadata(kafka.committed[kP0].metadata)->transactional_id;
  };
  WorkerOptions options = worker_options();
  SUBCASE("the same") {
    Process second(kafka, options);
    second.start();
    second.run_at(3'000);
    CHECK(kafka.transactions == 1);
  }
  SUBCASE("another") {
    options.transactional_id = "other";
    Process second(kafka, options);
    second.start();
    CHECK(writer() == "id");
    second.run_at(3'000);
    CHECK(writer() == "other");
    CHECK(kafka.transactions == 2);
    CHECK(kafka.outputs.empty());
    Process third(kafka, options);
    third.start();
    CHECK(third.worker.shard(kP0)->fingerprint() == second.worker.shard(kP0)->fingerprint());
  }
}

TEST_CASE(
    "a recovery that misses something says what and exits with 1, unless the loss was accepted") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "b", "add"});
  Process(kafka).start();
  kafka.input[kP0].add({1'000, "c", "end"});
  std::string said;
  SUBCASE("the input that the replay needs") {
    kafka.input[kP0].truncate_before(2);
    said =
        "partition 0: recovery needs the input from offset 0, but it is retained from 2: 2 offsets "
        "are lost";
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

  WorkerOptions options = worker_options();
  options.accept_loss = true;
  Process third(kafka, options);
  third.start();
  CHECK(third.worker.ready());
  CHECK(kafka.outputs == Texts{"c=1"});
}

TEST_CASE("a loss is looked at twice: what was read may be out of date") {
  Worker worker(worker_options(), make_toy);
  worker.handle(ProducerOpened{}, at(0));
  worker.handle(Assigned{{kP0}}, at(0));
  const auto committed_at_5 = [](int64_t begin) {
    return Location{kP0, {{Offset{5}, "", {Offset{begin}, Offset{9}}}}, {}};
  };
  const uint64_t first = located_last(worker.take_actions()).request;
  worker.handle(Located{first, {committed_at_5(8)}, {7}}, at(0));
  const uint64_t second = located_last(worker.take_actions()).request;
  CHECK(second > first);
  SUBCASE("it is there after all") {
    worker.handle(Located{second, {committed_at_5(3)}, {7}}, at(0));
    CHECK(worker.take_actions() == Actions{Assign{{{kP0, Log::kInput, Offset{5}}}}});
  }
  SUBCASE("it is lost") {
    worker.handle(Located{second, {committed_at_5(8)}, {7}}, at(0));
    const Actions actions = worker.take_actions();
    REQUIRE(actions.size() == 1);
    CHECK(std::get<Exit>(actions[0]).code == 1);
  }
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
  WorkerOptions options = worker_options();
  options.trim_interval = std::chrono::seconds(100);
  Process process(kafka, options);
  process.start();
  for (int i = 0; i < 50; ++i) {
    kafka.input[kP0].add({process.now_ms, "id" + std::to_string(i), "end"});
    process.run_at(process.now_ms + 10'000);
  }
  CHECK(process.count<Trim>() == 5);
  CHECK(raw(kafka.journal[kP0].ends().begin) > 0);
  Process second(kafka, options);
  second.now_ms = process.now_ms;
  second.start();
  CHECK(second.worker.shard(kP0)->fingerprint() == process.worker.shard(kP0)->fingerprint());
}

TEST_CASE(
    "one partition is fresh while another recovers: positions are set together, each goes live "
    "when it can") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  Process(kafka).start();
  kafka.input[kP1].add({1'000, "b", "end"});
  Process second(kafka);
  second.tell(Assigned{{kP0, kP1}});
  CHECK(second.history.back() ==
        Action{Assign{{{kP0, Log::kInput, Offset{1}}, {kP1, Log::kInput, Offset{0}}}}});
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

TEST_CASE(
    "whatever crashes when, the next life has the state of the last commit, and no output is lost "
    "or doubled") {
  // Ids live in one window of time each: what is forgotten when is not decided by the records
  // alone, and a name that comes again shows it.
  constexpr int64_t kWindowMs = 4'000;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](uint32_t n) { return static_cast<int64_t>(random() % n); };
    FakeKafka kafka;
    FakeKafka calm;  // the same records and times, and one life
    WorkerOptions options = worker_options();
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
        if (below(2) == 0)
          kafka.commit(*process->waiting->batch);  // it went through, the answer was lost
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
    // A tick that was lost shifts deadlines a little, so the order may differ, what was said may
    // not.
    std::ranges::sort(kafka.outputs);
    std::ranges::sort(calm.outputs);
    REQUIRE(kafka.outputs == calm.outputs);
  }
}

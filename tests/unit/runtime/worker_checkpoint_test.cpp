// The worker that recovers by a checkpoint, and by Kafka alone where that does not help.
#include "checkpoint_script.h"
#include "runtime/worker.h"

#include <doctest/doctest.h>

#include <functional>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

// A first life of four batches with a checkpoint of each: a waits since batch 1; b and c have ended in
// batches 2 and 3, d waits since batch 4.
struct Past {
  explicit Past(const WorkerOptions& options = with_store()) {
    Process process(kafka, options);
    process.start();
    const Written records[] = {
        {1'000, "a", "add"}, {9'000, "b", "end"}, {9'000, "c", "end"}, {1'000, "d", "add"}};
    for (const Written& record : records) {
      kafka.input[kP0].add(record);
      process.run_at(process.now_ms + 1'000);
      stores.push_back(kafka.store.kept[kP0]);
    }
    state = state_of(process);
    REQUIRE(kept().decoded_head()->n == BatchNumber{4});
    kafka.outputs.clear();
  }
  KeptCheckpoint& kept() { return kafka.store.kept[kP0]; }
  // Writes down what was there after so many batches, as an old backup.
  void restore(size_t batches) { kept() = stores.at(batches - 1); }

  FakeKafka kafka;
  std::vector<KeptCheckpoint> stores;
  std::string state;
};

struct Successor : Process {
  explicit Successor(FakeKafka& kafka, const WorkerOptions& options = with_store())
      : Process(kafka, options) {
    now_ms = 5'000;
    epoch = 2'000;
  }
};

}  // namespace

TEST_CASE(
    "a checkpoint of the last commit is all that a successor reads, but for the journal's end") {
  Past past;
  Successor second(past.kafka);
  second.tell(Assigned{{kP0}});
  CHECK(second.history == Actions{OpenProducer{}, Locate{second.request(), {kP0}},
                                  LoadCheckpoint{kP0}, Assign{{{kP0, Log::kInput, Offset{4}}}}});
  CHECK(second.worker.loading() == std::vector{kP0});
  CHECK_FALSE(second.worker.ready());
  second.history.clear();
  second.run();
  CHECK(second.history ==
        Actions{StartReading{kP0, Log::kJournal, Offset{7}}, StopReading{kP0},
                Note{false,
                     "partition 0: recovered 4 ids from a checkpoint and 0 batches with 0 "
                     "records in 0.000 s"}});
  CHECK(second.worker.loading().empty());
  CHECK(state_of(second) == past.state);
  past.kafka.input[kP0].add({1'000, "a", "end"});
  second.run();
  CHECK(past.kafka.outputs == Texts{"a=2"});
  // It is gone on with, not written anew.
  CHECK(past.kept().decoded_head()->closed.size() == 3);
}

TEST_CASE("an older checkpoint is true too: the batches behind it are replayed, and nothing else") {
  for (const size_t batches : {1, 2, 3}) {
    CAPTURE(batches);
    Past past;
    past.restore(batches);
    Successor second(past.kafka);
    second.start();
    const std::string rest = std::to_string(4 - batches);
    CHECK(says(second, "from a checkpoint and " + rest + " batches with " + rest + " records"));
    const auto at = Offset{static_cast<int64_t>(batches)};
    CHECK(std::ranges::count(second.history, Action{StartReading{kP0, Log::kInput, at}}) == 1);
    CHECK(state_of(second) == past.state);
    CHECK(past.kafka.outputs.empty());
  }
}

TEST_CASE("without a checkpoint Kafka is read, and that is worth no word") {
  Past past;
  past.kafka.store.kept.clear();
  Successor second(past.kafka);
  second.start();
  CHECK(notes(second) ==
        Texts{"partition 0: recovered 4 ids from 4 batches with 4 records in 0.000 s"});
  CHECK(state_of(second) == past.state);
  CHECK(past.kept().decoded_head()->n == BatchNumber{4});  // it is written anew
}

TEST_CASE("a worker without a store asks for none") {
  Past past;
  Successor second(past.kafka, worker_options());
  second.start();
  CHECK(second.count<LoadCheckpoint>() == 0);
  CHECK(second.count<StorePart>() == 0);
  CHECK(state_of(second) == past.state);
}

TEST_CASE("a partition that begins from nothing asks for no checkpoint, whatever there is") {
  Past past;
  past.kafka.committed[kP0] = {0, kP0, Offset{3}, ""};  // an operator's reset
  Successor second(past.kafka);
  second.start();
  CHECK(second.count<LoadCheckpoint>() == 0);
  CHECK(second.worker.shard(kP0)->living() == 1);
  const auto head = past.kept().decoded_head();  // and writes its own
  CHECK(head->epoch == Epoch{2'001});
  CHECK(head->n == BatchNumber{1});
}

TEST_CASE("no committed offsets but a journal: a checkpoint of its last entry's epoch helps too") {
  Past past;
  past.kafka.committed.clear();
  SUBCASE("of its last batch") {}
  SUBCASE("of an earlier one") { past.restore(2); }
  Successor second(past.kafka);
  second.start();
  CHECK(says(second, "from a checkpoint"));
  CHECK(state_of(second) == past.state);
}

TEST_CASE("a checkpoint that does not help is void: that is said, and Kafka alone is read") {
  struct {
    const char* title;
    std::function<void(Past&)> change;
    const char* why;
  } const table[] = {
      {"another program's bytes", [](Past& p) { p.kept().head = "OK"; }, "its head cannot be read"},
      {"a damaged head", [](Past& p) { p.kept().head[9] ^= 1; }, "its head cannot be read"},
      {"another epoch",
       [](Past& p) { p.kept().change_head([](auto& head) { head.epoch = Epoch{1}; }); },
       "it is of another epoch"},
      {"ahead", [](Past& p) { p.kept().change_head([](auto& head) { head.n = BatchNumber{5}; }); },
       "it is ahead of the committed offsets"},
      {"unfinished",
       [](Past& p) { p.kept().change_head([](auto& head) { head.finished = false; }); },
       "it is unfinished, or of other input logs"},
      {"of two logs",
       [](Past& p) { p.kept().change_head([](auto& head) { head.next.push_back(Offset{0}); }); },
       "it is unfinished, or of other input logs"},
      {"damaged closed ids", [](Past& p) { p.kept().closed.begin()->second.back() ^= 1; },
       "its closed ids 2 are damaged, or some are missing"},
      {"the first closed ids are gone", [](Past& p) { p.kept().closed.erase(2); },
       "its closed ids 3 are damaged, or some are missing"},
      {"the last are", [](Past& p) { p.kept().closed.erase(3); }, "some of it is missing"},
      {"a damaged entry", [](Past& p) { p.kept().entries["a"].back() ^= 1; },
       "an entry is damaged"},
      {"an entry is gone", [](Past& p) { p.kept().entries.erase("d"); }, "some of it is missing"},
      {"all of them are", [](Past& p) { p.kept().entries.clear(); }, "some of it is missing"},
      {"an older entry", [](Past& p) { p.kept().entries["x"] = p.stores[0].entries.at("a"); },
       "an entry is damaged"},
      {"the store is away", [](Past& p) { p.kafka.store.away = true; }, "the store is away"},
  };
  for (const auto& row : table) {
    CAPTURE(std::string(row.title));
    Past past;
    row.change(past);
    Successor second(past.kafka);
    second.start();
    CHECK(second.count<LoadCheckpoint>() == 1);
    CHECK(second.count<StopLoading>() == 1);
    CHECK(notes(second).at(0) == "!partition 0: no checkpoint (" + std::string(row.why) +
                                     "): recovering from Kafka alone");
    CHECK(notes(second).at(1) ==
          "partition 0: recovered 4 ids from 4 batches with 4 records in 0.000 s");
    CHECK(state_of(second) == past.state);
    // And once it can, it writes one that helps.
    past.kafka.store.away = false;
    past.kafka.input[kP0].add({1'000, "e", "add"});
    second.run_at(second.now_ms + 20'000);
    Successor third(past.kafka);
    third.now_ms = second.now_ms;
    third.start();
    CHECK(says(third, "from a checkpoint"));
    CHECK(state_of(third) == state_of(second));
  }
}

// --- what the journal does not have any more

namespace {

// a has ended and was forgotten, when nothing was alive; then came b, in the batch from which on
// recovery needs the journal, and another batch behind it.
struct Emptied {
  Emptied() {
    Process process(kafka, with_store());
    kafka.input[kP0].add({1'000, "a", "end"});
    process.start();
    while (process.worker.shard(kP0)->living() > 0) step(process, {process.now_ms, "x", "nothing"});
    step(process, {process.now_ms, "b", "add"});
    step(process, {process.now_ms, "b", "add"});
    state = state_of(process);
    last = *decode_commit_metadata(kafka.committed[kP0].metadata);
    REQUIRE(after(last.origin) == last.n);
    // All that nobody needs of the journal is gone.
    kafka.journal[kP0].truncate_before(raw(last.journal_offset));
    now_ms = process.now_ms;
  }
  void step(Process& process, const Written& written) {
    kafka.input[kP0].add(written);
    process.run_at(process.now_ms + 2'000);
    stores[kafka.store.kept[kP0].decoded_head()->n] = kafka.store.kept[kP0];
  }
  // As an old backup: so many batches before the origin.
  void restore(uint64_t before) {
    kafka.store.kept[kP0] = stores.at(BatchNumber{raw(last.origin) - before});
  }

  FakeKafka kafka;
  std::map<BatchNumber, KeptCheckpoint> stores;
  CommitMetadata last;
  std::string state;
  int64_t now_ms = 0;
};

}  // namespace

TEST_CASE("a checkpoint older than what recovery needs of the journal is void") {
  Emptied past;
  std::string said;
  SUBCASE("of the origin: it fits") {
    past.restore(0);
    said = "from a checkpoint and 1 batches";
  }
  SUBCASE("of the batch before it: it fits, also if its own entry is gone") {
    past.restore(1);
    REQUIRE(past.kafka.store.kept[kP0].decoded_head()->journal <
            past.kafka.journal[kP0].ends().begin);
    said = "from a checkpoint and 2 batches";
  }
  SUBCASE("of one before that") {
    past.restore(2);
    said = "(it is older than what recovery needs)";
  }
  Process second(past.kafka, with_store());
  second.now_ms = past.now_ms;
  second.start();
  CHECK(says(second, said));
  CHECK(state_of(second) == past.state);
}

// --- a broken replay

TEST_CASE("a replay that breaks behind a checkpoint is no loss: Kafka alone says how it was") {
  struct {
    const char* title;
    std::function<void(CheckpointHead&)> change;
    const char* why;
  } const table[] = {
      {"its input ends elsewhere", [](CheckpointHead& h) { h.next = {Offset{1}}; },
       "do not join: batch 3 begins at 2, the one before ended at 1"},
      {"its clock is another", [](CheckpointHead& h) { h.clock = time_from_ms(1); },
       "batch 3 does not follow"},
      {"its journal lies behind", [](CheckpointHead& h) { h.journal = Offset{5}; },
       "the journal has a hole: batch 3 is missing, the next is 4"},
      {"its journal lies behind all", [](CheckpointHead& h) { h.journal = Offset{6}; },
       "the journal ends at batch 2, the committed one is 4"},
      {"or where there is none", [](CheckpointHead& h) { h.journal = Offset{600}; },
       "the journal ends at offset 8, recovery needs it from 601"},
  };
  for (const auto& row : table) {
    CAPTURE(std::string(row.title));
    Past past;
    past.restore(2);
    past.kept().change_head(row.change);
    Successor second(past.kafka);
    second.start();
    REQUIRE(second.worker.ready());
    CHECK(notes(second).at(0).starts_with("!partition 0: no checkpoint (partition 0: "));
    CHECK(says(second, row.why));
    CHECK(says(second, "recovered 4 ids from 4 batches"));
    CHECK(second.count<LoadCheckpoint>() == 1);
    CHECK(state_of(second) == past.state);
  }
}

TEST_CASE("a checkpoint of the last batch that ends elsewhere than that is no loss, too") {
  Past past;
  past.kept().change_head([](CheckpointHead& head) { head.next = {Offset{3}}; });
  Successor second(past.kafka);
  second.start();
  CHECK(says(second, "batch 4 ends at offset 3 by the journal, and at 4 by the committed offsets"));
  CHECK(state_of(second) == past.state);
}

TEST_CASE("what Kafka alone lacks as well is a loss, looked at twice as ever") {
  Past past;
  past.restore(2);
  past.kafka.journal[kP0].truncate_before(5);  // batch 3 is gone
  SUBCASE("it ends the worker") {
    Successor second(past.kafka);
    second.start();
    CHECK(second.exit_code() == 1);
    CHECK(second.count<LoadCheckpoint>() == 2);
    CHECK(std::get<Exit>(second.history.back())
              .message.starts_with("partition 0: the journal begins at offset 5"));
  }
  SUBCASE("unless it was accepted") {
    WorkerOptions options = with_store();
    options.accept_loss = true;
    Successor second(past.kafka, options);
    second.start();
    CHECK(second.worker.ready());
    CHECK(second.worker.shard(kP0)->living() == 0);
  }
  SUBCASE("a checkpoint behind it covers for it") {
    past.restore(3);
    Successor second(past.kafka);
    second.start();
    CHECK(second.worker.ready());
    CHECK(state_of(second) == past.state);
  }
}

TEST_CASE("a journal that ends before what recovery needs of it is a loss, said at once") {
  Past past;
  past.kafka.store.kept.clear();
  past.kafka.journal[kP0] = FakeLog();  // made anew
  Successor second(past.kafka);
  second.start();
  CHECK(second.exit_code() == 1);
  CHECK(
      std::get<Exit>(second.history.back())
          .message.starts_with("partition 0: the journal ends at batch 0, the committed one is 4"));
}

// --- somebody writes while it is read

TEST_CASE("a checkpoint that changes while it is read is read again, twice") {
  for (const int changes : {1, 2, 3}) {
    CAPTURE(changes);
    Past past;
    Successor second(past.kafka);
    second.tell(Assigned{{kP0}});
    for (int change = 1; change <= changes; ++change) {
      REQUIRE(second.count<LoadCheckpoint>() == static_cast<size_t>(change));
      second.step();  // the head
      past.kept().change_head([](CheckpointHead& head) { ++head.writer; });
      while (second.count<LoadCheckpoint>() == static_cast<size_t>(change) &&
             second.count<StopLoading>() == 0) {
        REQUIRE(second.step());
      }
    }
    second.run();
    CHECK(second.count<LoadCheckpoint>() == static_cast<size_t>(std::min(changes + 1, 3)));
    CHECK(says(second, "(it changes while it is read)") == (changes == 3));
    CHECK(says(second, "from a checkpoint") == (changes < 3));
    CHECK(state_of(second) == past.state);
  }
}

TEST_CASE("attempts are counted anew after a failure, and a void checkpoint is tried again") {
  Past past;
  past.kafka.store.away = true;
  Successor second(past.kafka);
  second.start();
  CHECK(says(second, "the store is away"));
  past.kafka.store.away = false;
  second.hold_commits = true;
  past.kafka.input[kP0].add({1'000, "a", "add"});
  second.run();
  second.history.clear();
  second.hold_commits = false;
  second.fail_commit();
  second.run();
  CHECK(second.count<LoadCheckpoint>() == 1);
  CHECK(says(second, "from a checkpoint"));
}

// --- interrupted

TEST_CASE("what is being read is stopped when the partition goes, or a transaction fails") {
  Past past;
  Successor second(past.kafka);
  second.hold_pages = true;
  second.start();
  REQUIRE(second.worker.loading() == std::vector{kP0});
  second.history.clear();
  SUBCASE("revoked") {
    second.tell(Revoked{});
    CHECK(second.history == Actions{StopLoading{kP0}, Unassign{}});
    CHECK(second.worker.loading().empty());
    second.tell(Assigned{{kP0}});
  }
  SUBCASE("failed") {
    second.tell(Failed{{Remedy::kAbortAndRebuild, "lost", 1}});
    CHECK(second.history.at(1) == Action{StopLoading{kP0}});
    CHECK(second.count<LoadCheckpoint>() == 1);
  }
  second.hold_pages = false;
  second.run();
  CHECK(says(second, "from a checkpoint"));
  CHECK(state_of(second) == past.state);
}

TEST_CASE("each partition reads its own, and one that is live does not wait for another's") {
  FakeKafka kafka;
  std::string states[2];
  {
    Process first(kafka, with_store());
    kafka.input[kP0].add({1'000, "a", "add"});
    kafka.input[kP1].add({1'000, "b", "add"});
    first.start({kP0, kP1});
    states[0] = state_of(first, kP0);
    states[1] = state_of(first, kP1);
  }
  kafka.store.kept[kP1].head[0] ^= 1;
  Process second(kafka, with_store());
  second.hold_pages = true;
  second.start({kP0, kP1});
  CHECK(second.worker.loading() == std::vector{kP0, kP1});
  second.hold_pages = false;
  second.run();
  CHECK(says(second, "partition 0: recovered 1 ids from a checkpoint"));
  CHECK(says(second, "partition 1: no checkpoint (its head cannot be read)"));
  CHECK(state_of(second, kP0) == states[0]);
  CHECK(state_of(second, kP1) == states[1]);
}

TEST_CASE("a long reading is seen: how many ids it has, each five seconds") {
  Past past;
  past.kafka.store.page_entries_max = 1;
  Successor second(past.kafka);
  second.tell(Assigned{{kP0}});
  second.hold_pages = true;
  second.run_at(9'999);
  CHECK(notes(second).empty());
  second.run_at(10'000);
  CHECK(notes(second) == Texts{"partition 0: recovering for 5.000 s: 0 ids"});
  second.run_at(14'999);
  second.hold_pages = false;
  second.step();  // the head
  second.step();  // closed ids
  second.hold_pages = true;
  second.run_at(15'000);
  CHECK(notes(second).back() == "partition 0: recovering for 10.000 s: 1 ids");
  CHECK(notes(second).size() == 2);
  second.hold_pages = false;
  second.run_at(15'500);
  CHECK(notes(second).back() ==
        "partition 0: recovered 4 ids from a checkpoint and 0 batches with 0 records in 10.500 s");
}

TEST_CASE("both logs of a shard go on where the checkpoint says") {
  const Routing routing{Partitioner::kMurmur2, 2};  // a lives in 0
  FakeKafka kafka;
  kafka.partitions = 2;
  KeptCheckpoint old;
  std::string state;
  {
    Process first(kafka, with_store(routing));
    kafka.input[kP0].add({1'000, "a", "add"});
    kafka.input[kP1].add({1'000, "a", "add"});
    first.start({kP0, kP1});
    old = kafka.store.kept[kP0];
    kafka.input[kP1].add({1'000, "a", "add"});
    first.run_at(3'000);
    first.run_at(5'000);
    state = state_of(first);
  }
  SUBCASE("the last") {}
  SUBCASE("an older one") { kafka.store.kept[kP0] = old; }
  Process second(kafka, with_store(routing));
  second.now_ms = 6'000;
  second.start({kP0, kP1});
  CHECK(says(second, "partition 0: recovered 1 ids from a checkpoint"));
  CHECK(state_of(second) == state);
  kafka.input[kP0].add({1'000, "a", "end"});
  second.run();
  CHECK(kafka.outputs == Texts{"a=4"});
}

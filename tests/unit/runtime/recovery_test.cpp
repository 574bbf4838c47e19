#include "runtime/recovery.h"

#include "recovery_script.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

using State = Recovery::State;

}  // namespace

TEST_CASE("batches are replayed in order up to the committed one, outputs muted") {
  Logs logs;
  logs.records(5);
  logs.batch(1, 0, 2);
  logs.batch(2, 2, 5);
  Run run(logs);
  CHECK(run.replay({1, 2, 0, 5}).state() == State::kDone);
  CHECK(run.recovery->batches_replayed() == 2);
  CHECK(run.recovery->records_replayed() == 5);
  CHECK(run.shard->n() == BatchNumber{2});
  CHECK(run.shard->next(0) == Offset{5});
  CHECK(run.shard->epoch() == kEpoch);
  CHECK(run.shard->living() == 5);
}

TEST_CASE("records behind the last batch are not taken: they are the live part's") {
  Logs logs;
  logs.records(9);
  logs.batch(1, 0, 4);
  Run run(logs);
  CHECK(run.replay({1, 1, 0, 4}).state() == State::kDone);
  CHECK(run.recovery->records_replayed() == 4);
  CHECK(run.input_at == Offset{4});
}

TEST_CASE("what is before the origin is passed over, and so are earlier epochs") {
  Logs logs;
  logs.records(9);
  logs.batch(1, 0, 2, kForeign);
  logs.batch(2, 2, 9, kForeign);
  logs.batch(1, 4, 6);
  logs.batch(2, 6, 7);
  logs.batch(3, 7, 9);
  Run run(logs);
  CHECK(run.replay({2, 3, 0, 9}).state() == State::kDone);
  CHECK(run.recovery->batches_replayed() == 2);
  CHECK(run.recovery->records_replayed() == 3);
}

TEST_CASE("ranges may end in gaps, be gaps, or be empty") {
  Logs logs;
  logs.records(2);
  logs.gap(2);
  logs.records(1);
  logs.gap(3);
  struct Row {
    const char* title;
    std::vector<std::pair<int64_t, int64_t>> ranges;
  };
  const Row table[] = {
      {"all at once", {{0, 8}}},
      {"a batch that ends in the middle of a gap", {{0, 3}, {3, 8}}},
      {"a batch that is a gap", {{0, 2}, {2, 4}, {4, 8}}},
      {"gaps one by one", {{0, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}}},
      {"empty ones between them",
       {{0, 0}, {0, 2}, {2, 2}, {2, 3}, {3, 3}, {3, 5}, {5, 5}, {5, 8}, {8, 8}}},
      {"nothing but empty ones", {{0, 0}, {0, 0}}},
  };
  for (const Row& row : table) {
    Logs written = logs;
    uint64_t n = 0;
    for (const auto& [from, to] : row.ranges) written.batch(++n, from, to);
    for (const size_t portion : {size_t{1}, size_t{2}, size_t{1'000}}) {
      CAPTURE(row.title);
      CAPTURE(portion);
      Run run(written);
      run.replay({1, n, 0, row.ranges.back().second}, [portion] {
        return Portions{portion, portion};
      });
      CHECK(run.recovery->state() == State::kDone);
      CHECK(run.recovery->batches_replayed() == n);
    }
  }
}

TEST_CASE("in whatever portions the logs are read, the state is the same") {
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Logs logs;
    uint64_t n = 0;
    int64_t from = 0;
    for (int i = 0; i < 15; ++i) {
      for (uint32_t parts = random() % 4; parts > 0; --parts) {
        random() % 2 == 0 ? logs.records(static_cast<int>(random() % 4))
                          : logs.gap(static_cast<int>(random() % 3));
      }
      const int64_t to = from + static_cast<int64_t>(
                                    random() % static_cast<uint32_t>(logs.input.end() - from + 1));
      logs.batch(++n, from, to);
      from = to;
    }
    Run whole(logs);
    REQUIRE(whole.replay({1, n, 0, from}).state() == State::kDone);
    Run pieces(logs);
    pieces.replay({1, n, 0, from}, [&random] {
      return Portions{1 + random() % 4, 1 + random() % 6};
    });
    REQUIRE(pieces.recovery->state() == State::kDone);
    REQUIRE(pieces.shard->fingerprint() == whole.shard->fingerprint());
    REQUIRE(pieces.recovery->records_replayed() == whole.recovery->records_replayed());
  }
}

TEST_CASE(
    "a journal that goes on behind the committed batch is ahead: by number, or by another epoch") {
  Logs logs;
  logs.records(4);
  logs.batch(1, 0, 2);
  SUBCASE("another batch") { logs.batch(2, 2, 4); }
  SUBCASE("another epoch") { logs.batch(1, 2, 4, kForeign); }
  Run run(logs);
  CHECK(run.replay({1, 1, 0, 2}).state() == State::kJournalAhead);
}

TEST_CASE("whatever is missing is said in numbers") {
  struct Row {
    const char* title;
    Plan plan;
    std::function<void(Logs&)> write;
    std::string message;
  };
  const Row table[] = {
      {"a hole",
       {1, 3, 0, 6},
       [](Logs& l) {
         l.batch(1, 0, 2);
         l.batch(3, 4, 6);
       },
       "the journal has a hole: batch 2 is missing, the next is 3"},
      {"the origin itself",
       {2, 3, 0, 6},
       [](Logs& l) { l.batch(3, 4, 6); },
       "the journal has a hole: batch 2 is missing, the next is 3"},
      {"ranges that do not join",
       {1, 2, 0, 6},
       [](Logs& l) {
         l.batch(1, 0, 2);
         l.batch(2, 3, 6);
       },
       "the journal's ranges do not join: batch 2 begins at 3, the one before ended at 2"},
      {"input that is not kept",
       {1, 1, 0, 6},
       [](Logs& l) {
         l.batch(1, 2, 6);
         l.input.truncate_before(4);
       },
       "recovery needs the input from offset 2, but it is retained from 4: 2 offsets are lost"},
      {"journal that is not kept",
       {1, 1, 0, 6},
       [](Logs& l) {
         l.batch(1, 0, 6);
         l.journal.truncate_before(1);
       },
       "the journal begins at offset 1, recovery needs it from 0"},
      {"the last entries",
       {1, 2, 0, 6},
       [](Logs& l) { l.batch(1, 0, 2); },
       "the journal ends at batch 1, the committed one is 2"},
      {"all entries",
       {1, 2, 0, 6},
       [](Logs& l) { l.journal.add_gap(); },
       "the journal ends at batch 0, the committed one is 2"},
      {"an offset that is not the batch's",
       {1, 1, 0, 5},
       [](Logs& l) { l.batch(1, 0, 6); },
       "batch 1 ends at offset 6 by the journal, and at 5 by the committed offsets"},
      {"bytes of another kind",
       {1, 1, 0, 6},
       [](Logs& l) {
         l.journal.add({{}, "", "{}"});
       },
       "these bytes are not a journal entry"},
      {"options that nobody knows",
       {1, 1, 0, 6},
       [](Logs& l) {
         JournalEntry entry;
         entry.epoch = kEpoch;
         entry.n = BatchNumber{1};
         entry.origin = BatchNumber{1};
         entry.options = "another version's";
         entry.ranges = {{Offset{0}, Offset{6}}};
         l.add(entry);
       },
       "batch 1 was decided under options that this version cannot read"},
      {"carried state that nobody knows",
       {1, 1, 0, 0},
       [](Logs& l) {
         JournalEntry entry;
         entry.epoch = kEpoch;
         entry.n = BatchNumber{1};
         entry.origin = BatchNumber{1};
         entry.options = "toy";
         entry.ranges = {{Offset{0}, Offset{0}}};
         entry.carried = {{"a", "\x01"}};
         l.add(entry);
       },
       "batch 1 carries state that this version cannot read"},
  };
  for (const Row& row : table) {
    CAPTURE(row.title);
    Logs logs;
    logs.records(6);
    row.write(logs);
    Run run(logs);
    CHECK(run.replay(row.plan).state() == State::kBroken);
    CHECK(run.recovery->message() == "partition 3: " + row.message);
  }
}

TEST_CASE("entries over another number of logs, or none, are refused, not applied") {
  for (const size_t logs_count : {size_t{0}, size_t{2}}) {
    CAPTURE(logs_count);
    Logs logs;
    logs.records(6);
    JournalEntry entry;
    entry.epoch = kEpoch;
    entry.n = BatchNumber{1};
    entry.origin = BatchNumber{1};
    entry.options = "toy";
    entry.ranges.resize(logs_count);
    logs.add(entry);
    Run run(logs);
    CHECK(run.replay({1, 1, 0, 6}).state() == State::kBroken);
  }
}

TEST_CASE("an entry whose clock is not that of the batch before it is refused") {
  Logs logs;
  logs.batch(1, 0, 0);
  JournalEntry entry;
  entry.epoch = kEpoch;
  entry.n = BatchNumber{2};
  entry.origin = BatchNumber{1};
  entry.clock = time_from_ms(5);
  entry.options = "toy";
  entry.ranges = {{Offset{0}, Offset{0}}};
  logs.add(entry);
  Run run(logs);
  CHECK(run.replay({1, 2, 0, 0}).state() == State::kBroken);
}

TEST_CASE("input that does not come is waited for: it is known to be there") {
  Logs logs;
  logs.records(3);
  logs.batch(1, 0, 5);
  Run run(logs);
  CHECK(run.replay({1, 1, 0, 5}).state() == State::kReplaying);
  CHECK(run.recovery->wants() == Log::kInput);
  logs.records(2);
  run.read(*run.recovery, [] { return Portions{}; });
  CHECK(run.recovery->state() == State::kDone);
}

TEST_CASE("a reader that began too early is not applied twice") {
  Logs logs;
  logs.records(6);
  logs.batch(1, 2, 4);
  Run run(logs);
  run.input_at = Offset{0};
  CHECK(run.replay({1, 1, 0, 4}).state() == State::kDone);
  CHECK(run.recovery->records_replayed() == 2);
}

TEST_CASE("a scan finds the journal's last entry and plans to replay up to it") {
  Logs logs;
  logs.records(6);
  logs.batch(1, 0, 2, kForeign);
  logs.batch(1, 0, 2);
  logs.batch(2, 2, 5);
  logs.journal.truncate_before(2);
  for (const size_t portion : {size_t{1}, size_t{1'000}}) {
    Run run(logs);
    Recovery scan(logs.location());
    CHECK(scan.wants() == Log::kJournal);
    run.read(scan, [portion] { return Portions{portion, 1}; });
    REQUIRE(scan.state() == State::kDone);
    CHECK(scan.scanned_plan() ==
          StartPlan{
              StartFromJournal{kEpoch, BatchNumber{1}, BatchNumber{2}, Offset{2}, {Offset{5}}}});
  }
}

TEST_CASE("a scan of a journal that holds markers only leads to the earliest record") {
  Logs logs;
  logs.records(6);
  logs.input.truncate_before(4);
  logs.journal.add_gap();
  Run run(logs);
  Recovery scan(logs.location());
  run.read(scan, [] { return Portions{}; });
  REQUIRE(scan.state() == State::kDone);
  CHECK(scan.scanned_plan() == StartPlan{StartFresh{{Offset{4}}}});
}

TEST_CASE("a scan that meets bytes of another kind ends broken") {
  Logs logs;
  logs.journal.add({{}, "", "{}"});
  Run run(logs);
  Recovery scan(logs.location());
  run.read(scan, [] { return Portions{}; });
  CHECK(scan.state() == State::kBroken);
  CHECK_FALSE(scan.message().empty());
}

// Recovery of a shard that reads two logs: its input, and what others have forwarded to it.
#include "recovery_script.h"

#include <doctest/doctest.h>

#include <random>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

using State = Recovery::State;
using Range = std::pair<int64_t, int64_t>;

constexpr Routing kAllAtHome{Partitioner::kMurmur2, 1};

Logs two_logs() {
  Logs logs;
  logs.routing = kAllAtHome;
  return logs;
}

// The journal's batches on a shard of their own, with no recovery: log 0, then log 1.
std::string fingerprint_of(const Logs& logs) {
  const auto shard = logs.empty_shard();
  Portion entries = logs.journal.read(kPartition, Offset{0}, 1'000);
  for (const Record& record : entries.records) {
    const JournalEntry entry = decode_journal_entry(*record.value).value();
    REQUIRE(shard->replay_begin(entry, record.offset));
    for (size_t log = 0; log < 2; ++log) {
      const FakeLog& source = log == 0 ? logs.input : logs.repartition;
      Portion portion = source.read(kPartition, entry.ranges[log].from, 1'000);
      for (Record& r : portion.records) {
        if (r.offset < entry.ranges[log].to) shard->replay_record(log, r);
      }
    }
    REQUIRE(shard->replay_end(entry));
  }
  return shard->fingerprint();
}

}  // namespace

TEST_CASE("a batch is replayed as it was applied: its input, then what was forwarded") {
  Logs logs = two_logs();
  // In the other order a would have ended at 1.
  logs.input.add({1'000, "a", "add"});
  logs.input.add({1'000, "b", "add"});
  logs.repartition.add({1'000, "a", "end", origin("in", 1, 7, 1'000)});
  logs.repartition.add({1'000, "b", "end", origin("in", 1, 8, 1'000)});
  logs.batch(1, {0, 2}, {0, 1});
  logs.batch(2, {2, 2}, {1, 2});
  for (const size_t portion : {size_t{1}, size_t{1'000}}) {
    CAPTURE(portion);
    Run run(logs);
    run.replay({1, 2, 0, 2, 2}, [portion] { return Portions{portion, portion}; });
    REQUIRE(run.recovery->state() == State::kDone);
    CHECK(run.recovery->records_replayed() == 4);
    CHECK(run.shard->next(0) == Offset{2});
    CHECK(run.shard->next(1) == Offset{2});
    CHECK(run.shard->fingerprint() == fingerprint_of(logs));
  }
}

TEST_CASE("the log that is wanted is that of the range in hand, and the others' records wait") {
  Logs logs = two_logs();
  logs.records(1);
  logs.batch(1, {0, 1}, {0, 1});
  Run run(logs);
  Recovery& recovery = run.replay({1, 1, 0, 1, 1});
  CHECK(recovery.state() == State::kReplaying);
  CHECK(recovery.wants() == Log::kRepartition);
  logs.forwarded(3);
  run.read(recovery, [] { return Portions{}; });
  CHECK(recovery.state() == State::kDone);
  CHECK(recovery.records_replayed() == 2);
  CHECK(run.repartition_at == Offset{1});  // the other two are the live part's
}

TEST_CASE("ranges of either log may end in gaps, be gaps, or be empty") {
  Logs logs = two_logs();
  logs.records(2);
  logs.gap(2);
  logs.records(1);
  logs.gap(3);
  logs.forwarded_gap(1);
  logs.forwarded(2);
  logs.forwarded_gap(2);
  struct Row {
    const char* title;
    std::vector<std::pair<Range, Range>> batches;
  };
  const Row table[] = {
      {"all at once", {{{0, 8}, {0, 5}}}},
      {"one log after the other", {{{0, 8}, {0, 0}}, {{8, 8}, {0, 5}}}},
      {"the other after the one", {{{0, 0}, {0, 5}}, {{0, 8}, {5, 5}}}},
      {"only the second", {{{0, 0}, {0, 3}}, {{0, 0}, {3, 5}}}},
      {"both in the middle of gaps", {{{0, 3}, {0, 4}}, {{3, 8}, {4, 5}}}},
      {"a batch that is gaps", {{{0, 2}, {0, 3}}, {{2, 4}, {3, 5}}, {{4, 8}, {5, 5}}}},
      {"gaps of the second one by one",
       {{{0, 2}, {0, 1}}, {{2, 2}, {1, 3}}, {{2, 2}, {3, 4}}, {{2, 2}, {4, 5}}}},
      {"empty ones between them",
       {{{0, 0}, {0, 0}},
        {{0, 2}, {0, 2}},
        {{2, 2}, {2, 2}},
        {{2, 5}, {2, 3}},
        {{5, 5}, {3, 3}},
        {{5, 8}, {3, 5}},
        {{8, 8}, {5, 5}}}},
  };
  for (const Row& row : table) {
    Logs written = logs;
    uint64_t n = 0;
    for (const auto& [input, repartition] : row.batches) written.batch(++n, input, repartition);
    const auto& [input, repartition] = row.batches.back();
    for (const size_t portion : {size_t{1}, size_t{2}, size_t{1'000}}) {
      CAPTURE(row.title);
      CAPTURE(portion);
      Run run(written);
      run.replay({1, n, 0, input.second, repartition.second}, [portion] {
        return Portions{portion, portion};
      });
      CHECK(run.recovery->state() == State::kDone);
      CHECK(run.recovery->batches_replayed() == n);
      CHECK(run.shard->fingerprint() == fingerprint_of(written));
    }
  }
}

TEST_CASE("in whatever portions both logs are read, the state is that of the batches in order") {
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](int64_t n) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
    };
    Logs logs = two_logs();
    uint64_t n = 0;
    Range at{0, 0};
    for (int i = 0; i < 15; ++i) {
      for (int64_t parts = below(5); parts > 0; --parts) {
        // Few ids, so that it shows in which order the logs were read.
        static const char* const kValues[] = {"add", "end", "nothing", "bad"};
        const std::string id = std::to_string(below(4));
        const char* value = kValues[below(4)];
        switch (below(4)) {
          case 0:
            logs.input.add({1'000, id, value});
            break;
          case 1:
            logs.repartition.add({1'000, id, value, origin("in", 1, i, 1'000)});
            break;
          case 2:
            logs.gap(static_cast<int>(below(3)));
            break;
          default:
            logs.forwarded_gap(static_cast<int>(below(3)));
            break;
        }
      }
      const Range to{at.first + below(logs.input.end() - at.first + 1),
                     at.second + below(logs.repartition.end() - at.second + 1)};
      logs.batch(++n, {at.first, to.first}, {at.second, to.second});
      at = to;
    }
    Run run(logs);
    run.replay({1, n, 0, at.first, at.second}, [&random] {
      return Portions{1 + random() % 4, 1 + random() % 6};
    });
    REQUIRE(run.recovery->state() == State::kDone);
    REQUIRE(run.recovery->batches_replayed() == n);
    REQUIRE(run.shard->fingerprint() == fingerprint_of(logs));
  }
}

TEST_CASE("whatever is missing of the second log is said in numbers too") {
  struct Row {
    const char* title;
    Plan plan;
    std::function<void(Logs&)> write;
    std::string message;
  };
  const Row table[] = {
      {"ranges that do not join",
       {1, 2, 0, 6, 6},
       [](Logs& l) {
         l.batch(1, {0, 2}, {0, 2});
         l.batch(2, {2, 6}, {3, 6});
       },
       "the journal's ranges do not join: batch 2 begins at 3, the one before ended at 2"},
      {"records that are not kept",
       {1, 1, 0, 6, 6},
       [](Logs& l) {
         l.batch(1, {0, 6}, {2, 6});
         l.repartition.truncate_before(4);
       },
       "recovery needs the repartition topic from offset 2, but it is retained from 4: 2 offsets "
       "are lost"},
      {"the journal ends behind the committed offset",
       {1, 1, 0, 6, 5},
       [](Logs& l) {
         l.batch(1, {0, 6}, {0, 6});
       },
       "batch 1 ends at offset 6 by the journal, and at 5 by the committed offsets"},
      {"the journal ends before the committed offset",
       {1, 1, 0, 6, 6},
       [](Logs& l) {
         l.batch(1, {0, 6}, {0, 4});
       },
       "batch 1 ends at offset 4 by the journal, and at 6 by the committed offsets"},
      {"entries of a time with one log",
       {1, 1, 0, 6, 6},
       [](Logs& l) { l.batch(1, 0, 6); },
       "batch 1 does not follow from the one before it: the journal is damaged"},
  };
  for (const Row& row : table) {
    CAPTURE(row.title);
    Logs logs = two_logs();
    logs.records(6);
    logs.forwarded(6);
    row.write(logs);
    Run run(logs);
    CHECK(run.replay(row.plan).state() == State::kBroken);
    CHECK(run.recovery->message() == "partition 3: " + row.message);
  }
}

TEST_CASE("what is not retained is no loss where nothing of it is needed") {
  Logs logs = two_logs();
  logs.records(6);
  logs.forwarded(6);
  logs.repartition.truncate_before(6);
  logs.batch(1, {0, 3}, {2, 2});  // nothing of it
  logs.batch(2, {3, 6}, {2, 2});
  Run run(logs);
  CHECK(run.replay({1, 2, 0, 6, 2}).state() == State::kDone);
  CHECK(run.recovery->records_replayed() == 6);
}

TEST_CASE("a scan plans for both logs, and refuses entries of another number") {
  Logs logs = two_logs();
  logs.records(6);
  logs.forwarded(6);
  logs.batch(1, {0, 2}, {0, 3});
  logs.batch(2, {2, 5}, {3, 4});
  {
    Run run(logs);
    Recovery scan(logs.location());
    run.read(scan, [] { return Portions{}; });
    REQUIRE(scan.state() == State::kDone);
    CHECK(scan.scanned_plan() ==
          StartPlan{StartFromJournal{
              kEpoch, BatchNumber{1}, BatchNumber{2}, Offset{0}, {Offset{5}, Offset{4}}}});
  }
  logs.batch(3, 5, 6);
  Run run(logs);
  Recovery scan(logs.location());
  run.read(scan, [] { return Portions{}; });
  CHECK(scan.state() == State::kBroken);
  CHECK(scan.message() == "partition 3: a journal entry with another number of input logs");
}

#include "runtime/start_plan.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::runtime;

namespace {

std::string metadata(uint64_t n, uint64_t origin, int64_t journal) {
  return core::encode({core::Epoch{7}, core::BatchNumber{n}, core::BatchNumber{origin},
                       core::Offset{journal}, "id"});
}

LogEnds ends(int64_t begin, int64_t end) { return {core::Offset{begin}, core::Offset{end}}; }

// What is committed of a log, and what the log holds.
InputLocation committed(int64_t offset, std::string text, LogEnds held = ends(0, 90)) {
  return {core::Offset{offset}, std::move(text), held};
}
InputLocation uncommitted(LogEnds held = ends(0, 90)) { return {{}, "", held}; }

StartPlan fresh(std::vector<int64_t> inputs) {
  StartFresh plan;
  for (const int64_t offset : inputs) plan.inputs.push_back(core::Offset{offset});
  return plan;
}

StartPlan from_journal(uint64_t origin, uint64_t n, int64_t journal, std::vector<int64_t> inputs) {
  StartFromJournal plan{
      core::Epoch{7}, core::BatchNumber{origin}, core::BatchNumber{n}, core::Offset{journal}, {}};
  for (const int64_t offset : inputs) plan.inputs.push_back(core::Offset{offset});
  return plan;
}

struct Row {
  const char* title;
  std::vector<InputLocation> inputs;
  LogEnds journal;
  StartPlan plan;
};

const std::string kOurs = metadata(9, 3, 4);

}  // namespace

TEST_CASE("where a shard begins follows from its committed offset, its metadata and its journal") {
  const Row table[] = {
      {"the first start", {uncommitted(ends(0, 0))}, ends(0, 0), fresh({0})},
      {"the first start on an old topic", {uncommitted(ends(40, 90))}, ends(0, 0), fresh({40})},
      {"a journal that was trimmed empty is none",
       {uncommitted(ends(40, 90))},
       ends(6, 6),
       fresh({40})},
      {"offsets are gone, the journal is there", {uncommitted()}, ends(0, 6), StartByScan{}},
      {"our own commit", {committed(50, kOurs)}, ends(0, 20), from_journal(3, 9, 4, {50})},
      {"an operator's reset", {committed(50, "")}, ends(0, 20), fresh({50})},
      {"another program's commit", {committed(50, "m2 x")}, ends(0, 20), fresh({50})},
      {"metadata that is cut off", {committed(50, kOurs.substr(0, 20))}, ends(0, 20), fresh({50})},
  };
  for (const Row& row : table) {
    CAPTURE(row.title);
    CHECK(plan_start({core::Partition{1}, row.inputs, row.journal}) == row.plan);
  }
}

TEST_CASE("with two logs both have to say the same, or it is somebody else's commit") {
  const Row table[] = {
      {"the first start", {uncommitted(), uncommitted(ends(2, 5))}, ends(0, 0), fresh({0, 2})},
      {"offsets are gone", {uncommitted(), uncommitted()}, ends(0, 6), StartByScan{}},
      {"our own commit",
       {committed(50, kOurs), committed(30, kOurs)},
       ends(0, 20),
       from_journal(3, 9, 4, {50, 30})},
      {"our own commit, nothing read of one log",
       {committed(50, kOurs), committed(0, kOurs)},
       ends(0, 20),
       from_journal(3, 9, 4, {50, 0})},
      {"the input was reset",
       {committed(10, ""), committed(30, kOurs)},
       ends(0, 20),
       fresh({10, 30})},
      {"the repartition log was reset",
       {committed(50, kOurs), committed(10, "")},
       ends(0, 20),
       fresh({50, 10})},
      {"both were reset", {committed(10, ""), committed(10, "")}, ends(0, 20), fresh({10, 10})},
      {"the input's offset is gone",
       {uncommitted(ends(40, 90)), committed(30, kOurs)},
       ends(0, 20),
       fresh({40, 30})},
      {"the other's offset is gone",
       {committed(50, kOurs), uncommitted(ends(4, 90))},
       ends(0, 20),
       fresh({50, 4})},
      {"two batches",
       {committed(50, kOurs), committed(30, metadata(8, 3, 4))},
       ends(0, 20),
       fresh({50, 30})},
  };
  for (const Row& row : table) {
    CAPTURE(row.title);
    CHECK(plan_start({core::Partition{1}, row.inputs, row.journal}) == row.plan);
  }
}

TEST_CASE("a committed offset that a log does not hold is a loss, and the nearest one is kept") {
  struct {
    const char* title;
    std::vector<InputLocation> inputs;
    std::string loss;
    Offsets nearest;
  } const table[] = {
      {"all is there",
       {committed(50, "", ends(50, 50)), committed(30, "", ends(0, 90))},
       "",
       {core::Offset{50}, core::Offset{30}}},
      {"nothing is committed",
       {uncommitted(ends(40, 90)), uncommitted(ends(3, 9))},
       "",
       {core::Offset{40}, core::Offset{3}}},
      {"the input begins later",
       {committed(50, "", ends(60, 90)), committed(30, "")},
       "the next record to read is at offset 50, but the topic retains them from 60: 10 offsets "
       "are lost",
       {core::Offset{60}, core::Offset{30}}},
      {"the input was made anew",
       {committed(50, "", ends(0, 20)), committed(30, "")},
       "offset 50 is committed, but the topic ends at 20: it was truncated or made anew",
       {core::Offset{0}, core::Offset{30}}},
      {"the repartition log begins later",
       {committed(50, ""), committed(30, "", ends(31, 90))},
       "the next record to read is at offset 30, but the repartition topic retains them from 31: 1 "
       "offsets are lost",
       {core::Offset{50}, core::Offset{31}}},
      {"the repartition topic was made anew",
       {committed(50, ""), committed(30, "", ends(0, 0))},
       "offset 30 is committed, but the repartition topic ends at 0: it was truncated or made anew",
       {core::Offset{50}, core::Offset{0}}},
      {"only the other is committed, and lost",
       {uncommitted(), committed(30, "", ends(0, 0))},
       "offset 30 is committed, but the repartition topic ends at 0: it was truncated or made anew",
       {core::Offset{0}, core::Offset{0}}},
  };
  for (const auto& row : table) {
    CAPTURE(row.title);
    const Location location{core::Partition{1}, row.inputs, ends(0, 20)};
    CHECK(loss_at_committed(location) == row.loss);
    CHECK(nearest_kept(location) == row.nearest);
  }
}

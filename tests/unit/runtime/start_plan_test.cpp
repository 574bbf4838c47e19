#include "runtime/start_plan.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::runtime;

namespace {

std::string metadata(uint64_t n, uint64_t origin, int64_t journal) {
  return core::encode({core::Epoch{7}, core::BatchNumber{n}, core::BatchNumber{origin},
                       core::Offset{journal}, "id"});
}

struct Row {
  const char* title;
  std::optional<int64_t> committed;
  std::string metadata;
  LogEnds input;
  LogEnds journal;
  StartPlan plan;
};

LogEnds ends(int64_t begin, int64_t end) { return {core::Offset{begin}, core::Offset{end}}; }

StartPlan from_journal(uint64_t origin, uint64_t n, int64_t journal, int64_t input) {
  return StartFromJournal{core::Epoch{7}, core::BatchNumber{origin}, core::BatchNumber{n},
                          core::Offset{journal}, core::Offset{input}};
}

}  // namespace

TEST_CASE("where a shard begins follows from its committed offset, its metadata and its journal") {
  const Row table[] = {
      {"the first start", {}, "", ends(0, 0), ends(0, 0), StartFresh{core::Offset{0}}},
      {"the first start on an old topic",
       {},
       "",
       ends(40, 90),
       ends(0, 0),
       StartFresh{core::Offset{40}}},
      {"a journal that was trimmed empty is none",
       {},
       "",
       ends(40, 90),
       ends(6, 6),
       StartFresh{core::Offset{40}}},
      {"offsets are gone, the journal is there", {}, "", ends(0, 90), ends(0, 6), StartByScan{}},
      {"our own commit", 50, metadata(9, 3, 4), ends(0, 90), ends(0, 20),
       from_journal(3, 9, 4, 50)},
      {"an operator's reset", 50, "", ends(0, 90), ends(0, 20), StartFresh{core::Offset{50}}},
      {"another program's commit", 50, "m2 x", ends(0, 90), ends(0, 20),
       StartFresh{core::Offset{50}}},
      {"metadata that is cut off", 50, metadata(9, 3, 4).substr(0, 20), ends(0, 90), ends(0, 20),
       StartFresh{core::Offset{50}}},
  };
  for (const Row& row : table) {
    CAPTURE(row.title);
    Location location{core::Partition{1}, {}, row.metadata, row.input, row.journal};
    if (row.committed) location.committed = core::Offset{*row.committed};
    CHECK(plan_start(location) == row.plan);
  }
}

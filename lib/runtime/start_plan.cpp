#include "runtime/start_plan.h"

namespace muster::runtime {

StartPlan plan_start(const Location& location) {
  if (!location.committed) {
    if (location.journal.begin < location.journal.end) return StartByScan{};
    return StartFresh{location.input.begin};
  }
  const auto metadata = core::decode_commit_metadata(location.metadata);
  if (!metadata) return StartFresh{*location.committed};
  return StartFromJournal{metadata->epoch, metadata->origin, metadata->n, metadata->journal_offset,
                          *location.committed};
}

}  // namespace muster::runtime

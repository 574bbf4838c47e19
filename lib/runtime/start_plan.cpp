#include "runtime/start_plan.h"

#include <algorithm>

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

std::string loss_at(const Location& location, core::Offset input) {
  const auto text = [](core::Offset offset) { return std::to_string(core::raw(offset)); };
  if (input < location.input.begin) {
    return "the next record to read is at offset " + text(input) +
           ", but the topic retains them from " + text(location.input.begin) + ": " +
           std::to_string(core::raw(location.input.begin) - core::raw(input)) + " offsets are lost";
  }
  if (input > location.input.end) {
    return "offset " + text(input) + " is committed, but the topic ends at " +
           text(location.input.end) + ": it was truncated or made anew";
  }
  return "";
}

core::Offset nearest_kept(const Location& location, core::Offset input) {
  // A topic that ends before the offset is another one: all of it is new.
  if (input > location.input.end) return location.input.begin;
  return std::max(input, location.input.begin);
}

}  // namespace muster::runtime

#include "runtime/start_plan.h"

#include "base/planted.h"

#include <algorithm>

namespace muster::runtime {

StartPlan plan_start(const Location& location) {
  const auto& inputs = location.inputs;
  const auto has_offset = [](const InputLocation& input) { return input.committed.has_value(); };
  if (std::ranges::none_of(inputs, has_offset)) {
    if (location.journal.begin < location.journal.end) return StartByScan{};
    return StartFresh{committed_or_earliest(location)};
  }
  const std::string& text = inputs.front().metadata;
  const bool one_batch = std::ranges::all_of(inputs, [&](const InputLocation& input) {
    return input.committed && (input.metadata == text || MUSTER_PLANTED(kOneOffsetBelieved));
  });
  const auto metadata = core::decode_commit_metadata(text);
  if (!one_batch || !metadata) return StartFresh{committed_or_earliest(location)};
  return StartFromJournal{metadata->epoch, metadata->origin, metadata->n, metadata->journal_offset,
                          committed_or_earliest(location)};
}

Offsets committed_or_earliest(const Location& location) {
  Offsets offsets;
  for (const InputLocation& input : location.inputs)
    offsets.push_back(input.committed.value_or(input.ends.begin));
  return offsets;
}

std::string loss_at(const LogEnds& ends, core::Offset from, const std::string& topic) {
  const auto text = [](core::Offset offset) { return std::to_string(core::raw(offset)); };
  if (from < ends.begin) {
    return "the next record to read is at offset " + text(from) + ", but the " + topic +
           " retains them from " + text(ends.begin) + ": " +
           std::to_string(core::raw(ends.begin) - core::raw(from)) + " offsets are lost";
  }
  if (from > ends.end) {
    return "offset " + text(from) + " is committed, but the " + topic + " ends at " +
           text(ends.end) + ": it was truncated or made anew";
  }
  return "";
}

std::string loss_at_committed(const Location& location) {
  for (size_t log = 0; log < location.inputs.size(); ++log) {
    const InputLocation& input = location.inputs[log];
    if (!input.committed) continue;
    auto loss = loss_at(input.ends, *input.committed, log == 0 ? "topic" : "repartition topic");
    if (!loss.empty()) return loss;
  }
  return "";
}

Offsets nearest_kept(const Location& location) {
  Offsets offsets = committed_or_earliest(location);
  for (size_t log = 0; log < offsets.size(); ++log) {
    const LogEnds& ends = location.inputs[log].ends;
    // A topic that ends before the offset is another one: all of it is new.
    offsets[log] = offsets[log] > ends.end ? ends.begin : std::max(offsets[log], ends.begin);
  }
  return offsets;
}

}  // namespace muster::runtime

// Groups as people and tools look at them: JSON of what a processor keeps. Nothing here changes
// anything. On the processor's thread.
#pragma once

#include "collector/group_table.h"
#include "core/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::collector {

enum class Phase : uint8_t { kEarly, kOpen, kClosed };
std::string_view name(Phase phase);
std::optional<Phase> phase_named(std::string_view name);
// Absent: of a free slot.
std::optional<Phase> phase_of(const GroupState& state);

struct GroupFilter {
  std::optional<Phase> phase = Phase::kOpen;  // absent: any
  std::optional<core::Time> due_before;       // only open ones have a deadline
  std::string prefix;
};
[[nodiscard]] bool matches(const GroupState& state, const GroupFilter& filter);

// Members of an object without its braces. A summary has counts; everything has the entities by name,
// but neither payload nor results.
void append_summary(std::string& out, const GroupState& state, core::Time now);
void append_everything(std::string& out, const GroupState& state, core::Time now);

}  // namespace muster::collector

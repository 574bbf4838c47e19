#include "collector/group_table.h"

#include <limits>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace muster::collector {

std::string_view name(const GroupState& state) {
  if (const auto* open = std::get_if<OpenGroup>(&state)) return open->id();
  if (const auto* closed = std::get_if<ClosedGroup>(&state)) return closed->id();
  if (const auto* early = std::get_if<std::unique_ptr<EarlyGroup>>(&state)) return (*early)->id();
  return {};
}

GroupTable::Wanted GroupTable::wanted(std::string_view name) {
  return {static_cast<uint32_t>(base::hash64(name) >> 32), name};
}

std::optional<core::Slot> GroupTable::find(std::string_view name) const {
  const auto found = names_.find(wanted(name));
  if (found == names_.end()) return std::nullopt;
  return core::Slot{found->slot};
}

core::Slot GroupTable::add(GroupState state) {
  CHECK(!std::holds_alternative<std::monostate>(state));
  uint32_t slot = 0;
  if (free_.empty()) {
    CHECK(states_.size() < std::numeric_limits<uint32_t>::max());
    slot = static_cast<uint32_t>(states_.size());
    states_.push_back(std::move(state));
  } else {
    slot = free_.back();
    free_.pop_back();
    states_[slot] = std::move(state);
  }
  names_.insert(Entry{wanted(collector::name(states_[slot])).hash, slot});
  return core::Slot{slot};
}

GroupState& GroupTable::at(core::Slot slot) {
  CHECK(raw(slot) < states_.size());
  return states_[raw(slot)];
}

const GroupState& GroupTable::at(core::Slot slot) const {
  CHECK(raw(slot) < states_.size());
  return states_[raw(slot)];
}

void GroupTable::erase(core::Slot slot) {
  GroupState& state = at(slot);
  const auto found = names_.find(wanted(collector::name(state)));
  CHECK(found != names_.end());
  CHECK(found->slot == raw(slot));
  names_.erase(found);
  state = std::monostate{};
  free_.push_back(raw(slot));
}

}  // namespace muster::collector

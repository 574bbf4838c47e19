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

size_t held_bytes(const GroupState& state) {
  if (const auto* open = std::get_if<OpenGroup>(&state)) return open->held_bytes();
  if (const auto* closed = std::get_if<ClosedGroup>(&state)) return closed->held_bytes();
  const auto* early = std::get_if<std::unique_ptr<EarlyGroup>>(&state);
  return early != nullptr && *early != nullptr ? (*early)->held_bytes() : 0;
}

uint32_t GroupTable::hash_of(std::string_view name) {
  return static_cast<uint32_t>(base::hash64(name) >> 32);
}

std::optional<core::Slot> GroupTable::find(std::string_view name) const {
  const auto found = names_.find(Wanted{name, hash_of(name)});
  if (found == names_.end()) return std::nullopt;
  return core::Slot{*found};
}

core::Slot GroupTable::add(GroupState state) {
  const uint32_t hash = hash_of(collector::name(state));
  uint32_t slot = 0;
  if (free_.empty()) {
    CHECK(entries_.size() < std::numeric_limits<uint32_t>::max());
    slot = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  entries_[slot].state = std::move(state);
  entries_[slot].hash = hash;
  const bool added = names_.insert(slot).second;
  CHECK(added);
  return core::Slot{slot};
}

GroupState& GroupTable::at(core::Slot slot) {
  CHECK(raw(slot) < entries_.size());
  return entries_[raw(slot)].state;
}

const GroupState& GroupTable::at(core::Slot slot) const {
  CHECK(raw(slot) < entries_.size());
  return entries_[raw(slot)].state;
}

void GroupTable::erase(core::Slot slot) {
  CHECK(!std::holds_alternative<std::monostate>(at(slot)));
  const size_t erased = names_.erase(raw(slot));
  CHECK(erased == 1);
  at(slot) = std::monostate{};
  free_.push_back(raw(slot));
}

}  // namespace muster::collector

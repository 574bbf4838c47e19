// Every id that a processor knows, by name and by slot: early, open or closed. Slots are reused,
// last freed first. 16 bytes per slot and 5 to 10 per name besides the groups themselves; growing
// never reads a group. Lives in one shard's processor, on its thread.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "collector/early.h"
#include "collector/group.h"
#include "core/types.h"

namespace muster::collector {

//           Create                       complete, error, deadline
//   early ----------> open (or closed) --------------------------> closed
//     ^ an early Done, and again if it became an orphan      (forgotten by the core)
using GroupState =
    std::variant<std::monostate, std::unique_ptr<EarlyGroup>, OpenGroup, ClosedGroup>;

// Empty for a free slot.
std::string_view name(const GroupState& state);
// In memory, besides what the table takes.
size_t held_bytes(const GroupState& state);

class GroupTable {
 public:
  GroupTable() : names_(0, Hash{&entries_}, Same{&entries_}) {}
  GroupTable(const GroupTable&) = delete;
  GroupTable& operator=(const GroupTable&) = delete;

  std::optional<core::Slot> find(std::string_view name) const;
  // The name is not there yet.
  core::Slot add(GroupState state);
  // Its name stays the same, whatever it becomes. The reference stays valid until it is erased.
  GroupState& at(core::Slot slot);
  const GroupState& at(core::Slot slot) const;
  void erase(core::Slot slot);
  size_t size() const { return names_.size(); }
  size_t held_bytes() const { return size() * (sizeof(Entry) + kNameBytes); }
  size_t slots() const { return entries_.size(); }

 private:
  // The hash lies in the state's padding. It is kept so that growing need not read the names.
  struct Entry {
    [[no_unique_address]] GroupState state;
    uint32_t hash = 0;
  };
  using Entries = std::deque<Entry>;
  struct Wanted {
    std::string_view name;
    uint32_t hash;
  };
  // The set holds slots, and looks into the entries.
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    size_t operator()(const Wanted& wanted) const { return spread(wanted.hash); }
    size_t operator()(uint32_t slot) const { return spread((*entries)[slot].hash); }
    static size_t spread(uint32_t hash) { return hash * size_t{0x9e3779b97f4a7c15}; }
    const Entries* entries;
  };
  struct Same {
    using is_transparent = void;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(const Wanted& wanted, uint32_t slot) const {
      const Entry& entry = (*entries)[slot];
      return wanted.hash == entry.hash && wanted.name == collector::name(entry.state);
    }
    bool operator()(uint32_t slot, const Wanted& wanted) const { return (*this)(wanted, slot); }
    const Entries* entries;
  };

  static constexpr size_t kNameBytes = 8;  // in the set, on average

  static uint32_t hash_of(std::string_view name);

  Entries entries_;
  std::vector<uint32_t> free_;
  boost::unordered_flat_set<uint32_t, Hash, Same> names_;
};

}  // namespace muster::collector

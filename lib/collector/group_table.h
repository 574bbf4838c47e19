// Every id that a processor knows, by name and by slot: early, open or closed. Slots are reused, last freed first.
// 16 bytes per slot and about 14 per name besides the groups themselves; growing never reads a group. Lives in one
// shard's processor, on its thread.
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
using GroupState = std::variant<std::monostate, std::unique_ptr<EarlyGroup>, OpenGroup, ClosedGroup>;

// Empty for a free slot.
std::string_view name(const GroupState& state);

class GroupTable {
 public:
  GroupTable() : names_(0, Hash{}, Same{&states_}) {}
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

 private:
  // The hash is kept so that growing need not read the names.
  struct Entry {
    uint32_t hash;
    uint32_t slot;
  };
  struct Wanted {
    uint32_t hash;
    std::string_view name;
  };
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    template <typename Hashed>
    size_t operator()(const Hashed& hashed) const {
      return hashed.hash * size_t{0x9e3779b97f4a7c15};
    }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const Entry& a, const Entry& b) const { return a.slot == b.slot; }
    bool operator()(const Wanted& wanted, const Entry& entry) const {
      return wanted.hash == entry.hash && wanted.name == collector::name((*states)[entry.slot]);
    }
    bool operator()(const Entry& entry, const Wanted& wanted) const {
      return (*this)(wanted, entry);
    }
    const std::deque<GroupState>* states;
  };

  static Wanted wanted(std::string_view name);

  std::deque<GroupState> states_;
  std::vector<uint32_t> free_;
  boost::unordered_flat_set<Entry, Hash, Same> names_;
};

}  // namespace muster::collector

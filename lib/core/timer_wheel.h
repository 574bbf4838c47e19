// A hierarchical timing wheel (Varghese & Lauck 1987, in the shape that Linux and tokio use): one
// timer per slot, exact to the millisecond, arm and cancel in constant time whatever is armed, no
// clock of its own. Eight levels of 64 lists span 8,900 years; a timer moves down a level at most
// seven times in its life. 16 bytes per slot.
#pragma once

#include "core/types.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace muster::core {

class TimerWheel {
 public:
  struct Expired {
    Slot slot{};
    Time due{};

    bool operator==(const Expired&) const = default;
  };

  TimerWheel();

  // Moves the timer if it is armed. Any `due` will do, also one that has passed.
  void arm(Slot slot, Time due);
  // Nothing happens if it is not armed.
  void disarm(Slot slot);
  bool armed(Slot slot) const;
  // Only of an armed timer.
  Time due(Slot slot) const { return time_from_ms(nodes_[node_of(slot)].due); }
  size_t size() const { return size_; }

  // Whether a timer is due at or before `now`. Not const: far timers may move down a level, which
  // changes nothing that can be seen.
  bool any_due(Time now);
  // No timer is due before this time; none armed: absent. A bound, not exact, for sleeping.
  std::optional<Time> no_earlier_than() const;

  // Takes off all timers that are due at or before the time it returns and appends them to `out`,
  // in no order. That time is `now`, or an earlier one if more than `count_max` would fire (then at
  // least one millisecond's are).
  Time expire(Time now, std::vector<Expired>& out,
              size_t count_max = std::numeric_limits<size_t>::max());

 private:
  static constexpr int kLevels = 8;
  static constexpr int kBits = 6;
  static constexpr uint32_t kLists = kLevels << kBits;
  static constexpr uint32_t kLateList = kLists;  // armed for a time that the wheel has turned past
  static constexpr uint32_t kHeads = kLists + 1;

  // Lists are circular through heads that lie in front of the slots' nodes; prev == kNone: not in a
  // list.
  struct Node {
    int64_t due = 0;
    uint32_t prev = kNone;
    uint32_t next = kNone;
  };
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  struct Next {
    uint32_t list = 0;
    int level = 0;
    int64_t at = 0;  // no timer of the wheel is due before this
  };

  static uint32_t node_of(Slot slot) { return raw(slot) + kHeads; }
  std::optional<Next> next() const;
  void insert(uint32_t node);
  void unlink(uint32_t node);
  void cascade(const Next& next);
  void expire_list(uint32_t list, int64_t due_max, std::vector<Expired>& out);
  std::optional<Time> expire_late(Time now, std::vector<Expired>& out, size_t count_max);

  std::vector<Node> nodes_;
  std::array<uint64_t, kLevels> occupied_{};
  int64_t turned_to_ = 0;  // nothing in the wheel is due before this
  size_t size_ = 0;
};

}  // namespace muster::core

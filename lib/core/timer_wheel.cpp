#include "core/timer_wheel.h"

#include "base/check.h"

#include <algorithm>
#include <bit>

namespace muster::core {

TimerWheel::TimerWheel() : nodes_(kHeads) {
  for (uint32_t head = 0; head < kHeads; ++head) {
    nodes_[head].prev = head;
    nodes_[head].next = head;
  }
}

void TimerWheel::arm(Slot slot, Time due) {
  const uint32_t node = node_of(slot);
  if (node >= nodes_.size()) nodes_.resize(node + 1);
  if (nodes_[node].prev != kNone) unlink(node);
  nodes_[node].due = to_ms(due);
  insert(node);
  ++size_;
}

void TimerWheel::disarm(Slot slot) {
  if (armed(slot)) unlink(node_of(slot));
}

bool TimerWheel::armed(Slot slot) const {
  const uint32_t node = node_of(slot);
  return node < nodes_.size() && nodes_[node].prev != kNone;
}

void TimerWheel::insert(uint32_t node) {
  const int64_t due = nodes_[node].due;
  uint32_t list = kLateList;
  if (due >= turned_to_) {
    // The level is that of the highest digit, base 64, in which `due` differs from the present.
    const auto differs = static_cast<uint64_t>(due ^ turned_to_) | 63U;
    const int level = (63 - std::countl_zero(differs)) / kBits;
    CHECK(level < kLevels);
    const auto digit = static_cast<uint32_t>(due >> (level * kBits)) & 63U;
    list = (static_cast<uint32_t>(level) << kBits) | digit;
    occupied_[static_cast<size_t>(level)] |= uint64_t{1} << digit;
  }
  Node& head = nodes_[list];
  nodes_[node].prev = head.prev;
  nodes_[node].next = list;
  nodes_[head.prev].next = node;
  head.prev = node;
}

void TimerWheel::unlink(uint32_t node) {
  Node& gone = nodes_[node];
  nodes_[gone.prev].next = gone.next;
  nodes_[gone.next].prev = gone.prev;
  if (gone.prev == gone.next && gone.prev < kLists) {
    occupied_[gone.prev >> kBits] &= ~(uint64_t{1} << (gone.prev & 63U));
  }
  gone.prev = kNone;
  gone.next = kNone;
  --size_;
}

std::optional<TimerWheel::Next> TimerWheel::next() const {
  for (int level = 0; level < kLevels; ++level) {
    const uint64_t occupied = occupied_[static_cast<size_t>(level)];
    if (occupied == 0) continue;
    // Within a level all occupied lists lie at or after the present's: later ones belong to a
    // higher level.
    const int shift = level * kBits;
    const auto digit = static_cast<uint32_t>(std::countr_zero(occupied));
    const int64_t level_start = (turned_to_ >> (shift + kBits)) << (shift + kBits);
    const int64_t at = level_start + (static_cast<int64_t>(digit) << shift);
    return Next{(static_cast<uint32_t>(level) << kBits) | digit, level, std::max(at, turned_to_)};
  }
  return std::nullopt;
}

void TimerWheel::cascade(const Next& next) {
  turned_to_ = next.at;
  occupied_[next.list >> kBits] &= ~(uint64_t{1} << (next.list & 63U));
  uint32_t node = nodes_[next.list].next;
  nodes_[next.list].prev = next.list;
  nodes_[next.list].next = next.list;
  while (node != next.list) {
    const uint32_t following = nodes_[node].next;
    insert(node);
    node = following;
  }
}

bool TimerWheel::any_due(Time now) {
  for (uint32_t node = nodes_[kLateList].next; node != kLateList; node = nodes_[node].next) {
    if (nodes_[node].due <= to_ms(now)) return true;
  }
  while (const auto first = next()) {
    if (first->at > to_ms(now)) return false;
    if (first->level == 0) return true;
    cascade(*first);
  }
  return false;
}

std::optional<Time> TimerWheel::no_earlier_than() const {
  std::optional<Time> bound;
  if (const auto first = next()) bound = time_from_ms(first->at);
  for (uint32_t node = nodes_[kLateList].next; node != kLateList; node = nodes_[node].next) {
    const Time due = time_from_ms(nodes_[node].due);
    if (!bound || due < *bound) bound = due;
  }
  return bound;
}

void TimerWheel::expire_list(uint32_t list, int64_t due_max, std::vector<Expired>& out) {
  uint32_t node = nodes_[list].next;
  while (node != list) {
    const uint32_t following = nodes_[node].next;
    if (nodes_[node].due <= due_max) {
      out.push_back({Slot{node - kHeads}, time_from_ms(nodes_[node].due)});
      unlink(node);
    }
    node = following;
  }
}

// The late timers are all due before those in the wheel. Returns the time reached if they alone are
// enough.
std::optional<Time> TimerWheel::expire_late(Time now, std::vector<Expired>& out, size_t count_max) {
  const size_t before = out.size();
  expire_list(kLateList, to_ms(now), out);
  if (out.size() - before <= count_max) return std::nullopt;
  const auto first = out.begin() + static_cast<std::ptrdiff_t>(before);
  std::sort(first, out.end(), [](const Expired& a, const Expired& b) { return a.due < b.due; });
  // The first count_max, and with them all that share a time with the last of these.
  const Time reached = out[before + (count_max == 0 ? 0 : count_max - 1)].due;
  const auto rest =
      std::find_if(first, out.end(), [reached](const Expired& e) { return e.due > reached; });
  if (rest == out.end()) return std::nullopt;
  for (auto later = rest; later != out.end(); ++later) arm(later->slot, later->due);
  out.erase(rest, out.end());
  return reached;
}

Time TimerWheel::expire(Time now, std::vector<Expired>& out, size_t count_max) {
  const size_t before = out.size();
  if (const auto reached = expire_late(now, out, count_max)) return *reached;
  while (const auto first = next()) {
    if (first->at > to_ms(now)) break;
    if (first->level > 0) {
      cascade(*first);
      continue;
    }
    // A lower bound of the time is enough to stop before this millisecond.
    if (out.size() > before && out.size() - before >= count_max) return time_from_ms(first->at - 1);
    turned_to_ = first->at;
    expire_list(first->list, first->at, out);
  }
  turned_to_ = std::max(turned_to_, to_ms(now));
  return now;
}

}  // namespace muster::core

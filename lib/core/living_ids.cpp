#include "core/living_ids.h"

#include "base/check.h"

#include <algorithm>

namespace muster::core {

void LivingIds::append(uint32_t slot, BatchNumber n) {
  Id& id = ids_[slot];
  id.since = raw(n);
  id.prev = tail_;
  id.next = kNone;
  (tail_ == kNone ? head_ : ids_[tail_].next) = slot;
  tail_ = slot;
}

void LivingIds::unlink(uint32_t slot) {
  const Id& id = ids_[slot];
  (id.prev == kNone ? head_ : ids_[id.prev].next) = id.next;
  (id.next == kNone ? tail_ : ids_[id.next].prev) = id.prev;
}

void LivingIds::touch(Slot slot, BatchNumber n) {
  CHECK(raw(n) > 0);
  if (alive(slot)) return;
  if (raw(slot) >= ids_.size()) ids_.resize(size_t{raw(slot)} + 1);
  append(raw(slot), n);
  ++ids_[raw(slot)].life;
  ++size_;
}

void LivingIds::carried(Slot slot, BatchNumber n) {
  CHECK(alive(slot));
  unlink(raw(slot));
  append(raw(slot), n);
}

void LivingIds::forget_from(Slot slot, Time from) {
  CHECK(alive(slot));
  Id& id = ids_[raw(slot)];
  const bool waited = id.forget_ms != kNever;
  id.forget_ms = to_ms(from);
  const bool waits = id.forget_ms != kNever;
  if (waited && !waits) --forgettable_;
  if (waited || !waits) return;
  waiting_.push_back({raw(slot), id.life, id.forget_ms});
  ++forgettable_;
}

void LivingIds::drop(Slot slot) {
  CHECK(alive(slot));
  Id& id = ids_[raw(slot)];
  unlink(raw(slot));
  if (id.forget_ms != kNever) --forgettable_;
  id.since = 0;
  id.forget_ms = kNever;
  --size_;
}

void LivingIds::sort() {
  std::vector<Slot> slots = all();
  std::ranges::stable_sort(slots, {}, [this](Slot slot) { return ids_[raw(slot)].since; });
  head_ = kNone;
  tail_ = kNone;
  waiting_.clear();
  for (const Slot slot : slots) {
    const Id& id = ids_[raw(slot)];
    append(raw(slot), BatchNumber{id.since});
    if (id.forget_ms != kNever) waiting_.push_back({raw(slot), id.life, id.forget_ms});
  }
  std::ranges::stable_sort(waiting_, {}, &Waiting::forget_ms);
}

bool LivingIds::alive(Slot slot) const {
  return raw(slot) < ids_.size() && ids_[raw(slot)].since != 0;
}

BatchNumber LivingIds::since(Slot slot) const {
  CHECK(alive(slot));
  return BatchNumber{ids_[raw(slot)].since};
}

bool LivingIds::forgettable(Slot slot) const {
  CHECK(alive(slot));
  return ids_[raw(slot)].forget_ms != kNever;
}

std::vector<Slot> LivingIds::all() const {
  std::vector<Slot> slots;
  slots.reserve(size_);
  for (uint32_t slot = head_; slot != kNone; slot = ids_[slot].next) slots.push_back(Slot{slot});
  return slots;
}

std::optional<BatchNumber> LivingIds::oldest() const {
  if (head_ == kNone) return std::nullopt;
  return BatchNumber{ids_[head_].since};
}

std::optional<Slot> LivingIds::oldest_slot() const {
  if (head_ == kNone) return std::nullopt;
  return Slot{head_};
}

std::optional<Slot> LivingIds::next_to_forget(Time clock, bool early) {
  while (!waiting_.empty()) {
    Waiting& first = waiting_.front();
    const Id& id = ids_[first.slot];
    const bool gone = id.since == 0 || id.life != first.life || id.forget_ms == kNever;
    const bool later = !gone && id.forget_ms != first.forget_ms;
    if (!gone && !later) {
      if (!early && first.forget_ms > to_ms(clock)) return std::nullopt;
      return Slot{first.slot};
    }
    // Its time was moved: it queues again, at the place of its new time.
    if (later) waiting_.push_back({first.slot, id.life, id.forget_ms});
    waiting_.pop_front();
  }
  return std::nullopt;
}

}  // namespace muster::core

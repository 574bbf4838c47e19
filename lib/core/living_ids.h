// What the core knows of each id that a processor keeps: since which batch it is needed (that of
// the first event of its life, or of its last carry), and from when it may leave memory. The ids
// hang in one list in the order of those batches, so the oldest batch that anybody needs is that of
// the list's head. 32 bytes per slot.
#pragma once

#include "core/types.h"

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

namespace muster::core {

class LivingIds {
 public:
  // Brings the id to life in batch `n` if it is not alive.
  void touch(Slot slot, BatchNumber n);
  // The id is written down whole in the entry of batch `n`: nothing earlier is needed for it.
  void carried(Slot slot, BatchNumber n);
  // The id may leave memory from `from` on; a later call replaces an earlier one, and Time::max()
  // takes it back. Only of a living id.
  void forget_from(Slot slot, Time from);
  void drop(Slot slot);
  // Ids were brought to life out of the order of their batches and times: puts both in order.
  void sort();

  bool alive(Slot slot) const;
  // Of a living id: the batch that it is needed from, and whether it may leave at some time.
  BatchNumber since(Slot slot) const;
  bool forgettable(Slot slot) const;
  // In the order of the batches they are needed from.
  std::vector<Slot> all() const;
  size_t size() const { return size_; }
  // Ids that may leave at some time.
  size_t forgettable() const { return forgettable_; }
  // In memory, of those that there are now.
  size_t held_bytes() const { return size_ * sizeof(Id) + waiting_.size() * sizeof(Waiting); }

  // The batch of the id that has been needed for longest, and that id.
  std::optional<BatchNumber> oldest() const;
  std::optional<Slot> oldest_slot() const;

  // The next id to leave: one whose time has come, in about the order in which they became
  // forgettable; with `early` also one whose time has not come. The caller drops it.
  std::optional<Slot> next_to_forget(Time clock, bool early);

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  struct Id {
    uint64_t since = 0;  // 0: not alive
    int64_t forget_ms = kNever;
    uint32_t prev = kNone;
    uint32_t next = kNone;
    uint32_t life = 0;  // tells a slot that was reused
  };
  // A queue in order of arrival: the times are nearly constant lengths, so it is nearly in order of
  // time, and what is not only stays a little longer.
  struct Waiting {
    uint32_t slot = 0;
    uint32_t life = 0;
    int64_t forget_ms = 0;
  };

  void append(uint32_t slot, BatchNumber n);
  void unlink(uint32_t slot);

  std::vector<Id> ids_;
  std::deque<Waiting> waiting_;
  uint32_t head_ = kNone;
  uint32_t tail_ = kNone;
  size_t size_ = 0;
  size_t forgettable_ = 0;
};

}  // namespace muster::core

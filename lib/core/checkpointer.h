// Knows what of a shard the checkpoint does not hold yet, and writes it down in parts: every id as it
// was at the end of one batch, a few at a time, while later batches go on. An id that is about to
// change is written down first (copy on write), so nothing ever waits for a checkpoint.
//
//   idle ──begin──> writing ──next_part──> a part is with the store ──stored──> writing, or idle
//    ^                 ^                             │
//    └── the last part ┘       failed: all that the parts held has changed again; idle
//
// Belongs to a shard, and to its thread. Does no I/O.
#pragma once

#include "core/checkpoint.h"
#include "core/living_ids.h"
#include "core/processor.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace muster::core {

class Checkpointer {
 public:
  // So many groups of closed ids make it worth to write all anew: the head lists them.
  static constexpr size_t kClosedMax = 2'000;

  // Both are lent and outlive this. A part is full when it has so many bytes.
  Checkpointer(const Processor& processor, const LivingIds& living, size_t part_bytes_max)
      : processor_(processor), living_(living), part_bytes_max_(part_bytes_max) {}

  // --- what happens to ids, in replay as well
  // Somebody has to say about_to_change() before.
  bool copies() const { return under_way_ && !all_written(); }
  void about_to_change(Slot slot);
  void changed(Slot slot);
  void about_to_drop(Slot slot);

  // --- a checkpoint
  bool under_way() const { return under_way_; }
  // Something has changed since the last one began. After a failure that is so.
  bool any_change() const {
    return whole_next_time_ || failed_ || !changed_.empty() || !left_.empty() ||
           !left_closed_.empty();
  }
  // `head` says where the shard stands now, at the end of its last batch; what the checkpoint
  // consists of is filled in here. The ids are not what a batch in the making has made of them.
  void begin(CheckpointHead head);
  // A part can be filled further: none is full and waits.
  bool can_write() const { return copies() && part_bytes() < part_bytes_max_; }
  void write(size_t ids_max);
  // A part is full, or the last one, and none is with the store.
  bool part_waits() const {
    return under_way_ && !with_store_ && (all_written() || part_bytes() >= part_bytes_max_);
  }
  // `journal`: where the batch's entry lies.
  std::unique_ptr<CheckpointPart> next_part(Partition partition, Offset journal);
  BatchNumber batch() const { return head_.n; }

  // In memory: its tables for the ids that there are now, and what is on its way.
  size_t held_bytes() const;

  // --- the store's answers
  void stored();
  // Nothing was written, or nobody knows; also if it is given up.
  void failed(bool perhaps_written);
  // There is another's checkpoint, or none: everything is to be written anew.
  void start_over();

  // --- a checkpoint that is read
  // False: closed ids under numbers that nobody gives.
  [[nodiscard]] bool load_begin(const CheckpointHead& head, std::string head_text);
  void loaded_entry(Slot slot, uint32_t checksum);
  void loaded_closed(Slot slot, uint64_t number);
  void loaded_left(Slot slot);
  // False: something is missing, or too much.
  [[nodiscard]] bool load_end(const CheckpointHead& head) const;

 private:
  enum class Mark : uint8_t { kClean, kChanged, kPending, kAhead };
  // Where the store has an id: nowhere, among the entries, or in the closed ids of that number.
  static constexpr uint32_t kNowhere = 0;
  static constexpr uint32_t kEntries = 1;
  static constexpr uint32_t kClosedFirst = 2;
  // Attempts in a row of which nobody knows whether they were written.
  static constexpr size_t kHeadsMax = 8;

  struct Id {
    uint32_t place = kNowhere;
    uint32_t checksum = 0;  // of an entry
  };
  struct LeftEntry {
    std::string name;
    uint32_t checksum = 0;
  };
  struct LeftClosed {
    std::string name;
    uint32_t place = 0;
  };
  struct Closed {
    uint32_t number = 0;
    uint64_t ids = 0;  // that live, and are nowhere else
  };

  void grow(Slot slot);
  bool pending(Slot slot) const;
  void write_down(Slot slot);
  void write_entry(Slot slot, CheckpointPart& part);
  void write_closed(Slot slot, CheckpointPart& part);
  void leave_place(Id& id);
  void take_number();
  CheckpointPart& part();
  size_t part_bytes() const { return part_ ? part_->bytes.bytes_used() : 0; }
  bool all_written() const { return whole_ ? cursor_ >= whole_end_ : cursor_ >= pending_.size(); }
  void begin_changed();
  void begin_whole();
  void end_unfinished();
  void start_over_next_time();

  const Processor& processor_;
  const LivingIds& living_;
  const size_t part_bytes_max_;
  std::vector<Id> ids_;      // by slot
  std::vector<Mark> marks_;  // the same

  std::vector<Slot> changed_;  // since the last checkpoint began; some may be gone
  std::vector<LeftEntry> left_;
  std::vector<LeftClosed> left_closed_;
  bool whole_next_time_ = true;

  // What the store has when all that is on its way is there.
  uint64_t entries_ = 0;
  uint64_t entries_sum_ = 0;
  std::deque<Closed> closed_;
  uint32_t next_number_ = kClosedFirst;

  // The one under way.
  bool under_way_ = false;
  bool whole_ = false;
  size_t cursor_ = 0;     // in pending_, or of slots
  size_t whole_end_ = 0;  // slots that there were
  std::vector<Slot> pending_;
  CheckpointHead head_;
  std::unique_ptr<CheckpointPart> part_;  // being filled
  ClosedIds part_closed_;                 // of that part
  uint32_t part_closed_number_ = 0;       // 0: it has none yet
  bool with_store_ = false;               // a part is
  // What has to be repeated should it fail.
  std::vector<std::string> entries_left_;
  std::vector<LeftClosed> names_left_;
  std::vector<uint64_t> numbers_left_;
  std::vector<uint32_t> numbers_written_;

  std::vector<std::string> heads_;  // of which one is there, as far as we know
  std::string last_head_;           // of the part that went to the store last
  bool failed_ = false;             // the last one: some of it is to be repeated
  std::string scratch_;
  std::string encoded_;
};

}  // namespace muster::core

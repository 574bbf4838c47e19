#include "core/checkpointer.h"

#include "base/check.h"
#include "base/planted.h"

#include <algorithm>
#include <limits>

namespace muster::core {

// --- what happens to ids

void Checkpointer::grow(Slot slot) {
  if (raw(slot) < ids_.size()) return;
  ids_.resize(size_t{raw(slot)} + 1);
  marks_.resize(ids_.size(), Mark::kClean);
}

// It is to be written, and was not yet.
bool Checkpointer::pending(Slot slot) const {
  if (!under_way_ || raw(slot) >= marks_.size()) return false;
  if (!whole_) return marks_[raw(slot)] == Mark::kPending;
  return raw(slot) >= cursor_ && raw(slot) < whole_end_ && marks_[raw(slot)] == Mark::kClean &&
         living_.alive(slot);
}

void Checkpointer::about_to_change(Slot slot) {
  if (MUSTER_PLANTED(kCheckpointNotCopied) || !pending(slot)) return;
  write_down(slot);
  if (whole_) marks_[raw(slot)] = Mark::kAhead;
}

void Checkpointer::changed(Slot slot) {
  grow(slot);
  Mark& mark = marks_[raw(slot)];
  if (mark == Mark::kChanged || mark == Mark::kPending) return;
  mark = Mark::kChanged;
  changed_.push_back(slot);
}

void Checkpointer::about_to_drop(Slot slot) {
  grow(slot);
  about_to_change(slot);
  Id& id = ids_[raw(slot)];
  if (id.place == kEntries) {
    left_.push_back({std::string(processor_.name(slot)), id.checksum});
  } else if (id.place != kNowhere) {
    left_closed_.push_back({std::string(processor_.name(slot)), id.place});
    leave_place(id);
  }
  id = {};
  marks_[raw(slot)] = Mark::kClean;
}

// --- a checkpoint

void Checkpointer::begin(CheckpointHead head) {
  CHECK(!under_way_);
  under_way_ = true;
  failed_ = false;
  head_ = std::move(head);
  head_.part = 0;
  cursor_ = 0;
  pending_.clear();
  if (closed_.size() > kClosedMax) start_over_next_time();
  whole_ = whole_next_time_;
  whole_next_time_ = false;
  if (whole_) {
    begin_whole();
  } else {
    begin_changed();
  }
}

void Checkpointer::begin_whole() {
  whole_end_ = ids_.size();
  for (const Slot slot : changed_) marks_[raw(slot)] = Mark::kClean;
  changed_.clear();
}

void Checkpointer::begin_changed() {
  for (const Slot slot : changed_) {
    if (marks_[raw(slot)] != Mark::kChanged || !living_.alive(slot)) continue;
    marks_[raw(slot)] = Mark::kPending;
    pending_.push_back(slot);
  }
  changed_.clear();
  for (LeftEntry& left : left_) {
    --entries_;
    entries_sum_ -= left.checksum;
    entries_left_.push_back(std::move(left.name));
  }
  left_.clear();
  std::ranges::move(left_closed_, std::back_inserter(names_left_));
  left_closed_.clear();
  // What only ids need that have left is not needed. In order, because later ones may say which of
  // an earlier one's have left.
  while (!closed_.empty() && closed_.front().ids == 0) {
    numbers_left_.push_back(closed_.front().number);
    closed_.pop_front();
  }
  std::erase_if(names_left_, [this](const LeftClosed& left) {
    return closed_.empty() || left.place < closed_.front().number;
  });
  CheckpointPart& first = part();
  if (!MUSTER_PLANTED(kLeftNotInCheckpoint)) {
    for (const auto& name : entries_left_) first.entries_left.push_back(first.bytes.copy(name));
    for (const auto& left : names_left_) part_closed_.left.push_back(first.bytes.copy(left.name));
  }
  first.closed_left = numbers_left_;
}

size_t Checkpointer::held_bytes() const {
  constexpr size_t kLeftBytes = sizeof(LeftEntry) + 32;  // with a name of ordinary length
  const size_t left =
      left_.size() + left_closed_.size() + entries_left_.size() + names_left_.size();
  return living_.size() * (sizeof(Id) + sizeof(Mark)) +
         (changed_.size() + pending_.size()) * sizeof(Slot) + left * kLeftBytes + part_bytes() +
         (with_store_ ? part_bytes_max_ : 0);
}

CheckpointPart& Checkpointer::part() {
  if (!part_) part_ = std::make_unique<CheckpointPart>();
  return *part_;
}

void Checkpointer::write(size_t ids_max) {
  while (can_write() && ids_max-- > 0) {
    if (!whole_) {
      const Slot slot = pending_[cursor_++];
      if (marks_[raw(slot)] == Mark::kPending) write_down(slot);
      continue;
    }
    const Slot slot{static_cast<uint32_t>(cursor_)};
    if (pending(slot)) write_down(slot);
    if (marks_[cursor_] == Mark::kAhead) marks_[cursor_] = Mark::kClean;
    ++cursor_;
  }
}

void Checkpointer::write_down(Slot slot) {
  scratch_.clear();
  processor_.save(slot, scratch_);
  if (living_.forgettable(slot)) {
    write_closed(slot, part());
  } else {
    write_entry(slot, part());
  }
  marks_[raw(slot)] = Mark::kClean;
}

void Checkpointer::write_entry(Slot slot, CheckpointPart& part) {
  Id& id = ids_[raw(slot)];
  const std::string_view name = part.bytes.copy(processor_.name(slot));
  if (id.place == kEntries) {
    entries_sum_ -= id.checksum;
  } else {
    ++entries_;
  }
  if (id.place >= kClosedFirst) {  // else it would be there again when it has left the entries
    leave_place(id);
    part_closed_.left.push_back(name);
    names_left_.push_back({std::string(name), id.place});
  }
  const BatchNumber since = MUSTER_PLANTED(kCheckpointIsOrigin) ? head_.n : living_.since(slot);
  encoded_.clear();
  id.checksum = encode(CheckpointEntry{name, since, scratch_}, encoded_);
  id.place = kEntries;
  entries_sum_ += id.checksum;
  part.entries.push_back({name, part.bytes.copy(encoded_)});
}

void Checkpointer::write_closed(Slot slot, CheckpointPart& part) {
  Id& id = ids_[raw(slot)];
  const std::string_view name = part.bytes.copy(processor_.name(slot));
  if (id.place == kEntries) {
    --entries_;
    entries_sum_ -= id.checksum;
    part.entries_left.push_back(name);
    entries_left_.emplace_back(name);
  } else {
    leave_place(id);
  }
  part_closed_.ids.push_back({name, living_.since(slot), part.bytes.copy(scratch_)});
  if (part_closed_number_ == 0) take_number();
  id = {part_closed_number_, 0};
  ++closed_.back().ids;
}

void Checkpointer::take_number() {
  part_closed_number_ = next_number_++;
  closed_.push_back({part_closed_number_, 0});
  numbers_written_.push_back(part_closed_number_);
}

// An id is not among those closed ones any more; of entries others keep the count.
void Checkpointer::leave_place(Id& id) {
  if (id.place < kClosedFirst) return;
  const auto found = std::ranges::lower_bound(closed_, id.place, {}, &Closed::number);
  if (found != closed_.end() && found->number == id.place) --found->ids;
}

std::unique_ptr<CheckpointPart> Checkpointer::next_part(Partition partition, Offset journal) {
  CHECK(part_waits());
  CheckpointPart& next = part();
  with_store_ = true;
  if (!part_closed_.ids.empty() || !part_closed_.left.empty()) {
    if (part_closed_number_ == 0) take_number();
    next.closed_number = part_closed_number_;
    encode(part_closed_, next.closed);
  }
  part_closed_ = {};
  part_closed_number_ = 0;
  head_.finished = all_written();
  head_.journal = journal;
  head_.entries = entries_;
  head_.entries_sum = entries_sum_;
  head_.closed.clear();
  for (const Closed& closed : closed_) head_.closed.push_back(closed.number);
  next.partition = partition;
  next.epoch = head_.epoch;
  next.n = head_.n;
  next.head = encode(head_);
  next.builds_on = whole_ && head_.part == 0 ? std::vector<std::string>{} : heads_;
  last_head_ = next.head;
  return std::move(part_);
}

// --- the store's answers

void Checkpointer::stored() {
  CHECK(with_store_);
  with_store_ = false;
  heads_ = {last_head_};
  if (!head_.finished) {
    ++head_.part;
    return;
  }
  under_way_ = false;
  pending_.clear();
  entries_left_.clear();
  names_left_.clear();
  numbers_left_.clear();
  numbers_written_.clear();
}

void Checkpointer::failed(bool perhaps_written) {
  CHECK(under_way_);
  if (perhaps_written && with_store_) heads_.push_back(last_head_);
  if (whole_ || heads_.size() > kHeadsMax) return start_over();
  end_unfinished();
  for (const Slot slot : pending_) {
    Mark& mark = marks_[raw(slot)];
    if (MUSTER_PLANTED(kFailedPartNotRepeated)) continue;
    if (mark == Mark::kPending || (mark == Mark::kClean && living_.alive(slot))) {
      mark = Mark::kChanged;
      changed_.push_back(slot);
    }
  }
  pending_.clear();
  failed_ = true;
  for (const uint32_t number : numbers_written_) {
    std::erase_if(closed_, [number](const Closed& closed) { return closed.number == number; });
    numbers_left_.push_back(number);
  }
  numbers_written_.clear();
}

void Checkpointer::end_unfinished() {
  under_way_ = false;
  with_store_ = false;
  part_.reset();
  part_closed_ = {};
  part_closed_number_ = 0;
}

void Checkpointer::start_over() {
  end_unfinished();
  start_over_next_time();
}

void Checkpointer::start_over_next_time() {
  whole_next_time_ = true;
  std::ranges::fill(ids_, Id{});
  std::ranges::fill(marks_, Mark::kClean);
  changed_.clear();
  pending_.clear();
  left_.clear();
  left_closed_.clear();
  entries_left_.clear();
  names_left_.clear();
  numbers_left_.clear();
  numbers_written_.clear();
  entries_ = 0;
  entries_sum_ = 0;
  closed_.clear();
  heads_.clear();
}

// --- a checkpoint that is read

bool Checkpointer::load_begin(const CheckpointHead& head, std::string head_text) {
  whole_next_time_ = false;
  heads_ = {std::move(head_text)};
  for (const uint64_t number : head.closed) {
    // They rise, and half of all is left for those to come.
    if (number < next_number_ || number > std::numeric_limits<uint32_t>::max() / 2) return false;
    closed_.push_back({static_cast<uint32_t>(number), 0});
    next_number_ = closed_.back().number + 1;
  }
  return true;
}

void Checkpointer::loaded_entry(Slot slot, uint32_t checksum) {
  grow(slot);
  Id& id = ids_[raw(slot)];
  if (id.place == kEntries) {  // read twice
    entries_sum_ -= id.checksum;
  } else {
    leave_place(id);
    ++entries_;
  }
  id = {kEntries, checksum};
  entries_sum_ += checksum;
}

void Checkpointer::loaded_closed(Slot slot, uint64_t number) {
  grow(slot);
  Id& id = ids_[raw(slot)];
  leave_place(id);
  id = {static_cast<uint32_t>(number), 0};
  ++std::ranges::lower_bound(closed_, id.place, {}, &Closed::number)->ids;
}

void Checkpointer::loaded_left(Slot slot) {
  grow(slot);
  leave_place(ids_[raw(slot)]);
  ids_[raw(slot)] = {};
}

bool Checkpointer::load_end(const CheckpointHead& head) const {
  return entries_ == head.entries && entries_sum_ == head.entries_sum;
}

}  // namespace muster::core

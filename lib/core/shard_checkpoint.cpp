// What of a shard goes into a checkpoint, and how it comes back.
#include "base/check.h"
#include "base/planted.h"
#include "core/shard.h"

namespace muster::core {

bool Shard::checkpoint_wanted() const {
  return checkpointer_ && !checkpointer_->under_way() && !dirty_ && raw(n_) > 0 &&
         (n_ != checkpointed_ || checkpointer_->any_change());
}

void Shard::begin_checkpoint(uint64_t writer) {
  CHECK(checkpoint_wanted());
  CheckpointHead head;
  head.epoch = epoch_;
  head.n = n_;
  head.writer = writer;
  head.clock = clock_;
  head.next = sealed_to_;
  const NeededFrom needed = origin();
  head.needed_journal = needed.journal;
  head.needed_repartition = needed.repartition;
  checkpointed_ = n_;
  checkpoint_journal_.reset();
  if (last_committed_ == n_) checkpoint_journal_ = last_committed_journal_;
  checkpointer_->begin(std::move(head));
}

bool Shard::part_ready() const {
  if (!checkpointer_ || !checkpointer_->part_waits()) return false;
  return checkpoint_journal_.has_value() || MUSTER_PLANTED(kCheckpointBeforeCommit);
}

std::unique_ptr<CheckpointPart> Shard::next_part() {
  return checkpointer_->next_part(partition_,
                                  checkpoint_journal_.value_or(last_committed_journal_));
}

// --- reading one

bool Shard::load_begin(const CheckpointHead& head, std::string head_text) {
  CHECK(checkpointer_.has_value());
  CHECK(raw(n_) == 0);
  const bool finished = head.finished || MUSTER_PLANTED(kUnfinishedCheckpointLoaded);
  if (!finished || raw(head.n) == 0 || head.next.size() != applied_to_.size()) return false;
  if (!checkpointer_->load_begin(head, std::move(head_text))) return false;
  epoch_ = head.epoch;
  n_ = head.n;
  clock_ = head.clock;
  sealed_to_ = head.next;
  applied_to_ = head.next;
  journal_floor_ = head.needed_journal;
  repartition_floor_ = head.needed_repartition;
  committed_at(head.n, head.journal);
  checkpointed_ = head.n;
  loading_ = head;
  return true;
}

bool Shard::load_id(const CheckpointEntry& entry) {
  if (entry.since > loading_->n) return false;
  if (!processor_->load(entry.key, entry.state, replay_effects_)) return false;
  const auto slot = processor_->find(entry.key);
  CHECK(slot.has_value());
  living_.touch(*slot, entry.since);
  living_.carried(*slot, entry.since);
  take(replay_effects_, nullptr);
  return true;
}

bool Shard::load_closed(uint64_t number, std::string_view bytes) {
  if (closed_loaded_ == loading_->closed.size() || loading_->closed[closed_loaded_] != number)
    return false;
  ++closed_loaded_;
  const auto closed = decode_closed_ids(bytes);
  if (!closed) return false;
  for (const auto name : closed->left) {
    const auto slot = processor_->find(name);
    if (!slot) continue;
    checkpointer_->loaded_left(*slot);
    drop(*slot);
  }
  for (const CheckpointEntry& entry : closed->ids) {
    if (!load_id(entry)) return false;
    checkpointer_->loaded_closed(*processor_->find(entry.key), number);
  }
  replay_bytes_.clear();
  return true;
}

bool Shard::load_entries(std::span<const Carried> entries) {
  for (const Carried& one : entries) {
    const auto decoded = decode_checkpoint_entry(one.key, one.state);
    if (!decoded || !load_id(decoded->entry)) return false;
    checkpointer_->loaded_entry(*processor_->find(one.key), decoded->checksum);
  }
  replay_bytes_.clear();
  return true;
}

bool Shard::load_end() {
  const bool whole =
      closed_loaded_ == loading_->closed.size() && checkpointer_->load_end(*loading_);
  living_.sort();
  dirty_ = false;
  loading_.reset();
  return whole;
}

}  // namespace muster::core

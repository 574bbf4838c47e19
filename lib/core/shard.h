// A shard: one processor, its timers, its living ids and its clock, fed by one input log, or by two:
// the partition of the input, and that of the repartition topic, where other shards put the records
// whose home is here (forwarding.h). Its state after batch n is a pure function of the batches 1..n as the journal
// has them (doc/architecture.md); the same code applies them live and in replay. No I/O, no clock
// of its own. One thread.
//
// Order within a batch: options, replies, log 0's records, log 1's, the tick with its timers,
// forgets, carry.
#pragma once

#include "core/batch.h"
#include "core/checkpointer.h"
#include "core/commit_metadata.h"
#include "core/journal_entry.h"
#include "core/living_ids.h"
#include "core/processor.h"
#include "core/timer_wheel.h"

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace muster::core {

struct ShardLimits {
  size_t timers_per_tick_max = 20'000;
  size_t forgets_per_batch_max = 100'000;
  size_t forgotten_bytes_per_batch_max = size_t{4} << 20;  // of their names
  size_t carried_bytes_per_batch_max = size_t{512} << 10;
  size_t carried_state_bytes_max = size_t{8}
                                   << 20;  // a larger id is never carried: it pins the origin
  size_t remembered_max = 2'000'000;       // closed ids; beyond, the oldest leave before their time
  size_t dead_letter_bytes_max = 1'000'000;  // what the dead-letter topic takes
  Duration carry_after = std::chrono::minutes(10);
  uint64_t carry_after_records = 5'000'000;
  bool checkpoints = false;  // they are written and read: costs some bytes per id
  size_t checkpoint_part_bytes_max = size_t{1} << 20;
};

// Which records a shard takes: where memory is short, not those that would bring an id to life, or
// none for an id of its own. What is not taken stays in its log, and all that lies behind it.
enum class Gate : uint8_t { kOpen, kKnownIds, kNoIds };

class Shard {
 public:
  // Without routing there is one log, all of whose records are at home.
  Shard(Partition partition, std::optional<Routing> routing, std::unique_ptr<Processor> processor,
        ShardLimits limits);

  // --- where it stands
  Partition partition() const { return partition_; }
  size_t logs() const { return applied_to_.size(); }
  Epoch epoch() const { return epoch_; }
  BatchNumber n() const { return n_; }  // of the last sealed or replayed batch
  Time clock() const { return clock_; }
  // The next record wanted of a log: behind all that was applied, sealed or not.
  Offset next(size_t log) const { return applied_to_[log]; }
  const Processor& processor() const { return *processor_; }
  size_t living() const { return living_.size(); }
  size_t timers() const { return wheel_.size(); }
  // In memory, about: what grows with its ids.
  size_t held_bytes() const;

  // --- from nothing: an epoch begins at these offsets. `journal_end` is a journal offset before
  // its first entry.
  void start(Epoch epoch, std::vector<Offset> next, Offset journal_end);

  // --- replay: entry by entry, outputs muted. The first entry may be any; then they join.
  // False: the entry's options cannot be read by this version.
  [[nodiscard]] bool replay_begin(const JournalEntry& entry, Offset journal_offset);
  void replay_record(size_t log, Record& record);
  // False: carried state that this version cannot read.
  [[nodiscard]] bool replay_end(const JournalEntry& entry);
  // Replays are muted unless their outputs are wanted: for those who check or explain what was
  // decided.
  void replay_into(Batch& batch) { replay_batch_ = &batch; }
  // Back to this process's own options, before the first live batch.
  void go_live();

  // --- live. A batch is built in rounds: begin() with the wall clock as read after the poll, then
  // apply() for one log after the other.
  void begin(Time wall);
  void gate(Gate gate) { gate_ = gate; }
  // `next`: the position behind the records, gaps included. Returns how many were taken: all, unless
  // the gate has stopped one.
  size_t apply(size_t log, std::span<Record> records, Offset next, Batch& batch);
  // The batch can have another round. A replay gives all records of a batch the ceiling of its last
  // round, and reads log after log: so not if anything hung on the ceiling, nor if the second log
  // has had its turn.
  bool extendable() const { return !pinned_; }
  // Something was put out or changed, or hung on the ceiling: the batch wants to be committed now.
  bool dirty() const { return dirty_; }
  // Positions moved since the last sealed batch, or are to be announced.
  bool moved() const { return unannounced_ || applied_to_ != sealed_to_; }
  // Nobody but this process knows where it stands: worth a batch without anything in it.
  void announce() { unannounced_ = true; }
  // What was applied since the last sealed batch had no effect: back to where that ended.
  void rewind();
  bool any_timer_due(Time now) { return wheel_.any_due(now); }
  std::optional<Time> no_timer_before() const { return wheel_.no_earlier_than(); }
  // An id may leave memory at `now`; that alone is never urgent.
  bool any_forget_due(Time now) { return living_.next_to_forget(now, false).has_value(); }
  // Too many remembered ids, or ids to carry: worth a batch of its own now and then.
  bool wants_housekeeping(Time wall) const;
  // Ends the batch: the tick, its timers, forgets, carry; appends the journal entry and the offsets
  // of all logs.
  void seal(std::optional<Time> tick, std::string_view transactional_id, Batch& batch);
  // The transaction of batch `n` has committed and its entry lies at `journal_offset`.
  void committed(BatchNumber n, Offset journal_offset);

  // The internal logs are needed from here on: a committed batch's metadata says no earlier one.
  struct NeededFrom {
    Offset journal{};
    Offset repartition{};
  };
  NeededFrom needed_from() const { return needed_from_; }

  // --- checkpoints, if there are any (checkpointer.h)
  Checkpointer* checkpointer() { return checkpointer_ ? &*checkpointer_ : nullptr; }
  // A batch's end is at hand, and something has happened since the last checkpoint began.
  bool checkpoint_wanted() const;
  void begin_checkpoint(uint64_t writer);
  // A part can go to the store: it waits, and its batch has committed.
  bool part_ready() const;
  std::unique_ptr<CheckpointPart> next_part();
  // From nothing: takes the place of all batches up to the head's. Closed ids come before entries, in
  // the head's order. False: void, and so is the shard.
  [[nodiscard]] bool load_begin(const CheckpointHead& head, std::string head_text);
  [[nodiscard]] bool load_closed(uint64_t number, std::string_view bytes);
  [[nodiscard]] bool load_entries(std::span<const Carried> entries);
  [[nodiscard]] bool load_end();

  // What every living id saves, in the order of their names: equal after equal histories. For tests
  // and tools.
  std::string fingerprint() const;

 private:
  // What is still known of a batch that somebody may need.
  struct PastBatch {
    BatchNumber n{};
    Offset journal_offset{};  // kUnknown until committed
    Time ceiling{};
    uint64_t records_before = 0;
    Offset repartition_from{};  // where its range of that log begins
    NeededFrom needed_from{};   // what the metadata of this batch says
  };
  static constexpr Offset kUnknown{-1};
  static constexpr size_t kRepartitioned = 1;  // the second log

  BatchNumber current() const { return after(n_); }
  // `batch` is absent in a replay whose outputs nobody wants.
  void apply_record(size_t log, Record& record, Effects& effects, Batch* batch);
  // Takes the list; outputs go to `batch` if there is one.
  void take(Effects& effects, Batch* batch, std::optional<Cause> cause = std::nullopt);
  std::optional<std::string_view> route(const Record& record);
  bool passes(size_t log, const Record& record);
  std::optional<Partition> away(size_t log, std::optional<std::string_view> key) const;
  // A checkpoint is being written: ids that change are to be copied before.
  bool copies() const { return checkpointer_ && checkpointer_->copies(); }
  void fire(std::vector<TimerWheel::Expired>& expired, Effects& effects, Batch* batch);
  void drop(Slot slot);
  void drop_all(const std::vector<std::string_view>& keys);
  void choose_forgets(JournalEntry& entry, Batch& batch);
  void choose_carried(JournalEntry& entry, Batch& batch);
  bool carry_due(Time wall) const;
  void about_to_change(Slot slot) {
    if (checkpointer_) checkpointer_->about_to_change(slot);
  }
  void changed(Slot slot) {
    if (checkpointer_ && !loading_) checkpointer_->changed(slot);
  }
  void committed_at(BatchNumber n, Offset journal_offset);
  [[nodiscard]] bool load_id(const CheckpointEntry& entry);
  Effects& replay_effects() {
    return replay_batch_ != nullptr ? replay_batch_->effects : replay_effects_;
  }
  void forget_past_batches();
  // Of the oldest batch that a living id needs.
  NeededFrom origin() const;

  Partition partition_;
  std::optional<Routing> own_routing_;
  std::optional<Routing> routing_in_force_;
  std::unique_ptr<Processor> processor_;
  ShardLimits limits_;
  std::string own_options_;
  std::string options_in_force_;

  Epoch epoch_{};
  BatchNumber n_{};
  Time clock_{};
  Time ceiling_{};
  std::vector<Offset> sealed_to_;
  std::vector<Offset> applied_to_;
  bool unannounced_ = false;
  bool dirty_ = false;
  bool began_ = false;
  bool pinned_ = false;
  Gate gate_ = Gate::kOpen;
  bool stopped_ = false;  // the processor was asked about a record that it did not get
  size_t last_log_ = 0;   // that was applied in this batch

  TimerWheel wheel_;
  LivingIds living_;
  std::deque<PastBatch> past_;  // from the origin's on, or from a checkpoint's
  NeededFrom needed_from_;      // as of the last batch known to be committed
  Offset
      journal_floor_{};  // an entry's offset, or one before it, that is at or before all of past_
  Offset repartition_floor_{};  // the same of the repartition log's ranges
  uint64_t records_ = 0;

  std::optional<Checkpointer> checkpointer_;
  BatchNumber checkpointed_{};                // the last batch of which one was begun
  std::optional<Offset> checkpoint_journal_;  // of that batch's entry, when it has committed
  BatchNumber last_committed_{};
  Offset last_committed_journal_{};
  std::optional<CheckpointHead> loading_;
  size_t closed_loaded_ = 0;

  Arena replay_bytes_;
  Effects replay_effects_{replay_bytes_};
  Batch* replay_batch_ = nullptr;
  std::vector<TimerWheel::Expired> expired_;
  std::vector<Header> restored_headers_;
  std::string scratch_;
};

}  // namespace muster::core

// What may go wrong in a run.
#include "core/commit_metadata.h"
#include "core/journal_entry.h"
#include "world.h"

#include <algorithm>

namespace muster::sim {

void World::fault() {
  Process& process = processes_[below(static_cast<uint32_t>(processes_.size()))];
  switch (below(character_.checkpoints ? 12 : 10)) {
    case 0:
    case 1:
    case 2:
      if (!process.instance) return;
      ++run_.statistics.crashes;
      return take_down(process, now_ms_ + below(chance(200) ? 5'000 : 300));
    case 3:
      return pause(process);
    case 4:
      if (process.instance) process.instance->stop();
      return;
    case 5:
    case 6:
      return foreign_transaction();
    case 7:
      if (character_.with_operator && !was_reset_) return operator_resets();
      if (character_.lossy && !loss_in_) return lose_something();
      now_ms_ += below(2'000);
      return;
    case 8:
      if (character_.uneven && below(4) == 0) return all_down(1'000 + below(3'000));
      if (character_.wrong_clocks) return step_clock(process);
      if (character_.trims) return pause(process);
      return;
    case 9:
      return write_stray();
    case 10:
    case 11:
      return store_fault();
    default:
      return;
  }
}

// What hurts most is to stand still in the middle of a recovery, or of a commit until others own
// the partitions.
void World::pause(Process& process) {
  Process* paused = &process;
  int64_t for_ms = below(3'000);
  const uint32_t which = below(3);
  for (Process& other : processes_) {
    if (!other.instance) continue;
    const runtime::Worker& worker = other.instance->worker();
    if (which == 0 && !worker.ready()) paused = &other;
    if (which == 1 && worker.committing() && !worker.can_build()) {
      paused = &other;
      for_ms = kSessionMs + below(kTransactionTimeoutMs - kSessionMs);
    }
  }
  ++run_.statistics.pauses;
  paused->paused_until_ms = now_ms_ + for_ms;
}

// It is never the truth: whatever happens to it costs time only.
void World::store_fault() {
  ++run_.statistics.store_faults;
  switch (below(6)) {
    case 0:
      return store_.flush();
    case 1:
      return store_.back_up();
    case 2:
      return store_.restore();
    case 3:
      return store_.damage(random_);
    default:
      store_.reachable = !store_.reachable;
      return;
  }
}

// Somebody else's transaction on the input: the last stable offset stands still until it ends.
void World::foreign_transaction() {
  if (foreign_.empty() || below(2) == 0) {
    foreign_.push_back(std::make_shared<Transaction>());
    ++run_.statistics.foreign_transactions;
    Entry entry{false, foreign_.back(), now_ms_, "foreign", R"({"type":"Foreign"})", now_ms_, {},
                0};
    cluster_.input[below(static_cast<uint32_t>(cluster_.partitions()))].append(std::move(entry));
    return;
  }
  end_foreign_transaction();
}

void World::end_foreign_transaction() {
  const TransactionPtr ended = foreign_.back();
  foreign_.pop_back();
  ended->decision = below(2) == 0 ? Decision::kCommitted : Decision::kAborted;
  for (Log& log : cluster_.input) log.write_marker(ended, now_ms_);
}

// A process that begins may have a clock that is behind that of the last one; a running one only
// stands still until it has caught up.
void World::step_clock(Process& process) {
  process.clock_error_ms = static_cast<int64_t>(below(4'001)) - 2'000;
}

void World::write_stray() {
  if (!character_.stray) return;
  Entry entry{false, nullptr, now_ms_, "stray", R"({"type":"Stray"})", now_ms_, {}, 0};
  if (below(2) == 0) entry.headers.push_back({"muster.origin.topic", "somewhere"});
  cluster_.repartition[below(static_cast<uint32_t>(cluster_.partitions()))].append(
      std::move(entry));
}

// The input's retention at its worst: what no committed batch needs is gone soon.
void World::retain() {
  if (!character_.trims || cluster_.marker_pending()) return;
  watch();  // the replica knows where batches began
  for (int p = 0; p < cluster_.partitions(); ++p) {
    const auto committed = cluster_.last_committed(runtime::Log::kInput, p);
    const auto metadata = core::decode_commit_metadata(committed ? committed->metadata : "");
    if (!metadata) continue;
    const auto from = replicas_[static_cast<size_t>(p)].began_at(metadata->epoch, metadata->origin);
    if (!from.empty()) retained_from_.push_back({now_ms_, p, from[0]});
  }
  for (; !retained_from_.empty() && retained_from_.front().at_ms + kRetentionMs < now_ms_;
       retained_from_.pop_front()) {
    cluster_.input[static_cast<size_t>(retained_from_.front().partition)].truncate_before(
        retained_from_.front().offset);
  }
}

// --- with all processes down

void World::all_down(int64_t for_ms) {
  for (Process& process : processes_) take_down(process, now_ms_ + for_ms);
}

// What they left has ended, too.
void World::all_at_rest() {
  for (Process& process : processes_) {
    if (process.instance) cluster_.leave(process.instance->name());
  }
  all_down(kTransactionTimeoutMs + below(500));
  now_ms_ += kTransactionTimeoutMs;
  cluster_.expire_transactions(now_ms_, kTransactionTimeoutMs);
  cluster_.expire_members(now_ms_, 0);
  cluster_.write_all_markers(now_ms_);
  watch();
}

// Offsets of a partition are set, or expire: of one of its logs, or of both.
void World::operator_resets() {
  was_reset_ = true;
  ++run_.statistics.resets;
  retained_from_.clear();
  all_at_rest();
  store_.back_up();  // may come back later: a checkpoint of an epoch that has ended
  const int partition = static_cast<int>(below(static_cast<uint32_t>(cluster_.partitions())));
  const uint32_t which = shape_.routing ? below(3) : 0;
  if (which != 1) reset(runtime::Log::kInput, partition);
  if (which != 0) reset(runtime::Log::kRepartition, partition);
}

void World::reset(runtime::Log log, int partition) {
  const auto committed = cluster_.last_committed(log, partition);
  if (!committed || below(3) == 0) return cluster_.reset_offset(log, partition, std::nullopt);
  const int64_t begin = cluster_.log(log, partition).begin();
  cluster_.reset_offset(log, partition,
                        begin + below(static_cast<uint32_t>(committed->offset - begin) + 1));
}

// Something that recovery needs is not there any more: an entry of the journal, with those around
// it still there, or the beginning of an input log.
void World::lose_something() {
  all_at_rest();
  const int partition = static_cast<int>(below(static_cast<uint32_t>(cluster_.partitions())));
  const auto logs = input_logs();
  const auto committed = cluster_.last_committed(logs[0], partition);
  const auto metadata = core::decode_commit_metadata(committed ? committed->metadata : "");
  if (!metadata || over()) return;
  const size_t which = below(static_cast<uint32_t>(logs.size()) + 1);
  const bool lost = which < logs.size() ? lose_beginning(logs[which], partition, *metadata)
                                        : lose_entry(partition, *metadata);
  if (!lost) return;
  store_.lose_all();  // it could cover for what is lost
  ++run_.statistics.losses;
  loss_in_ = partition;
  std::vector<core::Offset> next;
  for (const runtime::Log log : logs) {
    next.push_back(core::Offset{std::max(cluster_.last_committed(log, partition)->offset,
                                         cluster_.log(log, partition).begin())});
  }
  replicas_[static_cast<size_t>(partition)].expect_new_epoch(std::move(next));
}

bool World::lose_entry(int partition, const core::CommitMetadata& metadata) {
  Log& journal = cluster_.log(runtime::Log::kJournal, partition);
  std::vector<int64_t> needed;
  for (int64_t offset = 0; offset < journal.high_watermark(); ++offset) {
    if (!journal.visible(offset)) continue;
    const auto entry = core::decode_journal_entry(*journal.at(offset).value);
    if (entry.value().epoch == metadata.epoch && entry.value().n >= metadata.origin)
      needed.push_back(offset);
  }
  journal.lose(needed.at(below(static_cast<uint32_t>(needed.size()))));
  return true;
}

bool World::lose_beginning(runtime::Log kind, int partition, const core::CommitMetadata& metadata) {
  Log& log = cluster_.log(kind, partition);
  const auto from =
      replicas_[static_cast<size_t>(partition)].began_at(metadata.epoch, metadata.origin);
  const int64_t needed = from.at(static_cast<size_t>(kind));
  const int64_t committed = cluster_.last_committed(kind, partition)->offset;
  if (needed == committed) return false;
  const int64_t to = needed + 1 + below(static_cast<uint32_t>(committed - needed) + 3);
  log.truncate_before(std::min(to, log.high_watermark()));
  return true;
}

}  // namespace muster::sim

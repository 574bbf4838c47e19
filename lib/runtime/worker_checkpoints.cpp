// The worker's checkpoints: written while its shards are live, read when they recover.
#include "base/check.h"
#include "base/planted.h"
#include "runtime/worker.h"

#include <algorithm>

namespace muster::runtime {

using core::Partition;
using core::raw;
using core::Time;

namespace {

// Somebody writes all the time: then Kafka alone is faster.
constexpr int kLoadsMax = 3;
// A stop waits so long for the last checkpoint: the successor has less to replay.
constexpr core::Duration kLastCheckpointMax{300};

std::string name(Partition partition) { return "partition " + std::to_string(raw(partition)); }

}  // namespace

// --- writing

bool Worker::write_checkpoints(Time wall) {
  if (!checkpoints_ || exited_) return false;
  bool busy = false;
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kLive) continue;
    const auto part =
        checkpoints_->round(*seat.shard, raw(seat.fresh_epoch), wall, /*at_once=*/stopping_);
    if (part) actions_.push_back(*part);
    busy = busy || checkpoints_->busy(*seat.shard);
  }
  if (stopping_ && all_committed()) {
    if (!leaving_since_) leaving_since_ = wall;
    left_in_haste_ = wall - *leaving_since_ >= kLastCheckpointMax;
    exit_if_done();
  }
  return busy;
}

void Worker::on(const CheckpointStored& event, Time wall) {
  const Partition partition = checkpoints_->partition_of(event.request);
  const auto seat = seats_.find(partition);
  const bool live = seat != seats_.end() && seat->second.state == SeatPhase::kLive;
  auto note = checkpoints_->on(event, live ? seat->second.shard.get() : nullptr, wall);
  if (note) actions_.push_back(Note{true, name(partition) + ": " + *note});
  exit_if_done();
}

// Of a stop: what is left to do, while it does not fail.
bool Worker::checkpoints_wait() const {
  if (!checkpoints_ || left_in_haste_) return false;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kLive || checkpoints_->failing(partition)) continue;
    if (seat.shard->checkpoint_wanted() || seat.shard->checkpointer()->under_way()) return true;
  }
  return false;
}

Checkpoints::Totals Worker::checkpoint_totals() const {
  return checkpoints_ ? checkpoints_->totals() : Checkpoints::Totals{};
}

// --- reading

void Worker::load_checkpoint(Partition partition, Seat& seat) {
  seat.state = SeatPhase::kLoading;
  seat.checkpoint.reset();
  ++seat.loads;
  actions_.push_back(LoadCheckpoint{partition});
}

std::vector<Partition> Worker::loading() const {
  std::vector<Partition> partitions;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state == SeatPhase::kLoading) partitions.push_back(partition);
  }
  return partitions;
}

void Worker::load(Partition partition, const CheckpointPage& page, Time) {
  Seat& seat = seats_.at(partition);
  CHECK(seat.state == SeatPhase::kLoading);
  const auto is_void = [&](const std::string& why) { checkpoint_is_void(partition, seat, why); };
  switch (page.kind) {
    case CheckpointPage::Kind::kHead:
      return load_head(partition, seat, page.head);
    case CheckpointPage::Kind::kClosed:
      if (!seat.shard->load_closed(page.closed_number, page.closed))
        is_void("its closed ids " + std::to_string(page.closed_number) +
                " are damaged, or some are missing");
      return;
    case CheckpointPage::Kind::kEntries:
      if (!seat.shard->load_entries(page.entries)) is_void("an entry is damaged");
      return;
    case CheckpointPage::Kind::kEnd:
      if (!seat.shard->load_end()) return is_void("some of it is missing");
      return loaded(partition, seat);
    case CheckpointPage::Kind::kChanged:
      if (seat.loads == kLoadsMax) return is_void("it changes while it is read");
      seat.shard = make_shard(partition);
      return load_checkpoint(partition, seat);
    case CheckpointPage::Kind::kFailed:
      return is_void(page.message);
  }
}

void Worker::load_head(Partition partition, Seat& seat, const std::string& text) {
  if (text.empty()) return checkpoint_is_void(partition, seat, "");
  auto head = core::decode_checkpoint_head(text);
  if (!head) return checkpoint_is_void(partition, seat, "its head cannot be read");
  const StartFromJournal& plan = seat.plan;
  // The last commit may say a later one: then what is before it has perhaps been trimmed.
  head->needed_journal = std::max(head->needed_journal, plan.journal);
  std::string why;
  if (head->epoch != plan.epoch && !MUSTER_PLANTED(kCheckpointOfAnyEpoch)) {
    why = "it is of another epoch";
  } else if (head->n > plan.n && !MUSTER_PLANTED(kCheckpointBeforeCommit)) {
    why = "it is ahead of the committed offsets";
  } else if (core::after(head->n) < plan.origin) {
    why = "it is older than what recovery needs";
  } else if (!seat.shard->load_begin(*head, text)) {
    why = "it is unfinished, or of other input logs";
  }
  if (!why.empty()) return checkpoint_is_void(partition, seat, why);
  seat.checkpoint = std::move(*head);
}

// On with the batches behind it. Entries before the plan's are not needed, and may be gone.
void Worker::loaded(Partition partition, Seat& seat) {
  StartFromJournal rest = seat.plan;
  rest.origin = core::after(seat.checkpoint->n);
  rest.journal = std::max(core::after(seat.checkpoint->journal), seat.plan.journal);
  replay_from(partition, seat, rest);
}

// Without a reason there simply is none.
void Worker::checkpoint_is_void(Partition partition, Seat& seat, const std::string& why) {
  if (!why.empty())
    actions_.push_back(
        Note{true, name(partition) + ": no checkpoint (" + why + "): recovering from Kafka alone"});
  if (seat.state == SeatPhase::kLoading) actions_.push_back(StopLoading{partition});
  seat.checkpoint.reset();
  seat.checkpoint_void = true;
  follow(partition, seat, seat.plan);
}

}  // namespace muster::runtime

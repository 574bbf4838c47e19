#include "runtime/worker.h"

#include "base/check.h"
#include "base/planted.h"

#include <algorithm>

namespace muster::runtime {

using core::Partition;
using core::raw;
using core::Time;

namespace {

// Ids that may leave memory are no reason to hurry.
constexpr core::Duration kForgetInterval = std::chrono::seconds(1);
constexpr core::Duration kDeadLetterInterval = std::chrono::minutes(1);
// Fewer records are not worth a round, and say nothing about what others put out.
constexpr size_t kRoomMin = 64;

}  // namespace

Worker::Worker(WorkerOptions options, MakeProcessor make_processor)
    : options_(std::move(options)),
      make_processor_(std::move(make_processor)),
      ticks_(forwarding(), options_.routing ? options_.routing->partitions : 0),
      refusals_(options_.input_topic, options_.shard.dead_letter_bytes_max),
      building_(std::make_unique<core::Batch>()),
      spare_(std::make_unique<core::Batch>()) {
  if (options_.checkpoints) checkpoints_.emplace(*options_.checkpoints);
  if (options_.memory) memory_.emplace(*options_.memory);
  options_.shard.checkpoints = options_.checkpoints.has_value();
  actions_.push_back(OpenProducer{});
}

std::vector<Action> Worker::take_actions() { return std::exchange(actions_, {}); }

const core::Shard* Worker::shard(Partition partition) const {
  const auto seat = seats_.find(partition);
  if (seat == seats_.end() || seat->second.state != SeatPhase::kLive) return nullptr;
  return seat->second.shard.get();
}

bool Worker::ready() const {
  return assigned_ && !vacating_ && std::ranges::all_of(seats_, [](const auto& entry) {
           return entry.second.state == SeatPhase::kLive;
         });
}

void Worker::handle(const Event& event, Time wall) {
  if (exited_) return;
  std::visit([this, wall](const auto& e) { on(e, wall); }, event);
}

// --- the group

void Worker::on(const Assigned& event, Time wall) {
  CHECK(seats_.empty());
  spare_member_ = event.partitions.empty();
  for (const Partition partition : event.partitions) {
    Seat& seat = seats_[partition];
    seat.recovery_began = wall;
  }
  if (seats_.empty()) {
    actions_.push_back(Assign{});
    return;
  }
  if (producer_open_) locate();
}

void Worker::on(const Revoked& event, Time wall) {
  // What was built goes with the batches before it, so that the shards can go on if they come back.
  if (!event.lost && can_build() && worth_a_batch(wall)) {
    seal(wall);
    commit_if_free();
  }
  vacating_ = true;
  if (event.lost && sealed_) {
    // Others own the partitions: what is not on its way yet will not go. Shards that sealed it may
    // not be kept: another's batch will have that number.
    for (const core::ShardCommit& shard : sealed_->shards) reset(seats_.at(shard.partition));
    recycle(sealed_);
  }
  vacate_if_free();
}

// What was applied and not sealed had no effect; the next owner reads it again.
void Worker::vacate_if_free() {
  if (!vacating_ || in_flight_ || sealed_) return;
  keep_aside();
  reset_all();
  seats_.clear();
  vacating_ = false;
  assigned_ = false;
  spare_member_ = false;
  actions_.push_back(Unassign{});
  exit_if_done();
}

// --- live

bool Worker::can_build() const {
  return producer_open_ && !vacating_ && !exited_ && !sealed_ && assigned_;
}

std::vector<Partition> Worker::live_partitions() {
  std::vector<Partition> live;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state == SeatPhase::kLive) live.push_back(partition);
  }
  if (!live.empty()) {
    ++first_;
    std::rotate(live.begin(), live.begin() + static_cast<std::ptrdiff_t>(first_ % live.size()),
                live.end());
  }
  return live;
}

bool Worker::extendable(Partition partition) const {
  const Seat& seat = seats_.at(partition);
  return seat.state == SeatPhase::kLive && seat.shard->extendable();
}

bool Worker::full() const {
  return building_->records >= options_.batch_records_max ||
         building_->bytes.bytes_used() >= options_.batch_output_bytes_max;
}

// What a record puts out is known when it has been applied: the last batch's is the best guess.
size_t Worker::room() const {
  if (stopping_ || full()) return 0;
  const size_t bytes = options_.batch_output_bytes_max - building_->bytes.bytes_used();
  const size_t by_bytes = std::max(bytes / bytes_per_record_, kRoomMin);
  const size_t by_memory = memory_ ? memory_->room() : by_bytes;
  return std::min({options_.batch_records_max - building_->records, by_bytes, by_memory});
}

Worker::Taken Worker::apply(Partition partition, std::span<const Fetched> by_log, Time wall) {
  Seat& seat = seats_.at(partition);
  CHECK(seat.state == SeatPhase::kLive);
  CHECK(by_log.size() == logs());
  core::Shard& shard = *seat.shard;
  shard.begin(wall);
  Taken taken{};
  for (size_t i = 0; i < by_log.size(); ++i) {
    const size_t log = MUSTER_PLANTED(kLogsInterleaved) ? by_log.size() - 1 - i : i;
    const Fetched& fetched = by_log[log];
    const core::Offset next = std::max(fetched.next, shard.next(log));
    taken[log] = shard.apply(log, fetched.records, next, *building_);
  }
  tell_what_is_written();
  return taken;
}

void Worker::tell_what_is_written() {
  if (building_->to_input && options_.routing) ticks_.input_is_written();
}

bool Worker::commit_due(const Seat& seat, Time wall) const {
  if (!seat.shard->moved()) return false;
  return stopping_ || wall - seat.committed >= idle_commit() ||
         ticks_.waits_for(seat.shard->partition());
}

bool Worker::worth_a_batch(Time wall) {
  return full() || std::ranges::any_of(seats_, [this, wall](const auto& entry) {
           const Seat& seat = entry.second;
           if (seat.state != SeatPhase::kLive) return false;
           return seat.shard->dirty() || ticks_.takeable(*seat.shard, wall) ||
                  commit_due(seat, wall) ||
                  (seat.shard->wants_housekeeping(wall) &&
                   wall - seat.committed >= kForgetInterval);
         });
}

void Worker::end_round(Time wall, bool backlog) {
  // While another is in flight, sealed now it would only wait. In a backlog fewer transactions leave
  // more of the machine to the records.
  const bool soon = backlog && wall >= sealed_at_ && wall - sealed_at_ < options_.backlog_interval;
  const bool early = (in_flight_ || soon) && !full() && !ticks_left_;
  if (!sealed_ && !early && worth_a_batch(wall)) {
    seal(wall);
    commit_if_free();
  }
  exit_if_done();
}

void Worker::seal(Time wall) {
  ticks_left_ = false;
  sealed_at_ = wall;
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kLive) continue;
    const auto tick = ticks_.takeable(*seat.shard, wall);
    if (!seat.shard->dirty()) seat.shard->begin(wall);
    if (!tick && !seat.shard->dirty() && !seat.shard->moved() &&
        !seat.shard->wants_housekeeping(wall)) {
      continue;
    }
    seat.shard->seal(tick, options_.transactional_id, *building_);
    seat.committed = wall;
    if (tick) {
      seat.ticked = wall;
      // A tick that was split goes on in the next batch: the log's end still counts.
      const bool split = seat.shard->any_timer_due(*tick);
      if (!split) ticks_.taken(partition);
      ticks_left_ = ticks_left_ || split;
    }
  }
  tell_what_is_written();  // by timers
  if (building_->records >= kRoomMin)
    bytes_per_record_ = building_->bytes.bytes_used() / building_->records + 1;
  sealed_ = std::move(building_);
  building_ = spare_ ? std::move(spare_) : std::make_unique<core::Batch>();
}

// What it held is of no use any more; its memory is.
void Worker::recycle(std::unique_ptr<core::Batch>& batch) {
  batch->clear();
  spare_ = std::move(batch);
}

void Worker::commit_if_free() {
  if (!sealed_ || in_flight_ || !producer_open_) return;
  refusals_.apply(*sealed_);
  in_flight_ = std::move(sealed_);
  actions_.push_back(Commit{in_flight_.get()});
}

void Worker::on(const Committed& event, Time wall) {
  CHECK(in_flight_ != nullptr);
  CHECK(event.journal_offsets.size() == in_flight_->shards.size());
  for (size_t i = 0; i < in_flight_->shards.size(); ++i) {
    const core::ShardCommit& commit = in_flight_->shards[i];
    const auto seat = seats_.find(commit.partition);
    if (seat != seats_.end() && seat->second.state == SeatPhase::kLive) {
      seat->second.shard->committed(commit.n, event.journal_offsets[i]);
    }
  }
  for (const core::OffsetCommit& offset : in_flight_->offsets) {
    if (offset.log == 0) ticks_.committed(offset.partition, offset.next);
  }
  for (std::string& dropped : refusals_.committed(*in_flight_)) {
    ++totals_.undeliverable_dropped;
    actions_.push_back(Note{true, std::move(dropped)});
  }
  say_dead_letters(*in_flight_, wall);
  count(*in_flight_, wall);
  recycle(in_flight_);
  commit_if_free();
  vacate_if_free();
  exit_if_done();
}

// At most one line per code and minute: how many there are is a metric.
void Worker::say_dead_letters(const core::Batch& batch, Time wall) {
  for (const core::DeadLetterNote& letter : batch.dead_letters) {
    const auto [said, is_new] = dead_letter_said_.try_emplace(std::string(letter.code), wall);
    if (!is_new && wall - said->second < kDeadLetterInterval) continue;
    said->second = wall;
    actions_.push_back(
        Note{true, "dead letter " + std::string(letter.code) + ": " + std::string(letter.topic) +
                       " partition " + std::to_string(raw(letter.partition)) + " offset " +
                       std::to_string(raw(letter.offset)) + ": " + std::string(letter.message)});
  }
}

// --- the clock

// What was applied here and sent nothing to any shard need not be committed for a tick of ours: both
// commit together, or neither does.
void Worker::tell_what_was_applied() {
  const auto sends = [](const std::unique_ptr<core::Batch>& batch) {
    return batch && (batch->forwarded || batch->to_input);
  };
  if (sends(building_) || sends(sealed_) || sends(in_flight_)) return;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state == SeatPhase::kLive) ticks_.committed(partition, seat.shard->next(0));
  }
}

void Worker::want_ticks(Time wall) {
  if (vacating_) return;
  tell_what_was_applied();
  for (const auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kLive || ticks_.wanted(partition)) continue;
    const bool forget = wall - seat.ticked >= kForgetInterval && seat.shard->any_forget_due(wall);
    if (forget || seat.shard->any_timer_due(wall)) ticks_.want(partition, wall);
  }
  const auto question = ticks_.question(wall, [this](Partition p) { return shard(p) != nullptr; });
  if (question) std::visit([this](const auto& q) { actions_.push_back(q); }, *question);
  if (auto complaint = ticks_.complaint(wall))
    actions_.push_back(Note{true, std::move(*complaint)});
}

void Worker::on_time(Time wall) {
  if (exited_) return;
  for (auto& [partition, seat] : seats_) {
    if (seat.recovery && seat.recovery->state() != Recovery::State::kScanning &&
        seat.recovery->state() != Recovery::State::kReplaying) {
      recovery_ended(partition, seat, wall);
      if (exited_) return;
    }
  }
  want_ticks(wall);
  watch_memory(wall);
  trim_logs(wall);
  say_progress(wall);
}

void Worker::trim_logs(Time wall) {
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kLive || wall - seat.trimmed < options_.trim_interval) continue;
    const auto needed_from = seat.shard->needed_from();
    if (raw(needed_from.journal) == 0) continue;
    seat.trimmed = wall;
    actions_.push_back(Trim{partition, Log::kJournal, needed_from.journal});
    if (logs() > 1 && raw(needed_from.repartition) > 0)
      actions_.push_back(Trim{partition, Log::kRepartition, needed_from.repartition});
  }
}

std::optional<Time> Worker::next_wakeup() const {
  std::optional<Time> next;
  const auto consider = [&next](Time time) {
    if (!next || time < *next) next = time;
  };
  for (const auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kLive) continue;
    // While an answer is awaited its event wakes; a time that has passed would only make the loop
    // spin.
    if (!ticks_.wanted(partition) && !vacating_) {
      if (const auto due = seat.shard->no_timer_before()) consider(*due);
    }
    if (!in_flight_ && assigned_ && seat.shard->moved()) {
      consider(seat.committed + idle_commit());
    }
    if (checkpoints_ && seat.shard->checkpoint_wanted()) consider(checkpoints_->next_at(partition));
  }
  if (const auto again = ticks_.next_question_at(); again && !vacating_) consider(*again);
  return next;
}

// --- failures and the end

// No undo: the state may hold effects of a batch that did not commit, so it is built again from the
// logs.
void Worker::on(const Failed& event, Time) {
  if (event.failure.remedy == Remedy::kStop) {
    exited_ = true;
    actions_.push_back(Exit{event.failure.exit_code, event.failure.message});
    return;
  }
  actions_.push_back(Note{true, event.failure.message});
  if (in_flight_) {
    ++totals_.batches_failed;
    if (const auto fatal = refusals_.note(*in_flight_, event.refusals)) {
      exited_ = true;
      actions_.push_back(Exit{1, *fatal});
      return;
    }
    recycle(in_flight_);
  }
  reset_all();
  producer_open_ = false;
  actions_.push_back(OpenProducer{});
  vacate_if_free();
  exit_if_done();
}

// Nothing depends on where an output goes, so the batch is mended as it is.
void Worker::on(const NotSent& event, Time) {
  CHECK(in_flight_ != nullptr);
  const auto fatal = refusals_.note(*in_flight_, event.refusals);
  CHECK(!fatal);
  refusals_.apply(*in_flight_);
  actions_.push_back(Commit{in_flight_.get()});
}

void Worker::on(const StopRequested&, Time) {
  stopping_ = true;
  exit_if_done();
}

bool Worker::all_committed() const {
  if (in_flight_ || sealed_) return false;
  return !producer_open_ || !assigned_ || std::ranges::none_of(seats_, [](const auto& entry) {
    return entry.second.state == SeatPhase::kLive && entry.second.shard->moved();
  });
}

// A clean stop commits what was applied, then leaves.
void Worker::exit_if_done() {
  if (!stopping_ || exited_ || !all_committed() || checkpoints_wait()) return;
  exited_ = true;
  actions_.push_back(Exit{0, ""});
}

}  // namespace muster::runtime

#include "runtime/worker_status.h"

#include "runtime/worker.h"

namespace muster::runtime {

using core::Partition;
using core::Time;

std::string_view name(SeatPhase phase) {
  switch (phase) {
    case SeatPhase::kLocating:
      return "locating";
    case SeatPhase::kScanning:
      return "scanning";
    case SeatPhase::kLoading:
      return "loading";
    case SeatPhase::kReplaying:
      return "replaying";
    case SeatPhase::kLive:
      break;
  }
  return "live";
}

void WorkerTotals::add(const WorkerTotals& other) {
  for (size_t i = 0; i < counters.size(); ++i) counters[i] += other.counters[i];
  records += other.records;
  batches_committed += other.batches_committed;
  batches_failed += other.batches_failed;
  undeliverable_dropped += other.undeliverable_dropped;
  timers_fired += other.timers_fired;
  for (const auto& [code, count] : other.dead_letters) dead_letters[code] += count;
  lateness.add(other.lateness);
  durations.add(other.durations);
}

WorkerStatus Worker::status(Time wall) const {
  WorkerStatus status;
  status.at = wall;
  status.ready = (ready() || (spare_member_ && producer_open_)) && !stopping_ && !exited_;
  status.stopping = stopping_;
  status.producer_open = producer_open_;
  for (const auto& [partition, seat] : seats_)
    status.seats.push_back(status_of(partition, seat, wall));
  status.totals = totals_;
  if (checkpoints_) {
    status.checkpoints = checkpoints_->totals().checkpoints;
    status.checkpoint_failures = checkpoints_->totals().failures;
  }
  return status;
}

SeatStatus Worker::status_of(Partition partition, const Seat& seat, Time wall) const {
  SeatStatus status;
  status.partition = partition;
  status.phase = seat.state;
  status.recovery = wall - seat.recovery_began;
  status.journal_end = seat.location.journal.end;
  if (seat.recovery) {
    status.records_replayed = seat.recovery->records_replayed();
    status.journal_position = seat.recovery->journal_position();
  }
  if (!seat.shard) return status;
  status.living = seat.shard->living();
  if (seat.state != SeatPhase::kLive) return status;
  core::Shard& shard = *seat.shard;
  status.recovery = seat.recovery_took;
  status.open = shard.processor().open();
  status.timers = shard.timers();
  status.epoch = shard.epoch();
  status.n = shard.n();
  status.clock = shard.clock();
  for (size_t log = 0; log < shard.logs(); ++log) status.next.push_back(shard.next(log));
  status.next_timer = shard.no_timer_before();
  if (checkpoints_) {
    status.checkpoint_age = checkpoints_->age(shard, wall);
    status.checkpoint_failing = checkpoints_->failing(partition);
  }
  return status;
}

std::optional<Time> Worker::live_since(Partition partition) const {
  const auto seat = seats_.find(partition);
  if (seat == seats_.end() || seat->second.state != SeatPhase::kLive) return std::nullopt;
  return seat->second.live_since;
}

void Worker::count(core::Batch& batch, Time wall) {
  const auto counters = batch.effects.take_counters();
  for (size_t i = 0; i < counters.size(); ++i) totals_.counters[i] += counters[i];
  for (const core::DeadLetterNote& letter : batch.dead_letters) {
    const auto known = totals_.dead_letters.find(letter.code);
    auto& of_code = known != totals_.dead_letters.end()
                        ? known->second
                        : totals_.dead_letters[std::string(letter.code)];
    ++of_code;
  }
  for (const Time due : batch.fired) totals_.lateness.add(wall - due);
  totals_.durations.add(batch.effects.take_durations());
  totals_.timers_fired += batch.fired.size();
  totals_.records += batch.records;
  ++totals_.batches_committed;
}

}  // namespace muster::runtime

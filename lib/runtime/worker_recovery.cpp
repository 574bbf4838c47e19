// Where a seat begins, and how it gets its state back.
#include "base/check.h"
#include "base/planted.h"
#include "runtime/worker.h"

#include <algorithm>

namespace muster::runtime {

using core::Partition;
using core::raw;
using core::Time;

namespace {

constexpr core::Duration kProgressInterval = std::chrono::seconds(5);

std::string seconds(core::Duration duration) {
  const auto ms = duration.count();
  std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction + " s";
}

}  // namespace

// --- where to begin

void Worker::on(const ProducerOpened&, Time wall) {
  producer_open_ = true;
  for (auto& [partition, seat] : seats_) seat.recovery_began = wall;
  if (!seats_.empty() && !vacating_) locate();
}

void Worker::locate() {
  Locate action{++locate_request_, {}};
  for (const auto& [partition, seat] : seats_) action.partitions.push_back(partition);
  actions_.push_back(std::move(action));
}

void Worker::on(const Located& event, Time wall) {
  if (event.request != locate_request_) return;
  for (size_t i = 0; i < event.locations.size(); ++i) {
    const auto found = seats_.find(event.locations[i].partition);
    if (found == seats_.end() || found->second.state != SeatPhase::kLocating) continue;
    Seat& seat = found->second;
    seat.location = event.locations[i];
    seat.fresh_epoch = core::Epoch{MUSTER_PLANTED(kEpochReused) ? 1 : event.random[i]};
    const StartPlan plan = plan_start(seat.location);
    const std::string loss = loss_at_committed(seat.location);
    if (!loss.empty()) {
      start_after_loss(found->first, seat,
                       "partition " + std::to_string(raw(found->first)) + ": " + loss, wall);
      if (exited_) return;
      continue;
    }
    if (resume_kept(seat, plan)) continue;
    if (std::holds_alternative<StartFresh>(plan) && raw(seat.location.journal.end) > 0) {
      actions_.push_back(
          Note{true, "partition " + std::to_string(raw(found->first)) +
                         ": the committed offsets are an operator's reset, or another "
                         "program's: starting there with nothing"});
    }
    follow(found->first, seat, plan);
    if (seat.recovery && seat.recovery->state() == Recovery::State::kBroken) {
      recovery_ended(found->first, seat, wall);
      if (exited_) return;
    }
  }
  kept_.clear();  // the others' partitions are somebody else's now
  assign_when_known();
  for (auto& [partition, seat] : seats_) {
    if (seat.state == SeatPhase::kLocating && seat.start_at) go_live(seat, wall);
  }
}

// --- shards of partitions that went and came back

void Worker::keep_aside() {
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kLive || seat.shard->dirty()) continue;
    seat.shard->rewind();
    if (checkpoints_) checkpoints_->abandon(*seat.shard);
    kept_[partition] = std::move(seat.shard);
  }
}

// (epoch, n) names one state: if that is what the group has committed, nobody else was here.
bool Worker::resume_kept(Seat& seat, const StartPlan& plan) {
  const auto kept = kept_.find(seat.location.partition);
  if (kept == kept_.end()) return false;
  const auto* wanted = std::get_if<StartFromJournal>(&plan);
  core::Shard& shard = *kept->second;
  if (wanted == nullptr) return false;
  const bool same = wanted->epoch == shard.epoch() && wanted->n == shard.n();
  if (!same && !MUSTER_PLANTED(kKeptWithoutComparing)) return false;
  for (size_t log = 0; log < shard.logs(); ++log) {
    if (shard.next(log) != wanted->inputs[log]) return false;
  }
  seat.start_at = wanted->inputs;
  seat.shard = std::move(kept->second);
  return true;
}

std::unique_ptr<core::Shard> Worker::make_shard(Partition partition) const {
  return std::make_unique<core::Shard>(partition, options_.routing, make_processor_(),
                                       options_.shard);
}

void Worker::follow(Partition partition, Seat& seat, const StartPlan& plan) {
  seat.shard = make_shard(partition);
  seat.recovery.reset();
  seat.reading = {};
  if (const auto* fresh = std::get_if<StartFresh>(&plan)) {
    seat.shard->start(seat.fresh_epoch, fresh->inputs, seat.location.journal.end);
    seat.state = SeatPhase::kLocating;
    seat.start_at = fresh->inputs;
  } else if (const auto* from_journal = std::get_if<StartFromJournal>(&plan)) {
    seat.start_at = from_journal->inputs;
    seat.plan = *from_journal;
    if (checkpoints_ && !seat.checkpoint_void) return load_checkpoint(partition, seat);
    replay_from(partition, seat, seat.plan);
  } else {
    seat.recovery.emplace(seat.location);
    seat.state = SeatPhase::kScanning;
    actions_.push_back(StartReading{partition, Log::kJournal, seat.location.journal.begin});
  }
}

void Worker::replay_from(Partition partition, Seat& seat, const StartFromJournal& plan) {
  seat.recovery.emplace(seat.location, plan, *seat.shard);
  seat.state = SeatPhase::kReplaying;
  actions_.push_back(StartReading{partition, Log::kJournal, plan.journal});
}

// The consumer takes all positions in one call, so it is made when the last one is known. Live
// seats go on where they are.
void Worker::assign_when_known() {
  if (assigned_ || vacating_ || seats_.empty()) return;
  Assign action;
  for (const auto& [partition, seat] : seats_) {
    if (!seat.start_at) return;
    const bool live = seat.state == SeatPhase::kLive;
    for (size_t log = 0; log < logs(); ++log) {
      action.positions.push_back({partition, static_cast<Log>(log),
                                  live ? seat.shard->next(log) : seat.start_at->at(log)});
    }
  }
  assigned_ = true;
  actions_.push_back(std::move(action));
}

// --- recovery

std::vector<Worker::ReplayWant> Worker::replay_wants() const {
  std::vector<ReplayWant> wants;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state == SeatPhase::kScanning) wants.push_back({partition, Log::kJournal});
    if (seat.state == SeatPhase::kReplaying) wants.push_back({partition, seat.recovery->wants()});
  }
  return wants;
}

size_t Worker::replay(const ReplayWant& want, const Fetched& fetched) {
  Seat& seat = seats_.at(want.partition);
  CHECK(seat.recovery.has_value());
  size_t taken = fetched.records.size();
  if (want.log == Log::kJournal) {
    seat.recovery->on_journal(fetched);
  } else {
    taken = seat.recovery->on_input(want.log, fetched);
  }
  // The first entry with records says from where on an input log is needed.
  const Log next = seat.recovery->wants();
  if (next != Log::kJournal && !std::exchange(seat.reading.at(static_cast<size_t>(next)), true)) {
    actions_.push_back(
        StartReading{want.partition, next, seat.shard->next(static_cast<size_t>(next))});
  }
  return taken;
}

void Worker::recovery_ended(Partition partition, Seat& seat, Time wall) {
  const Recovery::State state = seat.recovery->state();
  const std::string where = "partition " + std::to_string(raw(partition));
  actions_.push_back(StopReading{partition});
  if (state == Recovery::State::kBroken) {
    const std::string message = seat.recovery->message();
    // It may be the checkpoint's fault: Kafka alone is the truth.
    if (seat.checkpoint) return checkpoint_is_void(partition, seat, message);
    return start_after_loss(partition, seat, message, wall);
  }
  if (state == Recovery::State::kJournalAhead && !seat.location.inputs[0].committed) {
    return locate_again(seat);  // somebody went on while the journal was scanned
  }
  if (state == Recovery::State::kJournalAhead) {
    actions_.push_back(
        Note{true, where + ": the journal goes on behind the committed offset " +
                       std::to_string(raw(*seat.location.inputs[0].committed)) +
                       ": the offsets were set back; starting from there with nothing"});
    follow(partition, seat, StartFresh{committed_or_earliest(seat.location)});
    go_live(seat, wall);
    return;
  }
  if (seat.state == SeatPhase::kScanning) {
    follow(partition, seat, seat.recovery->scanned_plan());
    assign_when_known();
    if (seat.state == SeatPhase::kLocating) go_live(seat, wall);
    return;
  }
  actions_.push_back(Note{false, where + ": recovered " + std::to_string(seat.shard->living()) +
                                     " ids from " + (seat.checkpoint ? "a checkpoint and " : "") +
                                     std::to_string(seat.recovery->batches_replayed()) +
                                     " batches with " +
                                     std::to_string(seat.recovery->records_replayed()) +
                                     " records in " + seconds(wall - seat.recovery_began)});
  go_live(seat, wall);
}

// A long one has to be seen.
void Worker::say_progress(Time wall) {
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatPhase::kReplaying && seat.state != SeatPhase::kLoading) continue;
    if (wall - std::max(seat.recovery_began, seat.progress_said) < kProgressInterval) continue;
    seat.progress_said = wall;
    std::string text = "partition " + std::to_string(raw(partition)) + ": recovering for " +
                       seconds(wall - seat.recovery_began) + ": ";
    if (seat.recovery) {
      text += std::to_string(seat.recovery->records_replayed()) + " records replayed, journal at " +
              std::to_string(raw(seat.recovery->journal_position())) + " of " +
              std::to_string(raw(seat.location.journal.end)) + ", ";
    }
    text += std::to_string(seat.shard->living()) + " ids";
    actions_.push_back(Note{false, std::move(text)});
  }
}

// Nothing of it is being read any more.
void Worker::locate_again(Seat& seat) {
  reset(seat);
  assigned_ = false;
  locate();
}

// Nothing is dropped in silence: somebody has to say that it may be.
void Worker::start_after_loss(Partition partition, Seat& seat, const std::string& what, Time wall) {
  // What was read may be out of date: a successor may have committed, and trimmed, in between. Once
  // more, then.
  if (std::exchange(seat.loss, what) != what && !MUSTER_PLANTED(kLossBelievedAtOnce))
    return locate_again(seat);
  if (!options_.accept_loss) {
    exited_ = true;
    actions_.push_back(
        Exit{1, what + ". --accept-loss goes on without it: groups that were open are forgotten"});
    return;
  }
  const Offsets inputs = nearest_kept(seat.location);
  actions_.push_back(Note{true, what + ". Accepted: starting with nothing at offset " +
                                    std::to_string(raw(inputs[0]))});
  follow(partition, seat, StartFresh{inputs});
  assign_when_known();
  go_live(seat, wall);
}

void Worker::go_live(Seat& seat, Time wall) {
  seat.loss.clear();
  seat.shard->go_live();
  // A successor looks for the last writer first (it fences a dead one): that is us from now on.
  const auto last = core::decode_commit_metadata(seat.location.inputs[0].metadata);
  if (!last || last->transactional_id != options_.transactional_id) seat.shard->announce();
  // Where it stands is committed, or will be: it is moved then.
  if (!seat.shard->moved()) ticks_.committed(seat.shard->partition(), seat.shard->next(0));
  seat.recovery.reset();
  seat.recovery_took = wall - seat.recovery_began;
  seat.live_since = wall;
  seat.state = SeatPhase::kLive;
  seat.committed = wall;
}

// --- back to the beginning

void Worker::reset(Seat& seat) {
  if (checkpoints_ && seat.shard) checkpoints_->abandon(*seat.shard);
  seat.state = SeatPhase::kLocating;
  seat.checkpoint.reset();
  seat.checkpoint_void = false;
  seat.loads = 0;
  seat.shard.reset();
  seat.recovery.reset();
  seat.reading = {};
  seat.start_at.reset();
}

void Worker::reset_all() {
  ++locate_request_;  // what was asked before now may be out of date when the answer comes
  for (auto& [partition, seat] : seats_) {
    if (seat.recovery) actions_.push_back(StopReading{partition});
    if (seat.state == SeatPhase::kLoading) actions_.push_back(StopLoading{partition});
    reset(seat);
  }
  ticks_.reset();
  building_->clear();
  if (sealed_) recycle(sealed_);
  assigned_ = false;
}

}  // namespace muster::runtime

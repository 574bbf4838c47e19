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
    if (found == seats_.end() || found->second.state != SeatState::kLocating) continue;
    Seat& seat = found->second;
    seat.location = event.locations[i];
    seat.fresh_epoch = core::Epoch{MUSTER_PLANTED(kEpochReused) ? 1 : event.random[i]};
    const StartPlan plan = plan_start(seat.location);
    const std::string loss =
        seat.location.committed ? loss_at(seat.location, *seat.location.committed) : "";
    if (!loss.empty()) {
      start_after_loss(found->first, seat,
                       "partition " + std::to_string(raw(found->first)) + ": " + loss, wall);
      if (exited_) return;
      continue;
    }
    follow(found->first, seat, plan);
    if (seat.recovery && seat.recovery->state() == Recovery::State::kBroken) {
      recovery_ended(found->first, seat, wall);
      if (exited_) return;
    }
  }
  assign_when_known();
  for (auto& [partition, seat] : seats_) {
    if (seat.state == SeatState::kLocating && seat.start_at) go_live(seat, wall);
  }
}

void Worker::follow(Partition partition, Seat& seat, const StartPlan& plan) {
  seat.shard = std::make_unique<core::Shard>(partition, 1, make_processor_(), options_.shard);
  seat.recovery.reset();
  seat.reading_input = false;
  if (const auto* fresh = std::get_if<StartFresh>(&plan)) {
    seat.shard->start(seat.fresh_epoch, {fresh->input}, seat.location.journal.end);
    seat.state = SeatState::kLocating;
    seat.start_at = fresh->input;
  } else if (const auto* from_journal = std::get_if<StartFromJournal>(&plan)) {
    seat.recovery.emplace(seat.location, *from_journal, *seat.shard);
    seat.state = SeatState::kReplaying;
    seat.start_at = from_journal->input;
    actions_.push_back(StartReading{partition, ReplayLog::kJournal, from_journal->journal});
  } else {
    seat.recovery.emplace(seat.location);
    seat.state = SeatState::kScanning;
    actions_.push_back(StartReading{partition, ReplayLog::kJournal, seat.location.journal.begin});
  }
}

// The consumer takes all positions in one call, so it is made when the last one is known. Live
// seats go on where they are.
void Worker::assign_when_known() {
  if (assigned_ || vacating_ || seats_.empty()) return;
  Assign action;
  for (const auto& [partition, seat] : seats_) {
    if (!seat.start_at) return;
    const bool live = seat.state == SeatState::kLive;
    action.positions.push_back({partition, live ? seat.shard->next(0) : *seat.start_at});
  }
  assigned_ = true;
  actions_.push_back(std::move(action));
}

// --- recovery

std::vector<Worker::ReplayWant> Worker::replay_wants() const {
  std::vector<ReplayWant> wants;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state == SeatState::kScanning) wants.push_back({partition, ReplayLog::kJournal});
    if (seat.state == SeatState::kReplaying) wants.push_back({partition, seat.recovery->wants()});
  }
  return wants;
}

size_t Worker::replay(const ReplayWant& want, const Fetched& fetched) {
  Seat& seat = seats_.at(want.partition);
  CHECK(seat.recovery.has_value());
  size_t taken = fetched.records.size();
  if (want.log == ReplayLog::kJournal) {
    seat.recovery->on_journal(fetched);
    // The first entry with records says from where on the input is needed.
    if (!seat.reading_input && seat.recovery->wants() == ReplayLog::kInput) {
      seat.reading_input = true;
      actions_.push_back(StartReading{want.partition, ReplayLog::kInput, seat.shard->next(0)});
    }
  } else {
    taken = seat.recovery->on_input(fetched);
  }
  return taken;
}

void Worker::recovery_ended(Partition partition, Seat& seat, Time wall) {
  const Recovery::State state = seat.recovery->state();
  const std::string where = "partition " + std::to_string(raw(partition));
  actions_.push_back(StopReading{partition});
  if (state == Recovery::State::kBroken) {
    const std::string message = seat.recovery->message();
    return start_after_loss(partition, seat, message, wall);
  }
  if (state == Recovery::State::kJournalAhead && !seat.location.committed) {
    return locate_again(seat);  // somebody went on while the journal was scanned
  }
  if (state == Recovery::State::kJournalAhead) {
    actions_.push_back(
        Note{true, where + ": the journal goes on behind the committed offset " +
                       std::to_string(raw(*seat.location.committed)) +
                       ": the offsets were set back; starting from there with nothing"});
    follow(partition, seat, StartFresh{*seat.location.committed});
    go_live(seat, wall);
    return;
  }
  if (seat.state == SeatState::kScanning) {
    follow(partition, seat, seat.recovery->scanned_plan());
    assign_when_known();
    if (seat.state == SeatState::kLocating) go_live(seat, wall);
    return;
  }
  actions_.push_back(
      Note{false, where + ": recovered " + std::to_string(seat.shard->living()) + " ids from " +
                      std::to_string(seat.recovery->batches_replayed()) + " batches with " +
                      std::to_string(seat.recovery->records_replayed()) + " records in " +
                      seconds(wall - seat.recovery_began)});
  go_live(seat, wall);
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
  if (std::exchange(seat.loss, what) != what) return locate_again(seat);
  if (!options_.accept_loss) {
    exited_ = true;
    actions_.push_back(
        Exit{1, what + ". --accept-loss goes on without it: groups that were open are forgotten"});
    return;
  }
  const core::Offset input =
      nearest_kept(seat.location, seat.location.committed.value_or(seat.location.input.begin));
  actions_.push_back(Note{
      true, what + ". Accepted: starting with nothing at offset " + std::to_string(raw(input))});
  follow(partition, seat, StartFresh{input});
  assign_when_known();
  go_live(seat, wall);
}

void Worker::go_live(Seat& seat, Time wall) {
  seat.loss.clear();
  seat.shard->go_live();
  seat.recovery.reset();
  seat.state = SeatState::kLive;
  seat.committed = wall;
}

// --- back to the beginning

void Worker::reset(Seat& seat) {
  seat.state = SeatState::kLocating;
  seat.shard.reset();
  seat.recovery.reset();
  seat.reading_input = false;
  seat.start_at.reset();
  if (MUSTER_PLANTED(kTickKeptFromAbort) && seat.tick && seat.tick->input_end) {
    seat.tick->input_end = core::Offset{0};  // it was found takeable before
  } else {
    seat.tick.reset();
  }
}

void Worker::reset_all() {
  ++locate_request_;  // what was asked before now may be out of date when the answer comes
  for (auto& [partition, seat] : seats_) {
    if (seat.recovery) actions_.push_back(StopReading{partition});
    reset(seat);
  }
  building_->clear();
  if (sealed_) recycle(sealed_);
  assigned_ = false;
}

}  // namespace muster::runtime

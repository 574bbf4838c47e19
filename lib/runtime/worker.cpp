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

std::string seconds(core::Duration duration) {
  const auto ms = duration.count();
  std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction + " s";
}

}  // namespace

Worker::Worker(WorkerOptions options, MakeProcessor make_processor)
    : options_(std::move(options)),
      make_processor_(std::move(make_processor)),
      building_(std::make_unique<core::Batch>()),
      spare_(std::make_unique<core::Batch>()) {
  actions_.push_back(OpenProducer{});
}

std::vector<Action> Worker::take_actions() { return std::exchange(actions_, {}); }

const core::Shard* Worker::shard(Partition partition) const {
  const auto seat = seats_.find(partition);
  if (seat == seats_.end() || seat->second.state != SeatState::kLive) return nullptr;
  return seat->second.shard.get();
}

bool Worker::ready() const {
  return assigned_ && !vacating_ && std::ranges::all_of(seats_, [](const auto& entry) {
    return entry.second.state == SeatState::kLive;
  });
}

void Worker::handle(const Event& event, Time wall) {
  if (exited_) return;
  std::visit([this, wall](const auto& e) { on(e, wall); }, event);
}

// --- the group

void Worker::on(const Assigned& event, Time wall) {
  CHECK(seats_.empty());
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

void Worker::on(const Revoked& event, Time) {
  vacating_ = true;
  if (event.lost && sealed_) {
    // Others own the partitions: what is not on its way yet will not go.
    sealed_->clear();
    spare_ = std::move(sealed_);
  }
  vacate_if_free();
}

// What was applied and not sealed is dropped with the seats; the next owner reads it again.
void Worker::vacate_if_free() {
  if (!vacating_ || in_flight_ || sealed_) return;
  reset_all();
  seats_.clear();
  vacating_ = false;
  assigned_ = false;
  actions_.push_back(Unassign{});
  exit_if_done();
}

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
    const std::string loss = seat.location.committed ? loss_at(seat.location, *seat.location.committed) : "";
    if (!loss.empty()) {
      start_after_loss(found->first, seat, "partition " + std::to_string(raw(found->first)) + ": " + loss, wall);
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
    if (seat.state == SeatState::kLocating && seat.start_at) go_live(partition, seat, wall);
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
    actions_.push_back(
        StartReading{partition, ReplayLog::kJournal, seat.location.journal.begin});
  }
}

// The consumer takes all positions in one call, so it is made when the last one is known. Live seats go on where
// they are.
void Worker::assign_when_known() {
  if (assigned_ || vacating_ || seats_.empty()) return;
  Assign action;
  for (const auto& [partition, seat] : seats_) {
    if (!seat.start_at) return;
    action.positions.push_back({partition, *seat.start_at});
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
  if (state == Recovery::State::kJournalAhead) {
    actions_.push_back(Note{true, where + ": the journal goes on behind the committed offset " +
                                      std::to_string(raw(*seat.location.committed)) +
                                      ": the offsets were set back; starting from there with nothing"});
    follow(partition, seat, StartFresh{*seat.location.committed});
    go_live(partition, seat, wall);
    return;
  }
  if (seat.state == SeatState::kScanning) {
    follow(partition, seat, seat.recovery->scanned_plan());
    assign_when_known();
    if (seat.state == SeatState::kLocating) go_live(partition, seat, wall);
    return;
  }
  actions_.push_back(
      Note{false, where + ": recovered " + std::to_string(seat.shard->living()) + " ids from " +
                      std::to_string(seat.recovery->batches_replayed()) + " batches with " +
                      std::to_string(seat.recovery->records_replayed()) + " records in " +
                      seconds(wall - seat.recovery_began)});
  go_live(partition, seat, wall);
}

// Nothing is dropped in silence: somebody has to say that it may be.
void Worker::start_after_loss(Partition partition, Seat& seat, const std::string& what, Time wall) {
  if (!options_.accept_loss) {
    exited_ = true;
    actions_.push_back(Exit{1, what + ". --accept-loss goes on without it: groups that were open are forgotten"});
    return;
  }
  const core::Offset input = nearest_kept(seat.location, seat.location.committed.value_or(seat.location.input.begin));
  actions_.push_back(Note{true, what + ". Accepted: starting with nothing at offset " + std::to_string(raw(input))});
  follow(partition, seat, StartFresh{input});
  assign_when_known();
  go_live(partition, seat, wall);
}

void Worker::go_live(Partition, Seat& seat, Time wall) {
  seat.shard->go_live();
  seat.recovery.reset();
  seat.state = SeatState::kLive;
  seat.committed = wall;
}

// --- live

bool Worker::can_build() const {
  return producer_open_ && !vacating_ && !exited_ && !sealed_ && assigned_;
}

std::vector<Partition> Worker::live_partitions() {
  std::vector<Partition> live;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state == SeatState::kLive) live.push_back(partition);
  }
  if (!live.empty()) {
    ++first_;
    std::rotate(live.begin(), live.begin() + static_cast<std::ptrdiff_t>(first_ % live.size()),
                live.end());
  }
  return live;
}

size_t Worker::room() const {
  if (stopping_ || building_->bytes.bytes_used() >= options_.batch_output_bytes_max) return 0;
  return options_.batch_records_max - std::min(options_.batch_records_max, round_records_);
}

void Worker::apply(Partition partition, const Fetched& fetched, Time wall) {
  Seat& seat = seats_.at(partition);
  CHECK(seat.state == SeatState::kLive);
  round_records_ += fetched.records.size();
  seat.shard->begin(wall);
  seat.shard->apply(0, fetched.records, std::max(fetched.next, seat.shard->next(0)), *building_);
}

std::optional<Time> Worker::takeable_tick(Seat& seat, Time wall) {
  if (!seat.tick || !seat.tick->input_end || wall < seat.tick->at) return std::nullopt;
  if (MUSTER_PLANTED(kTickWithoutEnd)) return seat.tick->at;
  // Everything that was in the log when the clock showed `at` has been applied?
  if (seat.shard->next(0) < *seat.tick->input_end) return std::nullopt;
  return seat.tick->at;
}

void Worker::end_round(Time wall) {
  round_records_ = 0;
  bool wanted = false;
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatState::kLive) continue;
    const bool idle_due = seat.shard->moved() &&
                          (stopping_ || wall - seat.committed >= options_.idle_commit);
    wanted = wanted || seat.shard->dirty() || takeable_tick(seat, wall) || idle_due ||
             (seat.shard->wants_housekeeping(wall) && wall - seat.committed >= kForgetInterval);
  }
  if (!wanted || sealed_) {
    exit_if_done();
    return;
  }
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatState::kLive) continue;
    const auto tick = takeable_tick(seat, wall);
    if (!seat.shard->dirty()) seat.shard->begin(wall);
    if (!tick && !seat.shard->dirty() && !seat.shard->moved() &&
        !seat.shard->wants_housekeeping(wall)) {
      continue;
    }
    seat.shard->seal(tick, options_.transactional_id, *building_);
    seat.committed = wall;
    if (tick) {
      ++totals_.timers_ticked;
      seat.ticked = wall;
      // A tick that was split goes on in the next batch: the log's end still counts.
      if (!seat.shard->any_timer_due(*tick)) seat.tick.reset();
    }
  }
  sealed_ = std::move(building_);
  building_ = spare_ ? std::move(spare_) : std::make_unique<core::Batch>();
  commit_if_free();
}

void Worker::commit_if_free() {
  if (!sealed_ || in_flight_ || !producer_open_) return;
  in_flight_ = std::move(sealed_);
  actions_.push_back(Commit{in_flight_.get()});
}

void Worker::on(const Committed& event, Time wall) {
  CHECK(in_flight_ != nullptr);
  CHECK(event.journal_offsets.size() == in_flight_->shards.size());
  for (size_t i = 0; i < in_flight_->shards.size(); ++i) {
    const core::ShardCommit& commit = in_flight_->shards[i];
    const auto seat = seats_.find(commit.partition);
    if (seat != seats_.end() && seat->second.state == SeatState::kLive) {
      seat->second.shard->committed(commit.n, event.journal_offsets[i]);
    }
  }
  say_dead_letters(*in_flight_, wall);
  const auto counters = in_flight_->effects.take_counters();
  for (size_t i = 0; i < counters.size(); ++i) totals_.counters[i] += counters[i];
  totals_.records += in_flight_->records;
  ++totals_.batches_committed;
  in_flight_->clear();
  spare_ = std::move(in_flight_);
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
    actions_.push_back(Note{true, "dead letter " + std::string(letter.code) + ": " + std::string(letter.topic) + " partition " +
                                      std::to_string(raw(letter.partition)) + " offset " + std::to_string(raw(letter.offset)) +
                                      ": " + std::string(letter.message)});
  }
}

// --- the clock

void Worker::want_ticks(Time wall) {
  if (reading_ends_ || vacating_) return;
  ReadEnds action{wall, {}};
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatState::kLive || seat.tick) continue;
    const bool forget = wall - seat.ticked >= kForgetInterval && seat.shard->any_forget_due(wall);
    if (!forget && !seat.shard->any_timer_due(wall)) continue;
    seat.tick = PendingTick{wall, std::nullopt};
    action.partitions.push_back(partition);
  }
  if (action.partitions.empty()) return;
  reading_ends_ = true;
  actions_.push_back(std::move(action));
}

void Worker::on(const EndsRead& event, Time) {
  reading_ends_ = false;
  for (const InputEnd& end : event.ends) {
    const auto found = seats_.find(end.partition);
    if (found == seats_.end() || !found->second.tick) continue;
    PendingTick& tick = *found->second.tick;
    // An answer to a question that was asked before the seat was reset does not fit.
    if (tick.at == event.at) tick.input_end = end.end;
  }
  // What could not be read is asked again.
  for (auto& [partition, seat] : seats_) {
    if (seat.tick && !seat.tick->input_end) seat.tick.reset();
  }
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
  trim_journals(wall);
}

void Worker::trim_journals(Time wall) {
  for (auto& [partition, seat] : seats_) {
    if (seat.state != SeatState::kLive || wall - seat.trimmed < options_.trim_interval) continue;
    const core::Offset needed_from = seat.shard->journal_needed_from();
    if (raw(needed_from) == 0) continue;
    seat.trimmed = wall;
    actions_.push_back(TrimJournal{partition, needed_from});
  }
}

std::optional<Time> Worker::next_wakeup(Time) const {
  std::optional<Time> next;
  const auto consider = [&next](Time time) {
    if (!next || time < *next) next = time;
  };
  for (const auto& [partition, seat] : seats_) {
    if (seat.state != SeatState::kLive) continue;
    // While an answer is awaited its event wakes; a time that has passed would only make the loop spin.
    if (!seat.tick && !reading_ends_) {
      if (const auto due = seat.shard->no_timer_before()) consider(*due);
    }
    if (!in_flight_ && seat.shard->moved()) consider(seat.committed + options_.idle_commit);
  }
  return next;
}

// --- failures and the end

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
  building_->effects.take_counters();
  building_->clear();
  if (sealed_) {
    sealed_->effects.take_counters();
    sealed_->clear();
    spare_ = std::move(sealed_);
  }
  assigned_ = false;
}

// No undo: the state may hold effects of a batch that did not commit, so it is built again from the logs.
void Worker::on(const Failed& event, Time) {
  if (event.failure.remedy == Remedy::kStop) {
    exited_ = true;
    actions_.push_back(Exit{event.failure.exit_code, event.failure.message});
    return;
  }
  actions_.push_back(Note{true, event.failure.message});
  if (in_flight_) {
    ++totals_.batches_failed;
    in_flight_->effects.take_counters();
    in_flight_->clear();
    spare_ = std::move(in_flight_);
  }
  reset_all();
  producer_open_ = false;
  actions_.push_back(OpenProducer{});
  vacate_if_free();
  exit_if_done();
}

void Worker::on(const StopRequested&, Time) {
  stopping_ = true;
  exit_if_done();
}

// A clean stop commits what was applied, then leaves.
void Worker::exit_if_done() {
  if (!stopping_ || exited_ || in_flight_ || sealed_) return;
  for (const auto& [partition, seat] : seats_) {
    if (seat.state == SeatState::kLive && seat.shard->moved() && producer_open_) return;
  }
  exited_ = true;
  actions_.push_back(Exit{0, ""});
}

}  // namespace muster::runtime

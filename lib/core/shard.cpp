#include "core/shard.h"

#include "base/check.h"
#include "base/planted.h"
#include "core/dead_letter.h"
#include "core/forwarding.h"

#include <algorithm>

namespace muster::core {

Shard::Shard(Partition partition, std::optional<Routing> routing,
             std::unique_ptr<Processor> processor, ShardLimits limits)
    : partition_(partition),
      own_routing_(routing),
      routing_in_force_(routing),
      processor_(std::move(processor)),
      limits_(limits),
      own_options_(processor_->options()),
      options_in_force_(own_options_),
      sealed_to_(routing ? 2 : 1),
      applied_to_(sealed_to_) {
  replay_effects_.mute(true);
  if (limits_.checkpoints)
    checkpointer_.emplace(*processor_, living_, limits_.checkpoint_part_bytes_max);
}

void Shard::start(Epoch epoch, std::vector<Offset> next, Offset journal_end) {
  CHECK(next.size() == applied_to_.size());
  CHECK(raw(n_) == 0);
  epoch_ = epoch;
  sealed_to_ = next;
  applied_to_ = std::move(next);
  journal_floor_ = journal_end;
  unannounced_ = true;
}

// --- both live and replay

void Shard::apply_record(size_t log, Record& record, Effects& effects, Batch* batch) {
  const bool cut = !record.timestamp || *record.timestamp > ceiling_;
  record.time = cut ? ceiling_ : *record.timestamp;
  // Its time is the batch's: the entry must say this ceiling, not that of a later round, even if
  // nothing came of it, for with a later one something might.
  if (cut && !MUSTER_PLANTED(kCeilingOfLaterRound)) {
    dirty_ = true;
    pinned_ = !MUSTER_PLANTED(kExtendedAfterCut);
  }
  const Time now =
      MUSTER_PLANTED(kDeadlineBeforeClock) ? record.time : std::max(record.time, clock_);
  if (MUSTER_PLANTED(kClockMovedByRecords)) clock_ = std::max(clock_, record.time);
  if (log == kRepartitioned && !restore(record, restored_headers_)) {
    effects.reject(record, "not-forwarded", "only muster writes to this topic");
  } else if (const auto key = route(record); const auto home = away(log, key)) {
    dirty_ = true;
    if (batch != nullptr) {
      batch->outputs.push_back(forward(record, *home, batch->bytes));
      batch->forwarded = true;
    }
  } else {
    if (const auto slot = key && copies() ? processor_->find(*key) : std::nullopt)
      about_to_change(*slot);
    processor_->on_record(record, now, effects);
  }
  take(effects, batch, Cause{record.partition, record.offset});
}

// The id that the record is about, if anybody has to know.
std::optional<std::string_view> Shard::route(const Record& record) {
  if (!routing_in_force_ && !copies() && !stopped_) return std::nullopt;
  stopped_ = false;
  return processor_->route(record);
}

// Where the record is to go; absent: it is at home, or nobody's. What was forwarded once stays, also
// if homes have changed since.
std::optional<Partition> Shard::away(size_t log, std::optional<std::string_view> key) const {
  if (!key || !routing_in_force_ || log == kRepartitioned || routing_in_force_->partitions == 1)
    return std::nullopt;
  const Partition home = home_of(*key, *routing_in_force_);
  if (home == partition_) return std::nullopt;
  return home;
}

void Shard::take(Effects& effects, Batch* batch, std::optional<Cause> cause) {
  for (Effect& effect : effects.list()) {
    dirty_ = true;
    if (auto* touch = std::get_if<Touch>(&effect)) {
      living_.touch(touch->key.slot, current());
      changed(touch->key.slot);
    } else if (auto* arm = std::get_if<Arm>(&effect)) {
      wheel_.arm(arm->key.slot, arm->due);
      changed(arm->key.slot);
    } else if (auto* disarm = std::get_if<Disarm>(&effect)) {
      wheel_.disarm(disarm->key.slot);
      changed(disarm->key.slot);
    } else if (auto* forget = std::get_if<Forget>(&effect)) {
      living_.touch(forget->key.slot, current());
      living_.forget_from(forget->key.slot, forget->from);
      changed(forget->key.slot);
      if (MUSTER_PLANTED(kOriginWithoutRemembered)) living_.carried(forget->key.slot, current());
    } else if (auto* produce = std::get_if<Produce>(&effect)) {
      CHECK(batch != nullptr);
      Output& output = batch->outputs.emplace_back();
      output.topic = produce->topic;
      output.topic_name = produce->topic_name;
      output.key = produce->key;
      output.value = produce->value;
      output.headers = std::move(produce->headers);
      output.timestamp = produce->time;
      batch->to_input = batch->to_input || produce->topic == TopicRole::kInput;
      output.cause = cause;
    } else if (auto* reject = std::get_if<Reject>(&effect)) {
      CHECK(batch != nullptr);
      // The letter's time is cut, too: that of an early event, which was kept as it came.
      if (!reject->timestamp || *reject->timestamp > ceiling_) pinned_ = true;
      batch->dead_letters.push_back(
          {reject->code, reject->message, reject->topic, reject->partition, reject->offset});
      batch->outputs.push_back(
          dead_letter(*reject, ceiling_, limits_.dead_letter_bytes_max, batch->bytes));
      batch->outputs.back().cause = cause;
    }
  }
  effects.clear_list();
}

void Shard::fire(std::vector<TimerWheel::Expired>& expired, Effects& effects, Batch* batch) {
  // By time and then by name: the order in which timers were armed is nobody's state.
  const auto later = [this](const auto& a, const auto& b) {
    if (a.due != b.due) return a.due > b.due;
    if (MUSTER_PLANTED(kTimersInArmingOrder)) return a.slot > b.slot;
    return processor_->name(a.slot) > processor_->name(b.slot);
  };
  std::ranges::make_heap(expired, later);
  while (!expired.empty()) {
    std::ranges::pop_heap(expired, later);
    const auto [slot, due] = expired.back();
    expired.pop_back();
    about_to_change(slot);
    changed(slot);
    if (batch != nullptr) batch->fired.push_back(due);
    processor_->on_timer(slot, due, effects);
    take(effects, batch);
    // Armed again for a time that the clock has reached: it comes in its turn. So it does not matter
    // whether a timer fires that has nothing to do any more.
    if (MUSTER_PLANTED(kTimerLeftToNextTick)) continue;
    if (!wheel_.armed(slot) || wheel_.due(slot) > clock_) continue;
    expired.push_back({slot, wheel_.due(slot)});
    wheel_.disarm(slot);
    std::ranges::push_heap(expired, later);
  }
}

void Shard::drop_all(const std::vector<std::string_view>& keys) {
  for (const auto key : keys) {
    if (const auto slot = processor_->find(key)) drop(*slot);
  }
}

void Shard::drop(Slot slot) {
  if (checkpointer_) checkpointer_->about_to_drop(slot);
  wheel_.disarm(slot);
  living_.drop(slot);
  processor_->drop(slot);
}

// --- replay

bool Shard::replay_begin(const JournalEntry& entry, Offset journal_offset) {
  CHECK(entry.ranges.size() == applied_to_.size());
  if (raw(n_) == 0) {  // the first one: what was before it is needed by nobody
    epoch_ = entry.epoch;
    clock_ = entry.clock;
    n_ = BatchNumber{raw(entry.n) - 1};
    for (size_t log = 0; log < applied_to_.size(); ++log) applied_to_[log] = entry.ranges[log].from;
    journal_floor_ = journal_offset;
  }
  CHECK(entry.epoch == epoch_);
  CHECK(entry.n == current());
  CHECK(entry.clock == clock_);
  for (size_t log = 0; log < applied_to_.size(); ++log) {
    CHECK(applied_to_[log] == entry.ranges[log].from);
  }
  if (entry.options != options_in_force_ && !MUSTER_PLANTED(kOptionsNotJournaled)) {
    options_in_force_ = entry.options;
    if (!processor_->configure(options_in_force_)) return false;
  }
  routing_in_force_ = entry.routing;
  ceiling_ = entry.ceiling;
  if (MUSTER_PLANTED(kForgetsAtBatchStart)) drop_all(entry.forgets);
  past_.push_back({entry.n, journal_offset, entry.ceiling, records_, entry.ranges.back().from, {}});
  committed_at(entry.n, journal_offset);
  return true;
}

void Shard::replay_record(size_t log, Record& record) {
  CHECK(record.offset >= applied_to_[log]);
  applied_to_[log] = after(record.offset);
  apply_record(log, record, replay_effects(), replay_batch_);
  ++records_;
}

bool Shard::replay_end(const JournalEntry& entry) {
  if (entry.tick) {
    const Time reached = wheel_.expire(*entry.tick, expired_);
    CHECK(reached == *entry.tick);
    clock_ = *entry.tick;
    fire(expired_, replay_effects(), replay_batch_);
  }
  // Whatever these ids are here: a replay that began in the middle of one's life may have built a
  // ghost of it, and the list ends the ghost exactly where the real one ended.
  if (!MUSTER_PLANTED(kForgetsAtBatchStart)) drop_all(entry.forgets);
  for (const Carried& carried : entry.carried) {
    const bool ignored = MUSTER_PLANTED(kCarriedIgnored) && processor_->find(carried.key);
    if (!ignored && !processor_->load(carried.key, carried.state, replay_effects_)) return false;
    const auto slot = processor_->find(carried.key);
    CHECK(slot.has_value());
    living_.touch(*slot, entry.n);
    living_.carried(*slot, entry.n);
    changed(*slot);
    take(replay_effects_, nullptr);
  }
  for (size_t log = 0; log < applied_to_.size(); ++log) {
    applied_to_[log] = entry.ranges[log].to;
    sealed_to_[log] = entry.ranges[log].to;
  }
  n_ = entry.n;
  dirty_ = false;
  pinned_ = false;
  replay_bytes_.clear();
  forget_past_batches();
  return true;
}

void Shard::go_live() {
  routing_in_force_ = own_routing_;
  if (options_in_force_ == own_options_) return;
  options_in_force_ = own_options_;
  CHECK(processor_->configure(own_options_));
}

// --- live

void Shard::begin(Time wall) {
  CHECK(!pinned_);
  ceiling_ = std::max({wall, clock_, ceiling_});
  began_ = true;
}

size_t Shard::apply(size_t log, std::span<Record> records, Offset next, Batch& batch) {
  CHECK(began_);
  CHECK(records.empty() || log >= last_log_ || MUSTER_PLANTED(kLogsInterleaved));
  for (size_t i = 0; i < records.size(); ++i) {
    CHECK(records[i].offset >= applied_to_[log]);
    if (gate_ != Gate::kOpen && !passes(log, records[i])) {
      next = records[i].offset;
      records = records.first(i);
      break;
    }
    applied_to_[log] = after(records[i].offset);
    apply_record(log, records[i], batch.effects, &batch);
  }
  // A later round would put records of the first log behind these, and a replay before them.
  if (log > 0 && !records.empty()) {
    last_log_ = log;
    if (!MUSTER_PLANTED(kLogsInterleaved)) {
      dirty_ = true;
      pinned_ = true;
    }
  }
  CHECK(next >= applied_to_[log]);
  applied_to_[log] = next;
  records_ += records.size();
  batch.records += records.size();
  return records.size();
}

void Shard::rewind() {
  CHECK(!dirty_);
  applied_to_ = sealed_to_;
  last_log_ = 0;
}

bool Shard::carry_due(Time wall) const {
  if (past_.empty()) return false;
  const auto oldest = living_.oldest();
  if (!oldest || *oldest > past_.front().n) return false;
  return past_.front().ceiling + limits_.carry_after <= wall ||
         records_ - past_.front().records_before > limits_.carry_after_records;
}

bool Shard::wants_housekeeping(Time wall) const {
  return living_.forgettable() > limits_.remembered_max || carry_due(wall);
}

void Shard::choose_forgets(JournalEntry& entry, Batch& batch) {
  size_t bytes = 0;
  while (entry.forgets.size() < limits_.forgets_per_batch_max &&
         bytes < limits_.forgotten_bytes_per_batch_max) {
    const bool too_many = living_.forgettable() > limits_.remembered_max;
    const auto slot = living_.next_to_forget(clock_, too_many);
    if (!slot) break;
    entry.forgets.push_back(batch.bytes.copy(processor_->name(*slot)));
    bytes += entry.forgets.back().size();
    drop(*slot);
  }
}

void Shard::choose_carried(JournalEntry& entry, Batch& batch) {
  size_t bytes = 0;
  while (bytes < limits_.carried_bytes_per_batch_max && carry_due(ceiling_)) {
    const Slot slot = *living_.oldest_slot();
    scratch_.clear();
    processor_->save(slot, scratch_);
    // Too large for a record of the journal: it stays where it is and pins the origin, which only
    // costs time.
    if (scratch_.size() > limits_.carried_state_bytes_max) break;
    entry.carried.push_back({batch.bytes.copy(processor_->name(slot)), batch.bytes.copy(scratch_)});
    bytes += scratch_.size();
    about_to_change(slot);
    living_.carried(slot, current());
    changed(slot);
    forget_past_batches();
  }
}

void Shard::seal(std::optional<Time> tick, std::string_view transactional_id, Batch& batch) {
  if (!began_) begin(tick.value_or(clock_));
  JournalEntry entry;
  entry.epoch = epoch_;
  entry.n = current();
  entry.clock = clock_;
  entry.options = options_in_force_;
  entry.routing = routing_in_force_;
  entry.ceiling = ceiling_;
  for (size_t log = 0; log < applied_to_.size(); ++log) {
    entry.ranges.push_back({sealed_to_[log], applied_to_[log]});
  }
  past_.push_back({entry.n, kUnknown, ceiling_, records_, entry.ranges.back().from, {}});
  if (tick) {
    clock_ = wheel_.expire(std::max(*tick, clock_), expired_, limits_.timers_per_tick_max);
    entry.tick = clock_;
    fire(expired_, batch.effects, &batch);
  }
  choose_forgets(entry, batch);
  choose_carried(entry, batch);
  entry.origin = living_.oldest().value_or(entry.n);
  n_ = entry.n;
  forget_past_batches();

  if (MUSTER_PLANTED(kCeilingNotJournaled)) entry.ceiling = entry.clock;
  if (MUSTER_PLANTED(kTickNotJournaled)) entry.tick.reset();
  if (MUSTER_PLANTED(kClockNotJournaled)) entry.clock = Time{};
  if (MUSTER_PLANTED(kForgetsNotJournaled)) entry.forgets.clear();
  encode(entry, scratch_);
  batch.shards.push_back({partition_, n_, batch.outputs.size()});
  Output journal;
  journal.topic = TopicRole::kJournal;
  journal.partition = partition_;
  journal.value = batch.bytes.copy(scratch_);
  batch.outputs.push_back(std::move(journal));
  past_.back().needed_from = origin();
  if (MUSTER_PLANTED(kRepartitionTrimmedToEnd))
    past_.back().needed_from.repartition = applied_to_.back();
  const std::string metadata = encode(CommitMetadata{
      epoch_, n_, entry.origin, past_.back().needed_from.journal, std::string(transactional_id)});
  for (size_t log = 0; log < applied_to_.size(); ++log) {
    batch.offsets.push_back({log, partition_, applied_to_[log], metadata});
  }
  sealed_to_ = applied_to_;
  unannounced_ = false;
  dirty_ = false;
  began_ = false;
  pinned_ = false;
  last_log_ = 0;
}

std::string Shard::fingerprint() const {
  std::vector<std::pair<std::string, std::string>> states;
  for (const Slot slot : living_.all()) {
    std::string state;
    processor_->save(slot, state);
    states.emplace_back(processor_->name(slot), std::move(state));
  }
  std::sort(states.begin(), states.end());
  std::string all = std::to_string(to_ms(clock_));
  for (const auto& [name, state] : states) {
    all += '\n';
    all += name;
    all += '=';
    all += state;
  }
  return all;
}

}  // namespace muster::core

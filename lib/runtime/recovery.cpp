#include "runtime/recovery.h"

#include "base/check.h"

#include <algorithm>

namespace muster::runtime {

using core::raw;

Recovery::Recovery(const Location& location)
    : location_(location), state_(State::kScanning), journal_next_(location.journal.begin) {}

Recovery::Recovery(const Location& location, const StartFromJournal& plan, core::Shard& shard)
    : location_(location), plan_(plan), shard_(&shard), journal_next_(plan.journal) {
  if (plan.journal < location.journal.begin) {
    broken("the journal begins at offset " + std::to_string(raw(location.journal.begin)) +
           ", recovery needs it from " + std::to_string(raw(plan.journal)));
  }
}

StartPlan Recovery::scanned_plan() const {
  if (!last_scanned_) return StartFresh{location_.input.begin};
  return *last_scanned_;
}

void Recovery::broken(std::string message) {
  state_ = State::kBroken;
  message_ = "partition " + std::to_string(raw(location_.partition)) + ": " + std::move(message);
}

ReplayLog Recovery::wants() const {
  if (!in_hand_) return ReplayLog::kJournal;
  return ReplayLog::kInput;
}

void Recovery::on_journal(const Fetched& fetched) {
  for (const core::Record& record : fetched.records) {
    if (!record.value) continue;
    if (state_ == State::kScanning) scan(*record.value);
    if (state_ == State::kReplaying) queue_entry(record);
  }
  journal_next_ = std::max(journal_next_, fetched.next);
  if (state_ == State::kScanning && journal_next_ >= location_.journal.end) state_ = State::kDone;
  if (state_ == State::kReplaying) advance();
}

void Recovery::scan(std::string_view bytes) {
  const auto entry = core::decode_journal_entry(bytes);
  if (!entry) return broken(entry.error().message);
  const core::JournalEntry& e = entry.value();
  if (e.ranges.empty()) return broken("a journal entry without input");
  // Offsets of single entries are not kept: from the journal's beginning is early enough.
  last_scanned_ = StartFromJournal{e.epoch, e.origin, e.n, location_.journal.begin, e.ranges[0].to};
}

void Recovery::queue_entry(const core::Record& record) {
  const auto decoded = core::decode_journal_entry(*record.value);
  if (!decoded) return broken(decoded.error().message);
  const core::JournalEntry& entry = decoded.value();
  if (entry.ranges.empty()) return broken("a journal entry without input");
  const bool ours = entry.epoch == plan_.epoch;
  const bool seen_ours = raw(shard_->n()) > 0 || !entries_.empty();
  if (!ours && !seen_ours) return;  // an earlier epoch's
  if (ours && entry.n < plan_.origin) return;
  // Settled transactions only were read, and the metadata names the last of them.
  if (!ours || entry.n > plan_.n) {
    state_ = State::kJournalAhead;
    return;
  }
  entries_.push_back({record.offset, std::string(*record.value)});
}

void Recovery::advance() {
  while (state_ == State::kReplaying && !entries_.empty()) {
    if (!in_hand_ && !begin_entry()) return;
    if (input_next_ < in_hand_->ranges[0].to) return;  // on_input goes on
    end_entry();
  }
  if (state_ != State::kReplaying || journal_next_ < location_.journal.end) return;
  if (shard_->n() == plan_.n && shard_->next(0) == plan_.input) {
    state_ = State::kDone;
    return;
  }
  broken("the journal ends at batch " + std::to_string(raw(shard_->n())) +
         ", the committed one is " + std::to_string(raw(plan_.n)) + " (committed offset " +
         std::to_string(raw(plan_.input)) + ", replayed to " +
         std::to_string(raw(shard_->next(0))) + ")");
}

bool Recovery::begin_entry() {
  auto decoded = core::decode_journal_entry(entries_.front().bytes);
  CHECK(decoded.ok());
  core::JournalEntry& entry = decoded.value();
  const bool first = raw(shard_->n()) == 0;
  const core::BatchNumber wanted = first ? plan_.origin : core::after(shard_->n());
  const core::Offset from = entry.ranges[0].from;
  if (entry.n != wanted) {
    broken("the journal has a hole: batch " + std::to_string(raw(wanted)) +
           " is missing, the next is " + std::to_string(raw(entry.n)));
    return false;
  }
  if (!first && from != shard_->next(0)) {
    broken("the journal's ranges do not join: batch " + std::to_string(raw(entry.n)) +
           " begins at " + std::to_string(raw(from)) + ", the one before ended at " +
           std::to_string(raw(shard_->next(0))));
    return false;
  }
  if (entry.ranges.size() != 1 || (!first && entry.clock != shard_->clock())) {
    broken("batch " + std::to_string(raw(entry.n)) +
           " does not follow from the one before it: the journal is damaged");
    return false;
  }
  if (from < location_.input.begin && from < entry.ranges[0].to) {
    broken("recovery needs the input from offset " + std::to_string(raw(from)) +
           ", but it is retained from " + std::to_string(raw(location_.input.begin)) + ": " +
           std::to_string(raw(location_.input.begin) - raw(from)) + " offsets are lost");
    return false;
  }
  if (!shard_->replay_begin(entry, entries_.front().offset)) {
    broken("batch " + std::to_string(raw(entry.n)) +
           " was decided under options that this version cannot read");
    return false;
  }
  input_next_ = std::max(input_next_, from);
  in_hand_ = std::move(entry);
  return true;
}

void Recovery::end_entry() {
  if (!shard_->replay_end(*in_hand_)) {
    return broken("batch " + std::to_string(raw(in_hand_->n)) +
                  " carries state that this version cannot read");
  }
  input_next_ = std::max(input_next_, in_hand_->ranges[0].to);
  in_hand_.reset();
  entries_.pop_front();
  ++batches_;
}

size_t Recovery::on_input(const Fetched& fetched) {
  size_t taken = 0;
  for (core::Record& record : fetched.records) {
    if (state_ != State::kReplaying || !in_hand_) break;
    if (record.offset >= in_hand_->ranges[0].to) {
      // The gap before it belongs to the batch: markers and aborted records.
      input_next_ = std::max(input_next_, in_hand_->ranges[0].to);
      advance();
      if (!in_hand_ || record.offset >= in_hand_->ranges[0].to) break;
    }
    if (record.offset >= shard_->next(0)) {
      shard_->replay_record(0, record);
      ++records_;
    }
    input_next_ = core::after(record.offset);
    ++taken;
    if (input_next_ >= in_hand_->ranges[0].to) advance();
  }
  if (taken == fetched.records.size()) {
    // The position is told once, also to those who have no entry in hand just now.
    input_next_ = std::max(input_next_, fetched.next);
    if (in_hand_) advance();
  }
  return taken;
}

}  // namespace muster::runtime

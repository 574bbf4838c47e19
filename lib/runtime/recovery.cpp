#include "runtime/recovery.h"

#include "base/check.h"
#include "base/planted.h"

#include <algorithm>

namespace muster::runtime {

using core::raw;

Recovery::Recovery(const Location& location)
    : location_(location), state_(State::kScanning), journal_next_(location.journal.begin) {}

Recovery::Recovery(const Location& location, const StartFromJournal& plan, core::Shard& shard)
    : location_(location),
      plan_(plan),
      shard_(&shard),
      journal_next_(plan.journal),
      input_next_(shard.logs()) {
  if (plan.journal < location.journal.begin) {
    broken("the journal begins at offset " + std::to_string(raw(location.journal.begin)) +
           ", recovery needs it from " + std::to_string(raw(plan.journal)));
  } else if (plan.journal > location.journal.end) {
    broken("the journal ends at offset " + std::to_string(raw(location.journal.end)) +
           ", recovery needs it from " + std::to_string(raw(plan.journal)));
  } else {
    advance();  // perhaps nothing is left to be read
  }
}

StartPlan Recovery::scanned_plan() const {
  if (!last_scanned_) return StartFresh{committed_or_earliest(location_)};
  return *last_scanned_;
}

void Recovery::broken(std::string message) {
  state_ = State::kBroken;
  message_ = "partition " + std::to_string(raw(location_.partition)) + ": " + std::move(message);
}

Log Recovery::wants() const {
  if (!in_hand_) return Log::kJournal;
  if (MUSTER_PLANTED(kLogsReplayedInOtherOrder) && input_next_.size() > 1)
    return complete(1) ? Log::kInput : Log::kRepartition;
  return complete(0) ? Log::kRepartition : Log::kInput;
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
  if (e.ranges.size() != location_.inputs.size())
    return broken("a journal entry with another number of input logs");
  // Offsets of single entries are not kept: from the journal's beginning is early enough.
  last_scanned_ = StartFromJournal{e.epoch, e.origin, e.n, location_.journal.begin, {}};
  for (const core::LogRange& range : e.ranges) last_scanned_->inputs.push_back(range.to);
}

void Recovery::queue_entry(const core::Record& record) {
  const auto decoded = core::decode_journal_entry(*record.value);
  if (!decoded) return broken(decoded.error().message);
  const core::JournalEntry& entry = decoded.value();
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
    for (size_t log = 0; log < input_next_.size(); ++log) {
      if (!complete(log)) return;  // on_input goes on
    }
    end_entry();
  }
  if (state_ != State::kReplaying || journal_next_ < location_.journal.end) return;
  if (shard_->n() != plan_.n) {
    return broken("the journal ends at batch " + std::to_string(raw(shard_->n())) +
                  ", the committed one is " + std::to_string(raw(plan_.n)));
  }
  for (size_t log = 0; log < plan_.inputs.size(); ++log) {
    if (shard_->next(log) == plan_.inputs[log]) continue;
    return broken("batch " + std::to_string(raw(plan_.n)) + " ends at offset " +
                  std::to_string(raw(shard_->next(log))) + " by the journal, and at " +
                  std::to_string(raw(plan_.inputs[log])) + " by the committed offsets");
  }
  state_ = State::kDone;
}

bool Recovery::begin_entry() {
  auto decoded = core::decode_journal_entry(entries_.front().bytes);
  CHECK(decoded.ok());
  core::JournalEntry& entry = decoded.value();
  const bool first = raw(shard_->n()) == 0;
  const core::BatchNumber wanted = first ? plan_.origin : core::after(shard_->n());
  if (entry.n != wanted) {
    broken("the journal has a hole: batch " + std::to_string(raw(wanted)) +
           " is missing, the next is " + std::to_string(raw(entry.n)));
    return false;
  }
  if (entry.ranges.size() != shard_->logs() || (!first && entry.clock != shard_->clock())) {
    broken("batch " + std::to_string(raw(entry.n)) +
           " does not follow from the one before it: the journal is damaged");
    return false;
  }
  for (size_t log = 0; log < entry.ranges.size(); ++log) {
    const core::Offset from = entry.ranges[log].from;
    const core::Offset begin = location_.inputs[log].ends.begin;
    if (!first && from != shard_->next(log)) {
      broken("the journal's ranges do not join: batch " + std::to_string(raw(entry.n)) +
             " begins at " + std::to_string(raw(from)) + ", the one before ended at " +
             std::to_string(raw(shard_->next(log))));
      return false;
    }
    if (from < begin && from < entry.ranges[log].to) {
      broken("recovery needs the " + std::string(log == 0 ? "input" : "repartition topic") +
             " from offset " + std::to_string(raw(from)) + ", but it is retained from " +
             std::to_string(raw(begin)) + ": " + std::to_string(raw(begin) - raw(from)) +
             " offsets are lost");
      return false;
    }
  }
  if (!shard_->replay_begin(entry, entries_.front().offset)) {
    broken("batch " + std::to_string(raw(entry.n)) +
           " was decided under options that this version cannot read");
    return false;
  }
  for (size_t log = 0; log < entry.ranges.size(); ++log)
    input_next_[log] = std::max(input_next_[log], entry.ranges[log].from);
  in_hand_ = std::move(entry);
  return true;
}

void Recovery::end_entry() {
  if (!shard_->replay_end(*in_hand_)) {
    return broken("batch " + std::to_string(raw(in_hand_->n)) +
                  " carries state that this version cannot read");
  }
  for (size_t log = 0; log < input_next_.size(); ++log)
    input_next_[log] = std::max(input_next_[log], in_hand_->ranges[log].to);
  in_hand_.reset();
  entries_.pop_front();
  ++batches_;
}

size_t Recovery::on_input(Log from, const Fetched& fetched) {
  const auto log = static_cast<size_t>(from);
  core::Offset& next = input_next_[log];
  size_t taken = 0;
  for (core::Record& record : fetched.records) {
    if (state_ != State::kReplaying || !in_hand_ || wants() != from) break;
    const core::Offset behind = core::after(record.offset);
    if (record.offset >= in_hand_->ranges[log].to) {
      // The gap before it belongs to the batch: markers and aborted records.
      next = std::max(next, in_hand_->ranges[log].to);
      advance();
      if (!in_hand_ || wants() != from || record.offset >= in_hand_->ranges[log].to) break;
    }
    if (record.offset >= shard_->next(log)) {
      shard_->replay_record(log, record);
      ++records_;
    }
    next = behind;
    ++taken;
    if (complete(log)) advance();
  }
  if (taken == fetched.records.size()) {
    // The position is told once, also to those who have no entry in hand just now.
    next = std::max(next, fetched.next);
    if (in_hand_) advance();
  }
  return taken;
}

}  // namespace muster::runtime

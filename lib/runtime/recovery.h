// Brings a shard to the state that its last commit had: journal entries and input records come in
// as they are read, in bounded portions, and are applied to the shard with its outputs muted. No
// I/O; the worker's thread.
//
//   scanning ──> replaying ──> done            the shard stands at the plan's batch, where the
//                    │                         journal ends
//                    ├───────> journal_ahead   the journal goes on behind it: the offsets were
//                    │                         set back
//                    └───────> broken          something is missing: message() says what, in
//                                              numbers
#pragma once

#include "core/shard.h"
#include "runtime/ports.h"
#include "runtime/start_plan.h"

#include <deque>
#include <optional>
#include <string>

namespace muster::runtime {

class Recovery {
 public:
  enum class State { kScanning, kReplaying, kDone, kJournalAhead, kBroken };

  // For StartByScan: reads the whole journal, only to learn the plan.
  explicit Recovery(const Location& location);
  // `shard` is empty and outlives this.
  Recovery(const Location& location, const StartFromJournal& plan, core::Shard& shard);

  State state() const { return state_; }
  const std::string& message() const { return message_; }
  // After a scan: what to do now. An empty journal: from the earliest record.
  StartPlan scanned_plan() const;

  // Which log is to be read next, while scanning or replaying.
  Log wants() const;
  void on_journal(const Fetched& fetched);
  // Returns how many of the records it has taken; the others belong to a later batch.
  size_t on_input(Log log, const Fetched& fetched);

  core::Offset journal_position() const { return journal_next_; }
  uint64_t records_replayed() const { return records_; }
  uint64_t batches_replayed() const { return batches_; }

 private:
  struct Entry {
    core::Offset offset{};
    std::string bytes;
  };

  void scan(std::string_view bytes);
  void queue_entry(const core::Record& record);
  // Goes on as far as it can without reading.
  void advance();
  bool begin_entry();
  void end_entry();
  // The batch in hand has this log's range behind it.
  bool complete(size_t log) const { return input_next_[log] >= in_hand_->ranges[log].to; }
  void broken(std::string message);

  Location location_;
  StartFromJournal plan_;
  core::Shard* shard_ = nullptr;
  State state_ = State::kReplaying;
  std::string message_;

  std::deque<Entry> entries_;  // read and not yet applied; the front is the one in hand
  std::optional<core::JournalEntry> in_hand_;
  core::Offset journal_next_{};
  Offsets input_next_;
  std::optional<StartFromJournal> last_scanned_;
  uint64_t records_ = 0;
  uint64_t batches_ = 0;
};

}  // namespace muster::runtime

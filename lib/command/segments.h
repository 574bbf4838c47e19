// What of a partition's past can be replayed from what is retained: stretches of its journal whose
// entries follow from each other and whose records are there. Pure; one thread.
//
// A stretch that does not begin with an epoch's first batch begins in the middle of lives: replay
// knows nothing of what came before. From the end of batch `exact_from` on every id that is alive
// began in the stretch, or was carried into it, and what is decided is what was decided.
#pragma once

#include "core/journal_entry.h"
#include "core/types.h"
#include "runtime/ports.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace muster::command {

struct Segment {
  core::Epoch epoch{};
  core::BatchNumber first{};
  core::BatchNumber last{};
  core::Offset journal_begin{};  // of the first entry
  core::Offset journal_end{};    // behind the last one
  core::Time clock{};            // before the first batch
  core::Time written_first{};    // when the first and the last entry were written
  core::Time written_last{};
  std::vector<core::Offset> next;        // behind the last one, per input log
  std::optional<core::Routing> routing;  // of the last one
  uint64_t batches = 0;
  std::optional<core::BatchNumber> exact_from;  // 0: all of it is exact
  core::Time exact_since{};                     // when that entry was written
  // Of a past that was asked for from a time on: the last batch before that.
  std::optional<core::BatchNumber> asked_after;
  core::Time asked_since{};
  std::string cut;  // why it does not begin earlier; empty: it does not
};

class SegmentFinder {
 public:
  // Where the input logs begin now.
  explicit SegmentFinder(std::vector<core::Offset> inputs_begin)
      : inputs_begin_(std::move(inputs_begin)) {}

  // Only what is needed to know what happened after batch n of this epoch: nothing before its origin,
  // nor of earlier epochs.
  void begin_after(core::Epoch epoch, core::BatchNumber n, core::BatchNumber origin) {
    begin_ = {epoch, origin};
    asked_after_ = {epoch, n};
  }
  void add(const core::JournalEntry& entry, core::Offset offset, core::Time written);
  const std::vector<Segment>& segments() const { return segments_; }

 private:
  struct Place {
    core::Epoch epoch{};
    core::BatchNumber n{};
  };

  std::string cut(const core::JournalEntry& entry) const;

  std::vector<core::Offset> inputs_begin_;
  std::optional<Place> begin_;
  std::optional<Place> asked_after_;
  bool asked_for_ = false;  // what comes next begins where begin_after() said
  std::string cut_;         // why the entries before this one are of no use
  std::vector<Segment> segments_;
  bool open_ = false;  // the last segment may go on
};

}  // namespace muster::command

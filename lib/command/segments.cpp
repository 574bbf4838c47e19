#include "command/segments.h"

namespace muster::command {

// Why the entry cannot be applied; empty: it can.
std::string SegmentFinder::cut(const core::JournalEntry& entry) const {
  if (entry.ranges.size() != inputs_begin_.size()) return "it was written by another version";
  for (size_t log = 0; log < entry.ranges.size(); ++log) {
    const core::LogRange& range = entry.ranges[log];
    if (range.from < range.to && range.from < inputs_begin_[log])
      return "records before offset " + std::to_string(core::raw(inputs_begin_[log])) + " of the " +
             (log == 0 ? "event topic" : "repartition topic") + " are not retained any more";
  }
  return "";
}

void SegmentFinder::add(const core::JournalEntry& entry, core::Offset offset, core::Time written) {
  if (begin_) {
    if (entry.epoch != begin_->epoch || entry.n < begin_->n) return;
    begin_.reset();
    asked_for_ = true;
  }
  if (std::string why = cut(entry); !why.empty()) {
    cut_ = std::move(why);
    open_ = false;
    return;
  }
  const bool goes_on = open_ && segments_.back().epoch == entry.epoch &&
                       core::after(segments_.back().last) == entry.n;
  if (!goes_on) {
    Segment segment;
    segment.epoch = entry.epoch;
    segment.first = entry.n;
    segment.journal_begin = offset;
    segment.clock = entry.clock;
    segment.written_first = written;
    if (core::raw(entry.n) == 1) {
      segment.exact_from = core::BatchNumber{0};
      segment.exact_since = written;
    } else if (asked_for_) {
      segment.cut = "--from: what came before was left out";
    } else {
      segment.cut = cut_.empty() ? "the journal is not retained before that" : cut_;
    }
    segments_.push_back(std::move(segment));
    open_ = true;
  }
  asked_for_ = false;
  Segment& segment = segments_.back();
  segment.last = entry.n;
  segment.journal_end = core::after(offset);
  segment.written_last = written;
  segment.routing = entry.routing;
  ++segment.batches;
  segment.next.clear();
  for (const core::LogRange& range : entry.ranges) segment.next.push_back(range.to);
  if (asked_after_ && asked_after_->epoch == entry.epoch && asked_after_->n == entry.n) {
    segment.asked_after = entry.n;
    segment.asked_since = written;
  }
  if (!segment.exact_from && entry.origin >= segment.first) {
    segment.exact_from = entry.n;
    segment.exact_since = written;
  }
}

}  // namespace muster::command

#include "command/partition_past.h"

#include "base/check.h"

#include <stdexcept>

namespace muster::command {

using runtime::Log;

namespace {

constexpr size_t kRecordsPerFetch = 1'000;
// Between two entries lie a marker, and what was aborted.
constexpr int64_t kOffsetsBack = 10'000;
constexpr std::array kInputs = {Log::kInput, Log::kRepartition};

}  // namespace

PartitionPast::PartitionPast(const kafka::Settings& settings, core::Partition partition,
                             const Times& window, const Console& console)
    : settings_(settings), partition_(partition), console_(console), survey_(settings) {
  location_.partition = partition;
  // The journal's end first: what its entries speak of is there by then.
  location_.journal = survey_.ends(log(Log::kJournal));
  for (const Log input : kInputs) {
    runtime::InputLocation& one = location_.inputs.emplace_back();
    one.ends = survey_.ends(log(input));
  }
  find_segments(window);
}

kafka::TopicPartition PartitionPast::log(Log which) const {
  return {settings_.topics.of(which), partition_};
}

void PartitionPast::find_segments(const Times& window) {
  std::vector<core::Offset> begins;
  for (const auto& input : location_.inputs) begins.push_back(input.ends.begin);
  SegmentFinder finder(begins);
  const core::Offset begin = location_.journal.begin;
  core::Offset end = location_.journal.end;
  const auto decoded = [](const core::Record& record) {
    auto entry = core::decode_journal_entry(record.value.value_or(""));
    if (!entry) throw std::runtime_error("the journal: " + entry.error().message);
    return entry;
  };
  if (window.from != core::Time::min()) {
    // What lives then began no earlier than the origin of the last entry before that time.
    const auto from = survey_.at_time(log(Log::kJournal), window.from);
    if (!from) return;
    const core::Offset back{std::max(raw(begin), raw(*from) - kOffsetsBack)};
    survey_.read(log(Log::kJournal), back, *from, [&](core::Record& record) {
      const auto entry = decoded(record);
      finder.begin_after(entry.value().epoch, entry.value().n, entry.value().origin);
    });
  }
  if (window.to != core::Time::max())
    end = survey_.at_time(log(Log::kJournal), window.to + core::Duration(1)).value_or(end);
  Progress progress(console_, "offsets of the journal", raw(end) - raw(begin));
  survey_.read(
      log(Log::kJournal), begin, end,
      [&](core::Record& record) {
        const auto entry = decoded(record);
        finder.add(entry.value(), record.offset, record.timestamp.value_or(entry.value().ceiling));
      },
      [&](core::Offset at) { progress.at(raw(at) - raw(begin)); });
  segments_ = finder.segments();
}

std::unique_ptr<core::Shard> PartitionPast::replay(const Segment& segment, Watcher& watcher,
                                                   const std::function<void()>& pause) {
  auto watched = std::make_unique<WatchedProcessor>(watcher);
  WatchedProcessor& processor = *watched;
  // There are two input logs; what is whose home each entry says.
  auto shard = std::make_unique<core::Shard>(partition_, core::Routing{}, std::move(watched),
                                             core::ShardLimits{});
  processor.belongs_to(*shard);
  core::Batch outputs;
  shard->replay_into(outputs);

  runtime::Location location = location_;
  location.journal.end = segment.journal_end;
  runtime::Recovery recovery(
      location, {segment.epoch, segment.first, segment.last, segment.journal_begin, segment.next},
      *shard);
  std::array<std::unique_ptr<kafka::LogCursor>, 3> cursors;
  Progress progress(console_, "batches", static_cast<int64_t>(segment.batches));
  while (recovery.state() == runtime::Recovery::State::kReplaying) {
    const Log wants = recovery.wants();
    auto& cursor = cursors.at(static_cast<size_t>(wants));
    if (!cursor) {
      const core::Offset from =
          wants == Log::kJournal ? segment.journal_begin : shard->next(static_cast<size_t>(wants));
      cursor = std::make_unique<kafka::LogCursor>(survey_.client(), log(wants), from);
    }
    const runtime::Fetched fetched = cursor->fetch(kRecordsPerFetch);
    size_t taken = fetched.records.size();
    if (wants == Log::kJournal) {
      // Behind the segment lies what this replay is not about.
      size_t count = 0;
      while (count < taken && fetched.records[count].offset < segment.journal_end) ++count;
      recovery.on_journal(
          {fetched.records.first(count), std::min(fetched.next, segment.journal_end)});
    } else {
      taken = recovery.on_input(wants, fetched);
    }
    cursor->consume(taken);
    outputs.clear();
    progress.at(static_cast<int64_t>(recovery.batches_replayed()));
    if (pause) pause();
  }
  if (recovery.state() != runtime::Recovery::State::kDone)
    throw std::runtime_error(recovery.message());
  return shard;
}

}  // namespace muster::command

// Logs and journals written by hand, and a recovery that reads them.
#pragma once

#include "fake_kafka.h"
#include "runtime/recovery.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace muster::runtime::test {

constexpr core::Partition kPartition{3};
constexpr core::Epoch kEpoch{7};
constexpr core::Epoch kForeign{6};

// The last committed batch, to which a plan leads.
struct Plan {
  uint64_t origin = 1;
  uint64_t n = 1;
  int64_t journal = 0;
  int64_t input = 0;
  int64_t repartition = 0;  // if there is that log
};

// A journal, an input, and a repartition log if all ids are to be at home here.
struct Logs {
  FakeLog input;
  FakeLog repartition;
  FakeLog journal;
  std::optional<core::Routing> routing;

  void records(int count) {
    for (int i = 0; i < count; ++i) input.add({1'000, "id" + std::to_string(input.end()), "add"});
  }
  void gap(int count) {
    for (int i = 0; i < count; ++i) input.add_gap();
  }
  // Of the repartition log.
  void forwarded(int count) {
    for (int i = 0; i < count; ++i) {
      const int64_t at = repartition.end();
      repartition.add({1'000, "far" + std::to_string(at), "add", core::origin("in", 1, at, 1'000)});
    }
  }
  void forwarded_gap(int count) {
    for (int i = 0; i < count; ++i) repartition.add_gap();
  }

  core::JournalEntry entry(uint64_t n, std::vector<core::LogRange> ranges,
                           core::Epoch epoch = kEpoch) const {
    core::JournalEntry entry;
    entry.epoch = epoch;
    entry.n = core::BatchNumber{n};
    entry.origin = core::BatchNumber{1};
    entry.options = "toy";
    entry.routing = routing;
    entry.ranges = std::move(ranges);
    entry.ceiling = core::time_from_ms(2'000);
    return entry;
  }
  // A batch as the shard writes it, followed by the marker of its transaction.
  void batch(uint64_t n, int64_t from, int64_t to, core::Epoch epoch = kEpoch) {
    add(entry(n, {{core::Offset{from}, core::Offset{to}}}, epoch));
  }
  // Of both logs.
  void batch(uint64_t n, std::pair<int64_t, int64_t> of_input,
             std::pair<int64_t, int64_t> of_repartition) {
    add(entry(n, {{core::Offset{of_input.first}, core::Offset{of_input.second}},
                  {core::Offset{of_repartition.first}, core::Offset{of_repartition.second}}}));
  }
  void add(const core::JournalEntry& entry) {
    std::string bytes;
    encode(entry, bytes);
    journal.add({{}, "", bytes});
    journal.add_gap();
  }

  Location location() const {
    Location location{kPartition, {{{}, "", input.ends()}}, journal.ends()};
    if (routing) location.inputs.push_back({{}, "", repartition.ends()});
    return location;
  }
  std::unique_ptr<core::Shard> empty_shard() const {
    return std::make_unique<core::Shard>(kPartition, routing, make_toy(), core::ShardLimits{});
  }
};

// How much a read gives at most.
struct Portions {
  size_t journal = 1'000;
  size_t input = 1'000;
};

struct Run {
  explicit Run(const Logs& l) : logs(l) {}

  // Until it needs nothing or gets nothing.
  void read(Recovery& reading, const std::function<Portions()>& portions) {
    using State = Recovery::State;
    for (int reads = 0; reading.state() == State::kScanning || reading.state() == State::kReplaying;
         ++reads) {
      REQUIRE(reads < 10'000);
      const Portions portion = portions();
      const Log wants = reading.wants();
      if (wants == Log::kJournal) {
        Portion got = logs.journal.read(kPartition, journal_at, portion.journal);
        if (core::raw(got.next) < 0) return;
        reading.on_journal(got.fetched());
        journal_at = got.next;
        continue;
      }
      const FakeLog& log = wants == Log::kInput ? logs.input : logs.repartition;
      core::Offset& position = wants == Log::kInput ? input_at : repartition_at;
      if (core::raw(position) < 0) position = shard->next(static_cast<size_t>(wants));
      Portion got = log.read(kPartition, position, portion.input);
      if (core::raw(got.next) < 0) return;
      const size_t taken = reading.on_input(wants, got.fetched());
      position = taken == got.records.size() ? got.next : got.records[taken].offset;
    }
  }
  Recovery& replay(
      const Plan& plan, const std::function<Portions()>& portions = [] { return Portions{}; }) {
    shard = logs.empty_shard();
    StartFromJournal start{kEpoch,
                           core::BatchNumber{plan.origin},
                           core::BatchNumber{plan.n},
                           core::Offset{plan.journal},
                           {core::Offset{plan.input}}};
    if (logs.routing) start.inputs.push_back(core::Offset{plan.repartition});
    recovery.emplace(logs.location(), start, *shard);
    journal_at = start.journal;
    read(*recovery, portions);
    return *recovery;
  }

  const Logs& logs;
  std::unique_ptr<core::Shard> shard;
  std::optional<Recovery> recovery;
  core::Offset journal_at{};
  core::Offset input_at{-1};
  core::Offset repartition_at{-1};
};

}  // namespace muster::runtime::test

// Where a worker stands, for those who watch: a copy, taken on its thread, read on any.
#pragma once

#include "core/effects.h"
#include "core/histogram.h"
#include "core/types.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::runtime {

struct WorkerTotals {
  core::Effects::Counters counters{};
  uint64_t records = 0;
  uint64_t batches_committed = 0;
  uint64_t batches_failed = 0;
  uint64_t undeliverable_dropped = 0;  // refused as outputs, and as dead letters again
  uint64_t timers_fired = 0;
  std::map<std::string, uint64_t, std::less<>> dead_letters = {};  // by code
  // Of timers: from when one was due to when its batch had committed.
  core::Histogram lateness = {};
  core::Histogram durations = {};  // of ids, from their first event to their end

  void add(const WorkerTotals& other);
};

enum class SeatPhase : uint8_t { kLocating, kScanning, kLoading, kReplaying, kLive };
std::string_view name(SeatPhase phase);

struct SeatStatus {
  core::Partition partition{};
  SeatPhase phase = SeatPhase::kLocating;
  size_t living = 0;  // ids in memory
  size_t open = 0;    // of these, those of which something is still to come
  size_t timers = 0;
  core::Epoch epoch{};
  core::BatchNumber n{};
  core::Time clock{};
  std::vector<core::Offset> next;        // of its logs: behind all that was applied
  std::vector<int64_t> lag;              // as far as it is known
  std::optional<core::Time> next_timer;  // nothing is due before
  // Of a live one: how long its recovery took. Of another: for how long it goes on, and how far it is.
  core::Duration recovery{};
  uint64_t records_replayed = 0;
  core::Offset journal_position{};
  core::Offset journal_end{};
  // Since when the store's checkpoint is behind; absent: there is no store.
  std::optional<core::Duration> checkpoint_age;
  bool checkpoint_failing = false;
};

struct WorkerStatus {
  core::Time at{};
  bool ready = false;  // all it has is in service, if only nothing: the group has a spare member
  bool was_ready = false;  // at some time
  bool stopping = false;
  bool producer_open = false;
  std::vector<SeatStatus> seats;
  WorkerTotals totals;
  uint64_t checkpoints = 0;
  uint64_t checkpoint_failures = 0;
};

}  // namespace muster::runtime

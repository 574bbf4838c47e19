// What the collector counts, and how each is called for those who watch it. Metrics, not state. Any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "collector/event.h"
#include "core/effects.h"

namespace muster::collector {

enum class Counter : uint8_t {
  kGroupsCreated,
  kGroupsSuccess,
  kGroupsFailedError,
  kGroupsFailedTimeout,
  kGroupsFailedCancelled,
  kGroupsFailedUnreachable,
  kGroupsFailedTooLarge,
  kCreatesDuplicate,  // same content as the open group's
  kCreatesLate,       // of a closed group that is remembered
  kEntitiesDone,
  kEntitiesFailed,
  kEntitiesTimedOut,  // by a ttl of their own
  kEntitiesDuplicate,
  kEntitiesLate,
  kEntitiesEarly,
  kEntitiesUnexpected,
  kUpdates,
  kUpdatesIgnored,  // too late, or without effect
  kCancelsIgnored,  // too late
  kRecordsSkipped,  // somebody else's type, or our own outcomes
  kRejectedFirst,   // one per RejectCode from here on
};
constexpr size_t kCounters = static_cast<size_t>(Counter::kRejectedFirst) + kRejectCodes;
static_assert(kCounters <= core::Effects::kCountersMax);

constexpr Counter counter_of(RejectCode code) {
  return static_cast<Counter>(static_cast<uint8_t>(Counter::kRejectedFirst) +
                              static_cast<uint8_t>(code));
}

// A counter as `family{label="value"}`; no label: the empty one.
struct CounterName {
  std::string_view family;
  std::string_view label;
  std::string_view value;
};
// By counter; those of a family lie together.
const std::array<CounterName, kCounters>& counter_names();

}  // namespace muster::collector

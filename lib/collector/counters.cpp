#include "collector/counters.h"

namespace muster::collector {

const std::array<CounterName, kCounters>& counter_names() {
  static const std::array<CounterName, kCounters> names = [] {
    std::array<CounterName, kCounters> all = {{
        {"collector_groups_created_total", "", ""},
        {"collector_groups_total", "outcome", "success"},
        {"collector_groups_total", "outcome", "error"},
        {"collector_groups_total", "outcome", "timeout"},
        {"collector_groups_total", "outcome", "cancelled"},
        {"collector_groups_total", "outcome", "unreachable"},
        {"collector_groups_total", "outcome", "too-large"},
        {"collector_creates_ignored_total", "reason", "duplicate"},
        {"collector_creates_ignored_total", "reason", "late"},
        {"collector_entities_total", "result", "done"},
        {"collector_entities_total", "result", "error"},
        {"collector_entities_total", "result", "timeout"},
        {"collector_entities_total", "result", "duplicate"},
        {"collector_entities_total", "result", "late"},
        {"collector_entities_total", "result", "early"},
        {"collector_entities_total", "result", "unexpected"},
        {"collector_updates_total", "", ""},
        {"collector_updates_ignored_total", "", ""},
        {"collector_cancels_ignored_total", "", ""},
        {"collector_records_skipped_total", "", ""},
    }};
    for (size_t code = 0; code < kRejectCodes; ++code) {
      all[static_cast<size_t>(Counter::kRejectedFirst) + code] = {
          "collector_dead_letters_total", "code", name(static_cast<RejectCode>(code))};
    }
    return all;
  }();
  return names;
}

}  // namespace muster::collector

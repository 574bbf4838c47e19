// What producers send in a run, drawn from the seed: groups of every policy that complete, fail,
// time out, are changed and cancelled, and children of others; early, duplicate, late, reordered
// events; unknown types and rubbish; now and then a clock of a producer
// that is wrong, or producers that do not know where a group is at home.
#pragma once

#include "core/partitioner.h"

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace muster::sim {

// Topics that handlers name.
constexpr std::string_view kTopicOfSuccesses = "successes";
constexpr std::string_view kTopicOfFailures = "failures";
constexpr std::string_view kTopicOfNobody = "nowhere";  // does not exist

struct Planned {
  int64_t at_ms = 0;  // when it is written
  int partition = 0;
  std::optional<int64_t> timestamp_ms;  // absent: as of writing
  bool no_timestamp = false;            // of a very old producer
  std::string key;
  std::string value;
  std::optional<std::string> trace;  // a header
};

struct Workload {
  std::vector<Planned> records;           // in order of at_ms
  std::map<std::string, int> home;        // partition of each group
  std::map<std::string, bool> odd_times;  // groups with records of wrong timestamps
  int64_t last_deadline_ms = 0;
};

struct WorkloadShape {
  int partitions = 1;
  std::optional<core::Routing> routing;  // absent: groups are at home where they are
  int spread_percent = 0;                // groups with records in other partitions than their home
  int groups = 40;
  int64_t begin_ms = 0;
  int64_t span_ms = 8'000;
  bool odd_times = true;
};

Workload draw_workload(const WorkloadShape& shape, std::mt19937_64& random);

}  // namespace muster::sim

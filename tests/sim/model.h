// A small obvious model of the collector's protocol: what the outcome of each group may be, from
// nothing but the records as they lie in the logs. It knows no batches, no clock of any process, no
// crash. What the protocol leaves open it tries in every way:
//
//   records     of one partition are read in their order, those of several in any
//   timers      fire when all that was written by then has been read, or any time later
//
// So a group whose records lie in one partition has mostly one possible outcome, to the byte.
#pragma once

#include "cluster.h"

#include <map>
#include <optional>
#include <string>

namespace muster::sim {

struct Possible {
  bool timeout = false;
  int64_t not_before_ms = 0;
};

struct Expectation {
  // False: timing decides in a way that is not told here; one outcome, whichever.
  bool certain = true;
  std::map<std::string, Possible> outcomes;  // by their bytes
  // Since when all is in the log that ends it, however late it is read; absent: that is open.
  std::optional<int64_t> ended_by_ms;
};

// For every group that was created.
std::map<std::string, Expectation> expect(const Cluster& cluster, int64_t early_ttl_ms,
                                          const std::map<std::string, bool>& odd_times);

}  // namespace muster::sim

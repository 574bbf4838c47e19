// A small obvious model of the collector's protocol, in its own words and without any of the
// collector's code: what the outcome of each group must be, from nothing but the records as they
// lie in the log. It knows no batches, no clock of any process, no crash.
#pragma once

#include "sim_log.h"

#include <map>
#include <string>
#include <vector>

namespace muster::sim {

struct Expectation {
  bool certain =
      true;  // false: timing decides in a way that the protocol leaves open; one outcome, whichever
  bool timeout = false;
  int64_t not_before_ms = 0;
  std::string value;  // exact bytes
};

// For every group that was created in this partition.
std::map<std::string, Expectation> expect(const Log& input, int64_t early_ttl_ms,
                                          const std::map<std::string, bool>& odd_times);

}  // namespace muster::sim

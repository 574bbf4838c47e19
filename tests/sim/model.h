// A small obvious model of the collector's protocol, in its own words and without any of the
// collector's code: what the outcome of each group must be, from nothing but the records as they
// lie in the log. It knows no batches, no clock of any process, no crash.
//
// A group whose records lie in one partition is known to the byte. If they are spread, their order
// is open; then it is known where the order does not matter.
#pragma once

#include "sim_log.h"

#include <map>
#include <string>
#include <vector>

namespace muster::sim {

struct Expectation {
  // False: timing or order decides in a way that the protocol leaves open; one outcome, whichever.
  bool certain = true;
  bool resolved_open = false;  // certain but for the time at which it was resolved
  bool timeout = false;
  bool complete = false;  // all was in the log in time, whatever came of it: no timeout then
  int64_t not_before_ms = 0;
  std::string value;  // exact bytes
};

// For every group that was created.
std::map<std::string, Expectation> expect(const std::vector<Log>& inputs, int64_t early_ttl_ms,
                                          const std::map<std::string, bool>& odd_times);

}  // namespace muster::sim

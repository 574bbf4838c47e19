// One run: a world drawn from a seed, a random walk over everything that could happen next, faults
// included, then calm until nothing is left to do, then the judgement. The same seed gives the same
// run.
#pragma once

#include "instance.h"
#include "judge.h"

#include <cstdint>
#include <string>
#include <vector>

namespace muster::sim {

struct Statistics {
  Counts counts;
  uint64_t crashes = 0;
  uint64_t rebalances = 0;
  uint64_t pauses = 0;
  uint64_t foreign_transactions = 0;
  uint64_t resets = 0;
  uint64_t losses = 0;
  uint64_t store_faults = 0;

  Statistics& operator+=(const Statistics& other);
};

struct Run {
  Verdict verdict;
  Statistics statistics;
  std::vector<std::string> notes;  // what the instances said, for a person
};

Run simulate(uint64_t seed);

}  // namespace muster::sim

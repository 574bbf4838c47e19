// One run: a world drawn from a seed, a random walk over everything that could happen next, faults
// included, then calm until nothing is left to do, then the judgement. The same seed gives the same
// run.
#pragma once

#include "judge.h"

#include <cstdint>
#include <string>

namespace muster::sim {

struct Statistics {
  uint64_t crashes = 0;
  uint64_t failed_commits = 0;
  uint64_t rebalances = 0;
  uint64_t pauses = 0;
  uint64_t batches = 0;
  uint64_t foreign_transactions = 0;
};

struct Run {
  Verdict verdict;
  Statistics statistics;
  std::vector<std::string> notes;  // what the instances said, for a person
};

Run simulate(uint64_t seed);

}  // namespace muster::sim

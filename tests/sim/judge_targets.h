// Judges where outcomes go besides the output topic: each of a group with a parent is there once
// more as an EntityDone of the parent's, each of a group with a handler in the topic that it names,
// or among the dead letters if that does not exist; in the same transaction, and nothing else is
// there.
#pragma once

#include "cluster.h"

#include <cstdint>
#include <string>
#include <vector>

namespace muster::sim {

// How many there are.
uint64_t judge_targets(const Cluster& cluster, std::vector<std::string>& faults);

}  // namespace muster::sim

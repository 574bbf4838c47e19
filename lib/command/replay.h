// muster replay: what happened to one group and why, from the logs alone. muster verify: whether
// what was published is what follows from them (verify.cpp).
#pragma once

#include "command/command.h"
#include "core/partitioner.h"

#include <vector>

namespace muster::command {

std::vector<Command> replay_commands();

// Options of both: --partitioner, and where the past begins and ends.
core::Partitioner partitioner(config::Options& options);

int verify(Context& context);
std::vector<config::OptionSpec> verify_specs();

}  // namespace muster::command

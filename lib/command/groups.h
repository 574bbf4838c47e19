// muster groups, muster partitions: what is open and what is stuck, asked of the running collectors;
// groups are cancelled and extended through their log.
#pragma once

#include "command/command.h"

#include <vector>

namespace muster::command {

std::vector<Command> group_commands();

}  // namespace muster::command

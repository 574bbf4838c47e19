// muster dead-letters: list and show what the collector could not take, send it back (redrive), or
// put it aside for good (drop).
#pragma once

#include "command/command.h"
#include "command/json_writer.h"
#include "command/letter.h"

#include <vector>

namespace muster::command {

std::vector<Command> dead_letter_commands();

// Of the options: the dead-letter topic.
std::string dead_letter_topic(config::Options& options, const kafka::Settings& settings);

// "events/0/4711".
std::string place(const Source& source);

// redrive.cpp
int redrive(Context& context);
int drop(Context& context);

}  // namespace muster::command

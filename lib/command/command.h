// What the subcommands of `muster` have in common: their table, their options, how they end.
// Kafka's failures come out of them as std::runtime_error. One thread.
#pragma once

#include "command/console.h"
#include "config/options.h"
#include "core/types.h"
#include "kafka/settings.h"

#include <string>
#include <vector>

namespace muster::command {

// The exit status; doc/command.md says the same.
enum Exit : int {
  kDone = 0,
  kNo = 1,      // the answer is no: not found, differs, could not all be done
  kUsage = 2,   // options().errors() say why
  kFailed = 3,  // it could not be found out, or not be done: Kafka, the network, rights
};

struct Context {
  config::Options& options;
  const Console& console;
  core::Time now;
};

struct Command {
  std::string words;  // "dead-letters list"
  std::string help;
  std::vector<config::OptionSpec> specs;
  int (*run)(Context&);
};

const std::vector<Command>& commands();

// Options that several have, to be put before their own: where Kafka is, and which collector.
std::vector<config::OptionSpec> with_kafka(std::vector<config::OptionSpec> own);
// --from and --to.
std::vector<config::OptionSpec> with_times(std::vector<config::OptionSpec> own);

// As with_kafka() gives them; what is wrong goes to options.errors().
kafka::Settings kafka_settings(config::Options& options);

struct Times {
  core::Time from = core::Time::min();
  core::Time to = core::Time::max();

  bool holds(core::Time time) const { return from <= time && time <= to; }
  bool any() const { return from != core::Time::min() || to != core::Time::max(); }
};
Times times(config::Options& options, core::Time now);

}  // namespace muster::command

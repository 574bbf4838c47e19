// The collector's options, read from flags, environment and file, and turned into what its parts
// take.
#pragma once

#include "base/log.h"
#include "collector/options.h"
#include "config/options.h"
#include "kafka/settings.h"
#include "kafka/topics.h"

#include <string>

namespace muster::cmd {

struct CollectorSettings {
  kafka::Settings kafka;
  kafka::TopicWishes topics;
  collector::Options collector;
  size_t remembered_max = 0;
  bool accept_loss = false;
  base::LogLevel log_level = base::LogLevel::kInfo;
  bool log_json = false;
};

config::Options collector_options();
// All that is wrong is in options.errors() afterwards.
CollectorSettings read_settings(config::Options& options);

}  // namespace muster::cmd

// How a worker reaches Redis, whose checkpoints these are, and how long it waits.
#pragma once

#include "core/types.h"
#include "redis/url.h"

#include <string>

namespace muster::redis {

struct Settings {
  Url url;
  std::string group;                          // the consumer group, and
  std::string topic;                          // the input: the keys are named after them
  std::string client_name = "muster";         // as CLIENT LIST shows it
  core::Duration connect_timeout{1'000};      // for all of it, and then for the answer to the login
  core::Duration command_timeout{2'000};      // without any answer
  core::Duration transaction_timeout{5'000};  // the same, when a whole part is to be written
  // Between attempts to connect: twice as long each time.
  core::Duration pause_min{100};
  core::Duration pause_max{5'000};
};

}  // namespace muster::redis

// The collector's options, read from flags, environment and file, and turned into what its parts
// take.
#pragma once

#include "base/log.h"
#include "collector/options.h"
#include "config/options.h"
#include "http/address.h"
#include "kafka/settings.h"
#include "kafka/topics.h"
#include "redis/settings.h"
#include "runtime/memory_limit.h"

#include <optional>
#include <string>

namespace muster::cmd {

struct AdminSettings {
  std::optional<http::Address> address;  // absent: no server
  bool asked_for = false;                // not the default
  std::string advertised;                // HOST:PORT; empty: the address
  std::string token;                     // empty: nothing can be changed
};

struct CollectorSettings {
  kafka::Settings kafka;
  kafka::TopicWishes topics;
  collector::Options collector;
  size_t workers = 1;
  size_t remembered_max = 0;
  std::optional<size_t> memory_limit;  // of the process, in bytes; absent: none
  core::Duration carry_after{};
  size_t dead_letter_bytes_max = 0;      // the topic's
  std::optional<redis::Settings> redis;  // absent: no checkpoints
  core::Duration checkpoint_interval{};
  AdminSettings admin;
  bool accept_loss = false;
  base::LogLevel log_level = base::LogLevel::kInfo;
  bool log_json = false;
};

config::Options collector_options();
// All that is wrong is in options.errors() afterwards.
CollectorSettings read_settings(config::Options& options);
// What the topics say about themselves. What does not fit them is returned, in words.
std::string adopt(const kafka::TopicFacts& facts, CollectorSettings& settings);
// What a worker may hold of the process' memory, if that is limited. After adopt().
std::optional<runtime::MemoryLimit::Options> worker_memory(const CollectorSettings& settings);
// Those of the i-th worker of the process: a group member and a writer of its own. The first has the
// names of a process with one worker.
kafka::Settings worker_settings(const kafka::Settings& process, size_t i);

}  // namespace muster::cmd

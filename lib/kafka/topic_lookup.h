// Whether a topic exists, asked of the broker by a client that never creates one by asking (a
// producer's question can). Blocking; belongs to one thread.
#pragma once

#include "kafka/client.h"

#include <string>

namespace muster::kafka {

class TopicLookup {
 public:
  explicit TopicLookup(const Settings& settings) : settings_(settings) {}

  enum class Found { kThere, kMissing, kDenied, kUnknown };

  // kUnknown: the broker could not be asked, or would not say just now.
  Found look(const std::string& name, int timeout_ms);

 private:
  Settings settings_;
  ClientHandle client_;  // made when it is needed first
};

}  // namespace muster::kafka

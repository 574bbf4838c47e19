// The topics that the collector needs, made and checked at start: input and output are the user's
// (made only if told how many partitions), the dead-letter, repartition and journal topics are ours
// (partitions as the input's). Blocking; start-up.
#pragma once

#include "kafka/settings.h"

#include <atomic>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace muster::kafka {

struct TopicFacts {
  int32_t partitions = 0;      // of the input
  size_t input_bytes_max = 0;  // max.message.bytes of each
  size_t output_bytes_max = 0;
  size_t dead_letter_bytes_max = 0;
  size_t repartition_bytes_max = 0;
  bool grown = false;  // partitions were added to the journal just now
};

struct TopicWishes {
  std::optional<int32_t> partitions;  // for an input or output topic that is missing
  bool accept_partitions = false;     // the input has more than the journal: grow the journal
};

struct TopicsReady {
  std::optional<TopicFacts> facts;  // absent: stopped, or error
  std::string error;                // what no waiting will mend
};

// Waits for a broker and for missing topics, saying why once, until it has them or `stop` is set.
TopicsReady ensure_topics(const Settings& settings, const TopicWishes& wishes,
                          const std::atomic<bool>& stop);

// What a tool may ask and do; failures of Kafka are thrown as std::runtime_error, which ends it.
// Partition counts; a topic that does not exist is absent.
std::map<std::string, int32_t> find_topics(const Settings& settings,
                                           const std::vector<std::string>& names);
// One partition, the newest record of each key is kept. It may be there already.
void make_compacted_topic(const Settings& settings, const std::string& name);

}  // namespace muster::kafka

// The topics of a bench program, made if they are missing. The bench has no dead letters and no
// internal topics of its own, but the collector's code, which makes them, wants names for all.
#pragma once

#include "kafka/topics.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace muster::bench {

// Sets settings.topics; returns the partitions of the input. What fails ends the program.
inline int32_t make_topics(kafka::Settings& settings, const std::string& input,
                           const std::string& output, int64_t partitions) {
  settings.topics = {.input = input,
                     .output = output,
                     .dead_letter = input + "-dlq",
                     .repartition = input + "-unused-repartition",
                     .journal = input + "-unused-journal"};
  kafka::TopicWishes wishes;
  wishes.partitions = static_cast<int32_t>(partitions);
  const std::atomic<bool> stop{false};
  const auto topics = kafka::ensure_topics(settings, wishes, stop);
  if (!topics.facts) {
    std::fprintf(stderr, "%s\n", topics.error.c_str());
    std::exit(1);
  }
  return topics.facts->partitions;
}

}  // namespace muster::bench

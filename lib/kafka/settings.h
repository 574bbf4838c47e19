// How the clients of one worker reach Kafka, and the names they use there.
#pragma once

#include "base/check.h"
#include "core/effects.h"
#include "runtime/ports.h"

#include <string>
#include <vector>

namespace muster::kafka {

struct TopicNames {
  std::string input;
  std::string output;
  std::string dead_letter;
  std::string repartition;  // of muster's own: records on their way home
  std::string journal;      // the same

  const std::string& of(runtime::Log log) const {
    switch (log) {
      case runtime::Log::kInput:
        return input;
      case runtime::Log::kRepartition:
        return repartition;
      case runtime::Log::kJournal:
        break;
    }
    return journal;
  }
  // Not of kNamed: that has no name of ours.
  const std::string& of(core::TopicRole role) const {
    switch (role) {
      case core::TopicRole::kInput:
        return input;
      case core::TopicRole::kOutput:
        return output;
      case core::TopicRole::kDeadLetter:
        return dead_letter;
      case core::TopicRole::kRepartition:
        return repartition;
      case core::TopicRole::kJournal:
        return journal;
      case core::TopicRole::kNamed:
        break;
    }
    CHECK(role != core::TopicRole::kNamed);
    return input;
  }
};

struct Property {
  std::string name;
  std::string value;
  std::string source;  // where the user said so, for a complaint: "-X linger.ms",
                       // "COLLECTOR_KAFKA_LINGER_MS"

  bool operator==(const Property&) const = default;
};

// Of a member of the group, unless the user says otherwise.
constexpr int kSessionTimeoutMs = 6'000;

struct Settings {
  std::string brokers;
  std::string group;
  std::string instance;          // empty: a dynamic member
  std::string transactional_id;  // stable with an instance, random without
  std::string client_id;
  std::string admin;  // HOST:PORT of this process's admin server, for others to know; may be empty
  std::string partitioner = "murmur2";
  TopicNames topics;
  int32_t partitions = 0;  // of the input, and of our own topics, when they were checked
  size_t produce_bytes_max = 1'000'000;  // of one produce request: what all topics take
  // Of records that are fetched and wait, of each log; 0: what is fastest.
  size_t read_ahead_bytes_max = 0;
  // Outcomes may go to topics that events name, if these match the whole name (ECMAScript's regular
  // expressions); never to internal ones.
  std::string handler_topics = ".*";
  int64_t journal_retention_ms = 7LL * 24 * 3600 * 1000;
  // librdkafka's own properties, as the user gave them; a later one counts.
  std::vector<Property> properties;
};

}  // namespace muster::kafka

// How the clients of one worker reach Kafka, and the names they use there.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace muster::kafka {

struct TopicNames {
  std::string input;
  std::string output;
  std::string dead_letter;
  std::string journal;
};

struct Settings {
  std::string brokers;
  std::string group;
  std::string instance;          // empty: a dynamic member
  std::string transactional_id;  // stable with an instance, random without
  std::string client_id;
  std::string partitioner = "murmur2";
  TopicNames topics;
  // librdkafka's own properties, as the user gave them.
  std::vector<std::pair<std::string, std::string>> properties;
};

}  // namespace muster::kafka

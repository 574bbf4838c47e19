// Sends records in transactions, for tools: all of a call's, or none. Blocking; a failure of Kafka
// is thrown as std::runtime_error and ends the command. Two producers of one transactional id fence
// each other: the older one's next call throws. One thread.
#pragma once

#include "core/batch.h"
#include "kafka/client.h"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace muster::kafka {

class ToolProducer {
 public:
  // What a predecessor of this transactional id left open is aborted when it returns.
  explicit ToolProducer(const Settings& settings);

  // Topics by name: each output is for TopicRole::kNamed. One without partition goes to its key's.
  void send(std::span<const core::Output> outputs);

 private:
  friend struct ToolDelivery;

  void produce(const core::Output& output);
  [[noreturn]] void give_up(const std::string& what, const rd_kafka_error_s* error);

  rd_kafka_topic_s* topic(std::string_view name);

  std::string refusal_;  // what the broker said of a record
  ClientHandle client_;  // its callback writes to refusal_, so it goes first
  // Kept, so that the client need not find out again and again where a topic lies.
  std::map<std::string, TopicHandle, std::less<>> topics_;
};

}  // namespace muster::kafka

// Reads journal and input logs for recovery, outside of the group, committed records only. Loop thread.
// The client is lent to the lookup thread too, which asks it for committed offsets (librdkafka's
// clients are safe for that).
#pragma once

#include "kafka/client.h"
#include "kafka/record_queue.h"
#include "runtime/mailbox.h"
#include "runtime/ports.h"

#include <array>
#include <map>
#include <memory>

namespace muster::kafka {

class LogReader final : public runtime::Reader {
 public:
  // Throws std::runtime_error if the client cannot be made (start-up only).
  LogReader(const Settings& settings, runtime::Mailbox& mailbox);
  ~LogReader() override;

  void start(core::Partition partition, runtime::Log log, core::Offset from) override;
  void stop(core::Partition partition) override;
  runtime::Fetched fetch(core::Partition partition, runtime::Log log, size_t records_max) override;
  void consume(core::Partition partition, runtime::Log log, size_t records) override;

  rd_kafka_s* client() const { return client_.get(); }

 private:
  using Source = std::pair<core::Partition, runtime::Log>;

  rd_kafka_topic_s* topic(runtime::Log log) const;
  void stop_source(const Source& source);

  Settings settings_;
  runtime::Mailbox& mailbox_;
  ClientHandle client_;
  std::array<TopicHandle, 3> topics_;  // by log
  std::map<Source, std::unique_ptr<RecordQueue>> queues_;
};

}  // namespace muster::kafka

// Reads one partition of a topic from an offset on, blocking: for tools, which have nothing else to
// do meanwhile. Committed records only. A tool has nobody to hand a failure of Kafka to: it is
// thrown as std::runtime_error and ends the command. One thread.
#pragma once

#include "kafka/client.h"
#include "kafka/record_queue.h"
#include "runtime/mailbox.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace muster::kafka {

struct TopicPartition {
  std::string topic;
  core::Partition partition{};
};

class LogCursor {
 public:
  // `client` outlives it. Only one cursor of a client at a time may read a partition.
  LogCursor(rd_kafka_s* client, const TopicPartition& log, core::Offset from);
  ~LogCursor();
  LogCursor(const LogCursor&) = delete;
  LogCursor& operator=(const LogCursor&) = delete;

  // Waits until there are records, or a new position: never nothing. Valid until the next call.
  runtime::Fetched fetch(size_t records_max);
  void consume(size_t records) { queue_->consume(records); }

 private:
  void on_error(int code, const std::string& text);

  runtime::Mailbox mailbox_;  // only what wakes us
  TopicHandle topic_;
  TopicPartition log_;
  std::unique_ptr<RecordQueue> queue_;
  std::string fatal_;
};

// What a tool asks of Kafka, with a reader of its own.
class LogSurvey {
 public:
  explicit LogSurvey(const Settings& settings);

  rd_kafka_s* client() const { return client_.get(); }
  // The end is where committed records end now.
  runtime::LogEnds ends(const TopicPartition& log);
  // The first record of this time or later; absent: there is none.
  std::optional<core::Offset> at_time(const TopicPartition& log, core::Time time);
  // Calls take(record) for each record in [from, to), and progress(position) now and then.
  void read(const TopicPartition& log, core::Offset from, core::Offset to,
            const std::function<void(core::Record&)>& take,
            const std::function<void(core::Offset)>& progress = nullptr);

 private:
  ClientHandle client_;
};

}  // namespace muster::kafka

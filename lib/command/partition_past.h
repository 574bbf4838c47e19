// A partition's past out of the logs alone: its journal is read for what can be replayed, and then
// replayed by the shard and the recovery that the collector itself uses, with its outputs on.
// Blocking; Kafka's failures are thrown as std::runtime_error. One thread.
#pragma once

#include "command/command.h"
#include "command/segments.h"
#include "command/watched_processor.h"
#include "kafka/log_cursor.h"
#include "runtime/recovery.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace muster::command {

class PartitionPast {
 public:
  PartitionPast(const kafka::Settings& settings, core::Partition partition, const Times& window,
                const Console& console);

  const std::vector<Segment>& segments() const { return segments_; }
  bool empty() const { return segments_.empty(); }

  // Calls pause() now and then. The processor stays as it was at the segment's end.
  std::unique_ptr<core::Shard> replay(const Segment& segment, Watcher& watcher,
                                      const std::function<void()>& pause = nullptr);

 private:
  kafka::TopicPartition log(runtime::Log which) const;
  void find_segments(const Times& window);

  kafka::Settings settings_;
  core::Partition partition_;
  const Console& console_;
  kafka::LogSurvey survey_;
  runtime::Location location_;
  std::vector<Segment> segments_;
};

}  // namespace muster::command

// The group's consumer of input and repartition topic: a static or dynamic member with the eager
// range assignor, which gives it the same partitions of both; each is read from its own queue. Loop thread only; nothing blocks but close().
#pragma once

#include "kafka/client.h"
#include "kafka/record_queue.h"
#include "runtime/mailbox.h"
#include "runtime/ports.h"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace muster::kafka {

class GroupConsumer final : public runtime::Consumer {
 public:
  // Failures go to the mailbox, which outlives this. The client is made here: throws
  // std::runtime_error with the reason if it cannot be (start-up only).
  GroupConsumer(const Settings& settings, runtime::Mailbox& mailbox);
  ~GroupConsumer() override;

  void subscribe() override;
  std::optional<runtime::Event> poll() override;
  void assign(std::span<const runtime::StartAt> positions) override;
  void unassign() override;
  size_t queued(core::Partition partition, runtime::Log log) const override;
  runtime::Fetched fetch(core::Partition partition, runtime::Log log, size_t records_max) override;
  void put_back(core::Partition partition, runtime::Log log, size_t records) override;
  std::optional<core::Offset> end_of(core::Partition partition, runtime::Log log) const override;
  std::string group_metadata() const override { return group_metadata_; }
  void close() override;

 private:
  friend struct RebalanceCallback;
  friend struct ErrorCallback;

  void on_assigned(const rd_kafka_topic_partition_list_s& partitions);
  void on_revoked(bool lost);
  void on_error(int code, const std::string& text);
  void save_group_metadata();
  void make();
  void join_again();

  Settings settings_;
  runtime::Mailbox& mailbox_;
  ClientHandle client_;
  QueueHandle main_queue_;
  std::map<std::pair<core::Partition, runtime::Log>, std::unique_ptr<RecordQueue>> queues_;
  std::deque<runtime::Event> events_;
  // As it was at the assignment: one read later could be that of a generation whose partitions are
  // not ours, and would let a zombie commit.
  std::string group_metadata_;
  bool closed_ = false;
  // Another member has our instance name, or we ourselves had it before a broker died: the client
  // is of no use any more.
  bool fenced_ = false;
  std::vector<std::chrono::steady_clock::time_point> fenced_at_;  // of late
  std::optional<std::chrono::steady_clock::time_point> brokers_lost_at_;
};

}  // namespace muster::kafka

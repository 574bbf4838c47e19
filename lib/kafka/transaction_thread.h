// The transactional producer and the one thread that makes its blocking calls. A job is to open a
// producer or to run one whole transaction: begin, produce, offsets, commit. Payloads are not
// copied: they stay in the batch, which the worker keeps untouched until the answer. After any
// failure the producer is destroyed before the answer is given (nothing of it may be sent or read
// later), and open() makes a new one, whose higher epoch fences the old. Outputs that the broker
// refuses for good are named in the answer.
#pragma once

#include "kafka/client.h"
#include "kafka/named_topics.h"
#include "kafka/topic_lookup.h"
#include "runtime/mailbox.h"
#include "runtime/ports.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace muster::kafka {

class TransactionThread final : public runtime::Transactor {
 public:
  TransactionThread(const Settings& settings, runtime::Mailbox& mailbox);
  // Waits for the job in hand; a transaction that never ends costs at most its timeouts.
  ~TransactionThread() override;

  void open() override;
  void commit(const core::Batch& batch, std::string group_metadata) override;

 private:
  struct Job {
    const core::Batch* batch = nullptr;  // null: open
    std::string group_metadata;
  };

  void submit(Job job);
  void run();
  void open_producer();
  // Empty: the producer is ready.
  std::optional<runtime::Failure> try_open();
  void run_transaction(const Job& job);
  std::optional<runtime::Failure> transact(const Job& job);
  // Outputs to topics that events have named, and that cannot go there. Absent: stopped.
  std::optional<std::vector<runtime::Refusal>> unroutable();
  std::optional<runtime::Failure> produce();
  std::optional<runtime::Failure> produce_one(size_t index);
  std::optional<runtime::Failure> wait_for_deliveries(core::TopicRole role, size_t bytes_max);
  // All that was produced so far is with the broker, or was refused.
  std::optional<runtime::Failure> flush();
  void on_delivery(const rd_kafka_message_s& message);
  std::optional<runtime::Failure> send_offsets(const Job& job);
  // Whether the transaction failed because a topic is gone: all outputs to it are refused.
  void refuse_for_missing_topics();
  void drop_producer(bool abort);
  void pause_after_failures();
  std::string topic_name_of(const core::Output& output) const;
  rd_kafka_topic_s* topic_of(const core::Output& output);

  friend struct DeliveryCallback;

  Settings settings_;
  runtime::Mailbox& mailbox_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Job> job_;  // guarded by mutex_
  std::atomic<bool> stop_{false};

  // The thread's own.
  ClientHandle producer_;
  std::array<TopicHandle, core::kTopicRoles> topics_;
  TopicLookup lookup_;
  std::map<std::string, TopicHandle, std::less<>> named_handles_;
  NamedTopics named_topics_;
  std::vector<core::Offset> journal_offsets_;
  const core::Batch* batch_ = nullptr;  // in hand
  std::vector<runtime::Refusal> refusals_;
  std::string delivery_error_;
  // Bytes that were produced, and not answered by the broker, by the role of their topic.
  std::array<size_t, core::kTopicRoles + 1> on_its_way_{};
  int failures_in_a_row_ = 0;

  std::thread thread_;
};

}  // namespace muster::kafka

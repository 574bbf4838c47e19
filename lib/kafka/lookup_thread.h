// Asks Kafka what takes a round trip or more: where a shard stands, and how far the logs reach. One
// thread, one question at a time, asked again until it is answered.
#pragma once

#include "kafka/client.h"
#include "kafka/dead_writers.h"
#include "runtime/mailbox.h"
#include "runtime/ports.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <variant>
#include <vector>

namespace muster::kafka {

class LookupThread final : public runtime::Lookup {
 public:
  // `committed_reader` sees settled transactions only, so the offsets it is told are those of a
  // predecessor whose last transaction has ended. It is lent and outlives this. Throws
  // std::runtime_error as the other clients do.
  LookupThread(const Settings& settings, runtime::Mailbox& mailbox, rd_kafka_s* committed_reader);
  ~LookupThread() override;

  void locate(uint64_t request, std::vector<core::Partition> partitions) override;
  void read_ends(uint64_t request, runtime::Log log,
                 std::vector<core::Partition> partitions) override;
  void read_committed(uint64_t request, std::vector<core::Partition> partitions) override;
  void trim(core::Partition partition, runtime::Log log, core::Offset needed_from) override;

 private:
  struct LocateJob {
    uint64_t request = 0;
    std::vector<core::Partition> partitions;
  };
  struct EndsJob {
    uint64_t request = 0;
    runtime::Log log{};
    std::vector<core::Partition> partitions;
  };
  struct CommittedJob {
    uint64_t request = 0;
    std::vector<core::Partition> partitions;
  };
  struct TrimJob {
    core::Partition partition{};
    runtime::Log log{};
    core::Offset needed_from{};
  };
  using Job = std::variant<LocateJob, EndsJob, CommittedJob, TrimJob>;

  void submit(Job job);
  void run();
  // False: given up, because the process stops or a failure was posted.
  bool answer(const LocateJob& job);
  bool answer(const EndsJob& job);
  bool answer(const CommittedJob& job);
  bool answer(const TrimJob& job);
  // The committed offsets of the input logs of these partitions.
  PartitionListHandle input_list(const std::vector<core::Partition>& partitions) const;
  bool locate_committed(const LocateJob& job, std::vector<runtime::Location>& locations);
  bool read_watermarks(const std::string& topic, core::Partition partition, runtime::LogEnds& ends);
  // Whether to ask again after this error: pauses, says why once.
  bool again(int error_code, const std::string& what);

  Settings settings_;
  runtime::Mailbox& mailbox_;
  rd_kafka_s* committed_reader_;
  ClientHandle ends_reader_;  // sees open transactions: its ends are the high watermarks
  DeadWriters dead_writers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // guarded by mutex_
  std::atomic<bool> stop_{false};
  std::random_device random_;
  std::string said_;

  std::thread thread_;
};

}  // namespace muster::kafka

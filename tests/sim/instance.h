// One process of a collector in the simulation: the real worker, with every port of it simulated
// over the cluster. A step is one small thing that the process or one of its threads may do next;
// the simulation chooses which.
#pragma once

#include "cluster.h"

#include "collector/processor.h"
#include "runtime/worker.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace muster::sim {

// What nobody needs is kept this long: much shorter than a process may stand still and then believe
// what it read.
constexpr int64_t kRetentionMs = 200;

// What is wrong with the world just now, for this instance.
struct Weather {
  uint32_t lose_commit_request = 0;  // chances in 1000
  uint32_t lose_commit_answer = 0;
  uint32_t abort_commit = 0;
};

// A batch that has committed, as the instance saw it leave.
struct Sent {
  core::Epoch epoch{};
  core::BatchNumber n{};
  std::string fingerprint;  // of the shard behind this batch; empty if it had gone further
};

class Instance {
 public:
  struct Setup {
    std::string name;  // static members keep it
    std::string transactional_id;
    collector::Options options;
    core::ShardLimits limits;
    size_t batch_records_max = 50;
    core::Duration trim_interval = std::chrono::hours(1);
  };

  Instance(Setup setup, Cluster& cluster, std::mt19937_64& random);

  const std::string& name() const { return setup_.name; }
  bool exited() const { return exit_.has_value(); }
  const std::optional<runtime::Exit>& exit() const { return exit_; }
  void stop(int64_t wall_ms) {
    worker_.handle(runtime::StopRequested{}, core::time_from_ms(wall_ms));
  }
  // One round of the loop, with portions of any size.
  void round(int64_t wall_ms, int64_t now_ms);
  // The commit thread and the lookup thread, a call further.
  void work(const Weather& weather, int64_t now_ms);
  bool busy() const { return commit_ || opening_ || !lookups_.empty() || !inbox_.empty(); }
  const runtime::Worker& worker() const { return worker_; }
  std::vector<std::string>& notes() { return notes_; }

 private:
  enum class Stage { kBegin, kProduce, kOffsets, kEnd };
  struct CommitJob {
    const core::Batch* batch = nullptr;
    Stage stage = Stage::kBegin;
    int64_t generation = 0;
    std::vector<core::Offset> journal_offsets;
  };
  struct LookupJob {
    bool locate = false;
    uint64_t request = 0;
    core::Time at{};
    std::vector<core::Partition> partitions;
    std::map<int, CommittedOffset> committed;  // asked first
    bool have_committed = false;
  };

  void group(int64_t now_ms);
  void execute(const runtime::Action& action);
  void replay_some();
  void live_some(int64_t wall_ms);
  void commit_further(const Weather& weather, int64_t now_ms);
  void produce(int64_t now_ms);
  void say(const std::string& what);
  void fail(const std::string& why);
  void lookup_further();
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  Setup setup_;
  Cluster& cluster_;
  std::mt19937_64& random_;
  runtime::Worker worker_;
  std::deque<runtime::Event> inbox_;
  std::vector<std::string> notes_;
  std::optional<runtime::Exit> exit_;

  int64_t generation_ = -1;  // of the assignment that the worker has
  bool revoking_ = false;
  int64_t wall_ms_ = 0;

  std::map<core::Partition, int64_t> position_;                                // of the consumer
  std::map<std::pair<core::Partition, runtime::ReplayLog>, int64_t> reading_;  // of the reader

  std::optional<CommitJob> commit_;
  bool opening_ = false;
  int64_t producer_epoch_ = -1;
  std::deque<LookupJob> lookups_;
  std::deque<std::pair<int64_t, runtime::TrimJournal>> trims_;
};

}  // namespace muster::sim

// Judges a run, in three ways that share nothing: the replica (the journal followed from its first
// entry by a shard that never crashed: its outputs are the committed ones, its state is that of
// every live shard), and the model (what the outcome of each group must be).
#pragma once

#include "cluster.h"
#include "workload.h"

#include "collector/processor.h"
#include "core/shard.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace muster::sim {

struct Verdict {
  std::vector<std::string> faults;  // empty: the run is right
  uint64_t groups = 0;
  uint64_t exact = 0;  // groups whose outcome the model knows to the byte
  uint64_t timeouts = 0;
  uint64_t false_timeouts = 0;  // timed out, though all was in the log in time

  bool ok() const { return faults.empty(); }
};

// Follows one partition's journal.
class Replica {
 public:
  Replica(const Cluster& cluster, int partition, const Workload& workload,
          const collector::Options& options);

  // Applies what has been committed since, and compares the outputs of each batch with the
  // published ones.
  void follow(std::vector<std::string>& faults);
  // Where the input of a batch begins; absent if it was never followed.
  std::optional<int64_t> began_at(core::Epoch epoch, core::BatchNumber n) const;
  // Compares with a live shard, if both stand at the same batch.
  void compare(const core::Shard& live, std::vector<std::string>& faults);

 private:
  bool follow_entry(const Entry& journal_entry, int64_t offset, std::vector<std::string>& faults);
  void compare_outputs(std::vector<std::string>& faults);

  const Cluster& cluster_;
  const int partition_;
  const Workload& workload_;
  collector::Options options_;
  std::unique_ptr<core::Shard> shard_;
  core::Batch batch_;
  int64_t journal_next_ = 0;
  int64_t published_next_ = 0;
  std::map<std::pair<uint64_t, uint64_t>, int64_t> began_at_;  // by epoch and batch
};

Verdict judge_outcomes(const Cluster& cluster, const Workload& workload, int64_t early_ttl_ms);

}  // namespace muster::sim

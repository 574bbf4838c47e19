// Judges a run, in ways that share nothing: the replica (the journal followed from its first entry
// by a shard that never crashed: its outputs are the committed ones (transcript.h), its state is
// that of every live shard), and the model (what the outcome of each group must be).
#pragma once

#include "cluster.h"
#include "transcript.h"
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
  uint64_t exact = 0;        // groups whose outcome the model knows to the byte
  uint64_t one_of_some = 0;  // or which of some it must be
  uint64_t elsewhere = 0;    // outcomes that went to a parent or a handler as well
  uint64_t timeouts = 0;
  uint64_t false_timeouts = 0;  // timed out, though all was in the log in time

  bool ok() const { return faults.empty(); }
};

// Follows one partition's journal.
class Replica {
 public:
  Replica(const Cluster& cluster, int partition, const std::optional<core::Routing>& routing,
          const collector::Options& options, Transcript& transcript);

  // Applies what has been committed since, and tells the transcript what each batch decides.
  void follow(std::vector<std::string>& faults);
  // Where a batch begins in its input logs; empty if it was never followed.
  std::vector<int64_t> began_at(core::Epoch epoch, core::BatchNumber n) const;
  // Compares with a live shard, if both stand at the same batch.
  void compare(const core::Shard& live, std::vector<std::string>& faults);
  // What the shard stands on is gone: what comes next must begin anew at these offsets.
  void expect_new_epoch(std::vector<core::Offset> from) { new_epoch_from_ = std::move(from); }
  bool new_epoch_expected() const { return !new_epoch_from_.empty(); }

 private:
  bool follow_entry(const Entry& journal_entry, int64_t offset, std::vector<std::string>& faults);
  // What is wrong with it as the next entry; empty: nothing.
  std::string joins(const core::JournalEntry& entry) const;
  void begin(core::Epoch epoch);
  void replay_log(size_t log, const core::LogRange& range);

  const Cluster& cluster_;
  const int partition_;
  std::optional<core::Routing> routing_;
  collector::Options options_;
  Transcript& transcript_;
  std::unique_ptr<core::Shard> shard_;
  core::Batch batch_;
  int64_t journal_next_ = 0;
  std::vector<core::Offset> new_epoch_from_;
  std::map<std::pair<uint64_t, uint64_t>, std::vector<int64_t>> began_at_;  // by epoch and batch
};

struct Circumstances {
  int64_t early_ttl_ms = 0;
  bool times_certain = true;  // the wall clocks of all processes were right
};

Verdict judge_outcomes(const Cluster& cluster, const Workload& workload,
                       const Circumstances& circumstances);

}  // namespace muster::sim

// When the shards of a worker write their checkpoints, and what the store's answers mean for that.
// Nobody waits for a checkpoint: while the store is slow or gone the shards go on, and what has
// changed is written when it is back. No I/O; the worker's thread.
#pragma once

#include "core/shard.h"
#include "runtime/checkpoint_store.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace muster::runtime {

// An action (worker.h): the part stays until the answer.
struct StorePart {
  uint64_t request = 0;
  const core::CheckpointPart* part = nullptr;

  bool operator==(const StorePart&) const = default;
};

class Checkpoints {
 public:
  struct Options {
    core::Duration interval{};     // between the beginnings of two
    size_t ids_per_round = 2'000;  // written down at a time: a millisecond or two
    core::Duration retry_max = std::chrono::seconds(10);
  };
  struct Totals {
    uint64_t checkpoints = 0;
    uint64_t parts = 0;
    uint64_t failures = 0;
  };

  explicit Checkpoints(const Options& options) : options_(options) {}

  // A live shard, in every round at the end of which it may stand at a batch's end. What is wanted of
  // the store comes out.
  std::optional<StorePart> round(core::Shard& shard, uint64_t writer, core::Time wall,
                                 bool at_once);
  // More could be written down in the next round.
  bool busy(core::Shard& shard) const;
  // `shard`: of the part's partition, if it is live still. Returns what a person should know.
  std::optional<std::string> on(const CheckpointStored& answer, core::Shard* shard,
                                core::Time wall);
  core::Partition partition_of(uint64_t request) const;
  // The shard is not live any more: what was under way is given up.
  void abandon(core::Shard& shard);
  // When the shard's next one may begin.
  core::Time next_at(core::Partition partition) const;
  bool failing(core::Partition partition) const;
  // How far behind the shard the store may be: since the last checkpoint was finished; nothing, if
  // nothing has changed since.
  core::Duration age(core::Shard& shard, core::Time wall) const;
  const Totals& totals() const { return totals_; }

 private:
  struct Turn {
    core::Time next;
    core::Time finished;     // the last one; none yet: when the shard was first seen
    core::Duration retry{};  // 0: the last one went well
    std::optional<uint64_t> request;
  };
  struct Sent {
    std::unique_ptr<core::CheckpointPart> part;
    bool abandoned = false;
  };

  void back_off(Turn& turn, core::Time wall);

  Options options_;
  std::map<core::Partition, Turn> turns_;
  std::map<uint64_t, Sent> sent_;  // by request
  uint64_t requests_ = 0;
  Totals totals_;
};

}  // namespace muster::runtime

// Compares what the replicas decide with what was published, transaction by transaction: outcomes,
// dead letters and forwarded records, in order, with key, value, headers, time and partition. Shards
// of one transaction may be interleaved in any way.
#pragma once

#include "cluster.h"

#include "core/batch.h"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace muster::sim {

class Transcript {
 public:
  explicit Transcript(const Cluster& cluster) : cluster_(cluster) {}

  // The batch whose journal entry went with `sending` decides this, of this partition's shard.
  void decided(uint64_t sending, int partition, const core::Output& output);
  // An entry of `sending` is in the journal, whatever it decided.
  void committed(uint64_t sending) { ++decided_[sending].entries; }
  // All markers are written. What a journal does not show yet, because of somebody's open
  // transaction before it, is compared later.
  void compare(std::vector<std::string>& faults);
  bool all_compared() const { return decided_.empty(); }

 private:
  struct Record {
    core::TopicRole role{};
    std::string topic_name;
    int partition = -1;
    std::optional<int64_t> timestamp_ms;  // absent: not compared, it is the time of sending
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<EntryHeader> headers;
    std::string_view instead = {};  // in place of something that could not go: only this code
  };
  using Shards = std::map<int, std::deque<Record>>;
  struct Decided {
    size_t entries = 0;  // that were followed
    Shards shards;
  };

  bool matches(const Record& record, const Sent& sent, const Entry& entry) const;
  void compare(uint64_t sending, Shards& shards, std::vector<std::string>& faults) const;
  static std::string text(const Record& record);

  const Cluster& cluster_;
  std::map<uint64_t, Decided> decided_;
};

}  // namespace muster::sim

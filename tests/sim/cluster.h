// A simulated Kafka: the logs of a collector, its group's offsets, the transaction coordinator and
// the group coordinator with their fencing. Everything asynchronous is a step that the simulation
// takes when it likes: markers are written one log at a time, in any order (FACTS of the real
// thing: offsets and journal become visible apart).
#pragma once

#include "sim_log.h"

#include "core/effects.h"
#include "core/partitioner.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace muster::sim {

struct CommittedOffset {
  int64_t offset = 0;
  std::string metadata;
};

// Codes of dead letters in place of what could not go.
constexpr std::string_view kUndeliverable = "undeliverable";
constexpr std::string_view kNoSuchTopic = "no-such-topic";

// Committed offsets are per input log (runtime::Log) and partition.
using OffsetKey = std::pair<runtime::Log, int>;
using CommittedOffsets = std::map<OffsetKey, CommittedOffset>;

// Where one output of a batch lies.
struct Sent {
  core::TopicRole role{};
  std::string topic_name;  // of kNamed
  int partition = -1;      // -1: where the key lives, in a log of all partitions
  int64_t offset = 0;
};

// What one transaction put out, in order of writing; and how many journal entries went with it.
struct Sending {
  std::vector<Sent> records;
  size_t entries = 0;
};

// What the brokers refuse for good, by the keys of the records.
struct Refused {
  std::set<std::string> outcomes;
  std::set<std::string> dead_letters;
  std::set<std::string> forwarded;
  bool with_neighbours = false;  // all records of a batch for one partition are refused with it

  bool any() const { return !outcomes.empty() || !forwarded.empty() || !dead_letters.empty(); }
  bool contains(core::TopicRole role, const std::string& key) const;
};

class Cluster {
 public:
  Cluster(int partitions, std::optional<core::Routing> routing);

  int partitions() const { return static_cast<int>(input.size()); }
  Log& log(runtime::Log log, int partition);
  const Log& log(runtime::Log log, int partition) const;
  // Where an output's records lie.
  Log& log(const Sent& record);
  const Log& log(const Sent& record) const;
  // The partition of a record without one of its own: the producer's partitioner is the home's.
  int partition_of(const std::string& key) const;
  // A topic that a handler may name.
  bool exists(std::string_view topic_name) const { return named.contains(topic_name); }

  std::vector<Log> input;
  std::vector<Log> repartition;
  std::vector<Log> journal;
  Log outcomes;  // of all partitions, in order of writing
  Log dead_letters;
  std::map<std::string, Log, std::less<>> named;  // the same, of handlers
  std::vector<Sending> sent;                      // by number
  Refused refused;

  // --- transactions
  // A new producer of this id: aborts what is open and fences the old one. Absent: ask again,
  // markers are missing.
  std::optional<int64_t> init_producer(const std::string& id);
  // Whether all markers of its last transaction are written: before that the next one cannot begin.
  bool settled(const std::string& id) const;
  // False: fenced.
  bool begin(const std::string& id, int64_t epoch, int64_t now_ms);
  bool current(const std::string& id, int64_t epoch) const;
  TransactionPtr open_transaction(const std::string& id) const;
  // False: fenced, or the group refuses (member or generation).
  bool add_offsets(const std::string& id, int64_t epoch, const std::string& member,
                   int64_t generation, const CommittedOffsets& offsets);
  bool end(const std::string& id, int64_t epoch, bool commit);
  // The coordinator's clock: transactions that are open for too long are aborted, their producers
  // fenced.
  void expire_transactions(int64_t now_ms, int64_t timeout_ms);
  bool marker_pending() const { return !markers_.empty(); }
  void write_some_marker(std::mt19937_64& random, int64_t now_ms);
  void write_all_markers(int64_t now_ms);

  // --- offsets: absent while an unsettled transaction holds some for this partition
  struct Offsets {
    bool stable = false;
    std::optional<CommittedOffset> committed;
  };
  Offsets committed(runtime::Log log, int partition) const;
  // Whatever is unsettled.
  std::optional<CommittedOffset> last_committed(runtime::Log log, int partition) const;
  // As an operator's tool does it; the group has no members.
  void reset_offset(runtime::Log log, int partition, std::optional<int64_t> offset);

  // --- the group (eager, range)
  struct Member {
    bool in_rebalance = false;  // has given its partitions back
    int64_t last_seen_ms = 0;
    std::vector<int> assigned;
  };
  int64_t generation() const { return generation_; }
  bool is_member(const std::string& id) const { return members_.contains(id); }
  void join(const std::string& id, int64_t now_ms);
  void leave(const std::string& id);
  void heartbeat(const std::string& id, int64_t now_ms);
  void expire_members(int64_t now_ms, int64_t session_ms);
  bool rebalancing() const { return rebalancing_; }
  // The member has nothing in hand any more.
  void revoked(const std::string& id);
  // When all members have given back: a new generation. Returns whether it was made.
  bool finish_rebalance();
  std::vector<int> assignment(const std::string& id) const;

 private:
  struct Producer {
    int64_t epoch = -1;
    TransactionPtr open;
    int64_t opened_ms = 0;
    CommittedOffsets offsets;
  };
  struct Marker {
    TransactionPtr transaction;
    Log* log = nullptr;  // null: the offsets
    CommittedOffsets offsets;
  };

  void settle(Producer& producer, Decision decision);
  void write(const Marker& marker, int64_t now_ms);
  bool marker_pending_for(const TransactionPtr& transaction) const;

  std::optional<core::Routing> routing_;
  std::map<std::string, Producer> producers_;
  std::map<std::string, TransactionPtr> last_;  // the last transaction of each id
  std::vector<Marker> markers_;
  CommittedOffsets offsets_;

  std::map<std::string, Member> members_;
  int64_t generation_ = 0;
  bool rebalancing_ = false;
};

}  // namespace muster::sim

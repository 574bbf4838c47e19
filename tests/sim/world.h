// The state of a run: the cluster, the processes, the replicas that watch, and what may go wrong in
// it. Steps and judgement are in simulation.cpp, faults in faults.cpp.
#pragma once

#include "simulation.h"

#include "core/commit_metadata.h"

#include <deque>
#include <memory>
#include <random>

namespace muster::sim {

constexpr int64_t kBeginMs = 1'600'000'000'000;
constexpr int64_t kSessionMs = 1'000;
constexpr int64_t kTransactionTimeoutMs = 2'000;

struct Process {
  std::unique_ptr<Instance> instance;  // null: down
  int64_t down_until_ms = 0;
  int64_t paused_until_ms = 0;
  int incarnation = 0;
  int64_t clock_error_ms = 0;  // of the machine's wall clock
};

// What kind of run it is, beside what happens in any.
struct Character {
  bool static_members = false;
  bool trims = false;         // what is not needed any more is soon gone
  bool short_memory = false;  // ids leave memory in mid-run
  bool with_operator = false;
  bool lossy = false;  // something that recovery needs is lost
  bool accept_loss = false;
  bool wrong_clocks = false;
  bool uneven = false;  // partitions are read at different speeds, and long downtimes fill them
  bool stray = false;   // somebody else writes to the repartition topic
  bool checkpoints = false;
};

class World {
 public:
  explicit World(uint64_t seed);

  Run run();

 private:
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool chance(uint32_t in_1000) { return below(1000) < in_1000; }
  std::vector<runtime::Log> input_logs() const;

  void draw_character();
  void draw_refused();
  void start(size_t i);
  void step();
  void turn(Process& process);
  void ended(Process& process);
  void take_down(Process& process, int64_t until_ms);
  void write_due();
  void tidy_cluster();
  void watch();
  bool drained(int partition) const;
  bool done() const;
  bool over() const { return loss_said_ || !run_.verdict.faults.empty(); }
  void calm_down();
  void judge();
  std::string where_it_stands() const;

  // --- faults.cpp
  void fault();
  void pause(Process& process);
  void foreign_transaction();
  void end_foreign_transaction();
  void all_down(int64_t for_ms);
  void all_at_rest();
  void operator_resets();
  void reset(runtime::Log log, int partition);
  void lose_something();
  bool lose_entry(int partition, const core::CommitMetadata& metadata);
  bool lose_beginning(runtime::Log kind, int partition, const core::CommitMetadata& metadata);
  void step_clock(Process& process);
  void write_stray();
  void store_fault();
  void retain();

  std::mt19937_64 random_;
  WorkloadShape shape_;
  Workload workload_;
  Cluster cluster_;
  Store store_;
  Character character_;
  collector::Options options_;
  core::ShardLimits limits_;
  runtime::Checkpoints::Options checkpoints_;
  std::optional<size_t> memory_bytes_;  // that a process may hold; absent: no limit
  Weather weather_;
  std::vector<uint32_t> reading_speed_;
  std::vector<Process> processes_;
  Transcript transcript_;
  std::deque<Replica> replicas_;
  int64_t now_ms_ = kBeginMs;
  size_t written_ = 0;
  bool calm_ = false;
  struct RetainedFrom {
    int64_t at_ms = 0;
    int partition = 0;
    int64_t offset = 0;
  };
  std::deque<RetainedFrom> retained_from_;  // in order of time
  bool was_reset_ = false;
  std::optional<int> loss_in_;  // a partition
  bool loss_said_ = false;      // and the process ended, as it has to: so does the run
  std::vector<TransactionPtr> foreign_;
  Run run_;
};

}  // namespace muster::sim

#include "simulation.h"

#include "instance.h"

#include <algorithm>
#include <deque>

namespace muster::sim {
namespace {

constexpr int64_t kBeginMs = 1'600'000'000'000;
constexpr int64_t kSessionMs = 1'000;
constexpr int64_t kTransactionTimeoutMs = 2'000;
constexpr int kCalmRoundsMax = 20'000;

struct Process {
  std::unique_ptr<Instance> instance;  // null: down
  int64_t down_until_ms = 0;
  int64_t paused_until_ms = 0;
  int incarnation = 0;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed);

  Run run();

 private:
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool chance(uint32_t in_1000) { return below(1000) < in_1000; }

  void start(size_t i);
  void step();
  void turn(Process& process);
  void write_due();
  void tidy_cluster();
  void foreign_transaction();
  void end_foreign_transaction();
  void fault();
  void operator_resets();
  void watch();
  void retain();
  bool done() const;
  void calm_down();
  std::string where_it_stands() const;

  std::mt19937_64 random_;
  WorkloadShape shape_;
  Workload workload_;
  Cluster cluster_;
  collector::Options options_;
  core::ShardLimits limits_;
  Weather weather_;
  bool static_members_ = false;
  std::vector<Process> processes_;
  std::deque<Replica> replicas_;
  int64_t now_ms_ = kBeginMs;
  size_t written_ = 0;
  bool calm_ = false;
  bool with_operator_ = false;
  struct RetainedFrom {
    int64_t at_ms = 0;
    int partition = 0;
    int64_t offset = 0;
  };
  std::deque<RetainedFrom> retained_from_;  // in order of time
  bool was_reset_ = false;
  bool short_memory_ = false;
  bool trims_ = false;
  std::vector<TransactionPtr> foreign_;
  Run run_;
};

Simulation::Simulation(uint64_t seed)
    : random_(seed),
      shape_{1 + static_cast<int>(below(3)), 20 + static_cast<int>(below(30)), kBeginMs + 500,
             6'000, below(2) == 0},
      workload_(draw_workload(shape_, random_)),
      cluster_(shape_.partitions) {
  options_.early_ttl = std::chrono::seconds(2);
  options_.closed_ttl = std::chrono::seconds(100);
  limits_.carry_after =
      below(2) == 0 ? std::chrono::milliseconds(300 + below(2'000)) : std::chrono::hours(1);
  limits_.timers_per_tick_max = below(3) == 0 ? 2 : 1'000;
  limits_.forgets_per_batch_max = below(3) == 0 ? 2 : 1'000;
  if (below(2) == 0) weather_ = {below(40), below(40), below(40)};
  static_members_ = below(2) == 0;
  with_operator_ = below(10) == 0;
  trims_ = below(2) == 0;
  // Ids leave memory in mid-run: a late event then begins another life, which only the replica can
  // judge.
  short_memory_ = below(6) == 0;
  if (short_memory_) options_.closed_ttl = std::chrono::milliseconds(100);
  if (short_memory_) options_.early_ttl = std::chrono::milliseconds(300);
  processes_.resize(1 + below(3));
  for (int p = 0; p < shape_.partitions; ++p)
    replicas_.emplace_back(cluster_, p, workload_, options_);
}

void Simulation::start(size_t i) {
  Process& process = processes_[i];
  ++process.incarnation;
  Instance::Setup setup;
  setup.name =
      "i" + std::to_string(i) + (static_members_ ? "" : "." + std::to_string(process.incarnation));
  setup.transactional_id = "t." + setup.name;
  setup.options = options_;
  if (trims_) setup.trim_interval = std::chrono::milliseconds(200);
  // Now and then a new version of the configuration is rolled out.
  if (below(3) == 0) setup.options.early_ttl = options_.early_ttl + std::chrono::milliseconds(600);
  setup.limits = limits_;
  // A static member that comes back takes its place in the group again, with a fresh look at its
  // partitions.
  if (cluster_.is_member(setup.name)) cluster_.leave(setup.name);
  process.instance = std::make_unique<Instance>(setup, cluster_, random_);
}

void Simulation::turn(Process& process) {
  if (!process.instance || process.paused_until_ms > now_ms_) return;
  if (below(2) == 0) {
    process.instance->round(now_ms_, now_ms_);
  } else {
    process.instance->work(calm_ ? Weather{} : weather_, now_ms_);
  }
  auto& notes = process.instance->notes();
  std::ranges::move(notes, std::back_inserter(run_.notes));
  notes.clear();
  if (!process.instance->exited()) return;
  const auto exit = process.instance->exit();
  if (exit->code != 0)
    run_.verdict.faults.push_back("an instance ended with " + std::to_string(exit->code) + ": " +
                                  exit->message);
  run_.statistics.batches += process.instance->worker().totals().batches_committed;
  run_.statistics.failed_commits += process.instance->worker().totals().batches_failed;
  cluster_.leave(process.instance->name());
  process.instance.reset();
  process.down_until_ms = now_ms_ + below(3'000);
}

void Simulation::write_due() {
  for (; written_ < workload_.records.size() && workload_.records[written_].at_ms <= now_ms_;
       ++written_) {
    const Planned& planned = workload_.records[written_];
    Entry entry{false,       nullptr,       planned.timestamp_ms.value_or(now_ms_),
                planned.key, planned.value, now_ms_};
    cluster_.input[static_cast<size_t>(planned.partition)].append(std::move(entry));
  }
}

void Simulation::tidy_cluster() {
  if (cluster_.marker_pending() && below(3) > 0) cluster_.write_some_marker(random_, now_ms_);
  cluster_.expire_members(now_ms_, kSessionMs);
  cluster_.expire_transactions(now_ms_, kTransactionTimeoutMs);
  if (cluster_.finish_rebalance()) ++run_.statistics.rebalances;
}

// Somebody else's transaction on the input: the last stable offset stands still until it ends.
void Simulation::foreign_transaction() {
  if (foreign_.empty() || below(2) == 0) {
    foreign_.push_back(std::make_shared<Transaction>());
    ++run_.statistics.foreign_transactions;
    Entry entry{false, foreign_.back(), now_ms_, "foreign", R"({"type":"Foreign"})", now_ms_};
    cluster_.input[below(static_cast<uint32_t>(cluster_.partitions()))].append(std::move(entry));
    return;
  }
  end_foreign_transaction();
}

void Simulation::end_foreign_transaction() {
  const TransactionPtr ended = foreign_.back();
  foreign_.pop_back();
  ended->decision = below(2) == 0 ? Decision::kCommitted : Decision::kAborted;
  for (Log& log : cluster_.input) log.write_marker(ended, now_ms_);
}

void Simulation::fault() {
  Process& process = processes_[below(static_cast<uint32_t>(processes_.size()))];
  switch (below(8)) {
    case 0:
    case 1:
    case 2:
      if (!process.instance) return;
      ++run_.statistics.crashes;
      run_.statistics.batches += process.instance->worker().totals().batches_committed;
      process.instance.reset();
      process.down_until_ms = now_ms_ + below(chance(200) ? 5'000 : 300);
      return;
    case 3:
      ++run_.statistics.pauses;
      process.paused_until_ms = now_ms_ + below(3'000);
      return;
    case 4:
      if (process.instance) process.instance->stop(now_ms_);
      return;
    case 5:
    case 6:
      return foreign_transaction();
    case 7:
      if (with_operator_ && !was_reset_) return operator_resets();
      now_ms_ += below(2'000);
      return;
    default:
      return;
  }
}

// The input's retention at its worst: what no committed batch needs is gone soon.
void Simulation::retain() {
  if (!trims_ || cluster_.marker_pending()) return;
  watch();  // the replica has no state to recover from and must have read it before
  for (int p = 0; p < cluster_.partitions(); ++p) {
    const auto committed = cluster_.committed(p).committed;
    if (!committed) continue;
    const auto metadata = core::decode_commit_metadata(committed->metadata);
    if (!metadata) continue;
    const auto from = replicas_[static_cast<size_t>(p)].began_at(metadata->epoch, metadata->origin);
    if (from) retained_from_.push_back({now_ms_, p, *from});
  }
  for (; !retained_from_.empty() && retained_from_.front().at_ms + kRetentionMs < now_ms_;
       retained_from_.pop_front()) {
    cluster_.input[static_cast<size_t>(retained_from_.front().partition)].truncate_before(
        retained_from_.front().offset);
  }
}

// All instances are down and what they left has ended; then the offsets of a partition are set, or
// expire.
void Simulation::operator_resets() {
  was_reset_ = true;
  retained_from_.clear();
  for (Process& process : processes_) {
    if (process.instance) cluster_.leave(process.instance->name());
    process.instance.reset();
    process.down_until_ms = now_ms_ + kTransactionTimeoutMs + below(500);
  }
  now_ms_ += kTransactionTimeoutMs;
  cluster_.expire_transactions(now_ms_, kTransactionTimeoutMs);
  cluster_.expire_members(now_ms_, 0);
  cluster_.write_all_markers(now_ms_);
  const int partition = static_cast<int>(below(static_cast<uint32_t>(cluster_.partitions())));
  const auto committed = cluster_.committed(partition).committed;
  if (!committed || below(3) == 0) return cluster_.reset_offset(partition, std::nullopt);
  const int64_t begin = cluster_.input[static_cast<size_t>(partition)].begin();
  cluster_.reset_offset(partition,
                        begin + below(static_cast<uint32_t>(committed->offset - begin) + 1));
}

void Simulation::watch() {
  for (size_t p = 0; p < replicas_.size(); ++p) {
    if (cluster_.marker_pending()) return;  // outputs and journal become visible apart
    replicas_[p].follow(run_.verdict.faults);
    for (const Process& process : processes_) {
      // What is still on its way may be refused: another instance may have made that batch
      // meanwhile.
      if (!process.instance || process.instance->worker().committing()) continue;
      const core::Shard* live =
          process.instance->worker().shard(core::Partition{static_cast<int>(p)});
      if (live != nullptr) replicas_[p].compare(*live, run_.verdict.faults);
    }
  }
}

void Simulation::step() {
  if (below(3) == 0) now_ms_ += below(20);
  write_due();
  tidy_cluster();
  for (size_t i = 0; i < processes_.size(); ++i) {
    if (!processes_[i].instance && processes_[i].down_until_ms <= now_ms_) start(i);
  }
  turn(processes_[below(static_cast<uint32_t>(processes_.size()))]);
  if (!calm_ && chance(8)) fault();
  if (chance(30)) watch();
  if (chance(10)) retain();
}

bool Simulation::done() const {
  if (now_ms_ < workload_.last_deadline_ms + 5'000 || cluster_.marker_pending()) return false;
  for (int p = 0; p < cluster_.partitions(); ++p) {
    const int64_t end = cluster_.input[static_cast<size_t>(p)].high_watermark();
    bool live_and_idle = false;
    for (const Process& process : processes_) {
      if (!process.instance) continue;
      const auto* shard = process.instance->worker().shard(core::Partition{p});
      live_and_idle =
          live_and_idle || (shard != nullptr && !process.instance->busy() && !shard->moved() &&
                            shard->timers() == 0 && core::raw(shard->next(0)) >= end);
    }
    if (!live_and_idle) return false;
  }
  return true;
}

std::string Simulation::where_it_stands() const {
  std::string text = cluster_.marker_pending() ? "markers are pending\n" : "";
  for (int p = 0; p < cluster_.partitions(); ++p) {
    const auto committed = cluster_.committed(p);
    text += "partition " + std::to_string(p) + ": committed " +
            (committed.committed ? std::to_string(committed.committed->offset)
             : committed.stable  ? "nothing"
                                 : "unstable") +
            ", end " + std::to_string(cluster_.input[static_cast<size_t>(p)].high_watermark()) +
            "\n";
    for (const Process& process : processes_) {
      if (!process.instance) continue;
      const auto* shard = process.instance->worker().shard(core::Partition{p});
      if (shard == nullptr) continue;
      text += "  live in " + process.instance->name() + (process.instance->busy() ? ", busy" : "") +
              (shard->moved() ? ", moved" : "") + ", timers " + std::to_string(shard->timers()) +
              "\n";
    }
  }
  for (const Process& process : processes_) {
    text += process.instance ? process.instance->name() +
                                   (process.instance->worker().ready() ? " ready" : " waits") + "\n"
                             : "down\n";
  }
  return text;
}

void Simulation::calm_down() {
  calm_ = true;
  while (!foreign_.empty()) end_foreign_transaction();
  for (Process& process : processes_) process.paused_until_ms = 0;
}

Run Simulation::run() {
  const int64_t storm_until = kBeginMs + shape_.span_ms + 2'500;
  while (now_ms_ < storm_until && run_.verdict.faults.empty()) step();
  calm_down();
  for (int i = 0; i < kCalmRoundsMax && !done() && run_.verdict.faults.empty(); ++i) {
    for (int k = 0; k < 4; ++k) step();
    now_ms_ += below(40);
  }
  watch();
  if (run_.verdict.faults.empty() && !done())
    run_.verdict.faults.push_back("the run does not come to an end\n" + where_it_stands());
  // Records that an operator had read twice have two outcomes, and rightly so: the replica alone
  // judges that.
  if (run_.verdict.faults.empty() && !was_reset_ && !short_memory_) {
    run_.verdict = judge_outcomes(cluster_, workload_, options_.early_ttl.count());
  }
  return std::move(run_);
}

}  // namespace

Run simulate(uint64_t seed) { return Simulation(seed).run(); }

}  // namespace muster::sim

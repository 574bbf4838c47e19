#include "simulation.h"

#include "world.h"

#include <algorithm>

namespace muster::sim {
namespace {

constexpr int kCalmRoundsMax = 20'000;
constexpr uint32_t kSpeed = 75;

WorkloadShape draw_shape(std::mt19937_64& random) {
  const auto below = [&random](int n) {
    return static_cast<int>(random() % static_cast<uint64_t>(n));
  };
  WorkloadShape shape;
  shape.partitions = 1 + below(3);
  // Some have one log: all of a group's records must be at home.
  if (below(4) > 0) {
    shape.routing = core::Routing{
        below(2) == 0 ? core::Partitioner::kMurmur2 : core::Partitioner::kCrc32, shape.partitions};
    if (below(5) > 0) shape.spread_percent = 30 + below(31);
  }
  shape.groups = 20 + below(30);
  shape.begin_ms = kBeginMs + 500;
  shape.span_ms = 6'000;
  shape.odd_times = below(2) == 0;
  return shape;
}

}  // namespace

Statistics& Statistics::operator+=(const Statistics& other) {
  counts += other.counts;
  crashes += other.crashes;
  rebalances += other.rebalances;
  pauses += other.pauses;
  foreign_transactions += other.foreign_transactions;
  resets += other.resets;
  losses += other.losses;
  store_faults += other.store_faults;
  return *this;
}

World::World(uint64_t seed)
    : random_(seed),
      shape_(draw_shape(random_)),
      workload_(draw_workload(shape_, random_)),
      cluster_(shape_.partitions, shape_.routing),
      transcript_(cluster_) {
  draw_character();
  draw_refused();
  // Apart, so that all other runs are what they were.
  std::mt19937_64 of_memory(seed ^ 0x6d656d6f7279);
  if (of_memory() % 4 == 0) memory_bytes_ = 2'000 + of_memory() % 20'000;
  processes_.resize(1 + below(3));
  for (Process& process : processes_) {
    if (character_.wrong_clocks) step_clock(process);
  }
  for (int p = 0; p < shape_.partitions; ++p) {
    constexpr std::array<uint32_t, 4> kSpeeds = {kSpeed, 30, 10, 4};
    reading_speed_.push_back(character_.uneven ? kSpeeds[below(4)] : kSpeed);
    replicas_.emplace_back(cluster_, p, shape_.routing, options_, transcript_);
  }
}

void World::draw_character() {
  options_.early_ttl = std::chrono::seconds(2);
  options_.closed_ttl = std::chrono::seconds(100);
  limits_.carry_after =
      below(2) == 0 ? std::chrono::milliseconds(300 + below(2'000)) : std::chrono::hours(1);
  limits_.timers_per_tick_max = below(3) == 0 ? 2 : 1'000;
  limits_.forgets_per_batch_max = below(3) == 0 ? 2 : 1'000;
  if (below(2) == 0) weather_ = {below(40), below(40), below(40), below(60), below(60), below(60)};
  character_.checkpoints = below(4) > 0;
  checkpoints_.interval = std::chrono::milliseconds(20 + below(500));
  checkpoints_.ids_per_round = 1 + below(6);
  checkpoints_.retry_max = std::chrono::seconds(1);
  limits_.checkpoint_part_bytes_max = below(2) == 0 ? 1'000'000 : 50 + below(1'000);
  character_.static_members = below(2) == 0;
  character_.with_operator = below(10) == 0;
  character_.lossy = !character_.with_operator && below(15) == 0;
  character_.accept_loss = below(character_.lossy ? 2 : 4) == 0;
  character_.trims = below(2) == 0;
  character_.wrong_clocks = below(8) == 0;
  character_.uneven = below(3) == 0;
  character_.stray = shape_.routing && below(10) == 0;
  // Ids leave memory in mid-run: a late event then begins another life, which only the replica can
  // judge.
  character_.short_memory = below(6) == 0;
  if (character_.short_memory) options_.closed_ttl = std::chrono::milliseconds(100);
  if (character_.short_memory) options_.early_ttl = std::chrono::milliseconds(300);
}

void World::draw_refused() {
  if (below(6) > 0) return;
  Refused& refused = cluster_.refused;
  refused.with_neighbours = below(2) == 0;
  const bool forwarded_too = below(2) == 0;
  for (const auto& [id, home] : workload_.home) {
    if (below(12) > 0) continue;
    if (below(3) > 0) refused.outcomes.insert(id);
    if (forwarded_too && below(2) == 0) refused.forwarded.insert(id);
    if (below(3) == 0) refused.dead_letters.insert(id);
  }
}

std::vector<runtime::Log> World::input_logs() const {
  if (!shape_.routing) return {runtime::Log::kInput};
  return {runtime::Log::kInput, runtime::Log::kRepartition};
}

// --- processes

void World::start(size_t i) {
  Process& process = processes_[i];
  ++process.incarnation;
  Instance::Setup setup;
  setup.name = "i" + std::to_string(i) +
               (character_.static_members ? "" : "." + std::to_string(process.incarnation));
  setup.transactional_id = "t." + setup.name;
  setup.options = options_;
  setup.routing = shape_.routing;
  setup.accept_loss = character_.accept_loss;
  setup.reading_speed = &reading_speed_;
  if (character_.checkpoints) setup.checkpoints = checkpoints_;
  if (memory_bytes_ && !calm_) setup.memory = {*memory_bytes_, 0, 0};
  if (character_.trims) setup.trim_interval = std::chrono::milliseconds(200);
  // Now and then a new version of the configuration is rolled out.
  if (below(3) == 0) setup.options.early_ttl = options_.early_ttl + std::chrono::milliseconds(600);
  setup.limits = limits_;
  // A static member that comes back takes its place in the group again, with a fresh look at its
  // partitions.
  if (cluster_.is_member(setup.name)) cluster_.leave(setup.name);
  process.instance = std::make_unique<Instance>(setup, cluster_, store_, random_);
}

void World::take_down(Process& process, int64_t until_ms) {
  if (process.instance) run_.statistics.counts += process.instance->counts();
  process.instance.reset();
  process.down_until_ms = until_ms;
}

void World::turn(Process& process) {
  if (!process.instance || process.paused_until_ms > now_ms_) return;
  Instance& instance = *process.instance;
  if (below(2) == 0) {
    instance.round(now_ms_ + process.clock_error_ms, now_ms_);
  } else {
    instance.work(calm_ ? Weather{} : weather_, now_ms_);
  }
  std::ranges::move(instance.notes(), std::back_inserter(run_.notes));
  instance.notes().clear();
  std::ranges::copy(instance.faults(), std::back_inserter(run_.verdict.faults));
  if (instance.counts().accepted_losses > 0 && !loss_in_)
    run_.verdict.faults.push_back("a loss was accepted, and there was none");
  if (instance.exited()) ended(process);
}

void World::ended(Process& process) {
  const auto exit = process.instance->exit();
  if (exit->code != 0) {
    const bool says_loss = exit->message.find("--accept-loss") != std::string::npos;
    loss_said_ = loss_in_ && !character_.accept_loss && says_loss;
    if (!loss_said_)
      run_.verdict.faults.push_back("an instance ended with " + std::to_string(exit->code) + ": " +
                                    exit->message);
  }
  cluster_.leave(process.instance->name());
  take_down(process, now_ms_ + below(3'000));
}

// --- the world goes on

void World::write_due() {
  for (; written_ < workload_.records.size() && workload_.records[written_].at_ms <= now_ms_;
       ++written_) {
    const Planned& planned = workload_.records[written_];
    Entry entry{
        false, nullptr, planned.timestamp_ms.value_or(now_ms_), planned.key, planned.value, now_ms_,
        {},    0};
    if (planned.no_timestamp) entry.timestamp_ms.reset();
    if (planned.trace) entry.headers.push_back({"traceparent", *planned.trace});
    cluster_.log(runtime::Log::kInput, planned.partition).append(std::move(entry));
  }
}

void World::tidy_cluster() {
  if (cluster_.marker_pending() && below(3) > 0) cluster_.write_some_marker(random_, now_ms_);
  cluster_.expire_members(now_ms_, kSessionMs);
  cluster_.expire_transactions(now_ms_, kTransactionTimeoutMs);
  if (cluster_.finish_rebalance()) ++run_.statistics.rebalances;
}

void World::watch() {
  if (cluster_.marker_pending()) return;  // outputs and journal become visible apart
  for (Replica& replica : replicas_) replica.follow(run_.verdict.faults);
  transcript_.compare(run_.verdict.faults);
  for (const Process& process : processes_) {
    // What is still on its way may be refused: another instance may have made that batch meanwhile.
    if (!process.instance || process.instance->worker().committing()) continue;
    for (size_t p = 0; p < replicas_.size(); ++p) {
      const core::Shard* live =
          process.instance->worker().shard(core::Partition{static_cast<int>(p)});
      if (live != nullptr) replicas_[p].compare(*live, run_.verdict.faults);
    }
  }
}

void World::step() {
  if (below(3) == 0) now_ms_ += below(20);
  write_due();
  tidy_cluster();
  for (size_t i = 0; i < processes_.size(); ++i) {
    if (!processes_[i].instance && processes_[i].down_until_ms <= now_ms_) start(i);
  }
  turn(processes_[below(static_cast<uint32_t>(processes_.size()))]);
  if (chance(20)) store_.write_some_late(random_);
  if (!calm_ && chance(10)) fault();
  if (chance(30)) watch();
  if (chance(10)) retain();
}

// --- the end

bool World::drained(int partition) const {
  return std::ranges::any_of(processes_, [&](const Process& process) {
    if (!process.instance || process.instance->busy()) return false;
    const auto* shard = process.instance->worker().shard(core::Partition{partition});
    if (shard == nullptr || shard->moved() || shard->timers() > 0) return false;
    return std::ranges::all_of(input_logs(), [&](runtime::Log log) {
      return core::raw(shard->next(static_cast<size_t>(log))) >=
             cluster_.log(log, partition).high_watermark();
    });
  });
}

bool World::done() const {
  if (now_ms_ < workload_.last_deadline_ms + 5'000 || cluster_.marker_pending()) return false;
  for (int p = 0; p < cluster_.partitions(); ++p) {
    if (!drained(p)) return false;
  }
  return true;
}

std::string World::where_it_stands() const {
  std::string text = cluster_.marker_pending() ? "markers are pending\n" : "";
  for (int p = 0; p < cluster_.partitions(); ++p) {
    for (const runtime::Log log : input_logs()) {
      const auto committed = cluster_.committed(log, p);
      text += std::string(topic_name(log)) + " partition " + std::to_string(p) + ": committed " +
              (committed.committed ? std::to_string(committed.committed->offset)
               : committed.stable  ? "nothing"
                                   : "unstable") +
              ", end " + std::to_string(cluster_.log(log, p).high_watermark()) + "\n";
    }
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

void World::calm_down() {
  calm_ = true;
  store_.reachable = true;
  while (!foreign_.empty()) end_foreign_transaction();
  for (Process& process : processes_) {
    process.paused_until_ms = 0;
    // What does not fit waits until there is more memory, which only another start can give.
    if (memory_bytes_) take_down(process, now_ms_);
  }
  std::ranges::fill(reading_speed_, kSpeed);
}

void World::judge() {
  if (loss_in_ &&
      (!character_.accept_loss || replicas_[static_cast<size_t>(*loss_in_)].new_epoch_expected())) {
    run_.verdict.faults.push_back("nobody noticed the loss");
    return;
  }
  // Records that were read twice have two outcomes, and rightly so; groups that were open at a loss
  // have none: the replica alone judges that.
  if (was_reset_ || loss_in_ || character_.short_memory) return;
  run_.verdict =
      judge_outcomes(cluster_, workload_, {options_.early_ttl.count(), !character_.wrong_clocks});
}

Run World::run() {
  const int64_t storm_until = kBeginMs + shape_.span_ms + 2'500;
  while (now_ms_ < storm_until && !over()) step();
  calm_down();
  for (int i = 0; i < kCalmRoundsMax && !done() && !over(); ++i) {
    for (int k = 0; k < 4; ++k) step();
    now_ms_ += below(40);
  }
  watch();
  if (!over() && !done())
    run_.verdict.faults.push_back("the run does not come to an end\n" + where_it_stands());
  if (!over() && !transcript_.all_compared())
    run_.verdict.faults.push_back("a part of a transaction is not in the journal");
  if (!over()) judge();
  for (Process& process : processes_) take_down(process, now_ms_);
  return std::move(run_);
}

Run simulate(uint64_t seed) { return World(seed).run(); }

}  // namespace muster::sim

// The simulator's program: muster_sim SEEDS [SEED]: so many runs, from that seed on; a failing one
// prints its seed, `make sim SEEDS=1 SEED=k` repeats it.
#include "simulation.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  const uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000;
  const uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const auto began = std::chrono::steady_clock::now();
  muster::sim::Statistics total;
  uint64_t groups = 0;
  uint64_t exact = 0;
  uint64_t one_of_some = 0;
  uint64_t elsewhere = 0;
  uint64_t timeouts = 0;
  uint64_t false_timeouts = 0;
  uint64_t failed = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto run = muster::sim::simulate(seed);
    groups += run.verdict.groups;
    exact += run.verdict.exact;
    one_of_some += run.verdict.one_of_some;
    elsewhere += run.verdict.elsewhere;
    timeouts += run.verdict.timeouts;
    false_timeouts += run.verdict.false_timeouts;
    total += run.statistics;
    if (run.verdict.ok()) continue;
    ++failed;
    std::printf("seed %llu:\n", static_cast<unsigned long long>(seed));
    for (const auto& fault : run.verdict.faults) std::printf("  %s\n", fault.c_str());
    if (seeds == 1) {
      for (const auto& note : run.notes) std::printf("  note: %s\n", note.c_str());
    }
    if (failed >= 5) break;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto n = [](uint64_t number) { return static_cast<unsigned long long>(number); };
  std::printf(
      "%llu groups (%llu known to the byte, %llu one of some), %llu for parents and handlers, %llu "
      "timeouts, %llu false\n",
      n(groups), n(exact), n(one_of_some), n(elsewhere), n(timeouts), n(false_timeouts));
  std::printf(
      "%llu batches, %llu records forwarded, %llu crashes, %llu pauses, %llu failed commits, %llu "
      "of them refused, %llu rebalances, %llu shards resumed, %llu dead writers fenced, %llu "
      "foreign "
      "transactions, %llu resets, %llu losses\n",
      n(total.counts.batches), n(total.counts.forwarded), n(total.crashes), n(total.pauses),
      n(total.counts.failed_commits), n(total.counts.refusals), n(total.rebalances),
      n(total.counts.resumed), n(total.counts.fenced_writers), n(total.foreign_transactions),
      n(total.resets), n(total.losses));
  std::printf(
      "%llu checkpoints, %llu recoveries from one, %llu void, %llu faults of their store; %llu "
      "portions held back; %.0f seeds/s\n",
      n(total.counts.checkpoints), n(total.counts.checkpoints_loaded),
      n(total.counts.checkpoints_void), n(total.store_faults), n(total.counts.held_back),
      static_cast<double>(seeds) / seconds);
  std::printf("%llu passed, %llu failed\n", n(seeds - failed), n(failed));
  return failed == 0 ? 0 : 1;
}

// Shows that the simulator would notice: each rule of the core is broken on purpose, in a process
// of its own (a broken rule may also end in a failed CHECK, which is found as well), and runs go on
// until one is judged wrong. Fails if a planted bug is not found within so many seeds:
// muster_sim_planted [SEEDS [BUG]]; the bugs are numbered from 1, as in planted.h.
#include "simulation.h"

#include "base/planted.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace {

using muster::base::Bug;

constexpr std::array<const char*, static_cast<size_t>(Bug::kCount)> kNames = {
    "none: the real rules",
    "ceiling not journaled",
    "ceiling of a later round journaled",
    "a batch goes on after a time was cut",
    "tick not journaled",
    "clock not journaled",
    "options not journaled",
    "clock moved by records",
    "deadline counted from before the clock",
    "clock moved at the last stable offset",
    "clock moved without reading the log's end",
    "tick kept from an aborted batch",
    "late record fires its group",
    "forgets not journaled",
    "forgets applied at the batch's start",
    "origin without remembered ids",
    "origin without early ids",
    "carried bytes ignored",
    "timers fired in the order of arming",
    "epoch reused",
    "journal written outside of the transaction",
    "offsets not fenced by the generation",
    "second log applied before the first",
    "clock moved without waiting for other partitions",
    "clock moved before what they forwarded is read",
    "timer armed again left to the next tick",
    "forwarded records replayed before the input's",
    "kept shard resumed without comparing",
    "offset of one log believed when the other's was reset",
    "forwarded record without its time",
    "repartition log trimmed to where it was read",
    "loss believed at the first look",
    "refused dead letter sent for ever",
    "checkpoint without copy on write",
    "checkpoint written before its batch has committed",
    "checkpoint taken for the origin",
    "checkpoint of another epoch believed",
    "checkpoint without the ids that left",
    "failed part of a checkpoint not repeated",
    "unfinished checkpoint believed",
};

// The rarest takes some ten thousand.
constexpr uint64_t kSeeds = 40'000;
constexpr uint64_t kSeedsWithoutBug = 10'000;

int child(Bug bug, uint64_t seeds, volatile uint64_t* seed) {
  if (std::freopen("/dev/null", "w", stderr) == nullptr) return 2;
  muster::base::planted_bug = bug;
  for (uint64_t next = 1; next <= seeds; ++next) {
    *seed = next;
    if (!muster::sim::simulate(next).verdict.ok()) return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : kSeeds;
  void* shared =
      mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 2;
  auto* seed = static_cast<volatile uint64_t*>(shared);
  int passed = 0;
  int failed = 0;
  const size_t only = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  for (size_t i = only; i < (only > 0 ? only + 1 : kNames.size()); ++i) {
    const auto bug = static_cast<Bug>(i);
    const pid_t pid = fork();
    const uint64_t tried = bug == Bug::kNone ? std::min(seeds, kSeedsWithoutBug) : seeds;
    if (pid == 0) _exit(child(bug, tried, seed));
    int status = 0;
    waitpid(pid, &status, 0);
    const bool found = !WIFEXITED(status) || WEXITSTATUS(status) == 1;
    const bool right = found == (bug != Bug::kNone);
    if (found) {
      std::printf("%-45s %s with seed %llu\n", kNames[i],
                  WIFEXITED(status) ? "found" : "found by a CHECK",
                  static_cast<unsigned long long>(*seed));
    } else {
      std::printf("%-45s not found in %llu seeds%s\n", kNames[i],
                  static_cast<unsigned long long>(tried), right ? ", as it should be" : "");
    }
    std::fflush(stdout);
    ++(right ? passed : failed);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

// What a checkpoint holds up the loop with: a portion of ids that are written down, and the beginning
// of one after many ids have changed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "collector/processor.h"
#include "core/shard.h"

namespace muster {
namespace {

constexpr size_t kPortion = 2'000;  // runtime::Checkpoints::Options

struct OpenGroups {
  explicit OpenGroups(int64_t count)
      : shard(core::Partition{0}, std::nullopt,
              std::make_unique<collector::Processor>(collector::Options{}), limits()) {
    shard.start(core::Epoch{1}, {core::Offset{0}}, core::Offset{0});
    const auto now = core::time_from_ms(1'600'000'000'000);
    for (int64_t i = 0; i < count; ++i) {
      const std::string name = "group-" + std::to_string(1'000'000'000 + i);
      const std::string value =
          R"({"type":"EventGroupCollectorCreate","id":")" + name +
          R"(","expected":["entity-a","entity-b","entity-c"],"ttl":600,"payload":{"n":12345678}})";
      core::Record record;
      record.offset = core::Offset{i};
      record.timestamp = now;
      record.value = value;
      if (i % 20'000 == 0) shard.begin(now);
      shard.apply(0, {&record, 1}, core::after(record.offset), batch);
      if (i % 20'000 == 19'999 || i == count - 1) {
        shard.seal(std::nullopt, "bench", batch);
        shard.committed(shard.n(), core::Offset{i});
        batch.clear();
      }
    }
  }
  static core::ShardLimits limits() {
    core::ShardLimits limits;
    limits.checkpoints = true;
    limits.carry_after_records = 1'000'000'000;
    return limits;
  }

  core::Shard shard;
  core::Batch batch;
};

// Until all are written; parts are thrown away as soon as they are full. Per id.
void BM_WriteCheckpoint(benchmark::State& state) {
  OpenGroups groups(state.range(0));
  core::Checkpointer& checkpointer = *groups.shard.checkpointer();
  double longest = 0;
  for (auto _ : state) {
    checkpointer.start_over();
    groups.shard.begin_checkpoint(1);
    while (checkpointer.under_way()) {
      const auto began = std::chrono::steady_clock::now();
      checkpointer.write(kPortion);
      if (groups.shard.part_ready()) {
        benchmark::DoNotOptimize(groups.shard.next_part());
        checkpointer.stored();
      }
      longest = std::max(
          longest, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["longest_portion_ms"] = longest * 1e3;
}
BENCHMARK(BM_WriteCheckpoint)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace muster

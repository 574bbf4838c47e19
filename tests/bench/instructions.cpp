// bench_instructions: the collector's own work on records that are always the same, without Kafka
// and without a clock, for a counter of instructions to look at. It makes --lives groups, does
// --work with the first --count of them and ends: the difference of two counts is the work's alone.
//
//   decode    parses and checks the first --steps records of each
//   apply     the processor takes them; with --steps 4 the group closes, and its outcome is written
//   shard     apply as the worker has it done: timers, batches of 20,000 records, journal entries,
//             closed ids that leave memory
#include "arguments.h"
#include "base/check.h"
#include "collector/decoder.h"
#include "collector/processor.h"
#include "core/shard.h"
#include "events.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace muster::bench {
namespace {

constexpr size_t kRecords = 1 + kDones;
constexpr size_t kBatchRecords = 20'000;
constexpr size_t kOpenAtATime = 1'000;

struct Work {
  std::vector<std::string> values;  // kRecords of each life, one after the other
  size_t steps = 0;
  size_t count = 0;

  const std::string& value(size_t life, size_t step) const {
    return values[life * kRecords + step];
  }
};

Work make_work(const Arguments& arguments) {
  Work work;
  const auto lives = static_cast<size_t>(arguments.number("lives"));
  for (size_t life = 0; life < lives; ++life) {
    char id[32];
    std::snprintf(id, sizeof id, "trip-%010zu", life);
    write_create(work.values.emplace_back(), id, {});
    for (size_t step = 1; step <= kDones; ++step) {
      write_done(work.values.emplace_back(), id, {.group = life, .step = step});
    }
  }
  work.steps = static_cast<size_t>(arguments.number("steps"));
  work.count = static_cast<size_t>(arguments.number("count"));
  CHECK(work.steps <= kRecords);
  CHECK(work.count <= lives);
  return work;
}

core::Record record_of(const std::string& value, core::Time now) {
  core::Record record;
  record.topic = "events";
  record.timestamp = now;
  record.time = now;
  record.value = value;
  return record;
}

void decode(const Work& work) {
  collector::Decoder decoder;
  const collector::Options options;
  for (size_t life = 0; life < work.count; ++life) {
    for (size_t step = 0; step < work.steps; ++step) {
      const auto decoded = decoder.decode(work.value(life, step), options);
      CHECK(!std::holds_alternative<collector::Rejected>(decoded));
    }
  }
}

void apply(const Work& work) {
  const core::Time now = core::time_from_ms(1'600'000'000'000);
  collector::Processor processor{collector::Options{}};
  core::Arena arena;
  core::Effects effects(arena);
  for (size_t life = 0; life < work.count; ++life) {
    for (size_t step = 0; step < work.steps; ++step) {
      const core::Record record = record_of(work.value(life, step), now);
      processor.on_record(record, now, effects);
      effects.clear_list();
    }
    arena.clear();
  }
}

// Groups begin one after the other and go on side by side.
void shard(const Work& work) {
  collector::Options options;
  options.closed_ttl = std::chrono::seconds(5);
  options.early_ttl = std::chrono::seconds(5);
  core::Shard shard(core::Partition{0}, std::nullopt,
                    std::make_unique<collector::Processor>(options), core::ShardLimits{});
  shard.start(core::Epoch{1}, {core::Offset{0}}, core::Offset{0});
  core::Batch batch;
  core::Time now = core::time_from_ms(1'600'000'000'000);
  int64_t offset = 0;
  const auto seal = [&] {
    shard.seal(now, "bench", batch);
    shard.committed(shard.n(), core::Offset{offset});
    batch.clear();
    now += std::chrono::seconds(1);
  };
  for (size_t turn = 0; turn < work.count + kOpenAtATime * work.steps; ++turn) {
    for (size_t step = 0; step < work.steps; ++step) {
      const size_t behind = step * kOpenAtATime / work.steps;
      if (turn < behind || turn - behind >= work.count) continue;
      if (static_cast<size_t>(offset) % kBatchRecords == 0) shard.begin(now);
      core::Record record = record_of(work.value(turn - behind, step), now);
      record.offset = core::Offset{offset++};
      shard.apply(0, {&record, 1}, core::Offset{offset}, batch);
      if (static_cast<size_t>(offset) % kBatchRecords == 0) seal();
    }
  }
  if (static_cast<size_t>(offset) % kBatchRecords != 0) seal();
}

int run(const Arguments& arguments) {
  const Work work = make_work(arguments);
  const std::string& kind = arguments.text("work");
  if (kind == "decode") {
    decode(work);
  } else if (kind == "apply") {
    apply(work);
  } else if (kind == "shard") {
    shard(work);
  } else {
    std::fprintf(stderr, "--work decode, apply or shard\n");
    return 2;
  }
  std::printf("records=%zu\n", work.count * work.steps);
  return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  return muster::bench::run(
      {argc, argv, {{"work", ""}, {"steps", "4"}, {"lives", "20000"}, {"count", ""}}});
}

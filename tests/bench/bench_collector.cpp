// The collector's own share of a record: decoding, and applying it to its group. No Kafka.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "collector/decoder.h"
#include "collector/processor.h"

namespace muster::collector {
namespace {

constexpr size_t kRecordBytes = 222;

// `head` and `tail` with so many x between them that the record has its size.
std::string padded(std::string head, std::string_view tail) {
  head.append(kRecordBytes - head.size() - tail.size(), 'x');
  return head.append(tail);
}

std::string create_record(const std::string& group) {
  return padded(R"({"type":"EventGroupCollectorCreate","id":")" + group +
                    R"(","expected":["entity-a","entity-b","entity-c"],"ttl":60,)"
                    R"("payload":{"number":12,"flags":[true,null],"text":")",
                "\"}}");
}

std::string done_record(const std::string& group, char entity) {
  return padded(std::string(R"({"type":"EventGroupCollectorEntityDone","id":"entity-)") + entity +
                    R"(","group":")" + group + R"(","result":{"number":12.5,"text":")",
                "\"}}");
}

void decode(benchmark::State& state, const std::string& value) {
  Decoder decoder;
  const Options options;
  for (auto _ : state) benchmark::DoNotOptimize(decoder.decode(value, options));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(value.size()));
}

void BM_DecodeDone(benchmark::State& state) { decode(state, done_record("group-000000001", 'a')); }
BENCHMARK(BM_DecodeDone);

void BM_DecodeCreate(benchmark::State& state) { decode(state, create_record("group-000000001")); }
BENCHMARK(BM_DecodeCreate);

core::Record record_of(std::string_view value) {
  core::Record record;
  record.topic = "events";
  record.timestamp = core::time_from_ms(1'600'000'000'000);
  record.time = *record.timestamp;
  record.value = value;
  return record;
}

// The four records of each of so many groups.
std::vector<std::array<std::string, 4>> whole_lives() {
  std::vector<std::array<std::string, 4>> lives;
  for (size_t i = 0; i < 4096; ++i) {
    const std::string group = "life-" + std::to_string(1'000'000'000 + i);
    lives.push_back({create_record(group), done_record(group, 'a'), done_record(group, 'b'),
                     done_record(group, 'c')});
  }
  return lives;
}

// A group's whole life, Create and three Dones, while so many others are open: the time is that of
// four records.
void BM_ApplyGroup(benchmark::State& state) {
  const auto lives = whole_lives();
  Processor processor{Options{}};
  core::Arena arena;
  core::Effects effects(arena);
  for (int64_t i = 0; i < state.range(0); ++i) {
    const std::string value = create_record("open-" + std::to_string(1'000'000'000 + i));
    const core::Record record = record_of(value);
    processor.on_record(record, record.time, effects);
    effects.clear_list();
  }
  size_t life = 0;
  core::Slot slot{};
  for (auto _ : state) {
    for (const std::string& value : lives[life++ % lives.size()]) {
      const core::Record record = record_of(value);
      processor.on_record(record, record.time, effects);
      for (const core::Effect& effect : effects.list()) {
        if (const auto* touch = std::get_if<core::Touch>(&effect)) slot = touch->key.slot;
      }
      effects.clear_list();
    }
    processor.drop(slot);
    arena.clear();
  }
  state.SetItemsProcessed(state.iterations() * 4);
}
BENCHMARK(BM_ApplyGroup)->Arg(0)->Arg(1000)->Arg(1'000'000);

// The record that closes a group, with its outcome. Per record.
void BM_LastDone(benchmark::State& state) {
  const auto lives = whole_lives();
  Processor processor{Options{}};
  core::Arena arena;
  core::Effects effects(arena);
  std::vector<core::Slot> slots;
  for (auto _ : state) {
    const auto apply = [&](size_t step) {
      for (const auto& life : lives) {
        const core::Record record = record_of(life[step]);
        processor.on_record(record, record.time, effects);
      }
    };
    for (size_t step = 0; step < 3; ++step) apply(step);
    effects.clear_list();
    arena.clear();
    const auto began = std::chrono::steady_clock::now();
    apply(3);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    state.SetIterationTime(took.count() / static_cast<double>(lives.size()));
    slots.clear();
    for (const core::Effect& effect : effects.list()) {
      if (const auto* touch = std::get_if<core::Touch>(&effect)) slots.push_back(touch->key.slot);
    }
    for (const core::Slot slot : slots) processor.drop(slot);
    effects.clear_list();
    arena.clear();
  }
}
BENCHMARK(BM_LastDone)->UseManualTime()->Iterations(200);

}  // namespace
}  // namespace muster::collector

BENCHMARK_MAIN();

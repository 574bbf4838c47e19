// What a batch costs beside its records: the entry that the journal keeps of it.
#include "core/journal_entry.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

namespace muster::core {
namespace {

// The entry of a batch in mid-backlog, with so many ids that leave memory and so many that are
// carried.
void BM_EncodeJournalEntry(benchmark::State& state) {
  std::vector<std::string> keys;
  for (int64_t i = 0; i < std::max(state.range(0), state.range(1)); ++i) {
    keys.push_back("trip-" + std::to_string(1'000'000'000 + i));
  }
  const std::string id_state(300, 'x');
  JournalEntry entry;
  entry.epoch = Epoch{0x0123456789abcdef};
  entry.n = BatchNumber{123'456};
  entry.origin = BatchNumber{123'000};
  entry.clock = time_from_ms(1'600'000'000'000);
  entry.options = "0123456789abcdef0123456789abcdef";
  entry.ranges = {{Offset{1'000'000'000}, Offset{1'000'020'000}}};
  entry.ceiling = entry.clock;
  for (int64_t i = 0; i < state.range(0); ++i)
    entry.forgets.push_back(keys[static_cast<size_t>(i)]);
  for (int64_t i = 0; i < state.range(1); ++i) {
    entry.carried.push_back({keys[static_cast<size_t>(i)], id_state});
  }
  std::string bytes;
  for (auto _ : state) {
    encode(entry, bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK(BM_EncodeJournalEntry)
    ->ArgNames({"forgets", "carried"})
    ->Args({0, 0})
    ->Args({5'000, 0})
    ->Args({5'000, 1'000});

}  // namespace
}  // namespace muster::core

// Arming and cancelling while many timers are armed: both must cost the same whatever their number
// is.
#include "core/timer_wheel.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <vector>

namespace muster::core {
namespace {

constexpr int64_t kStartMs = 1'600'000'000'000;
constexpr int64_t kTtlMsMax = 3'600'000;
constexpr size_t kDraws = size_t{1} << 20;
constexpr size_t kBlock = 64;

struct Draw {
  Slot slot{};
  Time due{};
};

struct Fixture {
  TimerWheel wheel;
  std::vector<Draw> draws;  // made beforehand: a random number costs as much as what is measured
};

// Filling it takes longer than measuring, so all benches of a size share one wheel; they leave it
// as they found it.
Fixture& fixture(int64_t armed) {
  static std::unique_ptr<Fixture> kept;
  static int64_t kept_armed = 0;
  if (kept_armed == armed) return *kept;
  kept = std::make_unique<Fixture>();
  kept_armed = armed;
  std::mt19937_64 random(1);
  std::vector<TimerWheel::Expired> none;
  const auto due = [&random] {
    return time_from_ms(kStartMs + 1 + static_cast<int64_t>(random() % kTtlMsMax));
  };
  kept->wheel.expire(time_from_ms(kStartMs), none);
  for (int64_t i = 0; i < armed; ++i) kept->wheel.arm(Slot{static_cast<uint32_t>(i)}, due());
  for (size_t i = 0; i < kDraws; ++i) {
    kept->draws.push_back(
        {Slot{static_cast<uint32_t>(random() % static_cast<uint64_t>(armed))}, due()});
  }
  return *kept;
}

// The time of both together.
void BM_TimerCancelAndArm(benchmark::State& state) {
  Fixture& f = fixture(state.range(0));
  size_t i = 0;
  for (auto _ : state) {
    const Draw& draw = f.draws[i++ % kDraws];
    f.wheel.disarm(draw.slot);
    f.wheel.arm(draw.slot, draw.due);
  }
}
BENCHMARK(BM_TimerCancelAndArm)->Arg(1'000)->Arg(1'000'000);

// The two apart. A clock is too coarse for one call, so a sample is a block of them; what is armed
// was cancelled long before, so that neither finds its timer in the cache.
void BM_TimerMedians(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  Fixture& f = fixture(state.range(0));
  const auto median_ns = [&f](const auto& call) {
    std::vector<double> samples;
    for (size_t i = 0; i < kDraws; i += kBlock) {
      const auto began = Clock::now();
      for (size_t k = i; k < i + kBlock; ++k) call(f.draws[k]);
      const std::chrono::duration<double, std::nano> took = Clock::now() - began;
      samples.push_back(took.count() / static_cast<double>(kBlock));
    }
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    return *middle;
  };
  for (auto _ : state) {
    state.counters["cancel_p50_ns"] = median_ns([&f](const Draw& d) { f.wheel.disarm(d.slot); });
    state.counters["arm_p50_ns"] = median_ns([&f](const Draw& d) { f.wheel.arm(d.slot, d.due); });
  }
}
BENCHMARK(BM_TimerMedians)->Arg(1'000'000)->Iterations(1);
// In this order each wheel is filled once.
BENCHMARK(BM_TimerCancelAndArm)->Arg(10'000'000);
BENCHMARK(BM_TimerMedians)->Arg(10'000'000)->Iterations(1);

}  // namespace
}  // namespace muster::core

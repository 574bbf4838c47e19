#include "runtime/wall_clock.h"

#include <algorithm>

namespace muster::runtime {
namespace {

constexpr core::Duration kStepReported = std::chrono::seconds(1);

core::Time system_now() {
  return std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
}

}  // namespace

WallClock::WallClock() : drift_before_(drift()) {}

core::Duration WallClock::drift() const {
  const auto steady =
      std::chrono::floor<core::Duration>(std::chrono::steady_clock::now().time_since_epoch());
  return system_now().time_since_epoch() - steady;
}

core::Time WallClock::now() {
  last_ = std::max(last_, system_now());
  return last_;
}

std::optional<core::Duration> WallClock::step() {
  const core::Duration step = drift() - drift_before_;
  if (step < kStepReported && step > -kStepReported) return std::nullopt;
  drift_before_ += step;
  return step;
}

}  // namespace muster::runtime

// The wall clock as the worker sees it: monotone within the process. A step of the machine's clock
// (against the monotonic one) is reported once; after a step back time stands still until the clock
// has caught up.
#pragma once

#include "core/types.h"

#include <chrono>
#include <optional>

namespace muster::runtime {

class WallClock {
 public:
  WallClock();

  core::Time now();
  // How far the clock was stepped since the last call, if by more than a second.
  std::optional<core::Duration> step();

 private:
  core::Duration drift() const;

  core::Time last_{};
  core::Duration drift_before_{};
};

}  // namespace muster::runtime

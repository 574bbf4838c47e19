#include "runtime/wall_clock.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::runtime;

TEST_CASE("the clock shows the wall's time and never goes back") {
  WallClock clock;
  const core::Time before = std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
  core::Time last = clock.now();
  CHECK(last >= before);
  for (int i = 0; i < 100'000; ++i) {
    const core::Time now = clock.now();
    REQUIRE(now >= last);
    last = now;
  }
  CHECK(last - before < std::chrono::minutes(1));
}

TEST_CASE("a clock that nobody has stepped reports none") {
  WallClock clock;
  for (int i = 0; i < 1'000; ++i) CHECK_FALSE(clock.step().has_value());
}

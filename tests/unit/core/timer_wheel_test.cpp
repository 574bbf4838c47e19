#include "core/timer_wheel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>

using namespace muster::core;

namespace {

using Expired = TimerWheel::Expired;

std::vector<Expired> sorted(std::vector<Expired> expired) {
  std::ranges::sort(expired, [](const auto& a, const auto& b) {
    return std::pair(a.due, raw(a.slot)) < std::pair(b.due, raw(b.slot));
  });
  return expired;
}

Expired timer(uint32_t slot, int64_t due) { return {Slot{slot}, time_from_ms(due)}; }

// Reference: an ordered map.
struct Model {
  std::map<uint32_t, int64_t> due;

  std::vector<Expired> expire(int64_t now) {
    std::vector<Expired> out;
    for (const auto& [slot, at] : due) {
      if (at <= now) out.push_back(timer(slot, at));
    }
    for (const auto& expired : out) due.erase(raw(expired.slot));
    return sorted(out);
  }
};

}  // namespace

TEST_CASE("a timer fires at its time to the millisecond, not before") {
  for (const int64_t due :
       {1LL, 63LL, 64LL, 65LL, 4095LL, 4096LL, 262'144LL, 1'600'000'000'000LL}) {
    TimerWheel wheel;
    std::vector<Expired> out;
    wheel.arm(Slot{3}, time_from_ms(due));
    CHECK_FALSE(wheel.any_due(time_from_ms(due - 1)));
    wheel.expire(time_from_ms(due - 1), out);
    CHECK(out.empty());
    CHECK(wheel.any_due(time_from_ms(due)));
    wheel.expire(time_from_ms(due), out);
    CHECK(out == std::vector{timer(3, due)});
    CHECK(wheel.size() == 0);
  }
}

TEST_CASE("a timer that is armed again fires once, at the later call's time") {
  TimerWheel wheel;
  std::vector<Expired> out;
  wheel.arm(Slot{0}, time_from_ms(100));
  wheel.arm(Slot{0}, time_from_ms(50));
  wheel.expire(time_from_ms(1000), out);
  CHECK(out == std::vector{timer(0, 50)});
}

TEST_CASE("a cancelled timer does not fire, and cancelling what is not armed changes nothing") {
  TimerWheel wheel;
  std::vector<Expired> out;
  wheel.arm(Slot{1}, time_from_ms(10));
  wheel.disarm(Slot{1});
  wheel.disarm(Slot{1});
  wheel.disarm(Slot{77});
  wheel.expire(time_from_ms(1000), out);
  CHECK(out.empty());
}

TEST_CASE("a timer for a time that has passed fires at the next turn") {
  TimerWheel wheel;
  std::vector<Expired> out;
  wheel.expire(time_from_ms(10'000), out);
  wheel.arm(Slot{1}, time_from_ms(9'000));
  CHECK(wheel.no_earlier_than() == time_from_ms(9'000));
  CHECK(wheel.any_due(time_from_ms(9'500)));
  CHECK_FALSE(wheel.any_due(time_from_ms(8'999)));
  wheel.expire(time_from_ms(10'000), out);
  CHECK(out == std::vector{timer(1, 9'000)});
}

TEST_CASE("a turn that would fire too many stops at a whole millisecond and says where") {
  TimerWheel wheel;
  for (uint32_t slot = 0; slot < 30; ++slot) wheel.arm(Slot{slot}, time_from_ms(100 + slot / 10));
  std::vector<Expired> out;
  CHECK(wheel.expire(time_from_ms(5'000), out, 5) == time_from_ms(100));
  CHECK(out.size() == 10);
  CHECK(wheel.expire(time_from_ms(5'000), out, 10) == time_from_ms(101));
  CHECK(wheel.expire(time_from_ms(5'000), out, 10) == time_from_ms(5'000));
  CHECK(out.size() == 30);
}

TEST_CASE("whatever is armed, cancelled and expired, the wheel does as an ordered map does") {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&random](uint64_t n) { return static_cast<int64_t>(random() % n); };
    TimerWheel wheel;
    Model model;
    int64_t now = seed % 2 == 0 ? 0 : 1'600'000'000'000;
    for (int step = 0; step < 400; ++step) {
      const auto slot = static_cast<uint32_t>(below(40));
      const int64_t kind = below(10);
      if (kind < 5) {
        const int64_t span = int64_t{1} << below(24);
        const int64_t due = std::max<int64_t>(
            0, now + below(static_cast<uint64_t>(span) + 1) - (kind == 0 ? 50 : 0));
        wheel.arm(Slot{slot}, time_from_ms(due));
        model.due[slot] = due;
      } else if (kind < 7) {
        wheel.disarm(Slot{slot});
        model.due.erase(slot);
      } else if (kind == 7) {
        // Looking does not change what fires, nor may it turn the wheel past what a later, earlier
        // tick fires.
        const int64_t look = now + below(1 << 20);
        bool due = false;
        for (const auto& [s, at] : model.due) due = due || at <= look;
        REQUIRE(wheel.any_due(time_from_ms(look)) == due);
      } else {
        now += below(uint64_t{1} << below(22));
        const size_t max = kind == 8 ? 3 : std::numeric_limits<size_t>::max();
        std::vector<Expired> out;
        const Time reached = wheel.expire(time_from_ms(now), out, max);
        REQUIRE(reached <= time_from_ms(now));
        const auto expected = model.expire(to_ms(reached));
        REQUIRE(sorted(out) == expected);
        if (reached < time_from_ms(now)) REQUIRE(out.size() >= 1);
        // A split turn leaves the clock where it stopped.
        now = std::max(now - 1000, to_ms(reached));
      }
      REQUIRE(wheel.size() == model.due.size());
      for (const auto& [s, at] : model.due) REQUIRE(wheel.due(Slot{s}) == time_from_ms(at));
    }
  }
}

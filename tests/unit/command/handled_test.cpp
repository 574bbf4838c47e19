#include "command/handled.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace muster;
using command::Handled;
using core::Offset;

TEST_CASE("ranges that touch are one") {
  Handled handled;
  CHECK(handled.encode() == "handled1");
  handled.add(Offset{3}, Offset{5});
  handled.add(Offset{7}, Offset{8});
  CHECK(handled.encode() == "handled1 3+2 7+1");
  CHECK(handled.position() == Offset{0});
  handled.add(Offset{5}, Offset{7});
  CHECK(handled.encode() == "handled1 3+5");
  handled.add(Offset{0}, Offset{3});
  CHECK(handled.encode() == "handled1 0+8");
  CHECK(handled.position() == Offset{8});
  handled.add(Offset{9}, Offset{9});
  CHECK(handled.ranges() == 1);
}

TEST_CASE("it is a set of offsets, and its text says all of it") {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](int64_t limit) {
      return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
    };
    Handled handled;
    std::set<int64_t> model;
    for (int step = 0; step < 30; ++step) {
      const int64_t from = below(60);
      const int64_t to = from + below(8);
      handled.add(Offset{from}, Offset{to});
      for (int64_t i = from; i < to; ++i) model.insert(i);
    }
    int64_t position = 0;
    while (model.contains(position)) ++position;
    CHECK(handled.position() == Offset{position});
    const auto again = Handled::decode(handled.encode());
    REQUIRE(again.has_value());
    CHECK(*again == handled);
    for (int64_t i = 0; i < 70; ++i) CHECK(again->contains(Offset{i}) == model.contains(i));
  }
}

TEST_CASE("what it did not write is refused") {
  for (const char* wrong :
       {"", "handled2", "handled1 ", "handled1 3", "handled1 3+0", "handled1 -3+1",
        "handled1 3+1,5+1", "handled1  3+1", "handled1 9223372036854775807+9"}) {
    CAPTURE(wrong);
    CHECK(!Handled::decode(wrong));
  }
}

#include "core/living_ids.h"

#include <doctest/doctest.h>

using namespace muster::core;

namespace {

BatchNumber batch(uint64_t n) { return BatchNumber{n}; }
Time at(int64_t ms) { return time_from_ms(ms); }

}  // namespace

TEST_CASE("the oldest batch is that of the id that has been alive for longest") {
  LivingIds ids;
  CHECK_FALSE(ids.oldest().has_value());
  ids.touch(Slot{0}, batch(1));
  ids.touch(Slot{1}, batch(2));
  ids.touch(Slot{0}, batch(3));  // a later event does not make it younger
  CHECK(ids.oldest() == batch(1));
  ids.drop(Slot{0});
  CHECK(ids.oldest() == batch(2));
  ids.drop(Slot{1});
  CHECK(ids.size() == 0);
  CHECK_FALSE(ids.oldest().has_value());
}

TEST_CASE("an id that was carried does not pin the past") {
  LivingIds ids;
  ids.touch(Slot{0}, batch(1));
  ids.touch(Slot{1}, batch(2));
  ids.carried(Slot{0}, batch(9));
  CHECK(ids.oldest() == batch(2));
  ids.drop(Slot{1});
  CHECK(ids.oldest() == batch(9));
}

TEST_CASE(
    "ids leave in the order of their times, not before them, and later ones do not hold up the "
    "queue") {
  LivingIds ids;
  for (uint32_t slot = 0; slot < 3; ++slot) ids.touch(Slot{slot}, batch(1));
  ids.forget_from(Slot{0}, at(100));
  ids.forget_from(Slot{1}, at(110));
  ids.forget_from(Slot{0}, at(200));  // an event on it: it stays longer
  CHECK(ids.forgettable() == 2);
  CHECK_FALSE(ids.next_to_forget(at(99), false).has_value());
  CHECK(ids.next_to_forget(at(110), false) == Slot{1});
  ids.drop(Slot{1});
  CHECK_FALSE(ids.next_to_forget(at(199), false).has_value());
  CHECK(ids.next_to_forget(at(200), false) == Slot{0});
  ids.drop(Slot{0});
  CHECK_FALSE(ids.next_to_forget(at(9'999), false).has_value());
  CHECK(ids.size() == 1);
}

TEST_CASE("when memory is short the oldest goes before its time") {
  LivingIds ids;
  ids.touch(Slot{4}, batch(1));
  ids.touch(Slot{5}, batch(1));
  ids.forget_from(Slot{4}, at(1'000));
  ids.forget_from(Slot{5}, at(1'000));
  CHECK(ids.next_to_forget(at(0), true) == Slot{4});
}

TEST_CASE("a slot that was reused is another id") {
  LivingIds ids;
  ids.touch(Slot{0}, batch(1));
  ids.forget_from(Slot{0}, at(10));
  ids.drop(Slot{0});
  ids.touch(Slot{0}, batch(2));
  CHECK_FALSE(ids.next_to_forget(at(1'000), true).has_value());
  CHECK(ids.forgettable() == 0);
}

TEST_CASE("an id whose leave was taken back stays, until it may leave again") {
  LivingIds ids;
  ids.touch(Slot{0}, batch(1));
  ids.forget_from(Slot{0}, at(10));
  ids.forget_from(Slot{0}, Time::max());
  CHECK(ids.forgettable() == 0);
  CHECK_FALSE(ids.next_to_forget(at(1'000), true).has_value());
  ids.forget_from(Slot{0}, at(20));
  ids.forget_from(Slot{0}, Time::max());
  ids.forget_from(Slot{0}, at(30));
  CHECK(ids.forgettable() == 1);
  CHECK_FALSE(ids.next_to_forget(at(29), false).has_value());
  CHECK(ids.next_to_forget(at(30), false) == Slot{0});
  ids.drop(Slot{0});
  CHECK_FALSE(ids.next_to_forget(at(1'000), true).has_value());
}

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

TEST_CASE("each id knows since when it is needed, and whether it may leave at some time") {
  LivingIds ids;
  ids.touch(Slot{0}, batch(1));
  ids.touch(Slot{0}, batch(3));
  CHECK(ids.since(Slot{0}) == batch(1));
  ids.carried(Slot{0}, batch(9));
  CHECK(ids.since(Slot{0}) == batch(9));
  CHECK_FALSE(ids.forgettable(Slot{0}));
  ids.forget_from(Slot{0}, at(10));
  CHECK(ids.forgettable(Slot{0}));
  ids.forget_from(Slot{0}, Time::max());
  CHECK_FALSE(ids.forgettable(Slot{0}));
  ids.forget_from(Slot{0}, at(10));
  ids.drop(Slot{0});
  ids.touch(Slot{0}, batch(12));  // another id
  CHECK(ids.since(Slot{0}) == batch(12));
  CHECK_FALSE(ids.forgettable(Slot{0}));
}

TEST_CASE("ids that were read in any order are put in that of their batches") {
  LivingIds ids;
  const uint64_t since[] = {5, 2, 9, 2, 1};
  for (uint32_t slot = 0; slot < 5; ++slot) ids.touch(Slot{slot}, batch(since[slot]));
  CHECK(ids.oldest() == batch(5));  // not yet
  ids.sort();
  CHECK(ids.all() == std::vector{Slot{4}, Slot{1}, Slot{3}, Slot{0}, Slot{2}});
  CHECK(ids.size() == 5);
  SUBCASE("the ends leave, and others come") {
    ids.drop(Slot{4});
    ids.drop(Slot{2});
    CHECK(ids.oldest() == batch(2));
    CHECK(ids.oldest_slot() == Slot{1});
    ids.touch(Slot{6}, batch(10));
    ids.carried(Slot{1}, batch(10));
    CHECK(ids.all() == std::vector{Slot{3}, Slot{0}, Slot{6}, Slot{1}});
  }
  SUBCASE("they are in order already") {
    const auto all = ids.all();
    ids.sort();
    CHECK(ids.all() == all);
  }
  SUBCASE("all of them leave") {
    for (const Slot slot : ids.all()) ids.drop(slot);
    ids.sort();
    CHECK_FALSE(ids.oldest().has_value());
    CHECK(ids.all().empty());
  }
}

TEST_CASE("and leave in that of their times") {
  LivingIds ids;
  const int64_t from[] = {300, 100, 200};
  for (uint32_t slot = 0; slot < 5; ++slot) ids.touch(Slot{slot}, batch(1));
  for (uint32_t slot = 0; slot < 3; ++slot) ids.forget_from(Slot{slot}, at(from[slot]));
  ids.forget_from(Slot{3}, at(1));
  ids.forget_from(Slot{3}, Time::max());
  CHECK_FALSE(ids.next_to_forget(at(299), false).has_value());  // not yet: it waits for the first
  ids.sort();
  CHECK(ids.forgettable() == 3);
  CHECK_FALSE(ids.next_to_forget(at(99), false).has_value());
  for (const Slot slot : {Slot{1}, Slot{2}, Slot{0}}) {
    CHECK(ids.next_to_forget(at(from[raw(slot)]), false) == slot);
    CHECK(ids.next_to_forget(at(0), true) == slot);
    ids.drop(slot);
  }
  CHECK_FALSE(ids.next_to_forget(at(9'999), true).has_value());
  CHECK(ids.size() == 2);
}

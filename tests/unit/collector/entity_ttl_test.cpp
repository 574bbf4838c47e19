// Entities with a ttl of their own (PROTOCOL 1, per-entity ttl).
#include <doctest/doctest.h>

#include <string>

#include "ledger.h"

namespace muster::collector {
namespace {

// a has 5 s, b has none of its own.
const std::string kA5b = R"([{"id":"a","ttl":5},"b"])";

std::string ok(std::string_view entity) { return done("g", entity, ",\"result\":1"); }

TEST_CASE("its expiry is the entity's error, resolved at its deadline: fail-fast") {
  World world;
  play(world,
       {{1000, create("g", R"([{"id":"a","ttl":5.50},"b"])"), armed("g", 6500)},
        {2000, ok("b"), changed("g")},
        {6500, timer("g"),
         fired(R"(Failure g [1000 6500] error a: timed out after 5.50 seconds {"a":null,"b":1})"
               R"( missing [] errors {"a":"timed out after 5.50 seconds"})",
               "g", 6500)}});
  CHECK(world.counted(Counter::kEntitiesTimedOut) == 1);
  CHECK(world.counted(Counter::kEntitiesFailed) == 0);
  CHECK(world.counted(Counter::kGroupsFailedError) == 1);
  CHECK(world.counted(Counter::kGroupsFailedTimeout) == 0);
}

TEST_CASE("its expiry is the entity's error: all-settled") {
  play({{1000, create("g", kA5b, R"(,"policy":"all-settled")"), armed("g", 6000)},
        {6000, timer("g"), armed("g", 31'000)},
        {7000, ok("b"),
         closing(R"(Failure g [1000 7000] error a: timed out after 5 seconds {"a":null,"b":1})"
                 R"( missing [] errors {"a":"timed out after 5 seconds"})",
                 "g", 7000)}});
}

TEST_CASE("its expiry is the entity's error: quorum") {
  play({{1000, create("g", kA5b, R"(,"policy":{"quorum":2})"), armed("g", 6000)},
        {6000, timer("g"),
         fired(R"(Failure g [1000 6000] unreachable a: timed out after 5 seconds {"a":null})"
               R"( missing ["b"] errors {"a":"timed out after 5 seconds"})",
               "g", 6000)}});
  play({{1000, create("g", kA5b, R"(,"policy":{"quorum":1})"), armed("g", 6000)},
        {6000, timer("g"), armed("g", 31'000)},
        {6001, ok("b"),
         closing(R"(Success g [1000 6001] {"a":null,"b":1} missing [])"
                 R"( errors {"a":"timed out after 5 seconds"})",
                 "g", 6001)}});
}

TEST_CASE("its expiry is the entity's error: tolerate") {
  play({{1000, create("g", kA5b, R"(,"policy":{"tolerate":0})"), armed("g", 6000)},
        {6000, timer("g"),
         fired(R"(Failure g [1000 6000] error a: timed out after 5 seconds {"a":null})"
               R"( missing ["b"] errors {"a":"timed out after 5 seconds"})",
               "g", 6000)}});
  // The last one that is missing may be what makes it a Success.
  play({{1000, create("g", kA5b, R"(,"policy":{"tolerate":1})"), armed("g", 6000)},
        {2000, ok("b"), changed("g")},
        {6000, timer("g"),
         fired(R"(Success g [1000 6000] {"a":null,"b":1} missing [])"
               R"( errors {"a":"timed out after 5 seconds"})",
               "g", 6000)}});
}

TEST_CASE("a Done past its entity's ttl is late, before and after the timer") {
  World world;
  play(world, {{1000, create("g", kA5b, R"(,"policy":"all-settled")"), armed("g", 6000)},
               {6001, ok("a"), changed("g")},  // remembered longer
               {6001, ok("a"), {}}});
  CHECK(world.counted(Counter::kEntitiesLate) == 2);
  play(world, {{6000, timer("g"), armed("g", 31'000)}, {6001, ok("a"), {}}});
  CHECK(world.counted(Counter::kEntitiesLate) == 3);
  CHECK(world.counted(Counter::kEntitiesDuplicate) == 0);
  // One in time that is read after the timer finds the error there.
  play(world, {{6000, ok("a"), {}}});
  CHECK(world.counted(Counter::kEntitiesDuplicate) == 1);
}

TEST_CASE("a Done at its entity's very deadline is in time") {
  play({{1000, create("g", R"([{"id":"a","ttl":5}])"), armed("g", 6000)},
        {6000, ok("a"), closing(R"(Success g [1000 6000] {"a":1})", "g", 6000)}});
}

TEST_CASE("a timer whose entity has answered does nothing but arm the next one") {
  World world;
  play(world,
       {{1000, create("g", R"([{"id":"a","ttl":5},{"id":"b","ttl":7},"c"])"), armed("g", 6000)},
        {2000, ok("a"), changed("g")},
        {6000, timer("g"), {"Arm g due 8000"}},
        {7000, ok("b"), changed("g")},
        {8000, timer("g"), {"Arm g due 31000"}},
        {31'000, timer("g"),
         fired(R"(Failure g [1000 31000] timeout g: Operation timed out after 30 seconds)"
               R"( {"a":1,"b":1} missing ["c"] errors {})",
               "g", 31'000)}});
  CHECK(world.counted(Counter::kEntitiesTimedOut) == 0);
}

TEST_CASE("several that are due in one timer fail in the order of expected") {
  const std::string expected = R"([{"id":"b","ttl":5},{"id":"a","ttl":5.0},"c"])";
  World settled;
  play(settled,
       {{1000, create("g", expected, R"(,"policy":"all-settled")"), armed("g", 6000)},
        {6000, timer("g"), armed("g", 31'000)},
        {6500, ok("c"),
         closing(R"(Failure g [1000 6500] error b: timed out after 5 seconds)"
                 R"( {"b":null,"a":null,"c":1} missing [])"
                 R"( errors {"b":"timed out after 5 seconds","a":"timed out after 5.0 seconds"})",
                 "g", 6500)}});
  CHECK(settled.counted(Counter::kEntitiesTimedOut) == 2);
  // The first one ends the group, and the second is only missing.
  World fast;
  play(fast, {{1000, create("g", expected), armed("g", 6000)},
              {6000, timer("g"),
               fired(R"(Failure g [1000 6000] error b: timed out after 5 seconds {"b":null})"
                     R"( missing ["a","c"] errors {"b":"timed out after 5 seconds"})",
                     "g", 6000)}});
  CHECK(fast.counted(Counter::kEntitiesTimedOut) == 1);
}

TEST_CASE("deadlines of many entities come one after the other") {
  play({{1000,
         create("g", R"([{"id":"a","ttl":3},{"id":"b","ttl":1},{"id":"c","ttl":2}])",
                R"(,"policy":{"tolerate":2})"),
         armed("g", 2000)},
        {2000, timer("g"), armed("g", 3000)},
        {3000, timer("g"), armed("g", 4000)},
        {4000, timer("g"),
         fired(R"(Failure g [1000 4000] error a: timed out after 3 seconds)"
               R"( {"a":null,"b":null,"c":null} missing [])"
               R"( errors {"a":"timed out after 3 seconds","b":"timed out after 1 seconds",)"
               R"("c":"timed out after 2 seconds"})",
               "g", 4000)}});
}

TEST_CASE("where the deadlines of group and entity meet, the entity's comes first") {
  play({{1000, create("g", R"([{"id":"a","ttl":2},"b"])", R"(,"ttl":2)"), armed("g", 3000)},
        {3000, timer("g"),
         fired(R"(Failure g [1000 3000] error a: timed out after 2 seconds {"a":null})"
               R"( missing ["b"] errors {"a":"timed out after 2 seconds"})",
               "g", 3000)}});
  // If that does not end it, the group's own does.
  play({{1000, create("g", R"([{"id":"a","ttl":2},"b"])", R"(,"ttl":2.0,"policy":"all-settled")"),
         armed("g", 3000)},
        {3000, timer("g"),
         fired(R"(Failure g [1000 3000] timeout g: Operation timed out after 2.0 seconds)"
               R"( {"a":null} missing ["b"] errors {"a":"timed out after 2 seconds"})",
               "g", 3000)}});
  play({{1000, create("g", R"([{"id":"a","ttl":2}])", R"(,"ttl":2,"policy":{"tolerate":1})"),
         armed("g", 3000)},
        {3000, timer("g"),
         fired(R"(Success g [1000 3000] {"a":null} missing [])"
               R"( errors {"a":"timed out after 2 seconds"})",
               "g", 3000)}});
}

TEST_CASE("a ttl beyond the group's deadline never expires") {
  play({{1000, create("g", R"([{"id":"a","ttl":60}])", R"(,"ttl":2)"), armed("g", 3000)},
        {3000, timer("g"),
         fired(R"(Failure g [1000 3000] timeout g: Operation timed out after 2 seconds {})"
               R"( missing ["a"] errors {})",
               "g", 3000)}});
}

TEST_CASE("an object without ttl, or with one that is null or not positive, has none") {
  for (const std::string more :
       {"", R"(,"ttl":null)", R"(,"ttl":0)", R"(,"ttl":-1)", R"(,"ttl":-0.0)", R"(,"other":1)"}) {
    play({{1000, create("g", R"([{"id":"a")" + more + "}]"), armed("g", 31'000)},
          {2000, ok("a"), closing(R"(Success g [1000 2000] {"a":1})", "g", 2000)}});
  }
}

TEST_CASE("a ttl counts from the shard's clock where that is past the Create's time") {
  World world;
  CHECK(world.record(1000, create("g", kA5b), 9000) == Lines{"Touch g", "Arm g due 14000"});
  play(world, {{14'000, timer("g"),
                fired(R"(Failure g [1000 14000] error a: timed out after 5 seconds {"a":null})"
                      R"( missing ["b"] errors {"a":"timed out after 5 seconds"})",
                      "g", 14'000)}});
}

TEST_CASE("an early Done of an entity with a ttl counts, unless its own time is past it") {
  World world;
  play(world, {{9000, ok("a"), armed("g", 39'000)},
               {1000, create("g", R"([{"id":"a","ttl":5}])"), armed("g", 6000)}});
  CHECK(world.counted(Counter::kEntitiesLate) == 1);
  play({{1000, ok("a"), armed("g", 31'000)},
        {9000, create("g", R"([{"id":"a","ttl":5}])"),
         closing(R"(Success g [9000 9000] {"a":1})", "g", 9000)}});
}

TEST_CASE("a ttl over the limit is a dead letter, and the Create opens nothing") {
  World world;
  play(world, {{1000, create("g", R"([{"id":"a","ttl":604800}])"), armed("g", 31'000)},
               {1000,
                create("h", R"([{"id":"a","ttl":604800.001}])"),
                {"Reject events/3/1 ttl: field \"expected\" holds a ttl of 604800.001 seconds, "
                 "more than 604800"}}});
  CHECK_FALSE(world.processor.find("h").has_value());
  CHECK(world.rejected(RejectCode::kTtl) == 1);
}

TEST_CASE("in a group of many entities each has its own ttl") {
  std::string expected = "[";
  for (int i = 0; i < 40; ++i) {
    expected += i > 0 ? "," : "";
    expected += i % 2 == 0 ? R"("e)" + std::to_string(i) + '"'
                           : R"({"id":"e)" + std::to_string(i) + R"(","ttl":)" +
                                 std::to_string(41 - i) + "}";
  }
  World world;
  play(world, {{1000, create("g", expected + "]", R"(,"ttl":100,"policy":{"tolerate":19})"),
                armed("g", 3000)}});
  for (int64_t seconds = 2; seconds < 40; seconds += 2) {
    play(world, {{1000 + seconds * 1000, timer("g"), armed("g", 3000 + seconds * 1000)}});
  }
  const Lines end = world.timer("g", 41'000);
  CHECK(short_line(end[0]).starts_with(
      "Failure g [1000 41000] error e1: timed out after 40 seconds"));
  CHECK(world.counted(Counter::kEntitiesTimedOut) == 20);
}

}  // namespace
}  // namespace muster::collector

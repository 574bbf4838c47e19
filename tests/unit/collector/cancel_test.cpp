// Cancels, and what else closes a group once (PROTOCOL 1, Cancel).
#include <doctest/doctest.h>

#include <string>

#include "ledger.h"

namespace muster::collector {
namespace {

std::string ok(std::string_view entity) { return done("g", entity, ",\"result\":1"); }

TEST_CASE("a Cancel fails an open group with its reason, and the group for an entity") {
  World world;
  play(world, {{1000, create("g", R"(["a","b"])", R"(,"payload":"p")"), armed("g", 31'000)},
               {1100, ok("b"), changed("g")},
               {1200, cancel("g", R"(,"reason":"too slow")"),
                closing(R"(Failure g [1000 1200] cancelled g: too slow {"b":1} payload "p")"
                        R"( missing ["a"] errors {})",
                        "g", 1200)},
               {1300, ok("a"), {}}});
  CHECK(world.counted(Counter::kGroupsFailedCancelled) == 1);
  CHECK(world.counted(Counter::kEntitiesLate) == 1);
}

TEST_CASE("a reason is written as JSON wants it; without one there is a text") {
  struct Reason {
    std::string more;
    std::string_view text;
  };
  for (const Reason& row :
       {Reason{"", "Operation cancelled"}, Reason{R"(,"reason":null)", "Operation cancelled"},
        Reason{R"(,"reason":"")", "Operation cancelled"},
        Reason{R"(,"reason":"a \"b\"\\\n\u0001\u00e9")", "a \\\"b\\\"\\\\\\n\\u0001\u00e9"},
        Reason{R"(,"reason":"x","other":[1])", "x"}}) {
    play({{1000, create("g", R"(["a"])"), armed("g", 31'000)},
          {1200, cancel("g", row.more),
           closing("Failure g [1000 1200] cancelled g: " + std::string(row.text) +
                       R"( {} missing ["a"] errors {})",
                   "g", 1200)}});
  }
}

TEST_CASE("a Cancel ends groups of every policy, with the errors so far") {
  for (const std::string policy : {R"("all-settled")", R"({"quorum":1})", R"({"tolerate":1})"}) {
    play({{1000, create("g", R"(["a","b"])", ",\"policy\":" + policy), armed("g", 31'000)},
          {1100, done("g", "a", R"(,"error":"no")"), changed("g")},
          {1200, cancel("g"),
           closing(R"(Failure g [1000 1200] cancelled g: Operation cancelled {"a":null})"
                   R"( missing ["b"] errors {"a":"no"})",
                   "g", 1200)}});
  }
}

TEST_CASE("an early Cancel ends the group at its Create, after what came before it") {
  World world;
  play(world, {{1000, ok("a"), armed("g", 31'000)},
               {1100, cancel("g", R"(,"reason":"never mind")"), changed("g")},
               {1200, ok("b"), changed("g")},
               {1300, cancel("g"), changed("g")},
               {2000, create("g", R"(["a","b"])"),
                closing(R"(Failure g [2000 2000] cancelled g: never mind {"a":1})"
                        R"( missing ["b"] errors {})",
                        "g", 2000)}});
  CHECK(world.counted(Counter::kEntitiesLate) == 1);
  CHECK(world.counted(Counter::kCancelsIgnored) == 1);
  // One that comes behind what completes the group is too late.
  play({{1000, ok("a"), armed("g", 31'000)},
        {1100, cancel("g"), changed("g")},
        {2000, create("g", R"(["a"])"), closing(R"(Success g [2000 2000] {"a":1})", "g", 2000)}});
}

TEST_CASE("an early Cancel of which no Create came is an orphan") {
  play({{1000, cancel("g"), armed("g", 31'000)},
        {31'000,
         timer("g"),
         {"Reject events/3/0 orphan: no Create of the group came within 30 seconds", "Touch g",
          "Forget g from 31000"}}});
}

TEST_CASE("a Cancel of a closed group is ignored and moves the time that it is remembered") {
  World world;
  play(world, {{1000, create("g", R"(["a"])"), armed("g", 31'000)},
               {1100, cancel("g"),
                closing(R"(Failure g [1000 1100] cancelled g: Operation cancelled {})"
                        R"( missing ["a"] errors {})",
                        "g", 1100)},
               {1200, cancel("g"), {}},
               {271'200, cancel("g"), {"Touch g", "Forget g from 301200"}}});
  CHECK(world.counted(Counter::kCancelsIgnored) == 2);
  CHECK(world.counted(Counter::kGroupsFailedCancelled) == 1);
}

TEST_CASE("a Cancel past the deadline is late, also before the timer") {
  World world;
  play(world, {{1000, create("g", R"(["a"])", R"(,"ttl":1)"), armed("g", 2000)},
               {2001, cancel("g"), changed("g")},  // remembered longer
               {2000, timer("g"),
                fired(R"(Failure g [1000 2000] timeout g: Operation timed out after 1 seconds {})"
                      R"( missing ["a"] errors {})",
                      "g", 2000)}});
  CHECK(world.counted(Counter::kCancelsIgnored) == 1);
  play({{1000, create("g", R"(["a"])", R"(,"ttl":1)"), armed("g", 2000)},
        {2000, cancel("g"),
         closing(R"(Failure g [1000 2000] cancelled g: Operation cancelled {})"
                 R"( missing ["a"] errors {})",
                 "g", 2000)}});
}

}  // namespace
}  // namespace muster::collector

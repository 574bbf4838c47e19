// Updates of a group (PROTOCOL 1, Update).
#include <doctest/doctest.h>

#include <string>

#include "ledger.h"

namespace muster::collector {
namespace {

const std::string kAb = R"(["a","b"])";

std::string ok(std::string_view entity, std::string_view result = "1") {
  return done("g", entity, ",\"result\":" + std::string(result));
}

TEST_CASE("an added entity is expected too, and stands behind the others in the results") {
  World world;
  play(world,
       {{1000, create("g", kAb), armed("g", 31'000)},
        {1500, update("g", R"(,"add":["z","0"])"), armed("g", 31'000)},
        {1600, ok("0"), changed("g")},
        {1700, ok("b"), changed("g")},
        {1800, ok("z"), changed("g")},
        {1900, ok("a"), closing(R"(Success g [1000 1900] {"a":1,"b":1,"z":1,"0":1})", "g", 1900)}});
  CHECK(world.counted(Counter::kUpdates) == 1);
  CHECK(world.counted(Counter::kUpdatesIgnored) == 0);
}

TEST_CASE("an entity is added with a ttl, which counts from the Update") {
  play({{1000, create("g", kAb), armed("g", 31'000)},
        {2000, update("g", R"(,"add":[{"id":"c","ttl":5}])"), armed("g", 7000)},
        {7000, timer("g"),
         fired(R"(Failure g [1000 7000] error c: timed out after 5 seconds {"c":null})"
               R"( missing ["a","b"] errors {"c":"timed out after 5 seconds"})",
               "g", 7000)}});
  // From the shard's clock where that is later.
  World world;
  world.record(1000, create("g", kAb));
  CHECK(world.record(2000, update("g", R"(,"add":[{"id":"c","ttl":5}])"), 4000) ==
        armed("g", 9000));
  // It does not move the deadlines of others.
  play({{1000, create("g", R"([{"id":"a","ttl":2}])"), armed("g", 3000)},
        {2000, update("g", R"(,"add":[{"id":"c","ttl":5}])"), armed("g", 3000)}});
}

TEST_CASE("to add a known entity has no effect, with or without a ttl") {
  World world;
  play(world, {{1000, create("g", kAb), armed("g", 31'000)},
               {1000, update("g", R"(,"add":["a"])"), {}},
               {1100, update("g", R"(,"add":["b",{"id":"a","ttl":1}])"), changed("g")},
               {1100, ok("a"), changed("g")},
               {1100, update("g", R"(,"add":["a"])"), {}},
               {1100, update("g", R"(,"add":[])"), {}},
               {1200, ok("b"), closing(R"(Success g [1000 1200] {"a":1,"b":1})", "g", 1200)}});
  CHECK(world.counted(Counter::kUpdatesIgnored) == 4);
  CHECK(world.counted(Counter::kUpdates) == 0);
}

TEST_CASE("to remove an unknown entity has no effect") {
  World world;
  play(world, {{1000, create("g", kAb), armed("g", 31'000)},
               {1000, update("g", R"(,"remove":["x","y"])"), {}},
               {1000, update("g", R"(,"remove":[],"add":null,"ttl":null)"), {}}});
  CHECK(world.counted(Counter::kUpdatesIgnored) == 2);
}

TEST_CASE("to remove one that has a result drops the result") {
  World world;
  play(world,
       {{1000, create("g", R"(["a","b","c"])"), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, ok("b", "[2]"), changed("g")},
        {1300, update("g", R"(,"remove":["a"])"), armed("g", 31'000)},
        // It is not expected any more.
        {1300, ok("a"), {"Reject events/3/4 unexpected: the group does not expect this entity"}},
        {1400, ok("c"), closing(R"(Success g [1000 1400] {"b":[2],"c":1})", "g", 1400)}});
  CHECK(world.rejected(RejectCode::kUnexpected) == 1);
  // An error goes with its entity as well.
  play({{1000, create("g", kAb, R"(,"policy":"all-settled")"), armed("g", 31'000)},
        {1100, done("g", "a", R"(,"error":"no")"), changed("g")},
        {1200, update("g", R"(,"remove":["a"])"), armed("g", 31'000)},
        {1300, ok("b"), closing(R"(Success g [1000 1300] {"b":1})", "g", 1300)}});
}

TEST_CASE("to remove the last one that is missing completes the group") {
  play({{1000, create("g", kAb), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, update("g", R"(,"remove":["b"])"),
         closing(R"(Success g [1000 1200] {"a":1})", "g", 1200)}});
  play({{1000, create("g", kAb), armed("g", 31'000)},
        {1200, update("g", R"(,"remove":["b","a"])"),
         closing("Success g [1000 1200] {}", "g", 1200)}});
  // Under all-settled that may be a Failure, by whom has failed first in order.
  play({{1000, create("g", R"(["a","b","c"])", R"(,"policy":"all-settled")"), armed("g", 31'000)},
        {1100, done("g", "c", R"(,"error":"third")"), changed("g")},
        {1100, done("g", "b", R"(,"error":"second")"), changed("g")},
        {1200, update("g", R"(,"remove":["a"])"),
         closing(R"(Failure g [1000 1200] error b: second {"b":null,"c":null} missing [])"
                 R"( errors {"b":"second","c":"third"})",
                 "g", 1200)}});
}

TEST_CASE("one that was removed may be added again, without its result and at the end") {
  play({{1000, create("g", kAb), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, update("g", R"(,"remove":["a"])"), armed("g", 31'000)},
        {1300, update("g", R"(,"add":["a"])"), armed("g", 31'000)},
        {1400, ok("b"), changed("g")},
        {1500, ok("a", "2"), closing(R"(Success g [1000 1500] {"b":1,"a":2})", "g", 1500)}});
}

TEST_CASE("an id in both: it is added, then removed") {
  play({{1000, create("g", kAb), armed("g", 31'000)},
        {1100, update("g", R"(,"add":["x"],"remove":["x"])"), armed("g", 31'000)},
        {1200, ok("b"), changed("g")},
        {1300, update("g", R"(,"remove":["a"],"add":["a"])"),
         closing(R"(Success g [1000 1300] {"b":1})", "g", 1300)}});
}

TEST_CASE("to swap the missing one for another is one step: the group stays open") {
  play({{1000, create("g", kAb), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, update("g", R"(,"remove":["b"],"add":["c"])"), armed("g", 31'000)},
        {1300, ok("c"), closing(R"(Success g [1000 1300] {"a":1,"c":1})", "g", 1300)}});
}

TEST_CASE("a ttl counts from the Update's time, and the timeout has its text as given") {
  play({{1000, create("g", R"(["a"])", R"(,"ttl":10)"), armed("g", 11'000)},
        {5000, update("g", R"(,"ttl":20.50)"), armed("g", 25'500)},
        {12'000,
         done("g", "x"),
         {"Reject events/3/2 unexpected: the group does not expect this entity", "Touch g"}},
        {25'500, timer("g"),
         fired(R"(Failure g [1000 25500] timeout g: Operation timed out after 20.50 seconds {})"
               R"( missing ["a"] errors {})",
               "g", 25'500)}});
  // It may also bring the deadline nearer.
  play({{1000, create("g", R"(["a"])", R"(,"ttl":10)"), armed("g", 11'000)},
        {2000, update("g", R"(,"ttl":1)"), armed("g", 3000)},
        {3001, ok("a"), changed("g")},
        {3000, timer("g"),
         fired(R"(Failure g [1000 3000] timeout g: Operation timed out after 1 seconds {})"
               R"( missing ["a"] errors {})",
               "g", 3000)}});
  // From the shard's clock where that is later.
  World world;
  world.record(1000, create("g", R"(["a"])"));
  CHECK(world.record(2000, update("g", R"(,"ttl":1)"), 4000) == armed("g", 5000));
}

TEST_CASE("a ttl that is zero or below is the default, as in a Create") {
  for (const std::string more : {R"(,"ttl":0)", R"(,"ttl":-5)"}) {
    play({{1000, create("g", R"(["a"])", R"(,"ttl":10)"), armed("g", 11'000)},
          {2000, update("g", more), armed("g", 32'000)},
          {32'000, timer("g"),
           fired(R"(Failure g [1000 32000] timeout g: Operation timed out after 30 seconds {})"
                 R"( missing ["a"] errors {})",
                 "g", 32'000)}});
  }
}

TEST_CASE("a group may not grow over the limit of ids, and stays what it was") {
  Options options;
  options.max_expected = 3;
  World world(options);
  play(world,
       {{1000, create("g", kAb), armed("g", 31'000)},
        {1100, update("g", R"(,"add":["c"])"), armed("g", 31'000)},
        {1100,
         update("g", R"(,"add":["d"],"ttl":1)"),
         {"Reject events/3/2 limit: the group would expect too many ids"}},
        // In exchange for another there is room.
        {1200, update("g", R"(,"add":["d"],"remove":["a"])"), armed("g", 31'000)},
        {1200, ok("b"), changed("g")},
        {1200, ok("c"), changed("g")},
        {1200, ok("d"), closing(R"(Success g [1000 1200] {"b":1,"c":1,"d":1})", "g", 1200)}});
  CHECK(world.rejected(RejectCode::kLimit) == 1);
  CHECK(world.counted(Counter::kUpdates) == 2);
}

TEST_CASE("a group that is over a limit that came later may shrink, and not grow") {
  World world;
  world.record(1000, create("g", R"(["a","b","c","d"])"));
  Options options;
  options.max_expected = 2;
  REQUIRE(world.processor.configure(encode(options)));
  play(world, {{1000, update("g", R"(,"remove":["d"])"), armed("g", 31'000)},
               {1000,
                update("g", R"(,"add":["e"])"),
                {"Reject events/3/2 limit: the group would expect too many ids"}},
               {1000, update("g", R"(,"ttl":60)"), armed("g", 61'000)}});
}

TEST_CASE("a ttl over the limit is a dead letter, and the group stays what it was") {
  World world;
  play(world,
       {{1000, create("g", R"(["a"])"), armed("g", 31'000)},
        {1000,
         update("g", R"(,"ttl":604801,"add":["b"])"),
         {"Reject events/3/1 ttl: field \"ttl\" is 604801 seconds, more than 604800"}},
        {1000,
         update("g", R"(,"add":[{"id":"b","ttl":1e9}])"),
         {"Reject events/3/2 ttl: field \"add\" holds a ttl of 1e9 seconds, more than 604800"}},
        {1000, ok("a"), closing(R"(Success g [1000 1000] {"a":1})", "g", 1000)}});
}

TEST_CASE("an Update past the deadline is ignored") {
  World world;
  play(world, {{1000, create("g", R"(["a"])", R"(,"ttl":1)"), armed("g", 2000)},
               {2001, update("g", R"(,"ttl":10,"add":["b"])"), changed("g")},  // remembered longer
               {2001, update("g", R"(,"remove":["a"])"), {}},
               {2000, timer("g"),
                fired(R"(Failure g [1000 2000] timeout g: Operation timed out after 1 seconds {})"
                      R"( missing ["a"] errors {})",
                      "g", 2000)}});
  CHECK(world.counted(Counter::kUpdatesIgnored) == 2);
  // At the very deadline it is in time.
  play({{1000, create("g", R"(["a"])", R"(,"ttl":1)"), armed("g", 2000)},
        {2000, update("g", R"(,"ttl":1)"), armed("g", 3000)}});
}

TEST_CASE("an Update of a closed group is ignored and moves the time that it is remembered") {
  World world;
  play(world,
       {{1000, create("g", "[]"), {"Success g [1000 1000] {}", "Touch g", "Forget g from 301000"}},
        {2000, update("g", R"(,"add":["a"])"), {}},
        {280'000, update("g", R"(,"add":["a"])"), {"Touch g", "Forget g from 310000"}}});
  CHECK(world.counted(Counter::kUpdatesIgnored) == 2);
}

TEST_CASE("an early Update acts as if it came with the Create") {
  World world;
  play(world,
       {{1000, update("g", R"(,"add":[{"id":"c","ttl":5}],"remove":["a"],"ttl":10)"),
         armed("g", 31'000)},
        {4000, create("g", kAb, R"(,"ttl":1)"), armed("g", 9000)},
        {5000, ok("c"), changed("g")},
        {9000, timer("g"), {"Arm g due 14000"}},
        {14'000, timer("g"),
         fired(R"(Failure g [4000 14000] timeout g: Operation timed out after 10 seconds {"c":1})"
               R"( missing ["b"] errors {})",
               "g", 14'000)}});
  CHECK(world.counted(Counter::kUpdates) == 1);
  // One that completes the group does so at the Create.
  play({{1000, ok("a"), armed("g", 31'000)},
        {2000, update("g", R"(,"remove":["b"])"), changed("g")},
        {3000, create("g", kAb), closing(R"(Success g [3000 3000] {"a":1})", "g", 3000)}});
}

TEST_CASE("early events are applied in order of arrival") {
  // The Done of c is not expected yet; after the Update it is.
  play({{1000, ok("c", "1"), armed("g", 31'000)},
        {1000, update("g", R"(,"add":["c"])"), changed("g")},
        {1000, ok("c", "2"), changed("g")},
        {2000,
         create("g", R"(["a"])"),
         {"Reject events/3/0 unexpected: the group does not expect this entity", "Touch g",
          "Arm g due 32000"}},
        {2000, ok("a"), closing(R"(Success g [2000 2000] {"a":1,"c":2})", "g", 2000)}});
}

TEST_CASE("an early Update over the limit of ids is a dead letter at the Create") {
  Options options;
  options.max_expected = 2;
  play({{1000, update("g", R"(,"add":["c"])"), armed("g", 31'000)},
        {2000,
         create("g", kAb),
         {"Reject events/3/0 limit: the group would expect too many ids", "Touch g",
          "Arm g due 32000"}}},
       options);
}

TEST_CASE("an early Update beyond the default limits, within the set ones, is applied") {
  Options options;
  options.max_expected = 20'000;
  options.max_ttl = std::chrono::days(30);
  std::string add = "[";
  for (int i = 0; i < 10'001; ++i) add += (i > 0 ? ",\"e" : "\"e") + std::to_string(i) + '"';
  World world(options);
  world.record(1000, update("g", ",\"ttl\":2000000,\"add\":" + add + "]"));
  play(world, {{2000, create("g", R"(["a"])"), armed("g", 2'000'002'000)}});
  CHECK(world.counted(Counter::kUpdates) == 1);
}

TEST_CASE("an early Update of which no Create came is an orphan") {
  World world;
  play(world, {{1000, update("g", R"(,"ttl":1)"), armed("g", 31'000)},
               {31'000,
                timer("g"),
                {"Reject events/3/0 orphan: no Create of the group came within 30 seconds",
                 "Touch g", "Forget g from 31000"}}});
}

TEST_CASE("an Update without add, remove and ttl is a dead letter") {
  World world;
  world.record(1000, create("g", kAb));
  for (const std::string more :
       {"", R"(,"add":null)", R"(,"ttl":null,"remove":null)", R"(,"expected":["a"])"}) {
    const Lines lines = world.record(1000, update("g", more));
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find(" field: an update without \"add\", \"remove\" and \"ttl\"") !=
          std::string::npos);
  }
}

TEST_CASE("after an Update the same Create is still the same, and another a conflict") {
  World world;
  const std::string first = create("g", kAb, R"(,"ttl":10)");
  play(world, {{1000, first, armed("g", 11'000)},
               {1000, update("g", R"(,"add":["c"],"remove":["a"],"ttl":20)"), armed("g", 21'000)},
               {1000, first, {}},
               {1000,
                create("g", R"(["b","c"])", R"(,"ttl":20)"),
                {"Reject events/3/3 conflict: the group is open with another content"}}});
  CHECK(world.counted(Counter::kCreatesDuplicate) == 1);
  CHECK(world.rejected(RejectCode::kConflict) == 1);
}

TEST_CASE("groups grow and shrink over the size from which names are indexed") {
  World world;
  std::string add = "[";
  std::string remove = "[";
  for (int i = 0; i < 30; ++i) {
    add += (i > 0 ? ",\"e" : "\"e") + std::to_string(i) + '"';
    if (i > 0) remove += (i > 1 ? ",\"e" : "\"e") + std::to_string(i) + '"';
  }
  play(world,
       {{1000, create("g", kAb), armed("g", 31'000)},
        {1000, ok("b", "\"kept\""), changed("g")},
        {1000, update("g", ",\"add\":" + add + "]"), armed("g", 31'000)},
        {1000, ok("e29"), changed("g")},
        {1000, ok("e0", "0"), changed("g")},
        {1000, update("g", ",\"remove\":" + remove + "]"), armed("g", 31'000)},
        {1000, ok("a"), closing(R"(Success g [1000 1000] {"a":1,"b":"kept","e0":0})", "g", 1000)}});
}

}  // namespace
}  // namespace muster::collector

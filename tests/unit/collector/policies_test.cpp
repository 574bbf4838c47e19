// When a group is over, by its policy (PROTOCOL 1, `policy`).
#include <doctest/doctest.h>

#include <string>

#include "collector/policy.h"
#include "ledger.h"

namespace muster::collector {
namespace {

const std::string kAllSettled = R"(,"policy":"all-settled")";
std::string quorum(int count) { return ",\"policy\":{\"quorum\":" + std::to_string(count) + "}"; }
std::string tolerate(int count) {
  return ",\"policy\":{\"tolerate\":" + std::to_string(count) + "}";
}
const std::string kAbc = R"(["a","b","c"])";

std::string ok(std::string_view entity, std::string_view result = "1") {
  return done("g", entity, ",\"result\":" + std::string(result));
}
std::string error(std::string_view entity, std::string_view text = "no") {
  return done("g", entity, ",\"error\":\"" + std::string(text) + "\"");
}

TEST_CASE("the verdicts of every tally of up to six entities are the protocol's") {
  const auto is = [](const Policy& policy, const Tally& tally) {
    const uint32_t k = policy.count;
    switch (policy.kind) {
      case Policy::Kind::kFailFast:
        if (tally.failed > 0) return Verdict::kError;
        break;
      case Policy::Kind::kAllSettled:
        if (tally.missing == 0 && tally.failed > 0) return Verdict::kError;
        break;
      case Policy::Kind::kQuorum:
        if (tally.results >= k) return Verdict::kSuccess;
        return tally.results + tally.missing >= k ? Verdict::kOpen : Verdict::kUnreachable;
      case Policy::Kind::kTolerate:
        if (tally.failed > k) return Verdict::kError;
        break;
    }
    return tally.missing == 0 ? Verdict::kSuccess : Verdict::kOpen;
  };
  for (const auto kind : {Policy::Kind::kFailFast, Policy::Kind::kAllSettled, Policy::Kind::kQuorum,
                          Policy::Kind::kTolerate}) {
    for (uint32_t count = 0; count <= 7; ++count) {
      for (uint32_t mix = 0; mix < 7 * 7 * 7; ++mix) {
        const Tally tally{mix % 7, mix / 7 % 7, mix / 49};
        CHECK(judge({kind, count}, tally) == is({kind, count}, tally));
      }
    }
  }
}

TEST_CASE("fail-fast, said or not: the first error fails, without error all must have a result") {
  for (const std::string more :
       {"", R"(,"policy":null)", R"(,"policy":"fail-fast")", R"(,"policy":"fail\u002dfast")"}) {
    play(
        {{1000, create("g", kAbc, more), armed("g", 31'000)},
         {1100, ok("c", "3"), changed("g")},
         {1200, error("b"),
          closing(
              R"(Failure g [1000 1200] error b: no {"b":null,"c":3} missing ["a"] errors {"b":"no"})",
              "g", 1200)},
         {1300, ok("a"), {}}});
    play(
        {{1000, create("g", kAbc, more), armed("g", 31'000)},
         {1100, ok("c", "3"), changed("g")},
         {1200, ok("a", "1"), changed("g")},
         {1300, ok("b", "2"), closing(R"(Success g [1000 1300] {"a":1,"b":2,"c":3})", "g", 1300)}});
  }
}

TEST_CASE("all-settled waits for all, and the first in order of expected that failed speaks") {
  play({{1000, create("g", kAbc, kAllSettled), armed("g", 31'000)},
        {1100, error("c", "third"), changed("g")},
        {1200, error("b", "second"), changed("g")},
        {1300, ok("a"),
         closing(R"(Failure g [1000 1300] error b: second {"a":1,"b":null,"c":null})"
                 R"( missing [] errors {"b":"second","c":"third"})",
                 "g", 1300)}});
  play({{1000, create("g", kAbc, kAllSettled), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, ok("b"), changed("g")},
        {1300, error("c", "last"),
         closing(R"(Failure g [1000 1300] error c: last {"a":1,"b":1,"c":null})"
                 R"( missing [] errors {"c":"last"})",
                 "g", 1300)}});
  // Its Success has no lists behind the payload.
  play({{1000, create("g", kAbc, kAllSettled + R"(,"payload":{ })"), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, ok("b"), changed("g")},
        {1300, ok("c"),
         closing(R"(Success g [1000 1300] {"a":1,"b":1,"c":1} payload { })", "g", 1300)}});
  // The deadline comes first: that is a timeout, whatever has failed.
  play({{1000, create("g", kAbc, kAllSettled), armed("g", 31'000)},
        {1100, error("b"), changed("g")},
        {31'000, timer("g"),
         fired(R"(Failure g [1000 31000] timeout g: Operation timed out after 30 seconds)"
               R"( {"b":null} missing ["a","c"] errors {"b":"no"})",
               "g", 31'000)}});
}

TEST_CASE("quorum: k results are a Success, with others pending and failed") {
  play({{1000, create("g", kAbc, quorum(1)), armed("g", 31'000)},
        {1100, ok("b"),
         closing(R"(Success g [1000 1100] {"b":1} missing ["a","c"] errors {})", "g", 1100)}});
  play({{1000, create("g", kAbc, quorum(2) + R"(,"payload":7)"), armed("g", 31'000)},
        {1100, ok("c"), changed("g")},
        {1200, error("a"), changed("g")},
        {1300, ok("b"),
         closing(R"(Success g [1000 1300] {"a":null,"b":1,"c":1} payload 7 missing [])"
                 R"( errors {"a":"no"})",
                 "g", 1300)},
        {1400, ok("a"), {}}});
  play({{1000, create("g", kAbc, quorum(3)), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, ok("b"), changed("g")},
        {1300, ok("c"),
         closing(R"(Success g [1000 1300] {"a":1,"b":1,"c":1} missing [] errors {})", "g", 1300)}});
}

TEST_CASE("quorum: k out of reach is unreachable, by the error that put it there") {
  play({{1000, create("g", kAbc, quorum(3)), armed("g", 31'000)},
        {1100, error("b"),
         closing(R"(Failure g [1000 1100] unreachable b: no {"b":null} missing ["a","c"])"
                 R"( errors {"b":"no"})",
                 "g", 1100)}});
  play({{1000, create("g", kAbc, quorum(2)), armed("g", 31'000)},
        {1100, error("c", "one"), changed("g")},
        {1200, ok("b"), changed("g")},
        {1300, error("a", "two"),
         closing(R"(Failure g [1000 1300] unreachable a: two {"a":null,"b":1,"c":null})"
                 R"( missing [] errors {"a":"two","c":"one"})",
                 "g", 1300)}});
}

TEST_CASE("quorum: a removal that puts it out of reach fails the group itself") {
  play({{1000, create("g", kAbc, quorum(2)), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, update("g", R"(,"remove":["b"])"), armed("g", 31'000)},
        {1300, update("g", R"(,"remove":["c"])"),
         closing(R"(Failure g [1000 1300] unreachable g: Quorum of 2 is out of reach {"a":1})"
                 R"( missing [] errors {})",
                 "g", 1300)}});
  // Also the removal of a result.
  play({{1000, create("g", R"(["a","b"])", quorum(2)), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {1200, update("g", R"(,"remove":["a"])"),
         closing(R"(Failure g [1000 1200] unreachable g: Quorum of 2 is out of reach {})"
                 R"( missing ["b"] errors {})",
                 "g", 1200)}});
  // Added ones count for it.
  play({{1000, create("g", R"(["a","b"])", quorum(2)), armed("g", 31'000)},
        {1100, update("g", R"(,"add":["c"])"), armed("g", 31'000)},
        {1200, error("a"), changed("g")},
        {1300, ok("c"), changed("g")},
        {1400, ok("b"),
         closing(R"(Success g [1000 1400] {"a":null,"b":1,"c":1} missing [] errors {"a":"no"})",
                 "g", 1400)}});
}

TEST_CASE("quorum: the deadline is a timeout") {
  play({{1000, create("g", kAbc, quorum(2)), armed("g", 31'000)},
        {1100, ok("a"), changed("g")},
        {31'000, timer("g"),
         fired(R"(Failure g [1000 31000] timeout g: Operation timed out after 30 seconds)"
               R"( {"a":1} missing ["b","c"] errors {})",
               "g", 31'000)}});
}

TEST_CASE("tolerate n: n errors are a Success, n + 1 fail it at once") {
  play({{1000, create("g", kAbc, tolerate(0)), armed("g", 31'000)},
        {1100, error("c"),
         closing(R"(Failure g [1000 1100] error c: no {"c":null} missing ["a","b"])"
                 R"( errors {"c":"no"})",
                 "g", 1100)}});
  play({{1000, create("g", R"(["a"])", tolerate(0)), armed("g", 31'000)},
        {1100, ok("a"),
         closing(R"(Success g [1000 1100] {"a":1} missing [] errors {})", "g", 1100)}});
  play({{1000, create("g", kAbc, tolerate(1)), armed("g", 31'000)},
        {1100, error("b"), changed("g")},
        {1200, ok("c"), changed("g")},
        {1300, ok("a"),
         closing(R"(Success g [1000 1300] {"a":1,"b":null,"c":1} missing [] errors {"b":"no"})",
                 "g", 1300)}});
  play({{1000, create("g", kAbc, tolerate(1)), armed("g", 31'000)},
        {1100, error("c", "one"), changed("g")},
        {1200, error("a", "two"),
         closing(R"(Failure g [1000 1200] error a: two {"a":null,"c":null} missing ["b"])"
                 R"( errors {"a":"two","c":"one"})",
                 "g", 1200)}});
}

TEST_CASE("tolerate of as many as there are: a Success even if all have failed") {
  for (const int count : {2, 3, 1000}) {
    play({{1000, create("g", R"(["a","b"])", tolerate(count)), armed("g", 31'000)},
          {1100, error("a"), changed("g")},
          {1200, error("b", "nor"),
           closing(R"(Success g [1000 1200] {"a":null,"b":null} missing [])"
                   R"( errors {"a":"no","b":"nor"})",
                   "g", 1200)}});
  }
}

TEST_CASE("a group that expects nothing succeeds at once under each policy that can be") {
  const Lines forget = {"Touch g", "Forget g from 301000"};
  const auto row = [&forget](const std::string& more, const std::string& outcome) {
    play({{1000, create("g", "[]", more), {outcome, forget[0], forget[1]}}});
  };
  row("", "Success g [1000 1000] {}");
  row(kAllSettled, "Success g [1000 1000] {}");
  row(tolerate(0), "Success g [1000 1000] {} missing [] errors {}");
  row(tolerate(3), "Success g [1000 1000] {} missing [] errors {}");
  play({{1000,
         create("g", "[]", quorum(1)),
         {"Reject events/3/0 field: field \"policy\" asks for a quorum of 1 of 0 entities"}}});
}

TEST_CASE("early errors count under the policy at the Create") {
  play({{1000, error("a"), armed("g", 31'000)},
        {1100, error("b"), changed("g")},
        {1200, create("g", kAbc, tolerate(2)), armed("g", 31'200)},
        {1300, ok("c"),
         closing(R"(Success g [1200 1300] {"a":null,"b":null,"c":1} missing [])"
                 R"( errors {"a":"no","b":"no"})",
                 "g", 1300)}});
  play({{1000, error("a"), armed("g", 31'000)},
        {1100, error("b", "nor"), changed("g")},
        {1200, create("g", kAbc, quorum(2)),
         closing(R"(Failure g [1200 1200] unreachable b: nor {"a":null,"b":null} missing ["c"])"
                 R"( errors {"a":"no","b":"nor"})",
                 "g", 1200)}});
}

TEST_CASE("each outcome is counted as what it is") {
  World world;
  world.record(1000, create("s", "[]"));
  world.record(1000, create("e", R"(["a"])", kAllSettled));
  world.record(1000, done("e", "a", R"(,"error":"no")"));
  world.record(1000, create("u", R"(["a"])", quorum(1)));
  world.record(1000, done("u", "a", R"(,"error":"no")"));
  world.record(1000, create("t", R"(["a"])"));
  world.timer("t", 31'000);
  world.record(1000, create("c", R"(["a"])"));
  world.record(1000, cancel("c"));
  for (const Counter counter :
       {Counter::kGroupsSuccess, Counter::kGroupsFailedError, Counter::kGroupsFailedUnreachable,
        Counter::kGroupsFailedTimeout, Counter::kGroupsFailedCancelled}) {
    CHECK(world.counted(counter) == 1);
  }
  CHECK(world.counted(Counter::kEntitiesFailed) == 2);
  CHECK(world.counted(Counter::kEntitiesTimedOut) == 0);
}

}  // namespace
}  // namespace muster::collector

#include "collector/view.h"

#include <doctest/doctest.h>

#include "world.h"

using namespace muster;
using namespace muster::collector;

namespace {

std::string summary(const World& world, std::string_view id, int64_t now_ms) {
  std::string out;
  append_summary(out, world.processor.state(world.processor.find(id).value()), at_ms(now_ms));
  return out;
}

std::string everything(const World& world, std::string_view id, int64_t now_ms) {
  std::string out;
  append_everything(out, world.processor.state(world.processor.find(id).value()), at_ms(now_ms));
  return out;
}

bool found(const World& world, std::string_view id, const GroupFilter& filter) {
  return matches(world.processor.state(world.processor.find(id).value()), filter);
}

}  // namespace

TEST_CASE("an open group in short: counts and times") {
  World world;
  world.record(1'000, create("g\\\"1", R"(["a","b","c"])", R"(,"ttl":10,"policy":"all-settled")"));
  world.record(2'000, done("g\\\"1", "a", R"(,"result":1)"));
  world.record(2'500, done("g\\\"1", "b", R"(,"error":"no")"));
  CHECK(summary(world, "g\"1", 3'500) ==
        R"("id":"g\"1","state":"open","created":"1970-01-01T00:00:01.000Z",)"
        R"("deadline":"1970-01-01T00:00:11.000Z","age":2.500,"remaining":7.500,)"
        R"("expected":3,"done":1,"failed":1)");
  CHECK(summary(world, "g\"1", 11'250).find("\"remaining\":-0.250") != std::string::npos);
}

TEST_CASE("an open group in full: who is done, missing, failed, and nothing of results") {
  World world;
  world.record(0, create("g", R"(["a",{"id":"b","ttl":5},"c"])",
                         R"(,"ttl":10,"policy":{"quorum":2},"payload":"secret")"));
  world.record(1, done("g", "a", R"(,"result":"secret")"));
  world.record(2, done("g", "c", R"(,"error":"out \"of\" it")"));
  const std::string text = everything(world, "g", 1'000);
  CHECK(text.find(R"("ttl":"10","policy":{"quorum":2},"expected":["a","b","c"],"done":["a"],)"
                  R"("missing":["b"],"errors":{"c":"out \"of\" it"},)"
                  R"("entityDeadlines":{"b":"1970-01-01T00:00:05.000Z"},)"
                  R"("parent":null,"handler":null)") != std::string::npos);
  CHECK(text.find("secret") == std::string::npos);
}

TEST_CASE("early and closed groups") {
  World world;
  world.record(0, done("early", "a"));
  world.record(0, create("closed", "[]"));
  CHECK(summary(world, "early", 0) ==
        R"("id":"early","state":"early","waiting":1,"expires":"1970-01-01T00:00:30.000Z")");
  CHECK(everything(world, "closed", 0) ==
        R"("id":"closed","state":"closed","rememberedUntil":"1970-01-01T00:05:00.000Z")");
}

TEST_CASE("a filter is by state, deadline and beginning of the id") {
  World world;
  world.record(0, create("ab", R"(["x"])", R"(,"ttl":10)"));
  world.record(0, done("early", "a"));
  CHECK(found(world, "ab", {}));
  CHECK_FALSE(found(world, "early", {}));
  CHECK(found(world, "early", {std::nullopt, {}, ""}));
  CHECK(found(world, "early", {Phase::kEarly, {}, "ea"}));
  CHECK_FALSE(found(world, "early", {std::nullopt, at_ms(1'000'000), ""}));
  CHECK(found(world, "ab", {Phase::kOpen, at_ms(10'001), "a"}));
  CHECK_FALSE(found(world, "ab", {Phase::kOpen, at_ms(10'000), "a"}));
  CHECK_FALSE(found(world, "ab", {Phase::kOpen, {}, "abc"}));
  CHECK(world.processor.slots() == 2);
}

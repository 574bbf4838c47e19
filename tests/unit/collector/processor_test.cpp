#include "collector/processor.h"

#include <doctest/doctest.h>

#include <string>

#include "world.h"

// Times in these tests are milliseconds since 1970, so an outcome's year is 1970. Defaults: ttl 30
// s, early-ttl 30 s, closed-ttl 5 min.

namespace muster::collector {
namespace {

std::string time_text(int64_t ms) {
  std::string out;
  append_time(out, at_ms(ms));
  return out;
}

std::string success(std::string_view id, int64_t created, int64_t resolved,
                    std::string_view results, std::string_view payload = "null") {
  std::string text = "Produce output " + std::string(id);
  text.append(R"( {"type":"EventGroupCollectorSuccess","id":")").append(id);
  text.append(R"(","created":")").append(time_text(created));
  text.append(R"(","resolved":")").append(time_text(resolved));
  text.append(R"(","results":)").append(results).append(R"(,"payload":)").append(payload);
  return text.append("} content-type=application/json");
}

std::string failure(std::string_view id, std::string_view entity, std::string_view error,
                    std::string_view times_and_results, std::string_view code_and_lists) {
  std::string text = "Produce output " + std::string(id);
  text.append(R"( {"type":"EventGroupCollectorFailure","id":")").append(id);
  text.append(R"(","entity":")").append(entity).append(R"(","error":")").append(error);
  text.append("\",").append(times_and_results).append(R"(,"payload":null,)").append(code_and_lists);
  return text.append("} content-type=application/json");
}

std::string times_and_results(int64_t created, int64_t resolved, std::string_view results) {
  std::string text = R"("created":")";
  text.append(time_text(created)).append(R"(","resolved":")").append(time_text(resolved));
  return text.append(R"(","results":)").append(results);
}

TEST_CASE("a group succeeds once, when every expected entity has a result") {
  World world;
  CHECK(world.record(1000, create("g", R"(["a","b"])", R"(,"ttl":10,"payload":{ "p":1})")) ==
        Lines{"Touch g", "Arm g due 11000"});
  CHECK(world.processor.open() == 1);
  CHECK(world.record(2000, done("g", "b", R"(,"result":[ 2 ])")) == Lines{"Touch g"});
  CHECK(world.record(3000, done("g", "a")) ==
        Lines{success("g", 1000, 3000, R"({"a":null,"b":[ 2 ]})", R"({ "p":1})"), "Touch g",
              "Disarm g", "Forget g from 303000"});
  CHECK(world.processor.open() == 0);
  CHECK(world.processor.known() == 1);
  CHECK(world.counted(Counter::kGroupsCreated) == 1);
  CHECK(world.counted(Counter::kGroupsSuccess) == 1);
  CHECK(world.counted(Counter::kEntitiesDone) == 2);
}

TEST_CASE("the first error fails the group at once") {
  World world;
  world.record(1000, create("g", R"(["a","b","c"])"));
  world.record(2000, done("g", "c", R"(,"result":3)"));
  CHECK(world.record(3000, done("g", "b", R"(,"error":"no","result":1)")) ==
        Lines{failure("g", "b", "no", times_and_results(1000, 3000, R"({"b":null,"c":3})"),
                      R"("code":"error","missing":["a"],"errors":{"b":"no"})"),
              "Touch g", "Disarm g", "Forget g from 303000"});
  CHECK(world.counted(Counter::kGroupsFailedError) == 1);
  CHECK(world.counted(Counter::kEntitiesFailed) == 1);
}

TEST_CASE("a group that expects nothing succeeds at once") {
  World world;
  CHECK(world.record(1000, create("g", "[]")) ==
        Lines{success("g", 1000, 1000, "{}"), "Touch g", "Forget g from 301000"});
}

TEST_CASE("a group times out at its deadline, resolved at the deadline itself") {
  World world;
  world.record(1000, create("g", R"(["a","b"])", R"(,"ttl":2.50)"), 1500);
  world.record(2000, done("g", "b", R"(,"result":"x")"));
  CHECK(world.timer("g", 4000) == Lines{failure("g", "g", "Operation timed out after 2.50 seconds",
                                                times_and_results(1000, 4000, R"({"b":"x"})"),
                                                R"("code":"timeout","missing":["a"],"errors":{})"),
                                        "Touch g", "Forget g from 304000"});
  CHECK(world.counted(Counter::kGroupsFailedTimeout) == 1);
}

TEST_CASE("a ttl that is absent or not positive times out after 30 seconds") {
  for (const std::string_view more : {"", ",\"ttl\":0", ",\"ttl\":-3"}) {
    World world;
    CHECK(world.record(1000, create("g", R"(["a"])", more)) == Lines{"Touch g", "Arm g due 31000"});
    CHECK(world.timer("g", 31000)[0].find("Operation timed out after 30 seconds") !=
          std::string::npos);
  }
}

TEST_CASE("the deadline counts from the shard's clock where that is past the record's time") {
  World world;
  CHECK(world.record(1000, create("g", R"(["a"])", ",\"ttl\":0.0001"), 9000) ==
        Lines{"Touch g", "Arm g due 9001"});
}

TEST_CASE("a Done past the deadline is late and does not fire the group") {
  World world;
  world.record(1000, create("g", R"(["a"])", ",\"ttl\":1"));
  CHECK(world.record(2001, done("g", "a")) == Lines{"Touch g"});
  CHECK(world.counted(Counter::kEntitiesLate) == 1);
  CHECK(world.processor.open() == 1);
  CHECK(world.record(2000, done("g", "a"))[0] == success("g", 1000, 2000, R"({"a":null})"));
}

TEST_CASE("an early Done waits for its Create and is applied in order of arrival") {
  World world;
  CHECK(world.record(1000, done("g", "a", R"(,"result":1)")) ==
        Lines{"Touch g", "Arm g due 31000"});
  CHECK(world.record(2000, done("g", "a", R"(,"error":"second")")) == Lines{"Touch g"});
  CHECK(world.record(3000, create("g", R"(["a","b"])", ",\"ttl\":5")) ==
        Lines{"Touch g", "Arm g due 8000"});
  CHECK(world.counted(Counter::kEntitiesEarly) == 2);
  CHECK(world.counted(Counter::kEntitiesDuplicate) == 1);
  CHECK(world.record(4000, done("g", "b"))[0] ==
        success("g", 1000 + 2000, 4000, R"({"a":1,"b":null})"));
}

TEST_CASE("early Dones that complete the group do so at its Create") {
  World world;
  world.record(1000, done("g", "a", R"(,"result":1)"));
  CHECK(world.record(3000, create("g", R"(["a"])")) == Lines{success("g", 3000, 3000, R"({"a":1})"),
                                                             "Touch g", "Disarm g",
                                                             "Forget g from 303000"});
}

TEST_CASE("an early error fails the group at its Create, and the Dones behind it are late") {
  World world;
  world.record(1000, done("g", "a", R"(,"error":"no")"));
  world.record(1001, done("g", "b"));
  CHECK(world.record(3000, create("g", R"(["a","b"])")) ==
        Lines{failure("g", "a", "no", times_and_results(3000, 3000, R"({"a":null})"),
                      R"("code":"error","missing":["b"],"errors":{"a":"no"})"),
              "Touch g", "Disarm g", "Forget g from 303000"});
  CHECK(world.counted(Counter::kEntitiesLate) == 1);
}

TEST_CASE("early Dones of a group that expects nothing are late") {
  World world;
  world.record(1000, done("g", "a"));
  CHECK(world.record(3000, create("g", "[]")) ==
        Lines{success("g", 3000, 3000, "{}"), "Touch g", "Disarm g", "Forget g from 303000"});
  CHECK(world.counted(Counter::kEntitiesLate) == 1);
}

TEST_CASE("an early Done that is past the deadline when the Create comes is late") {
  World world;
  world.record(9000, done("g", "a"));
  CHECK(world.record(1000, create("g", R"(["a"])", ",\"ttl\":2")) ==
        Lines{"Touch g", "Arm g due 3000"});
  CHECK(world.counted(Counter::kEntitiesLate) == 1);
}

TEST_CASE("an early Done that its group does not expect is rejected as it was") {
  World world;
  world.headers = {{"h", "1"}, {"n", std::nullopt}};
  const std::string value = done("g", "x", R"(,"error":"e")");
  world.record(1000, value);
  world.headers.clear();
  CHECK(world.record(3000, create("g", R"(["a"])")) ==
        Lines{"Reject events/3/0 unexpected: the group does not expect this entity | k | " + value +
                  " | h=1 | n=null",
              "Touch g", "Arm g due 33000"});
  CHECK(world.counted(Counter::kEntitiesUnexpected) == 1);
  CHECK(world.rejected(RejectCode::kUnexpected) == 1);
}

TEST_CASE("early Dones become orphans one by one, each at its own time") {
  World world;
  const std::string value = done("g", "a");
  world.record(2000, value);
  world.key.reset();
  CHECK(world.record(1000, value) == Lines{"Touch g", "Arm g due 31000"});
  CHECK(world.record(3000, value) == Lines{"Touch g"});
  const std::string text = " orphan: no Create of the group came within 30 seconds | ";
  CHECK(world.timer("g", 31000) ==
        Lines{"Reject events/3/1" + text + "null | " + value, "Touch g", "Arm g due 32000"});
  CHECK(world.timer("g", 33000) == Lines{"Reject events/3/0" + text + "k | " + value,
                                         "Reject events/3/2" + text + "null | " + value, "Touch g",
                                         "Forget g from 33000"});
  CHECK(world.rejected(RejectCode::kOrphan) == 3);
}

TEST_CASE("an orphan that has not left memory comes to life again") {
  World world;
  world.record(1000, done("g", "a"));
  world.timer("g", 31000);
  SUBCASE("by another early Done") {
    CHECK(world.record(32000, done("g", "a")) ==
          Lines{"Touch g", "Arm g due 62000",
                "Forget g from " + std::to_string(core::to_ms(kNever))});
  }
  SUBCASE("by its Create") {
    CHECK(world.record(32000, create("g", R"(["a"])")) ==
          Lines{"Touch g", "Arm g due 62000",
                "Forget g from " + std::to_string(core::to_ms(kNever))});
  }
  SUBCASE("by a Create that ends at once") {
    CHECK(world.record(32000, create("g", "[]")) ==
          Lines{success("g", 32000, 32000, "{}"), "Touch g", "Forget g from 332000"});
  }
}

TEST_CASE("of a duplicate Done the first one wins") {
  World world;
  world.record(1000, create("g", R"(["a","b"])"));
  world.record(2000, done("g", "a", R"(,"result":1)"));
  CHECK(world.record(2000, done("g", "a", R"(,"error":"changed its mind")")).empty());
  CHECK(world.record(2500, done("g", "a", R"(,"result":2)")) == Lines{"Touch g"});
  CHECK(world.counted(Counter::kEntitiesDuplicate) == 2);
  CHECK(world.record(3000, done("g", "b"))[0] == success("g", 1000, 3000, R"({"a":1,"b":null})"));
}

TEST_CASE("a late Done is ignored, and remembered where that is longer") {
  World world;
  world.record(1000, create("g", "[]"));
  CHECK(world.record(2000, done("g", "a")).empty());
  CHECK(world.record(271'000, done("g", "a")).empty());
  CHECK(world.record(271'001, done("g", "a")) == Lines{"Touch g", "Forget g from 301001"});
  CHECK(world.record(272'000, create("g", R"(["x"])")) == Lines{"Touch g", "Forget g from 302000"});
  CHECK(world.counted(Counter::kEntitiesLate) == 3);
  CHECK(world.counted(Counter::kCreatesLate) == 1);
}

TEST_CASE("events on an open group count for how long it is remembered") {
  Options options;
  options.closed_ttl = std::chrono::seconds(1);
  World world(options);
  world.record(1000, create("g", R"(["a"])", ",\"ttl\":2"));
  CHECK(world.record(9000, done("g", "a")) == Lines{"Touch g"});  // late
  CHECK(world.timer("g", 3000).back() == "Forget g from 39000");
}

TEST_CASE("a Done that is not expected is a dead letter and its error fails nothing") {
  World world;
  world.record(1000, create("g", R"(["a"])"));
  CHECK(world.record(1000, done("g", "x", R"(,"error":"e")")) ==
        Lines{"Reject events/3/1 unexpected: the group does not expect this entity | k | " +
              done("g", "x", R"(,"error":"e")")});
  CHECK(world.processor.open() == 1);
}

TEST_CASE(
    "the same Create again has no effect, another one is a conflict while the group is open") {
  World world;
  const std::string first = create("g", R"(["a"])", R"(,"payload":1)");
  const std::string other = create("g", R"(["a"])", R"(,"payload":2)");
  world.record(1000, first);
  CHECK(world.record(1000, first).empty());
  CHECK(world.record(1000, other) ==
        Lines{"Reject events/3/2 conflict: the group is open with another content | k | " + other});
  CHECK(world.counted(Counter::kCreatesDuplicate) == 1);
  world.record(1000, done("g", "a"));
  CHECK(world.record(1000, first).empty());
  CHECK(world.record(1000, other).empty());
  CHECK(world.counted(Counter::kCreatesLate) == 2);
  CHECK(world.rejected(RejectCode::kConflict) == 1);
}

TEST_CASE("an id may be used again once it is forgotten") {
  World world;
  world.record(1000, create("g", "[]"));
  world.processor.drop(world.processor.find("g").value());
  CHECK_FALSE(world.processor.find("g").has_value());
  CHECK(world.processor.known() == 0);
  CHECK(world.record(2000, create("g", R"(["a"])")) == Lines{"Touch g", "Arm g due 32000"});
  world.processor.drop(world.processor.find("g").value());
  CHECK(world.processor.open() == 0);
}

TEST_CASE("records that concern nobody have no effect at all") {
  World world;
  CHECK(world.record(1000, R"({"type":"Other","id":"g"})").empty());
  CHECK(world.record(1000, R"({"type":"EventGroupCollectorSuccess","id":"g"})").empty());
  CHECK(world.counted(Counter::kRecordsSkipped) == 2);
  CHECK(world.processor.known() == 0);
}

TEST_CASE("a bad record is rejected unchanged and the next one is taken") {
  World world;
  CHECK(world.record(1000, std::nullopt) ==
        Lines{"Reject events/3/0 tombstone: the record has no value | k | null"});
  CHECK(world.record(1000, "{") ==
        Lines{"Reject events/3/1 json: the value is not JSON: it ends early | k | {"});
  CHECK(world.rejected(RejectCode::kTombstone) == 1);
  CHECK(world.rejected(RejectCode::kJson) == 1);
  CHECK(world.record(1000, create("g", "[]"))[0] == success("g", 1000, 1000, "{}"));
}

TEST_CASE("an outcome over the limit is a Failure and the group closes") {
  Options options;
  options.output_bytes_max = 1500;
  World world(options);
  world.record(1000, create("g", R"(["a","b"])"));
  world.record(1000, done("g", "a", ",\"result\":" + std::string(900, '1')));
  CHECK(world.record(1000, done("g", "b", ",\"result\":" + std::string(900, '1'))) ==
        Lines{failure("g", "g", "Outcome is larger than 1500 bytes",
                      times_and_results(1000, 1000, "{}"),
                      R"("code":"too-large","missing":[],"errors":{})"),
              "Touch g", "Disarm g", "Forget g from 301000"});
  CHECK(world.counted(Counter::kGroupsFailedTooLarge) == 1);
}

TEST_CASE("a Create whose id leaves no room for any outcome is over the limit") {
  Options options;
  options.output_bytes_max = 1500;
  World world(options);
  const std::string id(500, 'x');
  const Lines lines = world.record(1000, create(id, R"(["a"])"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("Reject events/3/0 limit: field \"id\" is too long"));
  CHECK(world.processor.known() == 0);
}

TEST_CASE("early events are limited in number and bytes, but never fewer than one") {
  Options options;
  options.max_expected = 2;
  options.max_message_bytes = kBytesMax;
  World world(options);
  world.record(1000, done("g", "a"));
  world.record(1000, done("g", "b"));
  const Lines third = world.record(1000, done("g", "c"));
  REQUIRE(third.size() == 1);
  CHECK(third[0].starts_with(
      "Reject events/3/2 limit: too many events wait for this group's Create"));

  const std::string large = ",\"result\":\"" + std::string(kEarlyBytesMax, 'x') + '"';
  CHECK(world.record(1000, done("h", "a", large)) == Lines{"Touch h", "Arm h due 31000"});
  CHECK(world.record(1000, done("h", "b")).size() == 1);
  CHECK(world.rejected(RejectCode::kLimit) == 2);
}

TEST_CASE("the sender's name is put into outcomes") {
  Options options;
  options.sender = "me";
  World world(options);
  CHECK(world.record(1000, create("g", "[]"))[0].find(R"("id":"g","sender":"me","created")") !=
        std::string::npos);
}

TEST_CASE("every counter has a name of its own") {
  const auto& names = counter_names();
  for (size_t i = 0; i < names.size(); ++i) {
    CHECK(names[i].family.starts_with("collector_"));
    CHECK(names[i].label.empty() == names[i].value.empty());
    for (size_t j = 0; j < i; ++j) {
      CHECK((names[i].family != names[j].family || names[i].value != names[j].value));
    }
  }
  for (size_t code = 0; code < kRejectCodes; ++code) {
    const auto reject = static_cast<RejectCode>(code);
    CHECK(names[static_cast<size_t>(counter_of(reject))].value == name(reject));
  }
}

}  // namespace
}  // namespace muster::collector

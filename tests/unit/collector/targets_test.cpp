// Where an outcome goes besides the output topic: a Create's handler and parent.
#include "collector/targets.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "ledger.h"

namespace muster::collector {
namespace {

const std::string kHandler =
    R"(,"handler":{"onsuccess":{"topic":"good","payload":{ "h" : 1 }},"onfailure":{"topic":"bad"}})";

std::string ok(std::string_view entity, std::string_view result = "1") {
  return done("g", entity, ",\"result\":" + std::string(result));
}
std::string parent_done(std::string_view more) {
  return R"(to input key p: {"type":"EventGroupCollectorEntityDone","id":"child","group":"p",)" +
         std::string(more) + "}";
}
const std::string kParent = R"(,"parent":{"group":"p","id":"child"})";

Lines closing_also(std::string outcome, std::string also, int64_t now_ms) {
  Lines lines = closing(std::move(outcome), "g", now_ms);
  lines.insert(lines.begin() + 1, std::move(also));
  return lines;
}

TEST_CASE("a handler's topic gets the same outcome, with the handler's payload if it gives one") {
  play({{1000, create("g", R"(["a"])", kHandler + R"(,"payload":7)"), armed("g", 31'000)},
        {1100, ok("a"),
         closing_also(R"(Success g [1000 1100] {"a":1} payload 7)",
                      R"(to good key g: Success g [1000 1100] {"a":1} payload { "h" : 1 })",
                      1100)}});
  play(
      {{1000, create("g", R"(["a"])", kHandler + R"(,"payload":7)"), armed("g", 31'000)},
       {1100, done("g", "a", R"(,"error":"no")"),
        closing_also(
            R"(Failure g [1000 1100] error a: no {"a":null} payload 7 missing [] errors {"a":"no"})",
            R"(to bad key g: Failure g [1000 1100] error a: no {"a":null} payload 7 missing [])"
            R"( errors {"a":"no"})",
            1100)}});
}

TEST_CASE("timeouts, cancels and outcomes at once go to the handler too") {
  play({{1000, create("g", R"(["a"])", kHandler), armed("g", 31'000)},
        {31'000,
         timer("g"),
         {R"(Failure g [1000 31000] timeout g: Operation timed out after 30 seconds {})"
          R"( missing ["a"] errors {})",
          R"(to bad key g: Failure g [1000 31000] timeout g: Operation timed out after 30 seconds)"
          R"( {} missing ["a"] errors {})",
          "Touch g", "Forget g from 331000"}}});
  play({{1000, create("g", R"(["a"])", kHandler), armed("g", 31'000)},
        {1100, cancel("g"),
         closing_also(R"(Failure g [1000 1100] cancelled g: Operation cancelled {})"
                      R"( missing ["a"] errors {})",
                      R"(to bad key g: Failure g [1000 1100] cancelled g: Operation cancelled {})"
                      R"( missing ["a"] errors {})",
                      1100)}});
  play({{1000,
         create("g", "[]", kHandler),
         {"Success g [1000 1000] {}",
          R"(to good key g: Success g [1000 1000] {} payload { "h" : 1 })", "Touch g",
          "Forget g from 301000"}}});
  play({{1000,
         create("g", R"(["a","b"])",
                R"(,"policy":{"quorum":1},"handler":{"onsuccess":{"topic":"t"}})"),
         armed("g", 31'000)},
        {1100, ok("a"),
         closing_also(R"(Success g [1000 1100] {"a":1} missing ["b"] errors {})",
                      R"(to t key g: Success g [1000 1100] {"a":1} missing ["b"] errors {})",
                      1100)}});
}

TEST_CASE("a handler of one kind of outcome hears nothing of the other") {
  for (const std::string handler :
       {R"({"onfailure":{"topic":"t"}})", R"({"onsuccess":null})", R"({"other":7})", "{}"}) {
    play({{1000, create("g", R"(["a"])", ",\"handler\":" + handler), armed("g", 31'000)},
          {1100, ok("a"), closing(R"(Success g [1000 1100] {"a":1})", "g", 1100)}});
  }
  for (const std::string handler : {R"({"onsuccess":{"topic":"t"}})", R"({"onfailure":null})"}) {
    play({{1000, create("g", R"(["a"])", ",\"handler\":" + handler), armed("g", 31'000)},
          {1100, done("g", "a", R"(,"error":"no")"),
           closing(R"(Failure g [1000 1100] error a: no {"a":null} missing [] errors {"a":"no"})",
                   "g", 1100)}});
  }
}

TEST_CASE("a handler's topic and payload are the producers' texts") {
  play(
      {{1000,
        create("g", "[]", R"(,"handler":{"\u006fnsuccess":{"topic":"\u0074","payload":"\u0074"}})"),
        {"Success g [1000 1000] {}", R"(to t key g: Success g [1000 1000] {} payload "\u0074")",
         "Touch g", "Forget g from 301000"}}});
}

TEST_CASE("where the outcome is too large the handler's is the same one") {
  const std::string big = ",\"payload\":\"" + std::string(1500, 'x') + '"';
  struct Case {
    std::string own;      // the handler's payload
    std::string payload;  // what its outcome has
  };
  for (const Case& row : {Case{"", ""}, Case{R"(,"payload":"own")", R"( payload "own")"}}) {
    Options options;
    options.output_bytes_max = 1500;
    const std::string handler = R"(,"handler":{"onfailure":{"topic":"t")" + row.own + R"(}})";
    const std::string text =
        R"(Failure g [1000 1000] too-large g: Outcome is larger than 1500 bytes {})";
    play({{1000,
           create("g", "[]", big + handler),
           {text + " missing [] errors {}",
            "to t key g: " + text + row.payload + " missing [] errors {}", "Touch g",
            "Forget g from 301000"}}},
         options);
  }
}

TEST_CASE("where even the lists do not fit the handler's outcome has none either") {
  Options options;
  options.output_bytes_max = 2500;
  World world(options);
  const std::string name(2000, 'n');
  world.record(1000, create("g", "[\"" + name + "\"]",
                            R"(,"handler":{"onfailure":{"topic":"t","payload":"own"}})"));
  const Lines lines = world.timer("g", 31'000);
  const std::string text = R"(Failure g [1000 31000] too-large g: Outcome is larger than 2500)"
                           R"( bytes {} missing [] errors {})";
  CHECK(short_line(lines[0]) == text);
  CHECK(short_line(lines[1]) == "to t key g: " + text);
}

TEST_CASE("the parent gets the results as a Done of its entity, or the error") {
  play({{1000, create("g", R"(["b","a"])", kParent), armed("g", 31'000)},
        {1100, ok("a", "[ 1 ]"), changed("g")},
        {1200, ok("b", "1E400"),
         closing_also(R"(Success g [1000 1200] {"b":1E400,"a":[ 1 ]})",
                      parent_done(R"("result":{"b":1E400,"a":[ 1 ]})"), 1200)}});
  play({{1000, create("g", R"(["a"])", kParent), armed("g", 31'000)},
        {1100, done("g", "a", R"(,"error":"n\"o")"),
         closing_also(R"(Failure g [1000 1100] error a: n\"o {"a":null} missing [])"
                      R"( errors {"a":"n\"o"})",
                      parent_done(R"("error":"n\"o")"), 1100)}});
  play({{1000, create("g", R"(["a"])", kParent + R"(,"ttl":2.50)"), armed("g", 3500)},
        {3500,
         timer("g"),
         {R"(Failure g [1000 3500] timeout g: Operation timed out after 2.50 seconds {})"
          R"( missing ["a"] errors {})",
          parent_done(R"("error":"Operation timed out after 2.50 seconds")"), "Touch g",
          "Forget g from 303500"}}});
  play({{1000,
         create("g", "[]", kParent),
         {"Success g [1000 1000] {}", parent_done(R"("result":{})"), "Touch g",
          "Forget g from 301000"}}});
  play({{1000, create("g", R"(["a","b","c"])", kParent + R"(,"policy":{"quorum":1})"),
         armed("g", 31'000)},
        {1100, done("g", "c", R"(,"error":"no")"), changed("g")},
        {1200, ok("b"),
         closing_also(R"(Success g [1000 1200] {"b":1,"c":null} missing ["a"] errors {"c":"no"})",
                      parent_done(R"("result":{"b":1,"c":null})"), 1200)}});
  play({{1000, create("g", R"(["a"])", kParent + R"(,"policy":{"quorum":1})"), armed("g", 31'000)},
        {1100, update("g", R"(,"remove":["a"])"),
         closing_also(R"(Failure g [1000 1100] unreachable g: Quorum of 1 is out of reach {})"
                      R"( missing [] errors {})",
                      parent_done(R"("error":"Quorum of 1 is out of reach")"), 1100)}});
  play({{1000, create("g", R"(["a"])", kParent), armed("g", 31'000)},
        {1100, cancel("g", R"(,"reason":"enough")"),
         closing_also(R"(Failure g [1000 1100] cancelled g: enough {} missing ["a"] errors {})",
                      parent_done(R"("error":"enough")"), 1100)}});
}

TEST_CASE("handler and parent: the outcome, the handler's, the parent's Done") {
  play({{1000,
         create("g", "[]", kHandler + R"(,"parent":{"id":"c\u00e9\"","group":"p"})"),
         {"Success g [1000 1000] {}",
          R"(to good key g: Success g [1000 1000] {} payload { "h" : 1 })",
          "to input key p: {\"type\":\"EventGroupCollectorEntityDone\",\"id\":\"c\u00e9\\\"\","
          "\"group\":\"p\",\"result\":{}}",
          "Touch g", "Forget g from 301000"}}});
}

TEST_CASE("results that the parent's Done cannot hold become an error that says so") {
  Options options;
  options.max_message_bytes = 1500;
  play({{1000, create("g", R"(["a"])", kParent), armed("g", 31'000)},
        {1100, ok("a", std::string(1000, '1')),
         closing_also("Success g [1000 1100] {\"a\":" + std::string(1000, '1') + "}",
                      parent_done(R"("error":"Outcome is larger than 1500 bytes")"), 1100)}},
       options);
  // One level deeper than what came in is too deep for the parent, though not for the outcome.
  const std::string deep = std::string(63, '[') + std::string(63, ']');
  World world;
  world.record(1000, create("g", R"(["a"])", kParent));
  const Lines lines = world.record(1100, ok("a", deep));
  CHECK(lines[0].find(R"("results":{"a":)" + deep + "}") != std::string::npos);
  CHECK(short_line(lines[1]) == parent_done(R"("error":"Outcome is nested over 64 deep")"));
  // And the collector, which reads its own outcomes too, skips that one.
  const std::string outcome = lines[0].substr(17, lines[0].rfind(" content-type") - 17);
  CHECK(world.record(1200, outcome).empty());
  CHECK(world.counted(Counter::kRecordsSkipped) == 1);
}

TEST_CASE("a group's too large outcome is an error for its parent") {
  Options options;
  options.output_bytes_max = 1500;
  play({{1000, create("g", R"(["a"])", kParent), armed("g", 31'000)},
        {1100, ok("a", std::string(1000, '1')),
         closing_also("Failure g [1000 1100] too-large g: Outcome is larger than 1500 bytes {}"
                      " missing [] errors {}",
                      parent_done(R"("error":"Outcome is larger than 1500 bytes")"), 1100)}},
       options);
}

TEST_CASE("what goes to a parent is a Done that the parent takes") {
  World world;
  world.record(1000, create("p", R"(["child","other"])"));
  world.record(1000, create("g", R"(["a"])", kParent));
  const Lines lines = world.record(1100, ok("a", "[ 7 ]"));
  REQUIRE(lines[1].starts_with("Produce input p {"));
  const std::string value = lines[1].substr(16, lines[1].rfind(" content-type") - 16);
  play(world,
       {{1200, value, changed("p")},
        {1300, done("p", "other"),
         closing(R"(Success p [1000 1300] {"child":{"a":[ 7 ]},"other":null})", "p", 1300)}});
}

TEST_CASE("the parent's Done has the time at which the group ended") {
  World world;
  const auto time_of_done = [&world](const auto& act) {
    act();
    std::optional<core::Time> time;
    for (const core::Effect& effect : world.effects.list()) {
      const auto* produce = std::get_if<core::Produce>(&effect);
      if (produce == nullptr) continue;
      if (produce->topic == core::TopicRole::kInput) {
        time = produce->time;
      } else {
        CHECK_FALSE(produce->time.has_value());
      }
    }
    world.take();
    return time;
  };
  core::Record record;
  record.time = at_ms(1000);
  const std::string at_once = create("g", "[]", kParent);
  record.value = at_once;
  const auto create_late = [&] { world.processor.on_record(record, at_ms(9000), world.effects); };
  CHECK(time_of_done(create_late) == at_ms(1000));
  world.record(1000, create("h", R"([{"id":"a","ttl":5}])", kHandler + kParent));
  const core::Slot slot = world.processor.find("h").value();
  const auto fire = [&] { world.processor.on_timer(slot, at_ms(6000), world.effects); };
  CHECK(time_of_done(fire) == at_ms(6000));
}

TEST_CASE("the sender's name is in every outcome, and not in what goes to the parent") {
  Options options;
  options.sender = "me";
  play({{1000, create("g", R"(["a"])", kHandler + kParent), armed("g", 31'000)},
        {1100,
         done("g", "a", R"(,"error":"no","sender":"you")"),
         {R"(Failure g by me [1000 1100] error a: no {"a":null} missing [] errors {"a":"no"})",
          R"(to bad key g: Failure g by me [1000 1100] error a: no {"a":null} missing [])"
          R"( errors {"a":"no"})",
          parent_done(R"("error":"no")"), "Touch g", "Disarm g", "Forget g from 301100"}}},
       options);
}

TEST_CASE("all that goes out at an end has the closing event's trace") {
  World world;
  world.headers = {{"x", "1"}, {"traceparent", "00-1"}, {"tracestate", std::nullopt}};
  const Lines lines = world.record(1000, create("g", "[]", kHandler + kParent));
  REQUIRE(lines.size() == 5);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(lines[i].ends_with(" content-type=application/json traceparent=00-1 tracestate=null"));
  }
}

struct Wrong {
  std::string_view raw;
  std::string_view what;
};

TEST_CASE("handlers are checked") {
  for (const Wrong& row :
       {Wrong{"{}", ""}, Wrong{R"({"onsuccess":null,"onfailure":null})", ""},
        Wrong{R"({"onsuccess":{"topic":"t"},"x":1,"x":2})", ""},
        Wrong{R"({"onsuccess":{"topic":"t","payload":null,"x":[]}})", ""},
        Wrong{"7", "is not an object"},
        Wrong{R"({"onsuccess":[]})", R"("onsuccess" is not an object)"},
        Wrong{R"({"onfailure":{}})", R"("onfailure" has no "topic")"},
        Wrong{R"({"onfailure":{"topic":null}})", R"("onfailure" has no "topic")"},
        Wrong{R"({"onsuccess":{"topic":""}})", R"("onsuccess" has an empty "topic")"},
        Wrong{R"({"onsuccess":{"topic":1}})", R"("onsuccess" has a "topic" that is not a string)"},
        Wrong{R"({"onsuccess":{"topic":"\ud800"}})",
              R"("onsuccess" has a "topic" with a lone surrogate, which no text can hold)"},
        Wrong{R"({"onsuccess":{"topic":"t","topic":"t"}})", R"("onsuccess" names "topic" twice)"},
        Wrong{R"({"onsuccess":{"topic":"t"},"onsuccess":null})", R"(names "onsuccess" twice)"}}) {
    CAPTURE(row.raw);
    CHECK(check_handler(row.raw) == row.what);
  }
}

TEST_CASE("parents are checked") {
  for (const Wrong& row :
       {Wrong{R"({"group":"p","id":"c"})", ""}, Wrong{R"({"id":"c","x":1,"group":"p"})", ""},
        Wrong{"[]", "is not an object"}, Wrong{"{}", R"(has no "group")"},
        Wrong{R"({"group":"p"})", R"(has no "id")"},
        Wrong{R"({"group":"p","id":""})", R"(has an empty "id")"},
        Wrong{R"({"group":"p","id":{}})", R"(has a "id" that is not a string)"},
        Wrong{R"({"group":1,"id":"c"})", R"(has a "group" that is not a string)"},
        Wrong{R"({"group":"p","id":"\udc00"})",
              R"(has a "id" with a lone surrogate, which no text can hold)"},
        Wrong{R"({"group":"p","id":"c","id":"c"})", R"(names "id" twice)"}}) {
    CAPTURE(row.raw);
    CHECK(check_parent(row.raw) == row.what);
  }
}

}  // namespace
}  // namespace muster::collector

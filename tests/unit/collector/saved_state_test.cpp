#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "ledger.h"

namespace muster::collector {
namespace {

TEST_CASE("an early group is saved with its records whole, and goes on from there") {
  World world;
  world.headers = {{"h", "1"}, {"h", std::nullopt}, {"", ""}};
  const std::string value = done("g", "a", R"(,"result":{ "x" : 1 })");
  world.record(1000, value);
  world.key.reset();
  world.record(500, done("g", "b"));
  const std::string bytes = world.save("g");

  World other;
  CHECK(other.load("g", bytes) == Lines{"Arm g due 30500"});
  CHECK(other.save("g") == bytes);
  CHECK(other.timer("g", 30500) == world.timer("g", 30500));
  const Lines orphan = world.timer("g", 31000);
  CHECK(other.timer("g", 31000) == orphan);
  CHECK(orphan[0] ==
        "Reject events/3/0 orphan: no Create of the group came within 30 seconds | k | " + value +
            " | h=1 | h=null | =");
  World third;
  CHECK(third.load("g", other.save("g")) == Lines{"Forget g from 31000"});
  CHECK(third.save("g") == world.save("g"));
}

TEST_CASE("an open group is saved with the results that it has") {
  World world;
  world.record(1000, create("g", R"(["a","b","c"])", R"(,"ttl":2.50,"payload":[ 1 ])"));
  world.record(1500, done("g", "c", R"(,"result":1E400)"));
  World other;
  CHECK(other.load("g", world.save("g")) == Lines{"Arm g due 3500"});
  CHECK(other.processor.open() == 1);
  CHECK(other.record(2000, create("g", R"(["a","b","c"])", R"(,"ttl":2.50,"payload":[ 1 ])")) ==
        Lines{"Touch g"});
  CHECK(other.timer("g", 3500) == world.timer("g", 3500));
}

TEST_CASE("a closed group is saved with the time until which it is remembered") {
  World world;
  world.record(1000, create("g", "[]"));
  World other;
  CHECK(other.load("g", world.save("g")) == Lines{"Forget g from 301000"});
  CHECK(other.save("g") == world.save("g"));
  CHECK(other.record(2000, done("g", "a")).empty());
  CHECK(other.counted(Counter::kEntitiesLate) == 1);
}

TEST_CASE("load replaces what the id was, with its timer and its time to leave") {
  World early;
  early.record(1000, done("g", "a"));
  World open;
  open.record(1000, create("g", R"(["a"])"));
  World closed;
  closed.record(1000, create("g", "[]"));
  const std::string never = "Forget g from " + std::to_string(core::to_ms(kNever));
  struct Row {
    World& before;
    World& after;
    Lines effects;
  };
  std::vector<Row> rows = {{early, open, {"Arm g due 31000"}},
                           {open, closed, {"Disarm g", "Forget g from 301000"}},
                           {closed, open, {never, "Arm g due 31000"}},
                           {early, closed, {"Disarm g", "Forget g from 301000"}},
                           {closed, early, {never, "Arm g due 31000"}}};
  for (Row& row : rows) {
    World world;
    REQUIRE(world.load("g", row.before.save("g")).has_value());
    CHECK(world.load("g", row.after.save("g")) == row.effects);
    CHECK(world.save("g") == row.after.save("g"));
    CHECK(world.processor.known() == 1);
    CHECK(world.processor.open() == row.after.processor.open());
  }
}

// A group with everything that a group can have.
void fill(World& world) {
  world.record(1000, create("g", R"([{"id":"a","ttl":5.0},"b\u00e9",{"id":"c","ttl":9},"d","e"])",
                            R"(,"ttl":2.50e1,"payload":{ "x":[1,2]},"policy":{"tolerate":3},)"
                            R"("handler":{"onsuccess":{"topic":"t","payload":7}},)"
                            R"("parent":{"group":"p","id":"child"})"));
  world.record(1100, done("g", "b\u00e9", R"(,"result":1E400)"));
  world.record(1200, update("g", R"(,"add":[{"id":"f","ttl":6}],"remove":["d"],"ttl":40.0)"));
  world.record(1300, done("g", "e", R"(,"error":"n\"o\n")"));
}

TEST_CASE("a group with everything is saved and goes on just as the one that was not") {
  World world;
  fill(world);
  World other;
  CHECK(other.load("g", world.save("g")) == Lines{"Arm g due 6000"});
  CHECK(other.save("g") == world.save("g"));
  const auto both = [&](const auto& step) {
    const Lines lines = step(world);
    CHECK(step(other) == lines);
    CHECK(other.save("g") == world.save("g"));
    return lines;
  };
  other.offset = world.offset;
  both([](World& w) { return w.timer("g", 6000); });
  both([](World& w) { return w.record(6500, done("g", "c")); });
  both([](World& w) { return w.record(6600, update("g", R"(,"add":["z"])")); });
  both([](World& w) { return w.record(6600, create("g", R"(["x"])")); });
  both([](World& w) { return w.timer("g", 7200); });
  const Lines end = both([](World& w) { return w.record(7300, done("g", "z")); });
  REQUIRE(end.size() == 6);
  CHECK(short_line(end[0]) ==
        "Success g [1000 7300] {\"a\":null,\"b\u00e9\":1E400,\"c\":null,\"e\":null,\"f\":null,"
        "\"z\":null} payload { \"x\":[1,2]} missing [] errors {\"a\":\"timed out after 5.0 "
        "seconds\",\"e\":\"n\\\"o\\n\",\"f\":\"timed out after 6 seconds\"}");
  CHECK(end[1].starts_with("Produce t g {"));
  CHECK(end[2].starts_with("Produce input p {"));
}

TEST_CASE("after a load the timer of an entity that has answered is not armed, nor needed") {
  World world;
  world.record(1000, create("g", R"([{"id":"a","ttl":5},"b"])"));
  world.record(1100, done("g", "a"));
  World other;
  CHECK(other.load("g", world.save("g")) == Lines{"Arm g due 31000"});
  CHECK(world.timer("g", 6000) == Lines{"Arm g due 31000"});
  CHECK(other.save("g") == world.save("g"));
}

TEST_CASE("saved bytes tell how a group is, not how it became so") {
  struct Way {
    const char* what;
    std::vector<std::string> one;
    std::vector<std::string> other;
  };
  const std::string abc = create("g", R"(["a","b","c"])", R"(,"policy":"all-settled")");
  const auto ok = [](std::string_view entity) { return done("g", entity, ",\"result\":[1]"); };
  const auto no = [](std::string_view entity) { return done("g", entity, ",\"error\":\"no\""); };
  const auto add = [](std::string_view ids) { return update("g", ",\"add\":" + std::string(ids)); };
  const auto remove = [](std::string_view ids) {
    return update("g", ",\"remove\":" + std::string(ids));
  };
  const std::vector<Way> ways = {
      {"answers in another order", {abc, ok("a"), no("b")}, {abc, no("b"), ok("a")}},
      {"two added at once", {abc, add(R"(["d","e"])")}, {abc, add(R"(["d"])"), add(R"(["e"])")}},
      {"a Done before an add", {abc, ok("a"), add(R"(["d"])")}, {abc, add(R"(["d"])"), ok("a")}},
      {"a Done before a removal",
       {abc, no("c"), remove(R"(["a"])")},
       {abc, remove(R"(["a"])"), no("c")}},
      {"a result that was dropped", {abc, ok("a"), remove(R"(["a"])")}, {abc, remove(R"(["a"])")}},
      {"added and removed", {abc, add(R"(["d"])"), remove(R"(["d"])")}, {abc}},
      {"added with a ttl and removed",
       {abc, add(R"([{"id":"d","ttl":1}])"), remove(R"(["d"])")},
       {abc}},
      {"added and removed at once", {abc, update("g", R"(,"add":["d"],"remove":["d"])")}, {abc}},
      {"early", {ok("b"), add(R"(["d"])"), abc}, {abc, ok("b"), add(R"(["d"])")}},
      {"the same ttl again", {abc, update("g", R"(,"ttl":30)")}, {abc}},
      {"duplicates", {abc, ok("a"), no("a"), abc}, {abc, ok("a")}}};
  for (const Way& way : ways) {
    CAPTURE(way.what);
    World one;
    for (const std::string& value : way.one) one.record(1000, value);
    World other;
    for (const std::string& value : way.other) other.record(1000, value);
    CHECK(one.save("g") == other.save("g"));
    World loaded;
    REQUIRE(loaded.load("g", one.save("g")).has_value());
    CHECK(loaded.save("g") == other.save("g"));
  }
}

TEST_CASE("early Updates and Cancels are saved whole") {
  World world;
  world.record(1000, update("g", R"(,"add":["c"])"));
  world.record(1000, cancel("g", R"(,"reason":"r")"));
  World other;
  CHECK(other.load("g", world.save("g")) == Lines{"Arm g due 31000"});
  other.offset = world.offset;
  const std::string value = create("g", R"(["a"])");
  CHECK(other.record(2000, value) == world.record(2000, value));
}

TEST_CASE("garbage is not loaded and changes nothing") {
  World world;
  fill(world);
  const std::string open = world.save("g");
  World early;
  early.record(1000, done("h", "a"));
  early.record(1000, update("h", R"(,"ttl":1)"));
  const std::string kept = early.save("h");
  World closed_world;
  closed_world.record(1000, create("i", "[]"));
  const std::string closed = closed_world.save("i");
  CHECK_FALSE(world.load("g", "").has_value());
  CHECK_FALSE(world.load("", open).has_value());
  CHECK_FALSE(world.load("g", open + "x").has_value());
  CHECK_FALSE(world.load("g", kept).has_value());  // another group's
  for (size_t size = 0; size < open.size(); ++size) {
    CHECK_FALSE(world.load("g", open.substr(0, size)).has_value());
  }
  for (size_t size = 0; size < kept.size(); ++size) {
    CHECK_FALSE(world.load("h", kept.substr(0, size)).has_value());
  }
  for (size_t size = 0; size < closed.size(); ++size) {
    CHECK_FALSE(world.load("i", closed.substr(0, size)).has_value());
  }
  CHECK(world.effects.list().empty());
  CHECK(world.save("g") == open);
  CHECK(world.processor.known() == 1);
}

// What an open group is made of, to be written wrongly.
struct Saved {
  int64_t created = 1;
  int64_t deadline = 2;
  int64_t keep_until = 3;
  std::string ttl_text = "10";
  std::string payload = "{}";
  int policy = 0;
  uint64_t count = 0;
  std::string handler;
  std::string parent;
  struct Entity {
    std::string id;
    std::string ttl_text;
    int64_t ttl = 0;
    int kind = 0;
    std::string answer;
  };
  std::vector<Entity> entities = {{"a", "", 0, 0, ""}, {"b", "5", 7, 1, "[1]"}};

  std::string bytes() const {
    std::string out;
    base::ByteWriter writer(out);
    for (const int head : {2, 2}) writer.u8(static_cast<uint8_t>(head));
    for (const int64_t time : {created, deadline, keep_until}) writer.zigzag(time);
    writer.fixed64(7);
    writer.string(ttl_text);
    writer.string(payload);
    writer.u8(static_cast<uint8_t>(policy));
    writer.varint(count);
    writer.string(handler);
    writer.string(parent);
    writer.u8(0);
    writer.varint(entities.size());
    for (const Entity& entity : entities) {
      writer.string(entity.id);
      writer.string(entity.ttl_text);
      if (!entity.ttl_text.empty()) writer.zigzag(entity.ttl);
      writer.u8(static_cast<uint8_t>(entity.kind));
      if (entity.kind != 0) writer.string(entity.answer);
    }
    return out;
  }
};

TEST_CASE("what is loaded as an open group must be one") {
  World world;
  REQUIRE(world.load("g", Saved{}.bytes()).has_value());
  CHECK(world.save("g") == Saved{}.bytes());
  const std::vector<std::pair<const char*, void (*)(Saved&)>> wrong = {
      {"no entities", [](Saved& s) { s.entities.clear(); }},
      {"complete", [](Saved& s) { s.entities.erase(s.entities.begin()); }},
      {"failed", [](Saved& s) { s.entities[1].kind = 2; }},
      {"a name twice", [](Saved& s) { s.entities[0].id = "b"; }},
      {"an empty name", [](Saved& s) { s.entities[0].id = ""; }},
      {"a name that is not UTF-8", [](Saved& s) { s.entities[0].id = "\xff"; }},
      {"an unknown kind of answer", [](Saved& s) { s.entities[1].kind = 3; }},
      {"a result that is no JSON", [](Saved& s) { s.entities[1].answer = "1 2"; }},
      {"an error without text",
       [](Saved& s) {
         s.policy = 3, s.count = 1, s.entities[1].kind = 2, s.entities[1].answer = "";
       }},
      {"an entity's ttl that is no number", [](Saved& s) { s.entities[1].ttl_text = "x"; }},
      {"an entity's ttl beyond all time", [](Saved& s) { s.entities[1].ttl = INT64_MAX; }},
      {"the ttl is no number", [](Saved& s) { s.ttl_text = "\"x\""; }},
      {"the ttl has a line break", [](Saved& s) { s.ttl_text = "3\r"; }},
      {"no ttl", [](Saved& s) { s.ttl_text = ""; }},
      {"payload", [](Saved& s) { s.payload = "{"; }},
      {"an unknown policy", [](Saved& s) { s.policy = 4; }},
      {"a count over 32 bits", [](Saved& s) { s.policy = 3, s.count = uint64_t{1} << 32; }},
      {"a quorum of none", [](Saved& s) { s.policy = 2; }},
      {"a quorum of more than there are", [](Saved& s) { s.policy = 2, s.count = 3; }},
      {"a quorum that is reached", [](Saved& s) { s.policy = 2, s.count = 1; }},
      {"handler", [](Saved& s) { s.handler = R"({"onsuccess":{}})"; }},
      {"handler that is no JSON", [](Saved& s) { s.handler = "{"; }},
      {"parent", [](Saved& s) { s.parent = R"({"group":"p"})"; }},
      {"created beyond all time", [](Saved& s) { s.created = INT64_MIN; }},
      {"a deadline beyond all time", [](Saved& s) { s.deadline = INT64_MAX; }}};
  for (const auto& [what, spoil] : wrong) {
    CAPTURE(what);
    Saved saved;
    spoil(saved);
    CHECK_FALSE(world.load("g", saved.bytes()).has_value());
  }
}

// Whatever a loaded group puts out must be JSON.
void live_on(World& world) {
  const auto check = [](const Lines& lines) {
    for (const std::string& line : lines) {
      if (!line.starts_with("Produce ")) continue;
      const size_t value = line.find(" {\"type\":\"EventGroupCollector");
      const size_t end = line.rfind(" content-type");
      REQUIRE(value != std::string::npos);
      CHECK(is_json(line.substr(value + 1, end - value - 1)));
    }
  };
  check(world.record(1000, done("g", "a")));
  check(world.record(1000, update("g", R"(,"add":["y",{"id":"z","ttl":1}],"remove":["a"])")));
  const std::string saved = world.save("g");
  if (world.armed.contains("g")) {
    const int64_t due = world.armed.at("g");
    check(world.timer("g", due));
  }
  World other;
  REQUIRE(other.load("g", saved).has_value());
  check(other.record(1000, create("g", R"(["a"])")));
  check(other.record(1000, cancel("g")));
}

TEST_CASE("mutated saved bytes are refused or give a group that works") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  World source;
  source.headers = {{"h", "1"}};
  fill(source);
  World early;
  early.record(1000, done("g", "a", R"(,"result":[3])"));
  early.record(1000, update("g", R"(,"add":["c"])"));
  early.record(1000, cancel("g"));
  World closed;
  closed.record(1000, create("g", "[]"));
  const std::array<std::string, 3> good = {source.save("g"), early.save("g"), closed.save("g")};
  int loaded = 0;
  for (int round = 0; round < 12'000; ++round) {
    std::string bytes =
        good[static_cast<size_t>(round) % 8 == 7 ? 2 : static_cast<size_t>(round) % 2];
    for (uint64_t changes = 1 + dice() % 2; changes > 0; --changes) {
      char& byte = bytes[dice() % bytes.size()];
      byte =
          dice() % 2 == 0 ? static_cast<char>(dice()) : static_cast<char>(byte ^ 1 << dice() % 8);
    }
    World world;
    if (!world.load("g", bytes)) continue;
    ++loaded;
    const std::string saved = world.save("g");
    World again;
    REQUIRE(again.load("g", saved).has_value());
    CHECK(again.save("g") == saved);
    live_on(world);
  }
  CHECK(loaded > 100);
}

TEST_CASE("options survive their encoding, and nothing else is taken for options") {
  Options options;
  options.early_ttl = core::Duration{1};
  options.closed_ttl = core::Duration{2};
  options.max_ttl = core::Duration{3};
  options.max_expected = 4;
  options.max_message_bytes = 5;
  options.output_bytes_max = 6;
  options.sender = "s";
  Processor processor{Options{}};
  const std::string before = processor.options();
  CHECK(processor.configure(encode(options)));
  CHECK(processor.options() == encode(options));
  Options decoded;
  CHECK(decode(encode(options), decoded));
  CHECK(decoded == options);

  const std::string good = processor.options();
  for (size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(processor.configure(good.substr(0, size)));
  }
  CHECK_FALSE(processor.configure(good + "x"));
  CHECK_FALSE(processor.configure("\x02" + good.substr(1)));
  Options bad = options;
  bad.early_ttl = core::Duration{-1};
  CHECK_FALSE(processor.configure(encode(bad)));
  bad = options;
  bad.output_bytes_max = kBytesMax + 1;
  CHECK_FALSE(processor.configure(encode(bad)));
  bad = options;
  bad.sender = "\xff";
  CHECK_FALSE(processor.configure(encode(bad)));
  CHECK(processor.options() == good);
}

TEST_CASE("options that come to be in force decide from then on, and change nothing decided") {
  World world;
  world.record(1000, create("g", R"(["a"])"));
  Options options;
  options.early_ttl = std::chrono::seconds(1);
  options.closed_ttl = std::chrono::seconds(2);
  CHECK(world.processor.configure(encode(options)));
  CHECK(world.record(1000, done("h", "a")) == Lines{"Touch h", "Arm h due 2000"});
  // The Create was seen under an early-ttl of 30 seconds.
  CHECK(world.record(1000, done("g", "a")).back() == "Forget g from 31000");
  CHECK(world.record(1000, create("i", "[]")).back() == "Forget i from 3000");
}

}  // namespace
}  // namespace muster::collector

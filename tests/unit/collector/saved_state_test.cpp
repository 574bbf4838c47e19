#include <doctest/doctest.h>

#include <random>
#include <string>

#include "world.h"

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

TEST_CASE("garbage is not loaded and changes nothing") {
  World world;
  world.record(1000, create("g", R"(["a","b"])"));
  world.record(1000, done("g", "b", R"(,"result":12345)"));
  const std::string open = world.save("g");
  World early;
  early.record(1000, done("h", "a"));
  const std::string kept = early.save("h");
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
  CHECK(world.effects.list().empty());
  CHECK(world.save("g") == open);
  CHECK(world.processor.known() == 1);
}

TEST_CASE("mutated saved bytes are refused or give a group that works") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  World source;
  source.headers = {{"h", "1"}};
  source.record(1000, create("g", R"(["a","b"])", R"(,"payload":{"x":[1,2]})"));
  source.record(1000, done("g", "b", R"(,"result":[3])"));
  const std::string open = source.save("g");
  World early_source;
  early_source.record(1000, done("g", "a", R"(,"result":[3])"));
  const std::string early = early_source.save("g");
  int loaded = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = round % 2 == 0 ? open : early;
    for (uint64_t changes = 1 + dice() % 2; changes > 0; --changes) {
      bytes[dice() % bytes.size()] = static_cast<char>(dice());
    }
    World world;
    if (!world.load("g", bytes)) continue;
    ++loaded;
    const std::string saved = world.save("g");
    World again;
    REQUIRE(again.load("g", saved).has_value());
    CHECK(again.save("g") == saved);
    for (const std::string_view entity : {"a", "b"}) {
      for (const std::string& line : world.record(1000, done("g", entity))) {
        const size_t value = line.find("{\"type\":\"EventGroupCollectorSuccess");
        const size_t end = line.rfind(" content-type");
        if (value != std::string::npos) CHECK(is_json(line.substr(value, end - value)));
      }
    }
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

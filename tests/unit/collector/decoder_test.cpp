#include "collector/decoder.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "collector/targets.h"
#include "world.h"

namespace muster::collector {
namespace {

std::string ids(int count) {
  std::string text = "[";
  for (int i = 0; i < count; ++i) text += (i > 0 ? ",\"e" : "\"e") + std::to_string(i) + '"';
  return text + ']';
}

std::string nested_payload(int depth) {
  const auto size = static_cast<size_t>(depth);
  return ",\"payload\":" + std::string(size, '[') + std::string(size, ']');
}

TEST_CASE("a Create is decoded with its producers' bytes untouched") {
  Decoder decoder;
  const std::string value =
      " {\"payload\" : { \"b\" : 1E400 ,\"a\":[ ] } , \"expected\":[ \"a\" , \"b\\u00e9\"],\n"
      "\"\\u0069d\":\"g\\/1\",\"ttl\":2.50,\"unknown\":{\"id\":1},"
      "\"type\":\"EventGroupCollectorCreate\"}\n";
  const Decoded decoded = decoder.decode(value, Options{});
  const Create& create = std::get<Create>(decoded);
  CHECK(create.id == "g/1");
  REQUIRE(create.expected.size() == 2);
  CHECK(create.expected[0].id == "a");
  CHECK(create.expected[1].id == "b\u00e9");
  CHECK(create.ttl == core::Duration{2500});
  CHECK(create.ttl_text == "2.50");
  CHECK(create.payload == "{ \"b\" : 1E400 ,\"a\":[ ] }");
}

TEST_CASE("a ttl that is absent, null, zero or below is the default") {
  Decoder decoder;
  for (const std::string_view more :
       {"", ",\"ttl\":null", ",\"ttl\":0", ",\"ttl\":-1", ",\"ttl\":-0.0"}) {
    const std::string value = create("g", "[]", more);
    const Decoded decoded = decoder.decode(value, Options{});
    CHECK(std::get<Create>(decoded).ttl == std::chrono::seconds(30));
    CHECK(std::get<Create>(decoded).ttl_text == "30");
    CHECK(std::get<Create>(decoded).payload == "null");
  }
}

TEST_CASE("a Done's error beats its result, and an empty one is none") {
  struct Row {
    std::string_view more;
    std::string_view result;
    std::string_view error;
  };
  Decoder decoder;
  for (const Row& row :
       {Row{"", "null", ""}, Row{R"(,"result":[ 1 ])", "[ 1 ]", ""},
        Row{R"(,"result":1,"error":"no")", "1", "no"}, Row{R"(,"result":1,"error":"")", "1", ""},
        Row{R"(,"error":null)", "null", ""},
        Row{R"(,"error":"a\"b\ud83d\ude00")", "null", "a\"b\U0001f600"}}) {
    const std::string value = done("g", "a", row.more);
    const Decoded decoded = decoder.decode(value, Options{});
    const EntityDone& event = std::get<EntityDone>(decoded);
    CHECK(event.group == "g");
    CHECK(event.entity == "a");
    CHECK(event.result == row.result);
    CHECK(event.error == row.error);
  }
}

TEST_CASE("records of other types and our own outcomes are skipped, whatever their fields are") {
  Decoder decoder;
  for (const std::string_view value :
       {R"({"type":"Other"})", R"({"type":"","id":1,"id":2})",
        R"({"type":"EventGroupCollectorSuccess","id":"g","results":{}})",
        R"({"type":"EventGroupCollectorFailure","id":7})", R"({"type":"EventGroupCollector"})",
        R"({"type":"EventGroupCollectorUpdated"})", R"({"type":"eventgroupcollectorcreate"})"}) {
    CAPTURE(value);
    CHECK(std::holds_alternative<Skipped>(decoder.decode(value, Options{})));
  }
  Options small;
  small.max_message_bytes = 10;
  CHECK(std::holds_alternative<Skipped>(decoder.decode(R"({"type":"Other than ours"})", small)));
}

TEST_CASE("optional fields may be null and fields of other events are nobody's") {
  Decoder decoder;
  const std::string nulls =
      create("g", "[]",
             R"(,"ttl":null,"payload":null,"handler":null,"sender":null,"policy":null,)"
             R"("parent":null,"description":null,"group":1,"result":2,"error":3,"error":4)");
  CHECK(std::holds_alternative<Create>(decoder.decode(nulls, Options{})));
  const std::string other = done("g", "a", R"(,"sender":null,"expected":7,"ttl":"x","payload":1)");
  CHECK(std::holds_alternative<EntityDone>(decoder.decode(other, Options{})));
}

TEST_CASE("a tombstone and a value over the limit are refused") {
  Decoder decoder;
  CHECK(std::get<Rejected>(decoder.decode(std::nullopt, Options{})).code == RejectCode::kTombstone);
  Options options;
  const std::string value = done("g", "a");
  options.max_message_bytes = static_cast<uint32_t>(value.size());
  CHECK(std::holds_alternative<EntityDone>(decoder.decode(value, options)));
  options.max_message_bytes -= 1;
  const Decoded decoded = decoder.decode(value, options);
  CHECK(std::get<Rejected>(decoded).code == RejectCode::kLimit);
  CHECK(std::get<Rejected>(decoded).message == "the value has 61 bytes, more than 60");
}

TEST_CASE("the limits themselves are within them") {
  Decoder decoder;
  const std::string many = create("g", ids(10'000), nested_payload(63));
  const Decoded decoded = decoder.decode(many, Options{});
  REQUIRE(std::holds_alternative<Create>(decoded));
  CHECK(std::get<Create>(decoded).expected.size() == 10'000);
  CHECK(std::holds_alternative<Create>(
      decoder.decode(create("g", "[]", ",\"ttl\":604800"), Options{})));
}

TEST_CASE("an id expected twice is found in groups of any size") {
  Decoder decoder;
  for (const int count : {1, 2, 15, 16, 17, 18, 33, 64, 65, 129, 1000, 9999}) {
    for (const int twin : {0, count / 2, count - 1}) {
      std::string expected = ids(count);
      expected.insert(expected.size() - 1, ",\"e" + std::to_string(twin) + "\"");
      CAPTURE(count);
      const Decoded decoded = decoder.decode(create("g", expected), Options{});
      REQUIRE(std::holds_alternative<Rejected>(decoded));
      CHECK(std::get<Rejected>(decoded).message ==
            "field \"expected\" names \"e" + std::to_string(twin) + "\" twice");
    }
    CHECK(std::holds_alternative<Create>(decoder.decode(create("g", ids(count)), Options{})));
  }
}

TEST_CASE("a Create's content is told by its handler, sender and description too") {
  Decoder decoder;
  const auto hash = [&decoder](std::string_view more) {
    const std::string value = create("g", "[]", more);
    return std::get<Create>(decoder.decode(value, Options{})).content_hash;
  };
  CHECK(hash("") == hash(R"(,"sender":null,"other":1)"));
  CHECK(hash(R"(,"sender":"a")") != hash(""));
  CHECK(hash(R"(,"sender":"a")") != hash(R"(,"description":"a")"));
  CHECK(hash(R"(,"handler":{"onsuccess":{"topic":"t"}})") != hash(R"(,"handler":{})"));
}

TEST_CASE("a Create's content is told by policy, parent and its ids' ttls too") {
  Decoder decoder;
  const auto hash = [&decoder](std::string_view expected, std::string_view more = "") {
    const std::string value = create("g", expected, more);
    return std::get<Create>(decoder.decode(value, Options{})).content_hash;
  };
  const std::vector<uint64_t> different = {
      hash(R"(["a","b"])"),
      hash(R"(["b","a"])"),
      hash(R"(["a"])"),
      hash(R"(["a","b","c"])"),
      hash(R"(["ab"])"),
      hash(R"([{"id":"a","ttl":5},"b"])"),
      hash(R"(["a",{"id":"b","ttl":5}])"),
      hash(R"([{"id":"a","ttl":5.0},"b"])"),
      hash(R"(["a","b"])", R"(,"ttl":5)"),
      hash(R"(["a","b"])", R"(,"payload":5)"),
      hash(R"(["a","b"])", R"(,"payload":5,"ttl":5)"),
      hash(R"(["a","b"])", R"(,"policy":"all-settled")"),
      hash(R"(["a","b"])", R"(,"policy":{"quorum":1})"),
      hash(R"(["a","b"])", R"(,"policy":{"quorum":2})"),
      hash(R"(["a","b"])", R"(,"policy":{"tolerate":1})"),
      hash(R"(["a","b"])", R"(,"parent":{"group":"p","id":"c"})"),
      hash(R"(["a","b"])", R"(,"handler":{"onsuccess":{"topic":"t"}})"),
      hash(R"(["a","b"])", R"(,"handler":{"onfailure":{"topic":"t"}})")};
  for (size_t i = 0; i < different.size(); ++i) {
    for (size_t j = 0; j < i; ++j) CHECK(different[i] != different[j]);
  }
  // Said in other words, but the same.
  CHECK(hash(R"([{"id":"a"},{"ttl":0,"id":"b"}])") == different[0]);
  CHECK(hash(R"([ "\u0061" , "b" ])", R"(,"ttl":30,"payload":null,"policy":null)") == different[0]);
  CHECK(hash(R"([{"ttl":5,"id":"a","x":1},"b"])") == different[5]);
}

TEST_CASE("policies are decoded") {
  struct Row {
    std::string_view text;
    Policy policy;
  };
  Decoder decoder;
  for (const Row& row :
       {Row{"null", {}}, Row{R"("fail-fast")", {}},
        Row{R"("all\u002dsettled")", {Policy::Kind::kAllSettled, 0}},
        Row{R"({ "quorum" : 1 })", {Policy::Kind::kQuorum, 1}},
        Row{R"({"quo\u0072um":2})", {Policy::Kind::kQuorum, 2}},
        Row{R"({"tolerate":0})", {Policy::Kind::kTolerate, 0}},
        Row{R"({"tolerate":4294967295})", {Policy::Kind::kTolerate, 4294967295}}}) {
    CAPTURE(row.text);
    const std::string value = create("g", R"(["a","b"])", ",\"policy\":" + std::string(row.text));
    const Decoded decoded = decoder.decode(value, Options{});
    REQUIRE(std::holds_alternative<Create>(decoded));
    CHECK(std::get<Create>(decoded).policy == row.policy);
  }
}

TEST_CASE("ids with a ttl are decoded, in Creates and Updates") {
  Decoder decoder;
  const std::string ids =
      R"([ "a", { "id" : "\u0062" , "ttl" : 1.50 } ,{"id":"c"},{"id":"d","ttl":-1}])";
  for (const std::string& value : {create("g", ids), update("g", ",\"add\":" + ids)}) {
    const Decoded decoded = decoder.decode(value, Options{});
    const auto* created = std::get_if<Create>(&decoded);
    const auto found = created != nullptr ? created->expected : std::get<Update>(decoded).add;
    REQUIRE(found.size() == 4);
    CHECK(found[0].id == "a");
    CHECK(found[1].id == "b");
    CHECK(found[1].ttl_text == "1.50");
    CHECK(found[1].ttl == core::Duration{1500});
    for (const size_t without : {0, 2, 3}) CHECK(found[without].ttl_text.empty());
  }
}

TEST_CASE("Updates and Cancels are decoded") {
  Decoder decoder;
  const std::string all = update(
      "g\\u0031", R"(,"add":["a"],"remove":["b","\u0061"],"ttl":2.5,"reason":1,"sender":"s")");
  const Decoded first = decoder.decode(all, Options{});
  CHECK(group_of(first) == "g1");
  const Update& event = std::get<Update>(first);
  CHECK(event.add.size() == 1);
  REQUIRE(event.remove.size() == 2);
  CHECK(event.remove[1].id == "a");
  CHECK(event.ttl == core::Duration{2500});
  CHECK(event.ttl_text == "2.5");
  const std::string only = update("g", R"(,"remove":[])");
  const Decoded second = decoder.decode(only, Options{});
  CHECK(std::get<Update>(second).add.empty());
  CHECK_FALSE(std::get<Update>(second).ttl.has_value());
  const std::string end = cancel("g", R"(,"reason":"\u00e9","ttl":"x")");
  const Decoded third = decoder.decode(end, Options{});
  CHECK(group_of(third) == "g");
  CHECK(std::get<Cancel>(third).reason == "\u00e9");
}

TEST_CASE("somebody else's record that is nested too deep is skipped if its type comes first") {
  Decoder decoder;
  const std::string deep = nested_payload(70);
  CHECK(std::holds_alternative<Skipped>(
      decoder.decode(R"({"type":"EventGroupCollectorSuccess")" + deep + "}", Options{})));
  for (const std::string& value :
       {R"({"type":"EventGroupCollectorCancel")" + deep + "}",
        R"({"type":"\u0045ventGroupCollectorCancel")" + deep + "}",
        "{\"a\":1" + deep + R"(,"type":"Other"})", R"({"type":7)" + deep + "}"}) {
    const Decoded decoded = decoder.decode(value, Options{});
    REQUIRE(std::holds_alternative<Rejected>(decoded));
    CHECK(std::get<Rejected>(decoded).code == RejectCode::kLimit);
  }
}

TEST_CASE("mutated records never crash the decoder, and what it accepts is JSON") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const std::vector<std::string> good = {
      create("g\\u00e91", R"(["a","b\n","c"])", R"(,"ttl":1.5e1,"payload":{"x":[1,2,{"y":"z"}]})"),
      done("g", "a", R"(,"result":{"x":"\ud83d\ude00"},"error":"no","sender":"s")"),
      create("g", R"([{"id":"a\u00e9","ttl":5},"b"])",
             R"(,"policy":{"quorum":1},"handler":{"onsuccess":{"topic":"t","payload":[1]},)"
             R"("onfailure":{"topic":"u"}},"parent":{"group":"p","id":"c"})"),
      update("g", R"(,"add":["a",{"id":"b","ttl":2}],"remove":["c"],"ttl":1.5)"),
      cancel("g", R"(,"reason":"\u00e9\n")"),
      R"({"type":"Other","a":[true,false,null]})"};
  Decoder decoder;
  Options options;
  options.max_message_bytes = kBytesMax;
  int accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string value = good[dice() % good.size()];
    for (uint64_t changes = dice() % 4; changes > 0; --changes) {
      const size_t at = dice() % value.size();
      switch (dice() % 4) {
        case 0:
          value[at] = static_cast<char>(dice());
          break;
        case 1:
          value.erase(at, 1 + dice() % 8);
          break;
        case 2:
          value.insert(at, value.substr(dice() % value.size(), dice() % 16));
          break;
        default:
          value.insert(at, 1, "{}[]\",:\\"[dice() % 8]);
      }
      if (value.empty()) break;
    }
    CAPTURE(value);
    const Decoded decoded = decoder.decode(value, options);
    if (std::holds_alternative<Rejected>(decoded)) continue;
    ++accepted;
    CHECK(is_json(value));
    if (const auto* event = std::get_if<Create>(&decoded)) {
      CHECK(is_json(event->payload));
      if (!event->handler.empty()) CHECK(check_handler(event->handler).empty());
      if (!event->parent.empty()) CHECK(check_parent(event->parent).empty());
    }
    if (const auto* event = std::get_if<EntityDone>(&decoded)) CHECK(is_json(event->result));
  }
  CHECK(accepted > 1000);
}

TEST_CASE("random bytes never crash the decoder") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  Decoder decoder;
  for (int round = 0; round < 20'000; ++round) {
    std::string value(dice() % 40, '\0');
    for (char& byte : value) byte = static_cast<char>(dice());
    const Decoded decoded = decoder.decode(value, Options{});
    CHECK((std::holds_alternative<Rejected>(decoded) || is_json(value)));
  }
}

}  // namespace
}  // namespace muster::collector

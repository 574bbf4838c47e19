#include "collector/event.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

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
  CHECK(create.expected[0] == "a");
  CHECK(create.expected[1] == "b\u00e9");
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
        R"({"type":"EventGroupCollectorFailure","id":7})",
        R"({"type":"EventGroupCollectorUpdate"})", R"({"type":"EventGroupCollectorCancel"})",
        R"({"type":"eventgroupcollectorcreate"})"}) {
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
             R"(,"ttl":null,"payload":null,"handler":null,"sender":null,)"
             R"("description":null,"group":1,"result":2,"error":3,"error":4)");
  CHECK(std::holds_alternative<Create>(decoder.decode(nulls, Options{})));
  const std::string other = done("g", "a", R"(,"sender":null,"expected":7,"ttl":"x","payload":1)");
  CHECK(std::holds_alternative<EntityDone>(decoder.decode(other, Options{})));
}

struct BadRow {
  std::string_view code;
  std::string_view message;
  std::string value;
};

std::vector<BadRow> bad_records() {
  return {
      {"json", "the value is not JSON: it ends early", ""},
      {"json", "the value is not JSON: it ends early", " "},
      {"json", "the value is not JSON: it ends early", "{\"type\":\"Other\""},
      {"json", "the value is not JSON: byte 0 is 0x68", "hello"},
      {"json", "the value is not JSON: byte 16 is 0x7b", "{\"type\":\"Other\"}{}"},
      {"json", "the value is not JSON: byte 16 is 0x7d", "{\"type\":\"Other\",}"},
      {"json", "the value is not JSON: byte 21 is 0x31", "{\"type\":\"Other\",\"a\":01}"},
      {"json", "the value is not valid UTF-8", "{\"type\":\"Other\",\"a\":\"\xff\"}"},
      {"json", "the value is not valid UTF-8", done("g", "a", ",\"result\":\"\xed\xa0\x80\"")},
      {"json", "the value is an array, not an object", "[]"},
      {"json", "the value is null, not an object", "null"},
      {"json", "the value is a number, not an object", " 12 "},
      {"json", "the value is not JSON: byte 3 is 0x5d", "[1]]"},
      {"type", "field \"type\" is missing", "{}"},
      {"type", "field \"type\" is missing", R"({"id":"g"})"},
      {"type", "field \"type\" is null, not a string", R"({"type":null})"},
      {"type", "field \"type\" is a number, not a string", R"({"type":7})"},
      {"field", "field \"type\" is given twice", R"({"type":"Other","type":"Other"})"},
      {"field", "field \"id\" is missing", R"({"type":"EventGroupCollectorCreate","expected":[]})"},
      {"field", "field \"id\" is a number, not a string",
       R"({"type":"EventGroupCollectorCreate","id":1,"expected":[]})"},
      {"field", "field \"id\" is null, not a string",
       R"({"type":"EventGroupCollectorCreate","id":null,"expected":[]})"},
      {"field", "field \"id\" is empty", create("", "[]")},
      {"field", "field \"id\" is given twice", create("g", "[]", R"(,"id":"g")")},
      {"field", "field \"id\" is given twice", create("g", "[]", R"(,"\u0069d":"g")")},
      {"field", "field \"id\" holds a lone surrogate, which no text can hold",
       create("\\ud800", "[]")},
      {"field", "field \"expected\" is missing",
       R"({"type":"EventGroupCollectorCreate","id":"g"})"},
      {"field", "field \"expected\" is an object, not an array", create("g", "{}")},
      {"field", "field \"expected\" is null, not an array", create("g", "null")},
      {"field", "field \"expected\" holds a number where an id is wanted",
       create("g", "[\"a\",1]")},
      {"field", "field \"expected\" holds an object where an id is wanted",
       create("g", R"([{"id":"a","ttl":1}])")},
      {"field", "field \"expected\" holds an empty id", create("g", R"(["a",""])")},
      {"field", "field \"expected\" names \"a\" twice", create("g", R"(["a","b","\u0061"])")},
      {"field", "field \"ttl\" is a string, not a number", create("g", "[]", R"(,"ttl":"10")")},
      {"field", "field \"ttl\" is a boolean, not a number", create("g", "[]", R"(,"ttl":true)")},
      {"field", "field \"handler\" is a string, not an object",
       create("g", "[]", R"(,"handler":"t")")},
      {"field", "field \"sender\" is a number, not a string", create("g", "[]", R"(,"sender":1)")},
      {"field", "field \"description\" is an array, not a string",
       create("g", "[]", R"(,"description":[])")},
      {"field",
       "field \"policy\" asks for more than \"fail-fast\", the only policy of this version",
       create("g", "[]", R"(,"policy":{"quorum":1})")},
      {"field",
       "field \"policy\" asks for more than \"fail-fast\", the only policy of this version",
       create("g", "[]", R"(,"policy":"all-settled")")},
      {"field", "field \"parent\" is not supported by this version",
       create("g", "[]", R"(,"parent":{"group":"p","id":"g"})")},
      {"field", "field \"payload\" is given twice",
       create("g", "[]", R"(,"payload":1,"payload":1)")},
      {"field", "field \"group\" is missing",
       R"({"type":"EventGroupCollectorEntityDone","id":"a"})"},
      {"field", "field \"group\" is empty", done("", "a")},
      {"field", "field \"id\" is empty", done("g", "")},
      {"field", "field \"error\" is an object, not a string", done("g", "a", R"(,"error":{})")},
      {"field", "field \"error\" is a boolean, not a string", done("g", "a", R"(,"error":false)")},
      {"field", "field \"result\" is given twice", done("g", "a", R"(,"result":1,"result":1)")},
      {"field", "field \"sender\" is a boolean, not a string", done("g", "a", R"(,"sender":true)")},
      {"ttl", "field \"ttl\" is 604801 seconds, more than 604800",
       create("g", "[]", ",\"ttl\":604801")},
      {"ttl", "field \"ttl\" is 604800.0001 seconds, more than 604800",
       create("g", "[]", ",\"ttl\":604800.0001")},
      {"ttl", "field \"ttl\" is 1e999 seconds, more than 604800",
       create("g", "[]", ",\"ttl\":1e999")},
      {"limit", "field \"expected\" holds more than 10000 ids", create("g", ids(10'001))},
      {"limit", "field \"expected\" holds more than 10000 ids", create("g", ids(1'000'000))},
      {"limit", "the value is nested over 64 deep, at byte 132",
       create("g", "[]", nested_payload(64))},
  };
}

TEST_CASE("bad records are refused with a code and a message that names what was found") {
  Decoder decoder;
  Options options;
  options.max_message_bytes = kBytesMax;
  for (const BadRow& row : bad_records()) {
    const std::string_view value = std::string_view(row.value).substr(0, 200);
    CAPTURE(value);
    const Decoded decoded = decoder.decode(row.value, options);
    REQUIRE(std::holds_alternative<Rejected>(decoded));
    CHECK(name(std::get<Rejected>(decoded).code) == row.code);
    CHECK(std::get<Rejected>(decoded).message == row.message);
  }
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
    return std::get<Create>(decoder.decode(value, Options{})).rest_hash;
  };
  CHECK(hash("") == hash(R"(,"sender":null,"other":1)"));
  CHECK(hash(R"(,"sender":"a")") != hash(""));
  CHECK(hash(R"(,"sender":"a")") != hash(R"(,"description":"a")"));
  CHECK(hash(R"(,"handler":{"onsuccess":{"topic":"t"}})") != hash(R"(,"handler":{})"));
}

TEST_CASE("mutated records never crash the decoder, and what it accepts is JSON") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const std::vector<std::string> good = {
      create("g\\u00e91", R"(["a","b\n","c"])", R"(,"ttl":1.5e1,"payload":{"x":[1,2,{"y":"z"}]})"),
      done("g", "a", R"(,"result":{"x":"\ud83d\ude00"},"error":"no","sender":"s")"),
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
    if (const auto* event = std::get_if<Create>(&decoded)) CHECK(is_json(event->payload));
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

// Bad input: every record here is a dead letter (PROTOCOL 1, Bad input).
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "collector/decoder.h"
#include "world.h"

namespace muster::collector {
namespace {

constexpr std::string_view kNeither =
    "field \"policy\" is neither {\"quorum\":k} nor {\"tolerate\":n}";

std::string ids(int count) {
  std::string text = "[";
  for (int i = 0; i < count; ++i) text += (i > 0 ? ",\"e" : "\"e") + std::to_string(i) + '"';
  return text + ']';
}

std::string nested_payload(int depth) {
  const auto size = static_cast<size_t>(depth);
  return ",\"payload\":" + std::string(size, '[') + std::string(size, ']');
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
      {"field", "field \"expected\" holds an empty id", create("g", R"(["a",""])")},
      {"field", "field \"expected\" names \"a\" twice", create("g", R"(["a","b","\u0061"])")},
      {"field", "field \"ttl\" is a string, not a number", create("g", "[]", R"(,"ttl":"10")")},
      {"field", "field \"ttl\" is a boolean, not a number", create("g", "[]", R"(,"ttl":true)")},
      {"field", "field \"handler\" is not an object", create("g", "[]", R"(,"handler":"t")")},
      {"field", "field \"sender\" is a number, not a string", create("g", "[]", R"(,"sender":1)")},
      {"field", "field \"description\" is an array, not a string",
       create("g", "[]", R"(,"description":[])")},
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

std::vector<BadRow> bad_policies() {
  const auto policy = [](std::string_view text) {
    return create("g", R"(["a","b"])", ",\"policy\":" + std::string(text));
  };
  return {
      {"field", "field \"policy\" is unknown: \"any\"", policy(R"("any")")},
      {"field", "field \"policy\" is unknown: \"\"", policy(R"("")")},
      {"field", "field \"policy\" is unknown: \"Fail-Fast\"", policy(R"("Fail-Fast")")},
      {"field", "field \"policy\" is a number, not a string or an object", policy("1")},
      {"field", "field \"policy\" is an array, not a string or an object", policy("[]")},
      {"field", "field \"policy\" is a boolean, not a string or an object", policy("true")},
      {"field", "field \"policy\" holds a lone surrogate, which no text can hold",
       policy(R"("\ud800")")},
      {"field", kNeither, policy("{}")},
      {"field", kNeither, policy(R"({"majority":1})")},
      {"field", kNeither, policy(R"({"quorum":1,"tolerate":1})")},
      {"field", kNeither, policy(R"({"quorum":1,"quorum":1})")},
      {"field", kNeither, policy(R"({"quorum":1,"other":null})")},
      {"field", kNeither, policy(R"({"quorum":1,"\ud800":2})")},
      {"field", "field \"policy\" asks for a quorum of 0 of 2 entities", policy(R"({"quorum":0})")},
      {"field", "field \"policy\" asks for a quorum of 3 of 2 entities", policy(R"({"quorum":3})")},
      {"field", "field \"policy\" asks for a quorum of 1 of 0 entities",
       create("g", "[]", R"(,"policy":{"quorum":1})")},
      {"field", "field \"policy\" asks for 1.5, not a whole number", policy(R"({"quorum":1.5})")},
      {"field", "field \"policy\" asks for 1e0, not a whole number", policy(R"({"quorum":1e0})")},
      {"field", "field \"policy\" asks for -1, not a whole number", policy(R"({"tolerate":-1})")},
      {"field", "field \"policy\" asks for \"1\", not a whole number", policy(R"({"quorum":"1"})")},
      {"field", "field \"policy\" asks for null, not a whole number",
       policy(R"({"tolerate":null})")},
      {"field", "field \"policy\" is given twice", policy(R"("fail-fast","policy":"fail-fast")")},
  };
}

std::vector<BadRow> bad_targets() {
  const auto with = [](std::string_view more) { return create("g", "[]", more); };
  return {
      {"field", "field \"handler\" is not an object", with(R"(,"handler":[])")},
      {"field", "field \"handler\" \"onsuccess\" is not an object",
       with(R"(,"handler":{"onsuccess":"t"})")},
      {"field", "field \"handler\" \"onsuccess\" has no \"topic\"",
       with(R"(,"handler":{"onsuccess":{"payload":1}})")},
      {"field", "field \"handler\" \"onfailure\" has an empty \"topic\"",
       with(R"(,"handler":{"onfailure":{"topic":""}})")},
      {"field", "field \"handler\" \"onfailure\" has a \"topic\" that is not a string",
       with(R"(,"handler":{"onfailure":{"topic":7}})")},
      {"field",
       "field \"handler\" \"onfailure\" has a \"topic\" with a lone surrogate, which no text can "
       "hold",
       with(R"(,"handler":{"onfailure":{"topic":"\udfff"}})")},
      {"field", "field \"handler\" is given twice", with(R"(,"handler":{},"handler":{})")},
      {"field", "field \"parent\" is not an object", with(R"(,"parent":"p")")},
      {"field", "field \"parent\" has no \"group\"", with(R"(,"parent":{"id":"c"})")},
      {"field", "field \"parent\" has no \"id\"", with(R"(,"parent":{"group":"p"})")},
      {"field", "field \"parent\" has a \"id\" that is not a string",
       with(R"(,"parent":{"group":"p","id":1})")},
      {"field", "field \"parent\" is given twice", with(R"(,"parent":null,"parent":null)")},
  };
}

std::vector<BadRow> bad_ids() {
  const auto with = [](std::string_view id) { return create("g", "[" + std::string(id) + "]"); };
  constexpr std::string_view kNoId =
      "field \"expected\" holds an object without an \"id\" that is a string";
  constexpr std::string_view kTwice = "field \"expected\" holds an object with a field given twice";
  return {
      {"field", kNoId, with("{}")},
      {"field", kNoId, with(R"({"ttl":1})")},
      {"field", kNoId, with(R"({"id":1})")},
      {"field", kNoId, with(R"({"id":null,"ttl":1})")},
      {"field", kTwice, with(R"({"id":"a","id":"a"})")},
      {"field", kTwice, with(R"({"id":"a","\u0069d":"b"})")},
      {"field", kTwice, with(R"({"id":"a","ttl":1,"ttl":1})")},
      {"field", "field \"expected\" holds an empty id", with(R"({"id":""})")},
      {"field", "field \"expected\" holds a lone surrogate, which no text can hold",
       with(R"({"id":"\ud800"})")},
      {"field", "field \"expected\" names \"a\" twice", with(R"("a",{"id":"a","ttl":1})")},
      {"field", "field \"expected\" names \"a\" twice", with(R"({"id":"a"},"\u0061")")},
      {"field", "field \"expected\" holds null where an id is wanted", with("null")},
      {"field", "field \"expected\" holds an array where an id is wanted", with(R"(["a"])")},
      {"field", "field \"expected\" holds a ttl that is a string, not a number",
       with(R"({"id":"a","ttl":"5"})")},
      {"field", "field \"expected\" holds a ttl that is a boolean, not a number",
       with(R"({"id":"a","ttl":true})")},
      {"ttl", "field \"expected\" holds a ttl of 604800.1 seconds, more than 604800",
       with(R"({"id":"a","ttl":604800.1})")},
      {"ttl", "field \"expected\" holds a ttl of 1e99 seconds, more than 604800",
       with(R"({"id":"a","ttl":1e99})")},
  };
}

std::vector<BadRow> bad_updates_and_cancels() {
  return {
      {"field", "field \"id\" is missing", R"({"type":"EventGroupCollectorUpdate","ttl":1})"},
      {"field", "field \"id\" is empty", update("", ",\"ttl\":1")},
      {"field", "field \"id\" is given twice", update("g", R"(,"ttl":1,"id":"g")")},
      {"field", "an update without \"add\", \"remove\" and \"ttl\"", update("g", "")},
      {"field", "an update without \"add\", \"remove\" and \"ttl\"",
       update("g", R"(,"add":null,"remove":null,"ttl":null)")},
      {"field", "field \"add\" is a string, not an array", update("g", R"(,"add":"a")")},
      {"field", "field \"add\" is given twice", update("g", R"(,"add":["a"],"add":["a"])")},
      {"field", "field \"add\" names \"a\" twice", update("g", R"(,"add":["a","a"])")},
      {"field", "field \"add\" holds an empty id", update("g", R"(,"add":[""])")},
      {"field", "field \"add\" holds a number where an id is wanted", update("g", R"(,"add":[1])")},
      {"field", "field \"add\" holds a ttl that is an array, not a number",
       update("g", R"(,"add":[{"id":"a","ttl":[]}])")},
      {"field", "field \"remove\" is an object, not an array", update("g", R"(,"remove":{})")},
      {"field", "field \"remove\" names \"a\" twice", update("g", R"(,"remove":["a","\u0061"])")},
      {"field", "field \"remove\" holds an object where an id is wanted",
       update("g", R"(,"remove":[{"id":"a"}])")},
      {"field", "field \"ttl\" is a string, not a number", update("g", R"(,"ttl":"1")")},
      {"field", "field \"ttl\" is given twice", update("g", R"(,"ttl":1,"ttl":1)")},
      {"ttl", "field \"ttl\" is 604801 seconds, more than 604800", update("g", ",\"ttl\":604801")},
      {"ttl", "field \"add\" holds a ttl of 604801 seconds, more than 604800",
       update("g", R"(,"add":[{"id":"a","ttl":604801}])")},
      {"limit", "field \"add\" holds more than 10000 ids", update("g", ",\"add\":" + ids(10'001))},
      {"limit", "field \"remove\" holds more than 10000 ids",
       update("g", ",\"remove\":" + ids(10'001))},
      {"field", "field \"id\" is missing", R"({"type":"EventGroupCollectorCancel"})"},
      {"field", "field \"id\" is a boolean, not a string",
       R"({"type":"EventGroupCollectorCancel","id":true})"},
      {"field", "field \"reason\" is an array, not a string", cancel("g", R"(,"reason":[])")},
      {"field", "field \"reason\" is given twice", cancel("g", R"(,"reason":"a","reason":"b")")},
      {"field", "field \"reason\" holds a lone surrogate, which no text can hold",
       cancel("g", R"(,"reason":"\ud83d")")},
  };
}

void check_refused(const std::vector<BadRow>& rows) {
  Decoder decoder;
  Options options;
  options.max_message_bytes = kBytesMax;
  for (const BadRow& row : rows) {
    const std::string_view value = std::string_view(row.value).substr(0, 200);
    CAPTURE(value);
    const Decoded decoded = decoder.decode(row.value, options);
    REQUIRE(std::holds_alternative<Rejected>(decoded));
    CHECK(name(std::get<Rejected>(decoded).code) == row.code);
    CHECK(std::get<Rejected>(decoded).message == row.message);
  }
}

TEST_CASE("bad records are refused with a code and a message that names what was found") {
  check_refused(bad_records());
}
TEST_CASE("bad policies are refused") { check_refused(bad_policies()); }
TEST_CASE("bad handlers and parents are refused") { check_refused(bad_targets()); }
TEST_CASE("bad ids are refused") { check_refused(bad_ids()); }
TEST_CASE("bad Updates and Cancels are refused") { check_refused(bad_updates_and_cancels()); }

TEST_CASE("a foreign text is shortened in a message, and not within a character") {
  std::string long_name = "\"" + std::string(62, 'x') + "\u00e9" + std::string(90, 'y') + '"';
  CHECK(shortened(long_name) == "\"" + std::string(62, 'x'));
  CHECK(shortened("short") == "short");
}

}  // namespace
}  // namespace muster::collector

#include "collector/json.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <random>
#include <string>

#include "base/json_text.h"

namespace muster::collector {
namespace {

std::string nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

std::string written(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

TEST_CASE("every form of JSON is taken, also numbers that no double holds") {
  for (const std::string_view text : {"0",
                                      "-0",
                                      "-0.10e+05",
                                      "1E400",
                                      "123456789012345678901234567890",
                                      "0.1000",
                                      "1e-9",
                                      "true",
                                      "false",
                                      "null",
                                      "\"\"",
                                      R"("\"\\\/\b\f\n\r\té")",
                                      R"("\ud83d\ude00")",
                                      R"("\ud800")",
                                      "\"\xc3\xa9\x7f\"",
                                      "[]",
                                      "{}",
                                      "[ ]",
                                      "{ }",
                                      "[1 , 2,3 ]",
                                      R"({"a":1,"a":2})",
                                      "{ \"b\" : 1 ,\t\"a\" : [ null ]\n}",
                                      " 1 ",
                                      R"([[{"a":[{}]},[]],"]"])",
                                      "\"0123456789abcdef0123456789\""}) {
    CAPTURE(text);
    CHECK(is_json(text));
  }
}

TEST_CASE("what is not JSON is refused wherever it lies") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      " "sv,
                                      "01"sv,
                                      "-"sv,
                                      "+1"sv,
                                      "1."sv,
                                      ".5"sv,
                                      "1e"sv,
                                      "1e+"sv,
                                      "0x1"sv,
                                      "NaN"sv,
                                      "Infinity"sv,
                                      "tru"sv,
                                      "nul"sv,
                                      "True"sv,
                                      "'a'"sv,
                                      "\"a"sv,
                                      "\"\\"sv,
                                      "\"\\x\""sv,
                                      "\"\\u12\""sv,
                                      "\"\\u12g4\""sv,
                                      "\"a\nb\""sv,
                                      "\"0123456\n89\""sv,
                                      "\"a\0b\""sv,
                                      "["sv,
                                      "]"sv,
                                      "[1"sv,
                                      "[1,"sv,
                                      "[1,]"sv,
                                      "[,1]"sv,
                                      "[1 2]"sv,
                                      "[1}"sv,
                                      "{"sv,
                                      "{]"sv,
                                      "{\"a\"}"sv,
                                      "{\"a\":}"sv,
                                      "{\"a\":1,}"sv,
                                      "{\"a\" 1}"sv,
                                      "{a:1}"sv,
                                      "{1:2}"sv,
                                      "{\"a\":1"sv,
                                      "1 2"sv,
                                      "\0"sv,
                                      "1\0"sv,
                                      "\xef\xbb\xbf{}"sv,
                                      "\"\xff\""sv,
                                      "\"\xc3\""sv,
                                      "\"\xed\xa0\x80\""sv,
                                      "\"\xc0\xaf\""sv,
                                      "//\n1"sv}) {
    CAPTURE(text);
    CHECK_FALSE(is_json(text));
  }
}

TEST_CASE("nesting is taken up to its limit and named beyond it") {
  CHECK(is_json(nested(kJsonNestingMax)));
  JsonScanner scanner(nested(kJsonNestingMax + 1));
  CHECK_FALSE(is_json(nested(kJsonNestingMax + 1)));
  CHECK_FALSE(is_json(nested(10'000)));
  const std::string deep = nested(kJsonNestingMax + 1);
  JsonScanner deep_scanner(deep);
  std::string_view raw;
  CHECK_FALSE(deep_scanner.value(raw));
  CHECK(deep_scanner.fault() == JsonFault::kNesting);
  CHECK(deep_scanner.offset() == kJsonNestingMax);
}

TEST_CASE("a value's text has no space around it and all bytes within it") {
  JsonScanner scanner(" { \"a\" : [ 1 ] }  , 2");
  std::string_view raw;
  scanner.skip_space();
  CHECK(scanner.value(raw));
  CHECK(raw == "{ \"a\" : [ 1 ] }");
}

TEST_CASE("strings are read as the text that they mean") {
  struct Row {
    std::string_view raw;
    std::string_view text;
  };
  for (const Row& row : {Row{"plain", "plain"}, Row{R"(\"\\\/)", "\"\\/"},
                         Row{R"(\b\f\n\r\t)", "\b\f\n\r\t"}, Row{R"(\u00e9\u20AC)", "\u00e9\u20ac"},
                         Row{R"(a\ud83d\ude00b)", "a\U0001f600b"}, Row{R"(\u0041)", "A"}}) {
    std::string out;
    CHECK(unescape(row.raw, out));
    CHECK(out == row.text);
  }
  for (const std::string_view lone : {R"(\ud800)", R"(\udc00)", R"(\ud800\u0041)", R"(\ud800x)"}) {
    std::string out;
    CHECK_FALSE(unescape(lone, out));
  }
}

TEST_CASE("texts are written with the shortest escapes and only where one is needed") {
  CHECK(written("") == "\"\"");
  CHECK(written("a/\u00e9\x7f") == "\"a/\u00e9\x7f\"");
  CHECK(written("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
  CHECK(written(std::string_view("\0\x1f", 2)) == R"("\u0000\u001f")");
  CHECK(written("01234567\"01234567") == R"("01234567\"01234567")");
}

// Where simdjson's DOM is stricter than the grammar: numbers out of its ranges and lone surrogates.
bool dom_takes_less(simdjson::error_code error) {
  return error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR;
}

TEST_CASE("on mutated texts the scanner agrees with another parser") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const std::string_view good =
      R"({"a":[1,-2.5e3,true,null,{"b":"c\n\u00e9\"}"}],"d":{"e":[],"f":{}},"g":"h"} )";
  const std::string_view bytes = "{}[]\",:\\eE+-.0123456789 truefalsn\n\xc3\xff";
  simdjson::dom::parser parser;
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(good);
    for (uint64_t changes = 1 + dice() % 3; changes > 0; --changes) {
      const size_t at = dice() % text.size();
      switch (dice() % 3) {
        case 0:
          text[at] = bytes[dice() % bytes.size()];
          break;
        case 1:
          text.erase(at, 1);
          break;
        default:
          text.insert(at, 1, bytes[dice() % bytes.size()]);
      }
    }
    const auto error = parser.parse(simdjson::padded_string(text)).error();
    CAPTURE(text);
    const bool ours = is_json(text);
    taken += ours ? 1 : 0;
    if (error == simdjson::SUCCESS) CHECK(ours);
    if (error != simdjson::SUCCESS && ours) CHECK(dom_takes_less(error));
  }
  CHECK(taken > 100);
}

}  // namespace
}  // namespace muster::collector

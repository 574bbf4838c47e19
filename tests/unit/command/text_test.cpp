#include "command/text.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::command;

TEST_CASE("times as people type them") {
  const core::Time now = core::time_from_ms(1'595'029'101'500);  // 2020-07-17T23:38:21.500Z
  struct Row {
    const char* text;
    const char* time;
  };
  const Row table[] = {
      {"now", "2020-07-17T23:38:21.500Z"},
      {"90s", "2020-07-17T23:36:51.500Z"},
      {"15m", "2020-07-17T23:23:21.500Z"},
      {"2h", "2020-07-17T21:38:21.500Z"},
      {"3d", "2020-07-14T23:38:21.500Z"},
      {"2020-02-29", "2020-02-29T00:00:00.000Z"},
      {"2020-07-17T23:38:21Z", "2020-07-17T23:38:21.000Z"},
      {"2020-07-17T23:38:21.5Z", "2020-07-17T23:38:21.500Z"},
      {"2020-07-17T23:38:21.123456Z", "2020-07-17T23:38:21.123Z"},
      {"2020-07-17 23:38", "2020-07-17T23:38:00.000Z"},
  };
  for (const Row& row : table) {
    CAPTURE(row.text);
    const auto time = parse_time(row.text, now);
    REQUIRE(time.has_value());
    CHECK(format_time(*time) == row.time);
  }
  for (const char* wrong : {"", "yesterday", "5", "5x", "-5m", "2021-02-29", "2020-7-17", "m",
                            "2020-07-17T24:00", "2020-07-17T23:38:21.", "2020-07-17T23:38:21ZZ"}) {
    CAPTURE(wrong);
    CHECK(!parse_time(wrong, now));
  }
}

TEST_CASE("a number or a range") {
  CHECK(parse_range("17") == std::pair<int64_t, int64_t>(17, 17));
  CHECK(parse_range("17-20") == std::pair<int64_t, int64_t>(17, 20));
  for (const char* wrong : {"", "-", "a", "17-", "-17", "20-17", "17-20-23", "1.5"}) {
    CAPTURE(wrong);
    CHECK(!parse_range(wrong));
  }
}

TEST_CASE("what a terminal would obey is shown, not sent") {
  CHECK(printable("order-17 \xc3\xa9", 100) == "order-17 \xc3\xa9");
  CHECK(printable(std::string_view("\x1b[2J\0\n", 6), 100) == "\\x1b[2J\\x00\\x0a");
  CHECK(printable("\xff\xc3", 100) == "\\xff\\xc3");
  CHECK(printable("\xc2\x9b", 100) == "\\xc2\\x9b");  // a control sequence in one character
  CHECK(printable("abcdef", 3) == "abc...");
  CHECK(printable("abc", 3) == "abc");
}

TEST_CASE("UTF-8 is what a JSON text may hold") {
  for (const char* good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
    CHECK(is_utf8(good));
  for (const char* bad : {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    CHECK(!is_utf8(bad));
  }
}

TEST_CASE("base64 as RFC 4648 has it") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64(std::string_view("\x00\xff", 2)) == "AP8=");
}

#include "collector/ttl.h"

#include <doctest/doctest.h>

#include <string>

namespace muster::collector {
namespace {

TEST_CASE("seconds become milliseconds, exactly and rounded up") {
  struct Row {
    std::string_view text;
    int64_t ms;
  };
  for (const Row& row : {Row{"10", 10'000},
                         Row{"10.0", 10'000},
                         Row{"1e1", 10'000},
                         Row{"1E+1", 10'000},
                         Row{"0.001", 1},
                         Row{"0.0001", 1},
                         Row{"0.0010001", 2},
                         Row{"1.005", 1005},
                         Row{"64.1", 64'100},
                         Row{"4.35", 4350},
                         Row{"32.1", 32'100},
                         Row{"1e-3", 1},
                         Row{"1e-999999999999999999999", 1},
                         Row{"1000e-6", 1},
                         Row{"1001e-6", 2},
                         Row{"0", 0},
                         Row{"-0", 0},
                         Row{"0.000", 0},
                         Row{"0e999", 0},
                         Row{"-5", 0},
                         Row{"-1e-9", 0},
                         Row{"604800", 604'800'000},
                         Row{"12.5e2", 1'250'000},
                         Row{"0.00125e5", 125'000},
                         Row{"999999999999.999", 999'999'999'999'999}}) {
    CAPTURE(row.text);
    const auto parsed = parse_seconds(row.text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->count() == row.ms);
  }
}

TEST_CASE("a number of any length is understood") {
  const std::string zeros(100'000, '0');
  CHECK(parse_seconds("0." + zeros + "1") == core::Duration{1});
  CHECK(parse_seconds("1." + zeros + "1") == core::Duration{1001});
  CHECK(parse_seconds("0." + zeros + "1e100001") == core::Duration{1000});
  CHECK(parse_seconds("1" + zeros + "e-100000") == core::Duration{1000});
  CHECK_FALSE(parse_seconds("1" + zeros).has_value());
}

TEST_CASE("what is longer than any ttl has no duration") {
  for (const std::string_view text :
       {"1e999", "1e15", "1000000000000", "1e99999999999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_seconds(text).has_value());
  }
}

TEST_CASE("durations are written as seconds without needless zeros") {
  CHECK(format_seconds(core::Duration{30'000}) == "30");
  CHECK(format_seconds(core::Duration{1500}) == "1.5");
  CHECK(format_seconds(core::Duration{1}) == "0.001");
  CHECK(format_seconds(core::Duration{0}) == "0");
}

}  // namespace
}  // namespace muster::collector

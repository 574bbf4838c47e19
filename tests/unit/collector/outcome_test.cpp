#include "collector/outcome.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "collector/json.h"

namespace muster::collector {
namespace {

constexpr int64_t kCreatedMs = 1'595'029'101'000;  // 2020-07-17T23:38:21Z

std::string time_text(int64_t ms) {
  std::string out;
  append_time(out, core::time_from_ms(ms));
  return out;
}

OpenGroup group_of(const std::vector<std::string_view>& expected, std::string_view payload = "null",
                   std::string_view id = "g") {
  Create create;
  create.id = id;
  create.expected = expected;
  create.ttl_text = "2.50";
  create.payload = payload;
  return OpenGroup(create, {core::time_from_ms(kCreatedMs), core::time_from_ms(kCreatedMs + 2500),
                            core::time_from_ms(kCreatedMs)});
}

Ending ending(std::optional<FailureCode> code = {}, std::optional<uint32_t> failed = {},
              std::string_view error = {}) {
  return {code, failed, error, core::time_from_ms(kCreatedMs + 1001)};
}

TEST_CASE("times are RFC 3339 with milliseconds, and cut to the years that it has") {
  struct Row {
    int64_t ms;
    std::string_view text;
  };
  for (const Row& row :
       {Row{0, "1970-01-01T00:00:00.000Z"}, Row{kCreatedMs, "2020-07-17T23:38:21.000Z"},
        Row{951'782'399'999, "2000-02-28T23:59:59.999Z"},
        Row{951'782'400'000, "2000-02-29T00:00:00.000Z"},
        Row{4'107'542'400'000, "2100-03-01T00:00:00.000Z"},
        Row{253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
        Row{253'402'300'800'000, "9999-12-31T23:59:59.999Z"},
        Row{INT64_MAX, "9999-12-31T23:59:59.999Z"}, Row{-1, "1970-01-01T00:00:00.000Z"},
        Row{INT64_MIN, "1970-01-01T00:00:00.000Z"}}) {
    CHECK(time_text(row.ms) == row.text);
  }
}

TEST_CASE("a Success has its fields in their order and the producers' bytes in them") {
  OpenGroup group = group_of({"b", "a\"\n", "\u00e9"}, "{ \"z\" : 1E400,\"a\":[ ] }", "g/\\1");
  group.set_result(2, "[ 1 , 2 ]", kBytesMax);
  group.set_result(0, "\"\\u00e9\"", kBytesMax);
  group.set_result(1, "null", kBytesMax);
  std::string out = "old";
  CHECK_FALSE(write_outcome(group, ending(), {"", kBytesMax}, out).has_value());
  CHECK(out ==
        "{\"type\":\"EventGroupCollectorSuccess\",\"id\":\"g/\\\\1\","
        "\"created\":\"2020-07-17T23:38:21.000Z\",\"resolved\":\"2020-07-17T23:38:22.001Z\","
        "\"results\":{\"b\":\"\\u00e9\",\"a\\\"\\n\":null,\"\u00e9\":[ 1 , 2 ]},"
        "\"payload\":{ \"z\" : 1E400,\"a\":[ ] }}");
}

TEST_CASE(
    "a Failure by an error names the entity and has null for it, but not those not heard of") {
  OpenGroup group = group_of({"a", "b", "c", "d"}, "7");
  group.set_result(2, "3", kBytesMax);
  std::string out;
  CHECK(write_outcome(group, ending(FailureCode::kError, 1, "no \"b\"\n"), {"me\"", kBytesMax},
                      out) == FailureCode::kError);
  CHECK(out == R"({"type":"EventGroupCollectorFailure","id":"g","sender":"me\"","entity":"b",)"
               R"("error":"no \"b\"\n","created":"2020-07-17T23:38:21.000Z",)"
               R"("resolved":"2020-07-17T23:38:22.001Z","results":{"b":null,"c":3},"payload":7,)"
               R"("code":"error","missing":["a","d"],"errors":{"b":"no \"b\"\n"}})");
}

TEST_CASE("a Failure by timeout names the group and the ttl as given") {
  OpenGroup group = group_of({"a", "b"});
  group.set_result(1, "{}", kBytesMax);
  std::string out;
  CHECK(write_outcome(group, ending(FailureCode::kTimeout), {"", kBytesMax}, out) ==
        FailureCode::kTimeout);
  CHECK(out ==
        R"({"type":"EventGroupCollectorFailure","id":"g","entity":"g",)"
        R"("error":"Operation timed out after 2.50 seconds","created":"2020-07-17T23:38:21.000Z",)"
        R"("resolved":"2020-07-17T23:38:22.001Z","results":{"b":{}},"payload":null,)"
        R"("code":"timeout","missing":["a"],"errors":{}})");
}

std::string too_large(std::string_view limit, std::string_view payload, std::string_view missing,
                      std::string_view errors) {
  std::string text =
      R"({"type":"EventGroupCollectorFailure","id":"g","entity":"g","error":"Outcome )";
  text.append("is larger than ").append(limit).append(" bytes\",");
  text.append(R"("created":"2020-07-17T23:38:21.000Z","resolved":"2020-07-17T23:38:22.001Z",)");
  text.append(R"("results":{},"payload":)").append(payload).append(R"(,"code":"too-large",)");
  text.append("\"missing\":").append(missing).append(",\"errors\":").append(errors).append("}");
  return text;
}

TEST_CASE(
    "an outcome over the limit fails without results, then without payload, then without lists") {
  const std::string big(1000, '1');
  const std::string long_name(1000, 'n');
  std::string out;
  OpenGroup results = group_of({"a", "b"}, "7");
  results.set_result(0, big, kBytesMax);
  CHECK(write_outcome(results, ending(FailureCode::kTimeout), {"", 1500}, out) ==
        FailureCode::kTooLarge);
  CHECK(out == too_large("1500", "7", "[\"b\"]", "{}"));

  const OpenGroup payload = group_of({"a", "b"}, big);
  CHECK(write_outcome(payload, ending(FailureCode::kError, 0, "no"), {"", 1500}, out) ==
        FailureCode::kTooLarge);
  CHECK(out == too_large("1500", "null", "[\"b\"]", "{\"a\":\"no\"}"));

  const OpenGroup lists = group_of({"a", long_name}, big);
  CHECK(write_outcome(lists, ending(FailureCode::kError, 0, "no"), {"", 1500}, out) ==
        FailureCode::kTooLarge);
  CHECK(out == too_large("1500", "null", "[]", "{}"));
}

TEST_CASE("the limit counts the value, the key and the framing, to the byte") {
  OpenGroup group = group_of({"a"}, "7");
  group.set_result(0, "1", kBytesMax);
  std::string out;
  write_outcome(group, ending(), {"", kBytesMax}, out);
  const auto bytes = static_cast<uint32_t>(out.size() + 1 + kFramingBytes);
  CHECK_FALSE(write_outcome(group, ending(), {"", bytes}, out).has_value());
  CHECK(write_outcome(group, ending(), {"", bytes - 1}, out) == FailureCode::kTooLarge);
}

TEST_CASE("where outcome_fits says so, the smallest outcome fits") {
  for (const char byte : {'x', '"', '\n', '\x01'}) {
    for (size_t size = 1; size < 400; size += 7) {
      const std::string id(size, byte);
      const OutcomeRules rules{"sender\x02", 2500};
      const OpenGroup group = group_of({"a"}, "null", id);
      std::string out;
      write_outcome(group, ending(FailureCode::kTimeout), {"", kBytesMax}, out);
      if (!outcome_fits(id, rules)) continue;
      write_outcome(group, ending(FailureCode::kTimeout), rules, out);
      CHECK(out.size() + id.size() + kFramingBytes <= rules.bytes_max);
    }
  }
  CHECK(outcome_fits(std::string(500, 'x'), {"", 2500}));
  CHECK_FALSE(outcome_fits(std::string(200, '\x01'), {"", 2500}));
  CHECK_FALSE(outcome_fits(std::string(1000, 'x'), {"", 2500}));
}

}  // namespace
}  // namespace muster::collector

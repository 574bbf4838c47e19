#include "collector/outcome.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "collector/json.h"
#include "collector/options.h"

namespace muster::collector {
namespace {

constexpr int64_t kCreatedMs = 1'595'029'101'000;  // 2020-07-17T23:38:21Z

std::string time_text(int64_t ms) {
  std::string out;
  append_time(out, core::time_from_ms(ms));
  return out;
}

OpenGroup group_of(const std::vector<std::string_view>& expected, std::string_view payload = "null",
                   std::string_view id = "g", const Policy& policy = {}) {
  std::vector<ExpectedId> ids;
  for (const std::string_view name : expected) ids.push_back({name, {}, {}});
  Create create;
  create.id = id;
  create.expected = ids;
  create.ttl_text = "2.50";
  create.payload = payload;
  create.policy = policy;
  const core::Time created = core::time_from_ms(kCreatedMs);
  return OpenGroup(create, {created, created, core::time_from_ms(kCreatedMs + 2500), created});
}

Ending ending(std::optional<FailureCode> code = {}, std::optional<uint32_t> entity = {},
              std::string_view reason = {}) {
  return {code, entity, reason, core::time_from_ms(kCreatedMs + 1001)};
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
  group.set_error(1, "no \"b\"\n", kBytesMax);
  std::string out;
  CHECK(write_outcome(group, ending(FailureCode::kError, 1), {"me\"", kBytesMax}, out) ==
        FailureCode::kError);
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

TEST_CASE("under quorum and tolerate a Success has two lists behind the payload") {
  for (const auto kind : {Policy::Kind::kQuorum, Policy::Kind::kTolerate}) {
    OpenGroup group = group_of({"a", "b\"", "c", "d"}, "7", "g", {kind, 1});
    group.set_result(2, "3", kBytesMax);
    group.set_error(1, "no \"b\"", kBytesMax);
    std::string out;
    CHECK_FALSE(write_outcome(group, ending(), {"", kBytesMax}, out).has_value());
    CHECK(out == R"({"type":"EventGroupCollectorSuccess","id":"g",)"
                 R"("created":"2020-07-17T23:38:21.000Z","resolved":"2020-07-17T23:38:22.001Z",)"
                 R"("results":{"b\"":null,"c":3},"payload":7,)"
                 R"("missing":["a","d"],"errors":{"b\"":"no \"b\""}})");
  }
}

TEST_CASE("a Failure by cancel has the reason, and the group for an entity") {
  const OpenGroup group = group_of({"a"});
  std::string out;
  CHECK(write_outcome(group, ending(FailureCode::kCancelled, {}, "why\n\"not\""), {"", kBytesMax},
                      out) == FailureCode::kCancelled);
  CHECK(out ==
        R"({"type":"EventGroupCollectorFailure","id":"g","entity":"g","error":"why\n\"not\"",)"
        R"("created":"2020-07-17T23:38:21.000Z","resolved":"2020-07-17T23:38:22.001Z",)"
        R"("results":{},"payload":null,"code":"cancelled","missing":["a"],"errors":{}})");
}

TEST_CASE("every code has its own name and counter") {
  std::vector<std::string_view> names;
  std::vector<Counter> counters = {counter_of(std::nullopt)};
  for (const FailureCode code :
       {FailureCode::kError, FailureCode::kTimeout, FailureCode::kCancelled,
        FailureCode::kUnreachable, FailureCode::kTooLarge}) {
    names.push_back(name(code));
    counters.push_back(counter_of(code));
    CHECK(counter_names()[static_cast<size_t>(counters.back())].value == name(code));
  }
  CHECK(names ==
        std::vector<std::string_view>{"error", "timeout", "cancelled", "unreachable", "too-large"});
}

TEST_CASE("a too large outcome keeps the errors, unless they are what is too large") {
  const std::string big(1000, '1');
  std::string out;
  OpenGroup kept = group_of({"a", "b"}, "7", "g", {Policy::Kind::kAllSettled, 0});
  kept.set_result(0, big, kBytesMax);
  kept.set_error(1, "no", kBytesMax);
  write_outcome(kept, ending(FailureCode::kError, 1), {"", 1500}, out);
  CHECK(out.find(R"("code":"too-large","missing":[],"errors":{"b":"no"}})") != std::string::npos);
  OpenGroup errors = group_of({"a", "b"}, "7", "g", {Policy::Kind::kAllSettled, 0});
  errors.set_error(0, big, kBytesMax);
  errors.set_error(1, "no", kBytesMax);
  write_outcome(errors, ending(FailureCode::kError, 0), {"", 1500}, out);
  CHECK(out.find(R"("code":"too-large","missing":[],"errors":{}})") != std::string::npos);
  // Of answers that were not kept there is nothing to say.
  OpenGroup overflowed = group_of({"a", "b", "c"}, "7", "g", {Policy::Kind::kTolerate, 2});
  overflowed.set_error(0, "no", 1500);
  overflowed.set_result(1, std::string(1500, '1'), 1500);
  REQUIRE(overflowed.overflowed());
  overflowed.set_error(2, "nor", 1500);
  CHECK(write_outcome(overflowed, ending(), {"", 1500}, out) == FailureCode::kTooLarge);
  CHECK(out.find(R"("entity":"g","error":"Outcome is larger than 1500 bytes")") !=
        std::string::npos);
  CHECK(out.find(R"("results":{},"payload":7,"code":"too-large","missing":[],"errors":{}})") !=
        std::string::npos);
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

  OpenGroup payload = group_of({"a", "b"}, big);
  payload.set_error(0, "no", kBytesMax);
  CHECK(write_outcome(payload, ending(FailureCode::kError, 0), {"", 1500}, out) ==
        FailureCode::kTooLarge);
  CHECK(out == too_large("1500", "null", "[\"b\"]", "{\"a\":\"no\"}"));

  OpenGroup lists = group_of({"a", long_name}, big);
  lists.set_error(0, "no", kBytesMax);
  CHECK(write_outcome(lists, ending(FailureCode::kError, 0), {"", 1500}, out) ==
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

// Tests that read like a ledger: what came in when, and what went out then, one row each. Outcomes
// are written short, and their fields' order is checked on the way:
//
//   Success g [1000 3000] {"a":1}
//   Failure g [1000 3000] error a: no {"a":null} missing [] errors {"a":"no"}
//
// The times are `created` and `resolved`; ` payload ...` follows the results where there is one.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/json.h"
#include "world.h"

namespace muster::collector {

// 1970-01-01T00:00:01.000Z is 1000.
inline std::string short_time(std::string_view quoted) {
  REQUIRE(quoted.size() == 26);
  const auto number = [quoted](size_t at, size_t size) {
    return std::stoll(std::string(quoted.substr(at, size)));
  };
  REQUIRE(quoted.substr(0, 10) == "\"1970-01-0");
  const int64_t hours = (number(10, 1) - 1) * 24 + number(12, 2);
  return std::to_string(((hours * 60 + number(15, 2)) * 60 + number(18, 2)) * 1000 + number(21, 3));
}

inline std::string short_outcome(std::string_view value) {
  REQUIRE(is_json(value));
  std::string names;
  std::vector<std::pair<std::string, std::string>> fields;
  for_each_member(value, [&](std::string_view name, std::string_view raw) {
    names.append(names.empty() ? "" : " ").append(name);
    fields.emplace_back(name, raw);
  });
  const auto at = [&fields](std::string_view name) -> std::string {
    for (const auto& [field, raw] : fields) {
      if (field == name) return raw;
    }
    return "";
  };
  const auto text = [&at](std::string_view name) {
    const std::string raw = at(name);
    return raw.substr(1, raw.size() - 2);
  };
  const bool success = text("type") == "EventGroupCollectorSuccess";
  std::string out = (success ? "Success " : "Failure ") + text("id");
  if (!at("sender").empty()) out += " by " + text("sender");
  out += " [" + short_time(at("created")) + " " + short_time(at("resolved")) + "] ";
  if (!success) out += text("code") + " " + text("entity") + ": " + text("error") + " ";
  out += at("results");
  if (at("payload") != "null") out += " payload " + at("payload");
  if (!at("missing").empty()) out += " missing " + at("missing") + " errors " + at("errors");

  const std::string head = at("sender").empty() ? "type id" : "type id sender";
  const std::string times = " created resolved results payload";
  if (!success) {
    CHECK(names == head + " entity error" + times + " code missing errors");
  } else if (at("missing").empty()) {
    CHECK(names == head + times);
  } else {
    CHECK(names == head + times + " missing errors");
  }
  return out;
}

// An effect as it stands in a ledger.
inline std::string short_line(const std::string& line) {
  constexpr std::string_view kProduce = "Produce ";
  constexpr std::string_view kTail = " content-type=application/json";
  if (!line.starts_with(kProduce)) return line.substr(0, line.find(" | "));
  REQUIRE(line.ends_with(kTail));
  const size_t topic_end = line.find(' ', kProduce.size());
  const size_t key_end = line.find(" {", topic_end);
  const std::string topic = line.substr(kProduce.size(), topic_end - kProduce.size());
  const std::string key = line.substr(topic_end + 1, key_end - topic_end - 1);
  const std::string value = line.substr(key_end + 1, line.size() - kTail.size() - key_end - 1);
  const bool outcome = !value.starts_with(R"({"type":"EventGroupCollectorEntityDone")");
  const std::string what = outcome ? short_outcome(value) : value;
  if (outcome) CHECK(what.substr(8).starts_with(key));
  if (topic == "output") return what;
  return "to " + topic + " key " + key + ": " + what;
}

inline std::string joined(const Lines& lines) {
  std::string all;
  for (const std::string& line : lines) all += "\n  " + short_line(line);
  return all;
}

struct Row {
  int64_t ms;
  std::string event;  // a record's value, or timer()
  Lines effects;
};

inline std::string timer(std::string_view id) { return "timer " + std::string(id); }

// A timer must have been armed for just that time.
inline void play(World& world, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.ms);
    CAPTURE(row.event);
    std::string expected;
    for (const std::string& line : row.effects) expected += "\n  " + line;
    if (row.event.starts_with("timer ")) {
      const std::string id = row.event.substr(6);
      REQUIRE(world.armed.contains(id));
      REQUIRE(world.armed.at(id) == row.ms);
      CHECK(joined(world.timer(id, row.ms)) == expected);
    } else {
      CHECK(joined(world.record(row.ms, row.event)) == expected);
    }
  }
}

// In a new world.
inline void play(const std::vector<Row>& rows, Options options = {}) {
  World world(std::move(options));
  play(world, rows);
}

// What closes a group besides its outcome, where its timer was armed and where it fired.
inline Lines closing(std::string outcome, std::string_view id, int64_t now_ms) {
  const std::string name(id);
  return {std::move(outcome), "Touch " + name, "Disarm " + name,
          "Forget " + name + " from " + std::to_string(now_ms + 300'000)};
}
inline Lines fired(std::string outcome, std::string_view id, int64_t due_ms) {
  const std::string name(id);
  return {std::move(outcome), "Touch " + name,
          "Forget " + name + " from " + std::to_string(due_ms + 300'000)};
}
inline Lines changed(std::string_view id) { return {"Touch " + std::string(id)}; }
inline Lines armed(std::string_view id, int64_t due_ms) {
  const std::string name(id);
  return {"Touch " + name, "Arm " + name + " due " + std::to_string(due_ms)};
}

}  // namespace muster::collector

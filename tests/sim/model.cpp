#include "model.h"

#include <boost/json.hpp>

#include <algorithm>
#include <ctime>

namespace muster::sim {
namespace {

struct Event {
  int64_t at = 0;
  boost::json::object body;
  std::string text;
};

std::string rfc3339(int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(ms % 1000));
  return text;
}

std::string str(const boost::json::object& o, const char* name) {
  return std::string(o.at(name).as_string());
}

// The workload's events are plain: a compact serialization gives their bytes back.
std::string raw(const boost::json::object& o, const char* name) {
  return o.contains(name) ? boost::json::serialize(o.at(name)) : "null";
}

// The workload writes the ttl as digits, followed by the next field.
std::string ttl_text(const std::string& text) {
  const size_t begin = text.find("\"ttl\":") + 6;
  return text.substr(begin, text.find(',', begin) - begin);
}

Expectation judge(const Event& create, const std::vector<Event>& dones) {
  const auto& body = create.body;
  std::vector<std::string> expected;
  for (const auto& id : body.at("expected").as_array()) expected.emplace_back(id.as_string());
  const double ttl = body.at("ttl").to_number<double>();
  const int64_t deadline = create.at + static_cast<int64_t>(ttl * 1000 + 0.5);
  std::map<std::string, std::string> results;
  std::string failed;
  std::string error;
  int64_t resolved = create.at;
  bool closed = expected.empty();
  for (const Event& done : dones) {
    if (closed) break;
    const std::string entity = str(done.body, "id");
    if (done.at > deadline || std::ranges::find(expected, entity) == expected.end() ||
        results.contains(entity))
      continue;
    resolved = std::max(create.at, done.at);
    results[entity] = raw(done.body, "result");
    if (done.body.contains("error")) {
      failed = entity;
      error = str(done.body, "error");
      closed = true;
    }
    closed = closed || results.size() == expected.size();
  }
  Expectation e;
  e.timeout = !closed;
  const std::string id = str(body, "id");
  if (!closed) {
    failed = id;
    error = "Operation timed out after " + ttl_text(create.text) + " seconds";
    resolved = deadline;
  }
  e.not_before_ms = e.timeout ? deadline : create.at;
  std::string in_order;
  std::string missing;
  for (const auto& entity : expected) {
    if (results.contains(entity)) {
      in_order += (in_order.empty() ? "\"" : ",\"") + entity + "\":" + results[entity];
    } else {
      missing += (missing.empty() ? "\"" : ",\"") + entity + "\"";
    }
  }
  const std::string times = R"("created":")" + rfc3339(create.at) + R"(","resolved":")" +
                            rfc3339(resolved) + R"(","results":{)" + in_order + R"(},"payload":)" +
                            raw(body, "payload");
  if (error.empty()) {
    e.value = R"({"type":"EventGroupCollectorSuccess","id":")" + id + "\"," + times + "}";
    return e;
  }
  e.value = R"({"type":"EventGroupCollectorFailure","id":")" + id + R"(","entity":")" + failed +
            R"(","error":")" + error + "\"," + times + R"(,"code":")" +
            (e.timeout ? "timeout" : "error") + R"(","missing":[)" + missing + R"(],"errors":{)" +
            (e.timeout ? "" : "\"" + failed + "\":\"" + error + "\"") + "}}";
  return e;
}

}  // namespace

std::map<std::string, Expectation> expect(const Log& input, int64_t early_ttl_ms,
                                          const std::map<std::string, bool>& odd_times) {
  struct Group {
    std::optional<Event> create;
    std::vector<Event> dones;
    bool early_near_its_end = false;
  };
  std::map<std::string, Group> groups;
  for (int64_t offset = 0; offset < input.high_watermark(); ++offset) {
    if (!input.visible(offset)) continue;
    const Entry& entry = input.at(offset);
    boost::json::error_code broken;
    const auto json = boost::json::parse(entry.value.value_or(""), broken);
    if (broken || !json.is_object()) continue;
    const Event event{entry.timestamp_ms.value_or(entry.written_ms), json.as_object(),
                      *entry.value};
    const std::string type = str(event.body, "type");
    if (type == "EventGroupCollectorCreate") {
      Group& group = groups[str(event.body, "id")];
      if (group.create) continue;
      group.create = event;
      if (!group.dones.empty()) {
        // Kept for a time, in a world where nobody may have looked when it ended.
        group.early_near_its_end = event.at >= group.dones.front().at + early_ttl_ms;
      }
    } else if (type == "EventGroupCollectorEntityDone") {
      groups[str(event.body, "group")].dones.push_back(event);
    }
  }
  std::map<std::string, Expectation> expectations;
  for (const auto& [id, group] : groups) {
    if (!group.create) continue;
    Expectation e = judge(*group.create, group.dones);
    const auto odd = odd_times.find(id);
    e.certain = !group.early_near_its_end && (odd == odd_times.end() || !odd->second);
    expectations[id] = std::move(e);
  }
  return expectations;
}

}  // namespace muster::sim

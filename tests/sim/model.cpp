#include "model.h"

#include <boost/json.hpp>

#include <algorithm>
#include <ctime>

namespace muster::sim {
namespace {

struct Event {
  int64_t at = 0;
  int partition = 0;
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

// They were read in this order, the Create before those that follow it.
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
  e.complete = closed;
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

struct Group {
  std::vector<Event> creates;
  std::vector<Event> dones;

  bool in_one_partition() const {
    const int partition = creates.front().partition;
    const auto there = [&](const Event& event) { return event.partition == partition; };
    return std::ranges::all_of(creates, there) && std::ranges::all_of(dones, there);
  }
};

// The records lie in several partitions and are read in any order. What is certain then: whoever is
// heard of in time, by the times of the records, counts; nobody else does.
Expectation judge_spread(const Group& group) {
  const Event& create = *std::ranges::min_element(group.creates, {}, &Event::at);
  const int64_t deadline = judge(create, {}).not_before_ms;
  std::map<std::string, std::vector<std::string>> in_time;
  bool failed = false;
  for (const auto& id : create.body.at("expected").as_array()) {
    auto& results = in_time[std::string(id.as_string())];
    for (const Event& done : group.dones) {
      if (str(done.body, "id") != id.as_string() || done.at > deadline) continue;
      results.push_back(raw(done.body, "result"));
      failed = failed || done.body.contains("error");
    }
  }
  Expectation e = judge(create, group.dones);
  const auto heard = [](const auto& entity) { return !entity.second.empty(); };
  const auto once = [](const auto& entity) { return entity.second.size() <= 1; };
  e.complete = std::ranges::all_of(in_time, heard);
  // Another Create may have been the first to be read; which of two results, too, is open.
  e.certain = !failed && group.creates.size() == 1 && std::ranges::all_of(in_time, once);
  e.resolved_open = !e.timeout;
  if (!e.certain) e.not_before_ms = create.at;
  return e;
}

}  // namespace

std::map<std::string, Expectation> expect(const std::vector<Log>& inputs, int64_t early_ttl_ms,
                                          const std::map<std::string, bool>& odd_times) {
  std::map<std::string, Group> groups;
  for (size_t partition = 0; partition < inputs.size(); ++partition) {
    const Log& input = inputs[partition];
    for (int64_t offset = 0; offset < input.high_watermark(); ++offset) {
      if (!input.visible(offset)) continue;
      const Entry& entry = input.at(offset);
      boost::json::error_code broken;
      const auto json = boost::json::parse(entry.value.value_or(""), broken);
      if (broken || !json.is_object()) continue;
      const Event event{entry.timestamp_ms.value_or(entry.written_ms), static_cast<int>(partition),
                        json.as_object(), *entry.value};
      const std::string type = str(event.body, "type");
      if (type == "EventGroupCollectorCreate") {
        groups[str(event.body, "id")].creates.push_back(event);
      } else if (type == "EventGroupCollectorEntityDone") {
        groups[str(event.body, "group")].dones.push_back(event);
      }
    }
  }
  std::map<std::string, Expectation> expectations;
  for (const auto& [id, group] : groups) {
    if (group.creates.empty()) continue;
    const auto odd = odd_times.find(id);
    if (odd != odd_times.end() && odd->second) {
      expectations[id].certain = false;
      continue;
    }
    Expectation e =
        group.in_one_partition() ? judge(group.creates.front(), group.dones) : judge_spread(group);
    const int64_t created = std::ranges::min(group.creates, {}, &Event::at).at;
    // Kept for a time, in a world where nobody may have looked when it ended.
    if (std::ranges::any_of(group.dones,
                            [&](const Event& d) { return d.at + early_ttl_ms <= created; })) {
      e.certain = false;
      e.complete = false;
    }
    expectations[id] = std::move(e);
  }
  return expectations;
}

}  // namespace muster::sim

#include "model.h"

#include "model_group.h"

#include <boost/json.hpp>

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>
#include <utility>
#include <vector>

namespace muster::sim {
namespace {

namespace json = boost::json;

constexpr size_t kStatesMax = 4'000;  // of one group that are tried

// --- records

std::string str(const json::object& o, const char* name) {
  const auto* field = o.if_contains(name);
  return field != nullptr ? std::string(field->as_string()) : "";
}

// The workload's events are plain: a compact serialization gives their bytes back.
std::string raw_json(const json::object& o, const char* name) {
  const auto* field = o.if_contains(name);
  return field != nullptr ? json::serialize(*field) : "null";
}

// The workload writes a ttl as seconds with one decimal.
std::optional<ModelTtl> ttl_of(const json::object& o) {
  const auto* field = o.if_contains("ttl");
  if (field == nullptr) return std::nullopt;
  const auto tenths = static_cast<int64_t>(field->to_number<double>() * 10 + 0.5);
  return ModelTtl{std::to_string(tenths / 10) + "." + std::to_string(tenths % 10), tenths * 100};
}

std::vector<ModelEntity> entities_of(const json::object& o, const char* name) {
  std::vector<ModelEntity> entities;
  const auto* field = o.if_contains(name);
  if (field == nullptr) return entities;
  for (const json::value& id : field->as_array()) {
    if (id.is_string()) {
      entities.push_back({std::string(id.as_string()), std::nullopt});
    } else {
      entities.push_back({str(id.as_object(), "id"), ttl_of(id.as_object())});
    }
  }
  return entities;
}

void read_create(const json::object& body, ModelEvent& event) {
  event.add = entities_of(body, "expected");
  event.payload = raw_json(body, "payload");
  event.policy = "fail-fast";
  if (const auto* policy = body.if_contains("policy")) {
    if (policy->is_string()) {
      event.policy = std::string(policy->as_string());
    } else {
      const auto& rule = *policy->as_object().begin();
      event.policy = std::string(rule.key());
      event.count = rule.value().to_number<size_t>();
    }
  }
  if (const auto* parent = body.if_contains("parent")) {
    event.parent_group = str(parent->as_object(), "group");
    event.parent_id = str(parent->as_object(), "id");
  }
}

struct Read {
  std::string group;
  ModelEvent event;
};

// Absent: it concerns no group.
std::optional<Read> read(const Entry& entry, int partition) {
  json::error_code broken;
  const auto value = json::parse(entry.value.value_or(""), broken);
  if (broken || !value.is_object()) return std::nullopt;
  const json::object& body = value.as_object();
  const std::string type = str(body, "type");
  Read read{str(body, "id"), {}};
  ModelEvent& event = read.event;
  event.partition = partition;
  event.at = entry.timestamp_ms.value_or(entry.written_ms);
  event.written = entry.written_ms;
  event.of_child = entry.transaction != nullptr;
  event.ttl = ttl_of(body);
  if (type == "EventGroupCollectorCreate") {
    event.kind = ModelEvent::Kind::kCreate;
    read_create(body, event);
  } else if (type == "EventGroupCollectorEntityDone") {
    event.kind = ModelEvent::Kind::kDone;
    event.entity = std::exchange(read.group, str(body, "group"));
    event.result = raw_json(body, "result");
    event.error = str(body, "error");
  } else if (type == "EventGroupCollectorUpdate") {
    event.kind = ModelEvent::Kind::kUpdate;
    event.add = entities_of(body, "add");
    for (ModelEntity& removed : entities_of(body, "remove")) event.remove.push_back(removed.id);
  } else if (type == "EventGroupCollectorCancel") {
    event.kind = ModelEvent::Kind::kCancel;
    event.reason = str(body, "reason");
  } else {
    return std::nullopt;
  }
  return read;
}

// --- one group

using Events = std::vector<ModelEvent>;

// Reads the group's records in every order that is possible.
class Explorer {
 public:
  Explorer(const std::string& id, const Events& events) : id_(id) {
    std::map<int, std::vector<const ModelEvent*>> by_partition;
    for (const ModelEvent& event : events) by_partition[event.partition].push_back(&event);
    for (auto& [partition, queue] : by_partition) queues_.push_back(std::move(queue));
  }

  Expectation explore() {
    go({std::vector<size_t>(queues_.size()), ModelGroup(id_)});
    if (tried_.size() > kStatesMax || never_ends_) expected_.certain = false;
    if (!expected_.certain || by_timer_) expected_.ended_by_ms.reset();
    return std::move(expected_);
  }

 private:
  struct State {
    std::vector<size_t> read;  // of each queue
    ModelGroup group;
  };

  void go(State state) {
    if (state.group.outcome()) return note(*state.group.outcome());
    if (tried_.size() > kStatesMax || !tried_.insert(key(state)).second) return;
    bool ends = true;
    for (size_t q = 0; q < queues_.size(); ++q) {
      if (state.read[q] == queues_[q].size()) continue;
      ends = false;
      State next = state;
      next.group.apply(*queues_[q][next.read[q]++]);
      go(std::move(next));
    }
    const int64_t timer = state.group.next_timer();
    if (timer != kNever && timer < oldest_unread(state)) {
      ends = false;
      state.group.fire();
      go(std::move(state));
    }
    never_ends_ = never_ends_ || ends;
  }

  std::string key(const State& state) const {
    std::string key;
    for (const size_t read : state.read) key += std::to_string(read) + " ";
    return key + state.group.key();
  }

  int64_t oldest_unread(const State& state) const {
    int64_t oldest = kNever;
    for (size_t q = 0; q < queues_.size(); ++q) {
      for (size_t i = state.read[q]; i < queues_[q].size(); ++i)
        oldest = std::min(oldest, queues_[q][i]->written);
    }
    return oldest;
  }

  void note(const ModelGroup::Outcome& outcome) {
    const auto [known, is_new] =
        expected_.outcomes.try_emplace(outcome.value, outcome.timeout, outcome.not_before_ms);
    known->second.not_before_ms = std::min(known->second.not_before_ms, outcome.not_before_ms);
    by_timer_ = by_timer_ || outcome.by == nullptr;
    if (outcome.by != nullptr)
      expected_.ended_by_ms = std::max(expected_.ended_by_ms.value_or(0), outcome.by->written);
  }

  const std::string& id_;
  std::vector<std::vector<const ModelEvent*>> queues_;
  std::set<std::string> tried_;
  Expectation expected_;
  bool by_timer_ = false;
  bool never_ends_ = false;
};

bool is_create(const ModelEvent& event) { return event.kind == ModelEvent::Kind::kCreate; }

Expectation expect_group(const std::string& id, const Events& events, int64_t early_ttl_ms,
                         bool odd) {
  Expectation uncertain;
  uncertain.certain = false;
  if (odd) return uncertain;
  const int64_t created =
      std::ranges::min(events | std::views::filter(is_create), {}, &ModelEvent::at).at;
  // Kept for a time, in a world where nobody may have looked when it ended.
  if (std::ranges::any_of(events,
                          [&](const ModelEvent& e) { return e.at + early_ttl_ms <= created; }))
    return uncertain;
  return Explorer(id, events).explore();
}

// --- all groups

class Model {
 public:
  Model(const Cluster& cluster, int64_t early_ttl_ms, const std::map<std::string, bool>& odd_times)
      : cluster_(cluster), early_ttl_ms_(early_ttl_ms), odd_times_(odd_times) {
    for (size_t partition = 0; partition < cluster.input.size(); ++partition)
      read_log(cluster.input[partition], static_cast<int>(partition));
    for (const auto& [id, events] : groups_) {
      const auto create = std::ranges::find_if(events, is_create);
      if (create != events.end() && !create->parent_group.empty())
        children_[{create->parent_group, create->parent_id}].push_back(id);
    }
  }

  std::map<std::string, Expectation> expect() {
    for (const bool of_parents : {false, true}) {
      for (auto& [id, events] : groups_) {
        if (is_parent(events) == of_parents && std::ranges::any_of(events, is_create)) expect(id);
      }
    }
    return std::move(expectations_);
  }

 private:
  static bool is_parent(const Events& events) {
    return std::ranges::any_of(events, &ModelEvent::of_child);
  }

  bool is_odd(const std::string& id) const {
    const auto odd = odd_times_.find(id);
    return odd != odd_times_.end() && odd->second;
  }

  void read_log(const Log& log, int partition) {
    for (int64_t offset = 0; offset < log.high_watermark(); ++offset) {
      if (!log.visible(offset)) continue;
      auto record = read(log.at(offset), partition);
      if (!record) continue;
      Events& events = groups_[record->group];
      record->event.number = events.size();
      events.push_back(std::move(record->event));
    }
  }

  void expect(const std::string& id) {
    Events& events = groups_[id];
    for (ModelEvent& event : events) {
      if (event.of_child) wait_for_child(id, event);
    }
    expectations_[id] = expect_group(id, events, early_ttl_ms_, is_odd(id));
  }

  // A tick waits for what a child puts out as if it had been written with the record that ends the
  // child, if that lies at home, and is not itself put out by a child.
  void wait_for_child(const std::string& id, ModelEvent& event) const {
    const auto children = children_.find({id, event.entity});
    if (children == children_.end() || children->second.size() != 1) return;
    const std::string& child = children->second.front();
    const Events& events = groups_.at(child);
    const int home = cluster_.partition_of(child);
    const bool at_home = std::ranges::all_of(
        events, [home](const ModelEvent& e) { return e.partition == home && !e.of_child; });
    const auto expected = expectations_.find(child);
    if (!at_home || expected == expectations_.end() || !expected->second.ended_by_ms) return;
    event.written = std::min(event.written, *expected->second.ended_by_ms);
  }

  const Cluster& cluster_;
  const int64_t early_ttl_ms_;
  const std::map<std::string, bool>& odd_times_;
  std::map<std::string, Events> groups_;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> children_;
  std::map<std::string, Expectation> expectations_;
};

}  // namespace

std::map<std::string, Expectation> expect(const Cluster& cluster, int64_t early_ttl_ms,
                                          const std::map<std::string, bool>& odd_times) {
  return Model(cluster, early_ttl_ms, odd_times).expect();
}

}  // namespace muster::sim

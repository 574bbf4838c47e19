#include "judge_targets.h"

#include "model_group.h"

#include <boost/json.hpp>

#include <map>
#include <optional>
#include <set>
#include <utility>

namespace muster::sim {
namespace {

namespace json = boost::json;

std::optional<json::object> parse(const Entry& entry) {
  json::error_code broken;
  auto value = json::parse(entry.value.value_or(""), broken);
  if (broken || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

// What is written here is plain, so that a serialization gives the bytes back.
std::string text(const json::value& value) { return json::serialize(value); }

bool is_success(const json::object& outcome) {
  return outcome.at("type") == "EventGroupCollectorSuccess";
}

std::string done_of(const json::object& outcome, const json::object& parent) {
  return R"({"type":"EventGroupCollectorEntityDone","id":)" + text(parent.at("id")) +
         R"(,"group":)" + text(parent.at("group")) +
         (is_success(outcome) ? R"(,"result":)" + text(outcome.at("results"))
                              : R"(,"error":)" + text(outcome.at("error"))) +
         "}";
}

class Judge {
 public:
  Judge(const Cluster& cluster, std::vector<std::string>& faults)
      : cluster_(cluster), faults_(faults) {
    for (const Log& log : cluster.input) each(log, [&](const Entry& entry) { read_input(entry); });
    for (const auto& [name, log] : cluster.named) {
      const std::string& topic = name;
      each(log, [&](const Entry& entry) { got_.insert({{topic, *entry.key}, &entry}); });
    }
    each(cluster.dead_letters, [&](const Entry& entry) {
      const EntryHeader nowhere{"muster.error.code", std::string(kNoSuchTopic)};
      if (!entry.headers.empty() && entry.headers.back() == nowhere)
        got_.insert({{kDeadLetters, *entry.key}, &entry});
    });
  }

  uint64_t judge() {
    each(cluster_.outcomes, [&](const Entry& outcome) { judge_outcome(outcome); });
    for (const auto& [place, entry] : got_)
      faults_.push_back("nobody's, in " + place.first + ": " + *entry->value);
    return taken_;
  }

 private:
  static constexpr const char* kInput = "the input";
  static constexpr const char* kDeadLetters = "the dead letters";

  template <typename Look>
  static void each(const Log& log, const Look& look) {
    for (int64_t offset = 0; offset < log.high_watermark(); ++offset) {
      if (log.visible(offset)) look(log.at(offset));
    }
  }

  void read_input(const Entry& entry) {
    auto body = parse(entry);
    if (!body) return;
    const json::value& type = body->at("type");
    if (type == "EventGroupCollectorCreate") {
      const std::string id(body->at("id").as_string());
      creates_.try_emplace(id, std::move(*body));
    } else if (type == "EventGroupCollectorEntityDone" && entry.transaction != nullptr) {
      got_.insert({{kInput, *entry.key}, &entry});
    }
  }

  void judge_outcome(const Entry& entry) {
    const auto create = creates_.find(*entry.key);
    if (create == creates_.end()) return;
    const auto outcome = *parse(entry);
    if (const auto* parent = create->second.if_contains("parent")) {
      const auto& target = parent->as_object();
      const Entry* done = take(kInput, std::string(target.at("group").as_string()), entry,
                               done_of(outcome, target));
      if (done != nullptr) judge_time(*done, outcome);
    }
    if (const auto* handler = create->second.if_contains("handler")) {
      const auto* target =
          handler->as_object().if_contains(is_success(outcome) ? "onsuccess" : "onfailure");
      if (target != nullptr) judge_handler(entry, outcome, target->as_object());
    }
  }

  void judge_handler(const Entry& entry, json::object outcome, const json::object& target) {
    if (const auto* payload = target.if_contains("payload")) outcome["payload"] = *payload;
    const std::string topic(target.at("topic").as_string());
    if (cluster_.exists(topic)) {
      take(topic, *entry.key, entry, text(outcome));
    } else if (!cluster_.refused.dead_letters.contains(*entry.key)) {
      take(kDeadLetters, *entry.key, entry, text(outcome));
    }
  }

  // The parent hears of it as of the time when it happened.
  void judge_time(const Entry& done, const json::object& outcome) {
    const std::string at = rfc3339(done.timestamp_ms.value_or(0));
    const std::string created(outcome.at("created").as_string());
    const std::string resolved(outcome.at("resolved").as_string());
    if (at != resolved && (resolved != created || at > created))
      faults_.push_back("a parent's Done with the time " + at + " of " + text(outcome));
  }

  const Entry* take(const std::string& where, const std::string& key, const Entry& outcome,
                    const std::string& value) {
    const auto [begin, end] = got_.equal_range({where, key});
    for (auto got = begin; got != end; ++got) {
      const Entry* entry = got->second;
      if (entry->transaction != outcome.transaction || *entry->value != value) continue;
      got_.erase(got);
      ++taken_;
      return entry;
    }
    faults_.push_back("not with its outcome in " + where + ": " + value);
    return nullptr;
  }

  const Cluster& cluster_;
  std::vector<std::string>& faults_;
  uint64_t taken_ = 0;
  std::map<std::string, json::object> creates_;
  std::multimap<std::pair<std::string, std::string>, const Entry*> got_;  // by place and key
};

}  // namespace

uint64_t judge_targets(const Cluster& cluster, std::vector<std::string>& faults) {
  // Where outcomes are refused they are not there to be compared with.
  return cluster.refused.outcomes.empty() ? Judge(cluster, faults).judge() : 0;
}

}  // namespace muster::sim

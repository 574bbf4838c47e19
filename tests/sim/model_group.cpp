#include "model_group.h"

#include <algorithm>
#include <ctime>

namespace muster::sim {
namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

void append(std::string& list, const std::string& item) {
  if (!list.empty()) list += ",";
  list += item;
}

}  // namespace

std::string rfc3339(int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(ms % 1000));
  return text;
}

std::string ModelGroup::Entity::error() const {
  return timed_out ? "timed out after " + expected->ttl->text + " seconds" : answer->error;
}

std::string ModelGroup::key() const {
  std::string key = create_ == nullptr ? "-" : std::to_string(create_->number);
  for (const ModelEvent* event : early_) key += "<" + std::to_string(event->number);
  if (create_ == nullptr) return key;
  key += "@" + std::to_string(deadline_);
  for (const Entity& entity : entities_) {
    key += ";" + entity.expected->id + std::to_string(entity.deadline);
    if (entity.timed_out) key += "t";
    if (entity.answer != nullptr) key += "=" + std::to_string(entity.answer->number);
  }
  return key;
}

ModelGroup::Entity* ModelGroup::find(const std::string& id) {
  const auto found =
      std::ranges::find_if(entities_, [&](const Entity& e) { return e.expected->id == id; });
  return found == entities_.end() ? nullptr : &*found;
}

// --- events

void ModelGroup::apply(const ModelEvent& event) {
  if (outcome_) return;
  if (create_ != nullptr) {
    if (event.kind != ModelEvent::Kind::kCreate) act(event, event);
  } else if (event.kind == ModelEvent::Kind::kCreate) {
    open(event);
  } else {
    early_.push_back(&event);
  }
}

void ModelGroup::open(const ModelEvent& create) {
  create_ = &create;
  deadline_ = create.at + create.ttl->ms;
  ttl_text_ = create.ttl->text;
  for (const ModelEntity& expected : create.add) add(expected, create.at);
  settle(nullptr, create.at, &create);
  for (const ModelEvent* event : early_) {
    if (!outcome_) act(*event, create);
  }
  early_.clear();
}

void ModelGroup::add(const ModelEntity& expected, int64_t now) {
  if (find(expected.id) != nullptr) return;
  entities_.push_back({&expected, expected.ttl ? now + expected.ttl->ms : kNever, nullptr, false});
}

// What comes early acts as if it came with the Create, which is `closing` then.
void ModelGroup::act(const ModelEvent& event, const ModelEvent& closing) {
  if (event.at > deadline_) return;
  if (event.kind == ModelEvent::Kind::kCancel) {
    const Failure failure{"cancelled", *id_,
                          event.reason.empty() ? "Operation cancelled" : event.reason};
    end(&failure, closing.at, &closing);
  } else if (event.kind == ModelEvent::Kind::kUpdate) {
    if (update(event, closing.at)) settle(nullptr, closing.at, &closing);
  } else if (Entity* entity = find(event.entity);
             entity != nullptr && !entity->answered() && event.at <= entity->deadline) {
    entity->answer = &event;
    settle(entity->failed() ? entity : nullptr, closing.at, &closing);
  }
}

bool ModelGroup::update(const ModelEvent& event, int64_t now) {
  const size_t before = entities_.size();
  for (const ModelEntity& added : event.add) add(added, now);
  const bool added = entities_.size() > before;
  const size_t removed = std::erase_if(entities_, [&](const Entity& entity) {
    return std::ranges::find(event.remove, entity.expected->id) != event.remove.end();
  });
  if (event.ttl) {
    deadline_ = now + event.ttl->ms;
    ttl_text_ = event.ttl->text;
  }
  return added || removed > 0 || event.ttl;
}

// --- timers

int64_t ModelGroup::next_timer() const {
  if (create_ == nullptr || outcome_) return kNever;
  int64_t next = deadline_;
  for (const Entity& entity : entities_) {
    if (!entity.answered()) next = std::min(next, entity.deadline);
  }
  return next;
}

void ModelGroup::fire() {
  const int64_t now = next_timer();
  for (Entity& entity : entities_) {
    if (outcome_ || entity.answered() || entity.deadline > now) continue;
    entity.timed_out = true;
    settle(&entity, now, nullptr);
  }
  if (outcome_ || now < deadline_) return;
  const Failure failure{"timeout", *id_, "Operation timed out after " + ttl_text_ + " seconds"};
  end(&failure, deadline_, nullptr);
  outcome_->timeout = true;
}

// --- the end

void ModelGroup::settle(const Entity* failed, int64_t resolved, const ModelEvent* by) {
  size_t missing = 0;
  size_t errors = 0;
  for (const Entity& entity : entities_) {
    missing += entity.answered() ? 0 : 1;
    errors += entity.failed() ? 1 : 0;
  }
  const size_t results = entities_.size() - missing - errors;
  const std::string& policy = create_->policy;
  const auto fail = [&](const char* code, const Entity& entity) {
    const Failure failure{code, entity.expected->id, entity.error()};
    end(&failure, resolved, by);
  };
  if (policy == "quorum") {
    if (results >= create_->count) return end(nullptr, resolved, by);
    if (results + missing >= create_->count) return;
    if (failed != nullptr) return fail("unreachable", *failed);
    const Failure failure{"unreachable", *id_,
                          "Quorum of " + std::to_string(create_->count) + " is out of reach"};
    return end(&failure, resolved, by);
  }
  if (policy == "tolerate" && errors > create_->count) return fail("error", *failed);
  if (policy == "fail-fast" && errors > 0) return fail("error", *failed);
  if (missing > 0) return;
  if (policy == "all-settled" && errors > 0)
    return fail("error", *std::ranges::find_if(entities_, &Entity::failed));
  end(nullptr, resolved, by);
}

void ModelGroup::end(const Failure* failure, int64_t resolved, const ModelEvent* by) {
  std::string results;
  std::string missing;
  std::string errors;
  for (const Entity& entity : entities_) {
    const std::string id = quoted(entity.expected->id);
    if (!entity.answered()) {
      append(missing, id);
    } else if (entity.failed()) {
      append(results, id + ":null");
      append(errors, id + ":" + quoted(entity.error()));
    } else {
      append(results, id + ":" + entity.answer->result);
    }
  }
  std::string value = R"({"type":"EventGroupCollector)";
  value += failure != nullptr ? "Failure" : "Success";
  value += R"(","id":)" + quoted(*id_);
  if (failure != nullptr)
    value += R"(,"entity":)" + quoted(failure->entity) + R"(,"error":)" + quoted(failure->error);
  value += R"(,"created":")" + rfc3339(create_->at) + R"(","resolved":")" +
           rfc3339(std::max(create_->at, resolved)) + R"(","results":{)" + results +
           R"(},"payload":)" + create_->payload;
  if (failure != nullptr) value += R"(,"code":)" + quoted(failure->code);
  if (failure != nullptr || create_->policy == "quorum" || create_->policy == "tolerate")
    value += R"(,"missing":[)" + missing + R"(],"errors":{)" + errors + "}";
  outcome_ = Outcome{value + "}", by, false, by != nullptr ? create_->at : resolved};
}

}  // namespace muster::sim

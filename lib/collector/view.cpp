#include "collector/view.h"

#include "base/check.h"
#include "base/json_text.h"
#include "collector/json.h"
#include "collector/outcome.h"
#include "collector/policy.h"

#include <memory>
#include <variant>

namespace muster::collector {
namespace {

using Early = std::unique_ptr<EarlyGroup>;

void append_name(std::string& out, std::string_view name) {
  out += ",\"";
  out += name;
  out += "\":";
}

void append_time_member(std::string& out, std::string_view name, core::Time time) {
  append_name(out, name);
  out += '"';
  append_time(out, time);
  out += '"';
}

void append_number(std::string& out, std::string_view name, int64_t number) {
  append_name(out, name);
  out += std::to_string(number);
}

void append_seconds(std::string& out, std::string_view name, core::Duration duration) {
  append_name(out, name);
  const int64_t ms = duration.count();
  const int64_t whole = ms < 0 ? -ms : ms;
  std::string fraction = std::to_string(whole % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  out += (ms < 0 ? "-" : "") + std::to_string(whole / 1000) + "." + fraction;
}

void append_policy(std::string& out, const Policy& policy) {
  append_name(out, "policy");
  switch (policy.kind) {
    case Policy::Kind::kFailFast:
      out += "\"fail-fast\"";
      return;
    case Policy::Kind::kAllSettled:
      out += "\"all-settled\"";
      return;
    case Policy::Kind::kQuorum:
      out += "{\"quorum\":" + std::to_string(policy.count) + "}";
      return;
    case Policy::Kind::kTolerate:
      out += "{\"tolerate\":" + std::to_string(policy.count) + "}";
      return;
  }
}

// The names of the entities for which `wanted(number)` holds.
template <typename Wanted>
void append_entities(std::string& out, std::string_view name, const OpenGroup& group,
                     const Wanted& wanted) {
  append_name(out, name);
  char separator = '[';
  for (uint32_t i = 0; i < group.entity_count(); ++i) {
    if (!wanted(i)) continue;
    out += separator;
    separator = ',';
    base::append_json_string(out, group.entity(i));
  }
  if (separator == '[') out += '[';
  out += ']';
}

void append_errors(std::string& out, const OpenGroup& group) {
  append_name(out, "errors");
  char separator = '{';
  for (uint32_t i = 0; i < group.entity_count() && !group.overflowed(); ++i) {
    if (!group.has_answer(i) || !group.has_failed(i)) continue;
    out += separator;
    separator = ',';
    base::append_json_string(out, group.entity(i));
    out += ':';
    base::append_json_string(out, group.answer(i));
  }
  if (separator == '{') out += '{';
  out += '}';
}

void append_entity_deadlines(std::string& out, const OpenGroup& group) {
  append_name(out, "entityDeadlines");
  char separator = '{';
  for (uint32_t i = 0; i < group.entity_count(); ++i) {
    const auto ttl = group.entity_ttl(i);
    if (ttl.text.empty()) continue;
    out += separator;
    separator = ',';
    base::append_json_string(out, group.entity(i));
    out += ":\"";
    append_time(out, ttl.deadline);
    out += '"';
  }
  if (separator == '{') out += '{';
  out += '}';
}

void append_head(std::string& out, const GroupState& state) {
  out += "\"id\":";
  base::append_json_string(out, name(state));
  append_name(out, "state");
  out += '"';
  out += name(*phase_of(state));
  out += '"';
}

void append_open(std::string& out, const OpenGroup& group, core::Time now) {
  const core::Time created = group.head().created;
  append_time_member(out, "created", created);
  append_time_member(out, "deadline", group.deadline());
  append_seconds(out, "age", now - created);
  append_seconds(out, "remaining", group.deadline() - now);
}

void append_early(std::string& out, const EarlyGroup& group) {
  append_number(out, "waiting", static_cast<int64_t>(group.kept().size()));
  if (!group.orphan()) append_time_member(out, "expires", group.earliest());
}

}  // namespace

std::string_view name(Phase phase) {
  switch (phase) {
    case Phase::kEarly:
      return "early";
    case Phase::kOpen:
      return "open";
    case Phase::kClosed:
      break;
  }
  return "closed";
}

std::optional<Phase> phase_named(std::string_view text) {
  for (const Phase phase : {Phase::kEarly, Phase::kOpen, Phase::kClosed}) {
    if (name(phase) == text) return phase;
  }
  return std::nullopt;
}

std::optional<Phase> phase_of(const GroupState& state) {
  if (std::holds_alternative<OpenGroup>(state)) return Phase::kOpen;
  if (std::holds_alternative<ClosedGroup>(state)) return Phase::kClosed;
  if (std::holds_alternative<Early>(state)) return Phase::kEarly;
  return std::nullopt;
}

bool matches(const GroupState& state, const GroupFilter& filter) {
  const auto phase = phase_of(state);
  if (!phase || (filter.phase && phase != filter.phase)) return false;
  if (filter.due_before) {
    const auto* open = std::get_if<OpenGroup>(&state);
    if (open == nullptr || open->deadline() >= *filter.due_before) return false;
  }
  return filter.prefix.empty() || name(state).starts_with(filter.prefix);
}

void append_summary(std::string& out, const GroupState& state, core::Time now) {
  append_head(out, state);
  if (const auto* open = std::get_if<OpenGroup>(&state)) {
    uint32_t failed = 0;
    uint32_t done = 0;
    for (uint32_t i = 0; i < open->entity_count(); ++i) {
      if (!open->has_answer(i)) continue;
      ++(open->has_failed(i) ? failed : done);
    }
    append_open(out, *open, now);
    append_number(out, "expected", open->entity_count());
    append_number(out, "done", done);
    append_number(out, "failed", failed);
  } else if (const auto* closed = std::get_if<ClosedGroup>(&state)) {
    append_time_member(out, "rememberedUntil", closed->forget_from());
  } else {
    append_early(out, *std::get<Early>(state));
  }
}

void append_everything(std::string& out, const GroupState& state, core::Time now) {
  const auto* open = std::get_if<OpenGroup>(&state);
  if (open == nullptr) return append_summary(out, state, now);
  append_head(out, state);
  append_open(out, *open, now);
  append_name(out, "ttl");
  base::append_json_string(out, open->head().ttl_text);
  append_policy(out, open->head().policy);
  append_entities(out, "expected", *open, [](uint32_t) { return true; });
  append_entities(out, "done", *open,
                  [open](uint32_t i) { return open->has_answer(i) && !open->has_failed(i); });
  append_entities(out, "missing", *open, [open](uint32_t i) { return !open->has_answer(i); });
  append_errors(out, *open);
  append_entity_deadlines(out, *open);
  append_name(out, "parent");
  out += open->head().parent.empty() ? kJsonNull : open->head().parent;
  append_name(out, "handler");
  out += open->head().handler.empty() ? kJsonNull : open->head().handler;
}

}  // namespace muster::collector

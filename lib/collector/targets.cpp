#include "collector/targets.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "collector/json.h"

namespace muster::collector {
namespace {

using Members = std::array<std::string_view, 2>;

// The members of these names, raw; absent and null: empty. What is wrong, or empty.
std::string read_members(std::string_view raw, const Members& names, Members& found) {
  if (raw.front() != '{') return "is not an object";
  std::string wrong;
  std::array<bool, 2> seen{};
  for_each_member(raw, [&](std::string_view name, std::string_view value) {
    for (size_t i = 0; i < names.size(); ++i) {
      if (name != names[i]) continue;
      if (std::exchange(seen[i], true)) wrong = "names \"" + std::string(name) + "\" twice";
      found[i] = value == "null" ? "" : value;
    }
  });
  return wrong;
}

// A string that is not empty.
std::string read_text(std::string_view raw, std::string_view name, std::string& text) {
  const std::string quoted = "\"" + std::string(name) + "\"";
  if (raw.empty()) return "has no " + quoted;
  if (raw.front() != '"') return "has a " + quoted + " that is not a string";
  text.clear();
  if (!unescape(raw.substr(1, raw.size() - 2), text))
    return "has a " + quoted + " with a lone surrogate, which no text can hold";
  return text.empty() ? "has an empty " + quoted : "";
}

std::string read_handler_target(std::string_view raw, HandlerTarget& target) {
  Members found;
  std::string wrong = read_members(raw, {"topic", "payload"}, found);
  if (wrong.empty()) wrong = read_text(found[0], "topic", target.topic);
  target.payload = found[1];
  return wrong;
}

std::string read_handler(std::string_view raw, std::array<std::optional<HandlerTarget>, 2>& out) {
  constexpr Members kNames = {"onsuccess", "onfailure"};
  Members found;
  std::string wrong = read_members(raw, kNames, found);
  for (size_t i = 0; i < found.size() && wrong.empty(); ++i) {
    if (found[i].empty()) continue;
    wrong = read_handler_target(found[i], out[i].emplace());
    if (!wrong.empty()) wrong = "\"" + std::string(kNames[i]) + "\" " + wrong;
  }
  return wrong;
}

std::string read_parent(std::string_view raw, ParentTarget& parent) {
  Members found;
  std::string wrong = read_members(raw, {"group", "id"}, found);
  if (wrong.empty()) wrong = read_text(found[0], "group", parent.group);
  if (wrong.empty()) wrong = read_text(found[1], "id", parent.id);
  return wrong;
}

}  // namespace

std::string check_handler(std::string_view raw) {
  std::array<std::optional<HandlerTarget>, 2> targets;
  return read_handler(raw, targets);
}

std::string check_parent(std::string_view raw) {
  ParentTarget parent;
  return read_parent(raw, parent);
}

std::optional<HandlerTarget> handler_target(std::string_view raw, bool success) {
  std::array<std::optional<HandlerTarget>, 2> targets;
  CHECK(read_handler(raw, targets).empty());
  return std::move(targets[success ? 0 : 1]);
}

ParentTarget parent_target(std::string_view raw) {
  ParentTarget parent;
  CHECK(read_parent(raw, parent).empty());
  return parent;
}

}  // namespace muster::collector

// Where an outcome goes besides the output topic: a Create's `handler` and `parent`. They are kept
// as the JSON that came, checked once, and read again when the group ends. Stateless; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::collector {

// {"onsuccess": {"topic", "payload"}, "onfailure": {...}}; each may be absent or null.
struct HandlerTarget {
  std::string topic;
  std::string_view payload;  // JSON; empty: the group's own
};
// {"group", "id"}: the entity of another group that this group's outcome is.
struct ParentTarget {
  std::string group;
  std::string id;
};

// `raw` is a JSON value. What is wrong with it, as it follows the field's name in a message; empty:
// nothing.
std::string check_handler(std::string_view raw);
std::string check_parent(std::string_view raw);

// Of checked ones.
std::optional<HandlerTarget> handler_target(std::string_view raw, bool success);
ParentTarget parent_target(std::string_view raw);

}  // namespace muster::collector

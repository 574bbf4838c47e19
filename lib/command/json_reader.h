// Looks into JSON that somebody else has sent: views of the parts, as they are written. Stateless.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::command {

// What has the right form; everything below takes only that.
[[nodiscard]] bool is_json_object(std::string_view text);

// Absent: there is no such member, or `object` is no object.
std::optional<std::string_view> json_member(std::string_view object, std::string_view name);
// In order; of what is no array: none.
std::vector<std::string_view> json_elements(std::string_view array);
std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view object);
// What a string says; another value as it is written.
std::string json_text(std::string_view value);
// A member's; empty: there is none, or it is null.
std::string json_text_of(std::string_view object, std::string_view name);

}  // namespace muster::command

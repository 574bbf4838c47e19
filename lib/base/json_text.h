// JSON as it is written for people and tools that watch: short, and not on any hot path.
#pragma once

#include <string>
#include <string_view>

namespace muster::base {

// Appends a JSON string with its quotes. `text` is UTF-8.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

}  // namespace muster::base

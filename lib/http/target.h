// Takes a request's target apart: path segments and query, percent-decoded. Stateless; any thread.
#pragma once

#include "http/message.h"

#include <optional>
#include <string>
#include <string_view>

namespace muster::http {

// Sets path, segments and query. False: it does not begin with a slash, its percent-encoding is
// broken, or it does not decode to UTF-8 without control characters.
[[nodiscard]] bool parse_target(std::string_view target, Request& request);

// Absent: broken. `plus_is_space` as in queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

// A text as one segment of a path.
std::string percent_encode(std::string_view text);

}  // namespace muster::http

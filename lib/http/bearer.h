// Whether a request carries the token that lets it change something (RFC 6750). Stateless.
#pragma once

#include "http/message.h"

#include <optional>
#include <string_view>

namespace muster::http {

// Absent: it may. Else the answer: 401 without or with a wrong token, 403 where there is none to
// know.
std::optional<Response> refusal(const Request& request, std::string_view token);

// The time it takes says nothing of where they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace muster::http

// A ttl as producers write it: a JSON number of seconds. Exact decimal arithmetic, so that 0.001 is
// one millisecond and not two, and no number is too long. Stateless; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/types.h"

namespace muster::collector {

// `number` has JSON's grammar. Rounded up to milliseconds; zero for zero and what is below it;
// absent for what is longer than any ttl can be (over 31,000 years).
[[nodiscard]] std::optional<core::Duration> parse_seconds(std::string_view number);

// `1.5` for 1,500 milliseconds.
std::string format_seconds(core::Duration duration);

}  // namespace muster::collector

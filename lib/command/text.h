// Bytes, times and numbers as a person reads them, and as a person types them. Pure; any thread.
#pragma once

#include "core/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace muster::command {

[[nodiscard]] bool is_utf8(std::string_view bytes);

// For a terminal: what is no printable text becomes \xNN, and it ends after so many characters.
std::string printable(std::string_view bytes, size_t characters_max);

std::string base64(std::string_view bytes);

// RFC 3339, UTC, milliseconds.
std::string format_time(core::Time time);

// "2020-07-17T23:38:21.5Z" and "2020-07-17" (UTC), "now", and "90s", "15m", "2h", "3d": so long
// before `now`.
std::optional<core::Time> parse_time(std::string_view text, core::Time now);

// "17", or "17-20", both ends included.
std::optional<std::pair<int64_t, int64_t>> parse_range(std::string_view text);

// "1 dead letter", "2 dead letters".
std::string counted(uint64_t count, std::string_view noun);

}  // namespace muster::command

// What goes out: a group's one outcome as JSON, byte for byte as doc and PROTOCOL say. Compact;
// payload and results are the producers' bytes; ids and texts are written with the shortest
// escapes. Stateless; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collector/group.h"
#include "core/types.h"

namespace muster::collector {

enum class FailureCode : uint8_t { kError, kTimeout, kTooLarge };
std::string_view name(FailureCode code);

// What a record and its batch have around key and value, and its headers: more than they can take.
constexpr uint32_t kFramingBytes = 512;

// How a group ends. Absent code: every entity has a result.
struct Ending {
  std::optional<FailureCode> code;
  std::optional<uint32_t> failed;  // under kError: the entity
  std::string_view error;          // and what it says
  core::Time resolved{};
};

// Who writes it, and how much key, value and framing may be together.
struct OutcomeRules {
  std::string_view sender;  // empty: none
  uint32_t bytes_max = 0;
};

// Replaces `out`; returns the code it was written with. What is over the limit becomes a Failure
// kTooLarge without results; if that is too large as well, without its payload; and at last without
// its lists of entities.
std::optional<FailureCode> write_outcome(const OpenGroup& group, const Ending& ending,
                                         const OutcomeRules& rules, std::string& out);

// Whether the last of these always fits for a group of this id.
[[nodiscard]] bool outcome_fits(std::string_view group_id, const OutcomeRules& rules);

// RFC 3339, UTC, milliseconds. Times outside of the years 1970 to 9999 become the nearest one
// inside.
void append_time(std::string& out, core::Time time);

}  // namespace muster::collector

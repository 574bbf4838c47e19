// What goes out: a group's one outcome as JSON, byte for byte as doc and PROTOCOL say. Compact;
// payload and results are the producers' bytes; ids and texts are written with the shortest
// escapes. Stateless; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collector/counters.h"
#include "collector/group.h"
#include "collector/targets.h"
#include "core/types.h"

namespace muster::collector {

enum class FailureCode : uint8_t { kError, kTimeout, kCancelled, kUnreachable, kTooLarge };
std::string_view name(FailureCode code);

// Absent: a Success.
Counter counter_of(std::optional<FailureCode> code);

// What a record and its batch have around key and value, and its headers: more than they can take.
constexpr uint32_t kFramingBytes = 512;

// How a group ends. Absent code: Success.
struct Ending {
  std::optional<FailureCode> code;
  std::optional<uint32_t> entity;  // the one that has failed it; absent: the group itself
  std::string_view reason;         // of a cancel; may be empty
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

// The outcome that was put out with `code` as a handler's topic gets it: with another payload, if
// that is not empty. Replaces `out`.
void write_for_handler(const OpenGroup& group, const Ending& ending,
                       std::optional<FailureCode> code, const OutcomeRules& rules,
                       std::string_view payload, std::string& out);

// The same outcome as an EntityDone of the parent's: the results, or the error. Over the limit,
// or nested over kJsonNestingMax deep: an error that says so. Replaces `out`.
void write_for_parent(const OpenGroup& group, const Ending& ending, std::optional<FailureCode> code,
                      const OutcomeRules& rules, const ParentTarget& parent, uint32_t bytes_max,
                      std::string& out);

// Whether the last of these always fits for a group of this id.
[[nodiscard]] bool outcome_fits(std::string_view group_id, const OutcomeRules& rules);

// RFC 3339, UTC, milliseconds. Times outside of the years 1970 to 9999 become the nearest one
// inside.
void append_time(std::string& out, core::Time time);

}  // namespace muster::collector

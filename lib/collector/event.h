// What comes in: one record's value as an event, or what is wrong with it (decoder.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "collector/policy.h"
#include "core/types.h"

namespace muster::collector {

// Why a record is refused; name() is what users match on.
enum class RejectCode : uint8_t {
  kJson,        // not JSON, not UTF-8, not an object
  kTombstone,   // no value
  kType,        // `type` missing or not a string
  kField,       // a field missing, of the wrong type, given twice; an id empty or expected twice
  kLimit,       // too many ids, too deep, too large
  kTtl,         // over --max-ttl
  kConflict,    // another Create of an open group
  kUnexpected,  // a Done of an entity that its group does not expect
  kOrphan,      // no Create came for it in time
};
constexpr size_t kRejectCodes = 9;
// A literal.
std::string_view name(RejectCode code);

// Views in events live until the next decode(), and no longer than the record's value.
struct ExpectedId {
  std::string_view id;
  std::string_view ttl_text;  // as given; empty: it has no ttl of its own
  core::Duration ttl{};
};
struct Create {
  std::string_view id;
  std::span<const ExpectedId> expected;  // in order, no two the same
  core::Duration ttl{};                  // rounded up to milliseconds, at least one
  std::string_view ttl_text;             // as given; the default's where none counts
  std::string_view payload;              // JSON; "null" where there is none
  Policy policy;
  std::string_view handler;   // JSON, checked (targets.h); empty: none
  std::string_view parent;    // the same
  uint64_t content_hash = 0;  // of all that makes one Create differ from another
};
struct EntityDone {
  std::string_view entity;
  std::string_view group;
  std::string_view result;  // JSON; "null" where there is none
  std::string_view error;   // empty: the entity has succeeded
};
struct Update {
  std::string_view group;
  std::span<const ExpectedId> add;     // no two the same
  std::span<const ExpectedId> remove;  // the same; without ttl
  std::optional<core::Duration> ttl;   // counts from this record's time
  std::string_view ttl_text;
};
struct Cancel {
  std::string_view group;
  std::string_view reason;  // may be empty
};
// Somebody else's type, or an outcome of ours.
struct Skipped {};
struct Rejected {
  RejectCode code{};
  std::string_view message;
};
using Decoded = std::variant<Skipped, Create, EntityDone, Update, Cancel, Rejected>;

// The group that an event is about; absent: about none.
std::optional<std::string_view> group_of(const Decoded& decoded);

}  // namespace muster::collector

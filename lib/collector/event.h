// What comes in: one record's value as an event, or what is wrong with it. The whole value is
// checked (UTF-8, grammar, nesting), also what is only passed through, so whatever a decoded event
// holds can be put out as it is. A decoder belongs to one thread and reuses its buffers: nothing is
// allocated per record on the steady path.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "collector/json.h"
#include "collector/options.h"
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
struct Create {
  std::string_view id;
  std::span<const std::string_view> expected;  // in order, no two the same
  core::Duration ttl{};                        // rounded up to milliseconds, at least one
  std::string_view ttl_text;                   // as given; the default's where none counts
  std::string_view payload;                    // JSON; "null" where there is none
  // Of `handler`, `sender` and `description`, which so far only tell one Create from another.
  uint32_t rest_hash = 0;
};
struct EntityDone {
  std::string_view entity;
  std::string_view group;
  std::string_view result;  // JSON; "null" where there is none
  std::string_view error;   // empty: the entity has succeeded
};
// Somebody else's type, or an outcome of ours.
struct Skipped {};
struct Rejected {
  RejectCode code{};
  std::string_view message;
};
using Decoded = std::variant<Skipped, Create, EntityDone, Rejected>;

class Decoder {
 public:
  [[nodiscard]] Decoded decode(std::optional<std::string_view> value, const Options& options);

 private:
  enum class Field : uint8_t {
    kType,
    kId,
    kExpected,
    kTtl,
    kPayload,
    kHandler,
    kSender,
    kDescription,
    kGroup,
    kResult,
    kError,
    kPolicy,
    kParent,
  };
  static constexpr size_t kFields = 13;
  struct Value {
    std::string_view raw;  // empty: not given
    bool again = false;
  };

  static std::string_view field_name(Field field);
  static std::optional<Field> field_named(std::string_view name);
  Value& at(Field field) { return values_[static_cast<size_t>(field)]; }

  // Each returns false with rejected_ set.
  [[nodiscard]] bool read_members(std::string_view text);
  [[nodiscard]] bool read_member(JsonScanner& scanner);
  [[nodiscard]] bool read_create(const Options& options, Create& create);
  [[nodiscard]] bool check_supported();
  [[nodiscard]] bool read_done(EntityDone& done);
  [[nodiscard]] bool read_expected(const Options& options);
  [[nodiscard]] bool read_expected_id(std::string_view raw);
  [[nodiscard]] bool read_ttl(const Options& options, Create& create);
  [[nodiscard]] bool read_id(Field field, std::string_view& id);
  // Absent and null are the same: an empty text.
  [[nodiscard]] bool read_text(Field field, std::string_view& text);
  [[nodiscard]] bool check_once(std::initializer_list<Field> known);
  // A required field's value begins with `first`.
  [[nodiscard]] bool check_required(Field field, char first, std::string_view kind);
  [[nodiscard]] bool check_optional(Field field, char first, std::string_view kind);
  // What a JSON string means; it may lie in unescaped_.
  [[nodiscard]] bool text_of(Field field, std::string_view raw, std::string_view& text);
  [[nodiscard]] bool remember_expected(std::string_view id);

  // These return false.
  bool reject(RejectCode code, std::initializer_list<std::string_view> message);
  bool reject_field(Field field, std::initializer_list<std::string_view> what);
  bool reject_json(const JsonScanner& scanner);

  std::array<Value, kFields> values_;
  std::vector<std::string_view> expected_;
  std::vector<uint32_t> index_;
  std::string unescaped_;  // never grows beyond the record, so views into it stay
  std::string member_name_;
  size_t value_bytes_ = 0;
  std::string message_;
  Rejected rejected_;
};

}  // namespace muster::collector

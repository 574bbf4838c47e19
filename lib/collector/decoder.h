// Makes an event of a record's value. The whole value is checked (UTF-8, grammar, nesting), also
// what is only passed through, so whatever a decoded event holds can be put out as it is. A decoder
// belongs to one thread and reuses its buffers: nothing is allocated per record on the steady path.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/event.h"
#include "collector/json.h"
#include "collector/options.h"

namespace muster::collector {

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
    kAdd,
    kRemove,
    kReason,
  };
  static constexpr size_t kFields = 16;
  struct Value {
    std::string_view raw;  // empty: not given
    bool again = false;
  };
  // Ids of one array, no two the same.
  struct IdList {
    std::vector<ExpectedId> ids;
    std::vector<uint32_t> index;
  };

  static std::string_view field_name(Field field);
  static std::optional<Field> field_named(std::string_view name);
  Value& at(Field field) { return values_[static_cast<size_t>(field)]; }

  // --- the record (decoder.cpp). Each returns false with rejected_ set.
  [[nodiscard]] bool read_members(std::string_view text);
  [[nodiscard]] bool read_member(JsonScanner& scanner);
  [[nodiscard]] bool read_type(std::string_view& type);
  [[nodiscard]] bool read_id(Field field, std::string_view& id);
  // Absent and null are the same: an empty text.
  [[nodiscard]] bool read_text(Field field, std::string_view& text);
  [[nodiscard]] bool check_once(std::initializer_list<Field> known);
  // A required field's value begins with `first`.
  [[nodiscard]] bool check_required(Field field, char first, std::string_view kind);
  [[nodiscard]] bool check_optional(Field field, char first, std::string_view kind);
  // What a JSON string means; it may lie in unescaped_.
  [[nodiscard]] bool text_of(Field field, std::string_view raw, std::string_view& text);

  // --- events (decode_events.cpp). The same.
  [[nodiscard]] bool read_create(const Options& options, Create& create);
  [[nodiscard]] bool read_done(EntityDone& done);
  [[nodiscard]] bool read_update(const Options& options, Update& update);
  [[nodiscard]] bool read_cancel(Cancel& cancel);
  [[nodiscard]] bool read_ids(Field field, const Options& options, IdList& list);
  [[nodiscard]] bool read_expected_id(Field field, std::string_view raw, const Options& options,
                                      ExpectedId& id);
  [[nodiscard]] bool read_id_with_ttl(Field field, std::string_view raw, const Options& options,
                                      ExpectedId& id);
  // Zero for null and what is not positive.
  [[nodiscard]] bool read_seconds(Field field, std::string_view raw, const Options& options,
                                  core::Duration& ttl);
  [[nodiscard]] bool read_policy(Policy& policy);
  [[nodiscard]] bool read_targets(Create& create);
  static bool add_id(IdList& list, const ExpectedId& id);
  uint64_t content_hash(const Create& create);

  // These return false.
  bool reject(RejectCode code, std::initializer_list<std::string_view> message);
  bool reject_field(Field field, std::initializer_list<std::string_view> what);
  bool reject_ttl(Field field, std::string_view ttl, const Options& options);
  bool reject_json(const JsonScanner& scanner);

  std::array<Value, kFields> values_;
  IdList added_;  // `expected` or `add`
  IdList removed_;
  std::string unescaped_;  // never grows beyond the record, so views into it stay
  std::string member_name_;
  size_t value_bytes_ = 0;
  std::string message_;
  Rejected rejected_;
};

// What kind of JSON value this is, for a message.
std::string_view kind_of(std::string_view raw);
// A text of somebody else's, short enough for a message and not cut within a character.
std::string_view shortened(std::string_view text);

}  // namespace muster::collector

#include "collector/decoder.h"

#include <utility>

#include <simdjson.h>

namespace muster::collector {
namespace {

constexpr std::string_view kCreateType = "EventGroupCollectorCreate";
constexpr std::string_view kEntityDoneType = "EventGroupCollectorEntityDone";
constexpr std::string_view kUpdateType = "EventGroupCollectorUpdate";
constexpr std::string_view kCancelType = "EventGroupCollectorCancel";
constexpr size_t kQuotedMax = 64;             // of a foreign text, in a message
constexpr size_t kBufferBytesKept = 1 << 20;  // a larger record's buffer is not kept

constexpr std::array<std::string_view, 16> kFieldNames = {
    "type",  "id",     "expected", "ttl",    "payload", "handler", "sender", "description",
    "group", "result", "error",    "policy", "parent",  "add",     "remove", "reason"};

bool is_ours(std::string_view type) {
  return type == kEntityDoneType || type == kCreateType || type == kUpdateType ||
         type == kCancelType;
}

// Of a type that may not have been read, or not be a string.
bool is_plainly_foreign(std::string_view raw_type) {
  return raw_type.starts_with('"') && raw_type.find('\\') == std::string_view::npos &&
         !is_ours(raw_type.substr(1, raw_type.size() - 2));
}

}  // namespace

std::string_view kind_of(std::string_view raw) {
  switch (raw.front()) {
    case '{':
      return "an object";
    case '[':
      return "an array";
    case '"':
      return "a string";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

std::string_view shortened(std::string_view text) {
  if (text.size() <= kQuotedMax) return text;
  size_t size = kQuotedMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

std::string_view Decoder::field_name(Field field) {
  static_assert(kFieldNames.size() == kFields);
  return kFieldNames[static_cast<size_t>(field)];
}

std::optional<Decoder::Field> Decoder::field_named(std::string_view name) {
  const auto one_of = [name](std::initializer_list<Field> fields) -> std::optional<Field> {
    for (const Field field : fields) {
      if (name == field_name(field)) return field;
    }
    return std::nullopt;
  };
  switch (name.size()) {
    case 2:
      return one_of({Field::kId});
    case 3:
      return one_of({Field::kTtl, Field::kAdd});
    case 4:
      return one_of({Field::kType});
    case 5:
      return one_of({Field::kGroup, Field::kError});
    case 6:
      return one_of({Field::kResult, Field::kSender, Field::kPolicy, Field::kParent, Field::kRemove,
                     Field::kReason});
    case 7:
      return one_of({Field::kPayload, Field::kHandler});
    case 8:
      return one_of({Field::kExpected});
    case 11:
      return one_of({Field::kDescription});
    default:
      return std::nullopt;
  }
}

Decoded Decoder::decode(std::optional<std::string_view> value, const Options& options) {
  values_ = {};
  added_.ids.clear();
  removed_.ids.clear();
  unescaped_.clear();
  if (!value) {
    reject(RejectCode::kTombstone, {"the record has no value"});
    return rejected_;
  }
  value_bytes_ = value->size();
  if (unescaped_.capacity() > kBufferBytesKept) unescaped_.shrink_to_fit();
  std::string_view type;
  if (!read_members(*value)) {
    // In an outcome of ours results may lie deeper than in the Dones that they came with.
    const bool too_deep = rejected_.code == RejectCode::kLimit;
    if (too_deep && is_plainly_foreign(at(Field::kType).raw)) return Skipped{};
    return rejected_;
  }
  if (!read_type(type)) return rejected_;
  if (!is_ours(type)) return Skipped{};
  if (value_bytes_ > options.max_message_bytes) {
    reject(RejectCode::kLimit, {"the value has ", std::to_string(value_bytes_),
                                " bytes, more than ", std::to_string(options.max_message_bytes)});
    return rejected_;
  }
  if (type == kEntityDoneType) {
    EntityDone done;
    if (read_done(done)) return done;
  } else if (type == kCreateType) {
    Create create;
    if (read_create(options, create)) return create;
  } else if (type == kUpdateType) {
    Update update;
    if (read_update(options, update)) return update;
  } else {
    Cancel cancel;
    if (read_cancel(cancel)) return cancel;
  }
  return rejected_;
}

bool Decoder::read_type(std::string_view& name) {
  const Value& type = at(Field::kType);
  if (type.raw.empty() || type.raw.front() != '"') {
    const std::string_view found = type.raw.empty() ? "missing" : kind_of(type.raw);
    const std::string_view wanted = type.raw.empty() ? "" : ", not a string";
    return reject(RejectCode::kType, {"field \"type\" is ", found, wanted});
  }
  return check_once({Field::kType}) && text_of(Field::kType, type.raw, name);
}

bool Decoder::read_members(std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return reject(RejectCode::kJson, {"the value is not valid UTF-8"});
  }
  JsonScanner scanner(text);
  scanner.skip_space();
  if (scanner.peek() != '{') {
    std::string_view raw;
    if (!scanner.value(raw)) return reject_json(scanner);
    scanner.skip_space();
    if (!scanner.at_end()) return reject_json(scanner);
    return reject(RejectCode::kJson, {"the value is ", kind_of(raw), ", not an object"});
  }
  JsonScanner inside(text, 1);
  inside.skip_space();
  if (!inside.take('{')) return reject_json(inside);
  inside.skip_space();
  if (inside.peek() != '}') {
    for (;;) {
      if (!read_member(inside)) return reject_json(inside);
      inside.skip_space();
      if (inside.peek() != ',') break;
      if (!inside.take(',')) return reject_json(inside);
      inside.skip_space();
    }
  }
  if (!inside.take('}')) return reject_json(inside);
  inside.skip_space();
  return inside.at_end() || reject_json(inside);
}

bool Decoder::read_member(JsonScanner& scanner) {
  JsonScanner::String name;
  std::string_view raw;
  if (!scanner.string(name)) return false;
  scanner.skip_space();
  if (!scanner.take(':')) return false;
  scanner.skip_space();
  if (!scanner.value(raw)) return false;
  if (name.escaped) {
    member_name_.clear();
    // A name that is no text is none of ours.
    if (!unescape(name.raw, member_name_)) return true;
    name.raw = member_name_;
  }
  if (const auto field = field_named(name.raw)) {
    Value& found = at(*field);
    found.again = !found.raw.empty();
    found.raw = raw;
  }
  return true;
}

bool Decoder::read_id(Field field, std::string_view& id) {
  if (!check_required(field, '"', "a string") || !text_of(field, at(field).raw, id)) return false;
  return !id.empty() || reject_field(field, {"is empty"});
}

bool Decoder::read_text(Field field, std::string_view& text) {
  if (is_null(at(field).raw)) return true;
  return check_optional(field, '"', "a string") && text_of(field, at(field).raw, text);
}

bool Decoder::check_once(std::initializer_list<Field> known) {
  for (const Field field : known) {
    if (at(field).again) return reject_field(field, {"is given twice"});
  }
  return true;
}

bool Decoder::check_required(Field field, char first, std::string_view kind) {
  const std::string_view raw = at(field).raw;
  if (raw.empty()) return reject_field(field, {"is missing"});
  return raw.front() == first || reject_field(field, {"is ", kind_of(raw), ", not ", kind});
}

bool Decoder::check_optional(Field field, char first, std::string_view kind) {
  return is_null(at(field).raw) || check_required(field, first, kind);
}

bool Decoder::text_of(Field field, std::string_view raw, std::string_view& text) {
  text = raw.substr(1, raw.size() - 2);
  if (text.find('\\') == std::string_view::npos) return true;
  if (unescaped_.empty()) unescaped_.reserve(value_bytes_);
  const size_t begin = unescaped_.size();
  if (!unescape(text, unescaped_)) {
    return reject_field(field, {"holds a lone surrogate, which no text can hold"});
  }
  text = std::string_view(unescaped_).substr(begin);
  return true;
}

bool Decoder::reject(RejectCode code, std::initializer_list<std::string_view> message) {
  message_.clear();
  for (const std::string_view part : message) message_ += part;
  rejected_ = {code, message_};
  return false;
}

bool Decoder::reject_field(Field field, std::initializer_list<std::string_view> what) {
  std::string text;
  for (const std::string_view part : what) text += part;
  return reject(RejectCode::kField, {"field \"", field_name(field), "\" ", text});
}

bool Decoder::reject_json(const JsonScanner& scanner) {
  const std::string offset = std::to_string(scanner.offset());
  if (scanner.fault() == JsonFault::kNesting) {
    return reject(RejectCode::kLimit, {"the value is nested over ", std::to_string(kJsonNestingMax),
                                       " deep, at byte ", offset});
  }
  if (scanner.at_end()) return reject(RejectCode::kJson, {"the value is not JSON: it ends early"});
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(scanner.peek());
  return reject(RejectCode::kJson, {"the value is not JSON: byte ", offset, " is 0x",
                                    kHex.substr(byte >> 4, 1), kHex.substr(byte & 15, 1)});
}

}  // namespace muster::collector

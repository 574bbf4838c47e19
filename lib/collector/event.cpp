#include "collector/event.h"

#include <utility>

#include <simdjson.h>

#include "base/hash.h"
#include "collector/name_index.h"
#include "collector/ttl.h"

namespace muster::collector {
namespace {

constexpr std::string_view kCreateType = "EventGroupCollectorCreate";
constexpr std::string_view kEntityDoneType = "EventGroupCollectorEntityDone";
constexpr core::Duration kTtlDefault = std::chrono::seconds(30);
constexpr std::string_view kTtlDefaultText = "30";
constexpr std::string_view kNull = "null";
constexpr size_t kQuotedMax = 64;             // of a foreign text, in a message
constexpr size_t kBufferBytesKept = 1 << 20;  // a larger record's buffer is not kept

constexpr std::array<std::string_view, 13> kFieldNames = {
    "type",        "id",    "expected", "ttl",   "payload", "handler", "sender",
    "description", "group", "result",   "error", "policy",  "parent"};

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
      return kNull;
    default:
      return "a number";
  }
}

bool is_null(std::string_view raw) { return raw.empty() || raw == kNull; }

// A text of somebody else's, short enough for a message and not cut within a character.
std::string_view shortened(std::string_view text) {
  if (text.size() <= kQuotedMax) return text;
  size_t size = kQuotedMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

std::string_view name(RejectCode code) {
  switch (code) {
    case RejectCode::kJson:
      return "json";
    case RejectCode::kTombstone:
      return "tombstone";
    case RejectCode::kType:
      return "type";
    case RejectCode::kField:
      return "field";
    case RejectCode::kLimit:
      return "limit";
    case RejectCode::kTtl:
      return "ttl";
    case RejectCode::kConflict:
      return "conflict";
    case RejectCode::kUnexpected:
      return "unexpected";
    case RejectCode::kOrphan:
      return "orphan";
  }
  __builtin_unreachable();
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
      return one_of({Field::kTtl});
    case 4:
      return one_of({Field::kType});
    case 5:
      return one_of({Field::kGroup, Field::kError});
    case 6:
      return one_of({Field::kResult, Field::kSender, Field::kPolicy, Field::kParent});
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
  expected_.clear();
  unescaped_.clear();
  if (!value) {
    reject(RejectCode::kTombstone, {"the record has no value"});
    return rejected_;
  }
  value_bytes_ = value->size();
  if (unescaped_.capacity() > kBufferBytesKept) unescaped_.shrink_to_fit();
  if (!read_members(*value)) return rejected_;

  const Value& type = at(Field::kType);
  if (type.raw.empty() || type.raw.front() != '"') {
    const std::string_view found = type.raw.empty() ? "missing" : kind_of(type.raw);
    const std::string_view wanted = type.raw.empty() ? "" : ", not a string";
    reject(RejectCode::kType, {"field \"type\" is ", found, wanted});
    return rejected_;
  }
  std::string_view type_name;
  if (!check_once({Field::kType}) || !text_of(Field::kType, type.raw, type_name)) return rejected_;
  const bool create_type = type_name == kCreateType;
  if (!create_type && type_name != kEntityDoneType) return Skipped{};
  if (value_bytes_ > options.max_message_bytes) {
    reject(RejectCode::kLimit, {"the value has ", std::to_string(value_bytes_),
                                " bytes, more than ", std::to_string(options.max_message_bytes)});
    return rejected_;
  }
  if (create_type) {
    Create create;
    if (!read_create(options, create)) return rejected_;
    return create;
  }
  EntityDone done;
  if (!read_done(done)) return rejected_;
  return done;
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

bool Decoder::read_create(const Options& options, Create& create) {
  if (!check_once({Field::kId, Field::kExpected, Field::kTtl, Field::kPayload, Field::kHandler,
                   Field::kSender, Field::kDescription, Field::kPolicy, Field::kParent}) ||
      !check_supported() || !read_id(Field::kId, create.id) || !read_expected(options) ||
      !read_ttl(options, create) || !check_optional(Field::kHandler, '{', "an object") ||
      !check_optional(Field::kSender, '"', "a string") ||
      !check_optional(Field::kDescription, '"', "a string")) {
    return false;
  }
  create.expected = expected_;
  create.payload = at(Field::kPayload).raw.empty() ? kNull : at(Field::kPayload).raw;
  uint64_t rest = 0;
  for (const Field field : {Field::kHandler, Field::kSender, Field::kDescription}) {
    if (!is_null(at(field).raw))
      rest = base::hash64(at(field).raw, rest + static_cast<uint64_t>(field));
  }
  create.rest_hash = static_cast<uint32_t>(rest >> 32);
  return true;
}

// What would change the outcome and is not built yet is refused: a group must not end by other
// rules than it asked for.
bool Decoder::check_supported() {
  const std::string_view policy = at(Field::kPolicy).raw;
  if (!is_null(policy) && policy != "\"fail-fast\"") {
    return reject_field(Field::kPolicy,
                        {"asks for more than \"fail-fast\", the only policy of this version"});
  }
  return is_null(at(Field::kParent).raw) ||
         reject_field(Field::kParent, {"is not supported by this version"});
}

bool Decoder::read_done(EntityDone& done) {
  if (!check_once({Field::kId, Field::kGroup, Field::kResult, Field::kError, Field::kSender}) ||
      !read_id(Field::kId, done.entity) || !read_id(Field::kGroup, done.group) ||
      !read_text(Field::kError, done.error) || !check_optional(Field::kSender, '"', "a string")) {
    return false;
  }
  done.result = at(Field::kResult).raw.empty() ? kNull : at(Field::kResult).raw;
  return true;
}

bool Decoder::read_expected(const Options& options) {
  if (!check_required(Field::kExpected, '[', "an array")) return false;
  JsonScanner scanner(at(Field::kExpected).raw, 1);
  std::string_view raw;
  bool more = scanner.take('[');
  scanner.skip_space();
  if (scanner.peek() == ']') return true;
  while (more) {
    scanner.skip_space();
    more = scanner.value(raw);
    if (expected_.size() == options.max_expected) {
      return reject(RejectCode::kLimit, {"field \"expected\" holds more than ",
                                         std::to_string(options.max_expected), " ids"});
    }
    if (!read_expected_id(raw)) return false;
    scanner.skip_space();
    more = scanner.peek() == ',' && scanner.take(',');
  }
  return true;
}

bool Decoder::read_expected_id(std::string_view raw) {
  if (raw.front() != '"') {
    return reject_field(Field::kExpected, {"holds ", kind_of(raw), " where an id is wanted"});
  }
  std::string_view id;
  if (!text_of(Field::kExpected, raw, id)) return false;
  if (id.empty()) return reject_field(Field::kExpected, {"holds an empty id"});
  if (remember_expected(id)) return true;
  return reject_field(Field::kExpected, {"names \"", shortened(id), "\" twice"});
}

// False if it is there already.
bool Decoder::remember_expected(std::string_view id) {
  const auto name_of = [this](uint32_t number) { return expected_[number]; };
  const auto count = static_cast<uint32_t>(expected_.size());
  if (count + 1 < kNamesIndexedFrom) {
    for (const std::string_view other : expected_) {
      if (other == id) return false;
    }
    expected_.push_back(id);
    return true;
  }
  if (count + 1 == kNamesIndexedFrom || 2 * (count + 1) > index_.size()) {
    index_.assign(name_index_size(2 * (count + 1)), 0);
    for (uint32_t i = 0; i < count; ++i) CHECK(name_index_add(index_, expected_[i], i, name_of));
  }
  expected_.push_back(id);
  if (name_index_add(index_, id, count, name_of)) return true;
  expected_.pop_back();
  return false;
}

bool Decoder::read_ttl(const Options& options, Create& create) {
  create.ttl = kTtlDefault;
  create.ttl_text = kTtlDefaultText;
  const std::string_view raw = at(Field::kTtl).raw;
  if (!is_null(raw)) {
    if (raw.front() != '-' && (raw.front() < '0' || raw.front() > '9')) {
      return reject_field(Field::kTtl, {"is ", kind_of(raw), ", not a number"});
    }
    const auto ttl = parse_seconds(raw);
    if (ttl != core::Duration::zero()) {
      create.ttl = ttl.value_or(core::Duration::max());
      create.ttl_text = raw;
    }
  }
  if (create.ttl <= options.max_ttl) return true;
  return reject(RejectCode::kTtl, {"field \"ttl\" is ", shortened(create.ttl_text),
                                   " seconds, more than ", format_seconds(options.max_ttl)});
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

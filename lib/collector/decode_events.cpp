// The four events, out of a record's fields.
#include <charconv>

#include "base/hash.h"
#include "collector/decoder.h"
#include "collector/name_index.h"
#include "collector/targets.h"
#include "collector/ttl.h"

namespace muster::collector {
namespace {

constexpr core::Duration kTtlDefault = std::chrono::seconds(30);
constexpr std::string_view kTtlDefaultText = "30";

// A whole number as JSON writes it, without fraction and exponent.
std::optional<uint32_t> read_count(std::string_view raw) {
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), count);
  if (error != std::errc() || end != raw.data() + raw.size()) return std::nullopt;
  return count;
}

}  // namespace

bool Decoder::read_create(const Options& options, Create& create) {
  if (!check_once({Field::kId, Field::kExpected, Field::kTtl, Field::kPayload, Field::kHandler,
                   Field::kSender, Field::kDescription, Field::kPolicy, Field::kParent}) ||
      !read_id(Field::kId, create.id) || !check_required(Field::kExpected, '[', "an array") ||
      !read_ids(Field::kExpected, options, added_) ||
      !read_seconds(Field::kTtl, at(Field::kTtl).raw, options, create.ttl) ||
      !read_policy(create.policy) || !read_targets(create) ||
      !check_optional(Field::kSender, '"', "a string") ||
      !check_optional(Field::kDescription, '"', "a string")) {
    return false;
  }
  create.ttl_text = at(Field::kTtl).raw;
  if (create.ttl == core::Duration::zero()) {
    create.ttl = kTtlDefault;
    create.ttl_text = kTtlDefaultText;
  }
  if (create.ttl > options.max_ttl) return reject_ttl(Field::kTtl, create.ttl_text, options);
  create.expected = added_.ids;
  create.payload = at(Field::kPayload).raw.empty() ? kJsonNull : at(Field::kPayload).raw;
  create.content_hash = content_hash(create);
  return true;
}

uint64_t Decoder::content_hash(const Create& create) {
  uint64_t hash = base::hash64(create.payload, base::hash64(create.ttl_text));
  for (const ExpectedId& expected : create.expected) {
    hash = base::hash64(expected.id, hash);
    if (!expected.ttl_text.empty()) hash = base::hash64(expected.ttl_text, hash + 1);
  }
  for (const Field field :
       {Field::kHandler, Field::kSender, Field::kDescription, Field::kPolicy, Field::kParent}) {
    if (!is_null(at(field).raw))
      hash = base::hash64(at(field).raw, hash + static_cast<uint64_t>(field));
  }
  return hash;
}

bool Decoder::read_policy(Policy& policy) {
  const std::string_view raw = at(Field::kPolicy).raw;
  if (is_null(raw)) return true;
  if (raw.front() == '"') {
    std::string_view text;
    if (!text_of(Field::kPolicy, raw, text)) return false;
    if (text == "all-settled") policy.kind = Policy::Kind::kAllSettled;
    return text == "all-settled" || text == "fail-fast" ||
           reject_field(Field::kPolicy, {"is unknown: ", shortened(raw)});
  }
  if (!check_required(Field::kPolicy, '{', "a string or an object")) return false;
  size_t members = 0;
  std::string_view number;
  for_each_member(raw, [&](std::string_view name, std::string_view value) {
    ++members;
    number = value;
    if (name == "quorum") policy.kind = Policy::Kind::kQuorum;
    if (name == "tolerate") policy.kind = Policy::Kind::kTolerate;
  });
  if (members != 1 || policy.kind == Policy::Kind::kFailFast)
    return reject_field(Field::kPolicy, {"is neither {\"quorum\":k} nor {\"tolerate\":n}"});
  const auto count = read_count(number);
  if (!count) {
    return reject_field(Field::kPolicy, {"asks for ", shortened(number), ", not a whole number"});
  }
  policy.count = *count;
  if (policy.kind == Policy::Kind::kQuorum && (*count < 1 || *count > added_.ids.size())) {
    return reject_field(Field::kPolicy, {"asks for a quorum of ", number, " of ",
                                         std::to_string(added_.ids.size()), " entities"});
  }
  return true;
}

bool Decoder::read_targets(Create& create) {
  if (const auto raw = at(Field::kHandler).raw; !is_null(raw)) {
    if (const auto wrong = check_handler(raw); !wrong.empty())
      return reject_field(Field::kHandler, {wrong});
    create.handler = raw;
  }
  if (const auto raw = at(Field::kParent).raw; !is_null(raw)) {
    if (const auto wrong = check_parent(raw); !wrong.empty())
      return reject_field(Field::kParent, {wrong});
    create.parent = raw;
  }
  return true;
}

bool Decoder::read_done(EntityDone& done) {
  if (!check_once({Field::kId, Field::kGroup, Field::kResult, Field::kError, Field::kSender}) ||
      !read_id(Field::kId, done.entity) || !read_id(Field::kGroup, done.group) ||
      !read_text(Field::kError, done.error) || !check_optional(Field::kSender, '"', "a string")) {
    return false;
  }
  done.result = at(Field::kResult).raw.empty() ? kJsonNull : at(Field::kResult).raw;
  return true;
}

bool Decoder::read_update(const Options& options, Update& update) {
  if (!check_once({Field::kId, Field::kAdd, Field::kRemove, Field::kTtl, Field::kSender}) ||
      !read_id(Field::kId, update.group) || !check_optional(Field::kAdd, '[', "an array") ||
      !check_optional(Field::kRemove, '[', "an array")) {
    return false;
  }
  const bool adds = !is_null(at(Field::kAdd).raw);
  const bool removes = !is_null(at(Field::kRemove).raw);
  const bool has_ttl = !is_null(at(Field::kTtl).raw);
  if (!adds && !removes && !has_ttl)
    return reject(RejectCode::kField, {"an update without \"add\", \"remove\" and \"ttl\""});
  if (adds && !read_ids(Field::kAdd, options, added_)) return false;
  if (removes && !read_ids(Field::kRemove, options, removed_)) return false;
  update.add = added_.ids;
  update.remove = removed_.ids;
  if (!has_ttl) return true;
  core::Duration ttl{};
  if (!read_seconds(Field::kTtl, at(Field::kTtl).raw, options, ttl)) return false;
  const bool counts = ttl != core::Duration::zero();
  update.ttl = counts ? ttl : kTtlDefault;
  update.ttl_text = counts ? at(Field::kTtl).raw : kTtlDefaultText;
  return *update.ttl <= options.max_ttl || reject_ttl(Field::kTtl, update.ttl_text, options);
}

bool Decoder::read_cancel(Cancel& cancel) {
  return check_once({Field::kId, Field::kReason, Field::kSender}) &&
         read_id(Field::kId, cancel.group) && read_text(Field::kReason, cancel.reason);
}

// --- arrays of ids

bool Decoder::read_ids(Field field, const Options& options, IdList& list) {
  JsonScanner scanner(at(field).raw, 1);
  std::string_view raw;
  bool more = scanner.take('[');
  scanner.skip_space();
  if (scanner.peek() == ']') return true;
  while (more) {
    scanner.skip_space();
    more = scanner.value(raw);
    if (list.ids.size() == options.max_expected) {
      return reject(RejectCode::kLimit, {"field \"", field_name(field), "\" holds more than ",
                                         std::to_string(options.max_expected), " ids"});
    }
    ExpectedId id;
    if (!read_expected_id(field, raw, options, id)) return false;
    if (id.id.empty()) return reject_field(field, {"holds an empty id"});
    if (!add_id(list, id)) return reject_field(field, {"names \"", shortened(id.id), "\" twice"});
    scanner.skip_space();
    more = scanner.peek() == ',' && scanner.take(',');
  }
  return true;
}

bool Decoder::read_expected_id(Field field, std::string_view raw, const Options& options,
                               ExpectedId& id) {
  if (raw.front() == '"') return text_of(field, raw, id.id);
  if (raw.front() == '{' && field != Field::kRemove)
    return read_id_with_ttl(field, raw, options, id);
  return reject_field(field, {"holds ", kind_of(raw), " where an id is wanted"});
}

bool Decoder::read_id_with_ttl(Field field, std::string_view raw, const Options& options,
                               ExpectedId& id) {
  std::string_view own_id;
  std::string_view ttl;
  bool again = false;
  for_each_member(raw, [&](std::string_view name, std::string_view value) {
    std::string_view* found = name == "id" ? &own_id : name == "ttl" ? &ttl : nullptr;
    if (found == nullptr) return;
    again = again || !found->empty();
    *found = value;
  });
  if (again) return reject_field(field, {"holds an object with a field given twice"});
  if (own_id.empty() || own_id.front() != '"')
    return reject_field(field, {"holds an object without an \"id\" that is a string"});
  if (!text_of(field, own_id, id.id) || !read_seconds(field, ttl, options, id.ttl)) return false;
  if (id.ttl != core::Duration::zero()) id.ttl_text = ttl;
  return true;
}

// False if it is there already.
bool Decoder::add_id(IdList& list, const ExpectedId& id) {
  const auto name_of = [&list](uint32_t number) { return list.ids[number].id; };
  const auto count = static_cast<uint32_t>(list.ids.size());
  if (count + 1 < kNamesIndexedFrom) {
    for (const ExpectedId& other : list.ids) {
      if (other.id == id.id) return false;
    }
    list.ids.push_back(id);
    return true;
  }
  if (count + 1 == kNamesIndexedFrom || 2 * (count + 1) > list.index.size()) {
    list.index.assign(name_index_size(2 * (count + 1)), 0);
    for (uint32_t i = 0; i < count; ++i)
      CHECK(name_index_add(list.index, list.ids[i].id, i, name_of));
  }
  list.ids.push_back(id);
  if (name_index_add(list.index, id.id, count, name_of)) return true;
  list.ids.pop_back();
  return false;
}

bool Decoder::read_seconds(Field field, std::string_view raw, const Options& options,
                           core::Duration& ttl) {
  ttl = core::Duration::zero();
  if (is_null(raw)) return true;
  if (raw.front() != '-' && (raw.front() < '0' || raw.front() > '9')) {
    if (field == Field::kTtl) return reject_field(field, {"is ", kind_of(raw), ", not a number"});
    return reject_field(field, {"holds a ttl that is ", kind_of(raw), ", not a number"});
  }
  ttl = parse_seconds(raw).value_or(core::Duration::max());
  return ttl <= options.max_ttl || reject_ttl(field, raw, options);
}

bool Decoder::reject_ttl(Field field, std::string_view ttl, const Options& options) {
  return reject(RejectCode::kTtl, {"field \"", field_name(field), "\" ",
                                   field == Field::kTtl ? "is " : "holds a ttl of ", shortened(ttl),
                                   " seconds, more than ", format_seconds(options.max_ttl)});
}

}  // namespace muster::collector

#include "collector/group.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "base/check.h"
#include "collector/json.h"
#include "collector/name_index.h"

namespace muster::collector {
namespace {

// The size that a block has for so many used bytes: a function of them, so that it need not be kept. Small blocks
// have no slack beyond malloc's own steps of 16 bytes (8 of which are its header); large ones grow by an eighth, so
// that appending n results copies O(n).
size_t block_size(size_t used) {
  const size_t step = used < 1024 ? 16 : std::bit_floor(used) / 8;
  return (used + 8 + step - 1) / step * step - 8;
}

uint32_t length_bytes(size_t length) {
  return static_cast<uint32_t>((std::bit_width(length | 1) + 6) / 7);
}

uint32_t text_bytes(std::string_view text) {
  return length_bytes(text.size()) + static_cast<uint32_t>(text.size());
}

}  // namespace

OpenGroup::OpenGroup(const Create& create, const Times& times) {
  const auto count = static_cast<uint32_t>(create.expected.size());
  size_t names = 0;
  for (const std::string_view name : create.expected) names += name.size();
  const size_t texts =
      text_bytes(create.id) + text_bytes(create.ttl_text) + text_bytes(create.payload) + names;
  const size_t tables = count * sizeof(Entity) + name_index_size(count) * sizeof(uint32_t);
  CHECK(texts <= UINT32_MAX - kBytesMax - 16);  // so that offsets of results fit as well
  CHECK(count <= kExpectedMax);

  const size_t size = block_size(sizeof(Fixed) + tables + texts);
  block_.reset(static_cast<char*>(std::malloc(size)));
  CHECK(block_ != nullptr);
  new (block_.get()) Fixed{core::to_ms(times.created),
                           core::to_ms(times.deadline),
                           core::to_ms(times.keep_until),
                           0,
                           count,
                           count & kMissingMask,
                           0,
                           create.rest_hash};
  std::memset(block_.get() + sizeof(Fixed), 0, tables);
  append_text(create.id);
  append_text(create.ttl_text);
  append_text(create.payload);
  for (uint32_t number = 0; number < count; ++number) {
    append(create.expected[number]);
    entities()[number].name_end = fixed().bytes;
  }
  if (index().empty()) return;
  const auto name_of = [this](uint32_t number) { return entity(number); };
  for (uint32_t number = 0; number < count; ++number) {
    CHECK(name_index_add(index(), entity(number), number, name_of));
  }
}

std::span<OpenGroup::Entity> OpenGroup::entities() {
  return {reinterpret_cast<Entity*>(block_.get() + sizeof(Fixed)), fixed().entity_count};
}

std::span<const OpenGroup::Entity> OpenGroup::entities() const {
  return {reinterpret_cast<const Entity*>(block_.get() + sizeof(Fixed)), fixed().entity_count};
}

std::span<uint32_t> OpenGroup::index() {
  const std::span<Entity> all = entities();
  return {reinterpret_cast<uint32_t*>(all.data() + all.size()), name_index_size(entity_count())};
}

std::span<const uint32_t> OpenGroup::index() const {
  const std::span<const Entity> all = entities();
  return {reinterpret_cast<const uint32_t*>(all.data() + all.size()),
          name_index_size(entity_count())};
}

size_t OpenGroup::bytes_at() const {
  const uint32_t count = entity_count();
  return sizeof(Fixed) + count * sizeof(Entity) + name_index_size(count) * sizeof(uint32_t);
}

std::string_view OpenGroup::text_at(uint32_t offset) const {
  const char* at = bytes() + offset;
  size_t length = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    length |= static_cast<size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return {at, length};
}

void OpenGroup::reserve(uint32_t bytes_more) {
  const size_t used = bytes_at() + fixed().bytes;
  if (block_size(used + bytes_more) == block_size(used)) return;
  char* grown = static_cast<char*>(std::realloc(block_.get(), block_size(used + bytes_more)));
  CHECK(grown != nullptr);
  static_cast<void>(block_.release());
  block_.reset(grown);
}

void OpenGroup::append(std::string_view text) {
  if (text.empty()) return;
  std::memcpy(block_.get() + bytes_at() + fixed().bytes, text.data(), text.size());
  fixed().bytes += static_cast<uint32_t>(text.size());
}

uint32_t OpenGroup::append_text(std::string_view text) {
  const uint32_t offset = fixed().bytes;
  size_t length = text.size();
  for (; length >= 0x80; length >>= 7) {
    const char byte = static_cast<char>(length | 0x80);
    append({&byte, 1});
  }
  const char last = static_cast<char>(length);
  append({&last, 1});
  append(text);
  return offset;
}

std::string_view OpenGroup::ttl_text() const { return text_at(text_bytes(id())); }

std::string_view OpenGroup::payload() const {
  return text_at(text_bytes(id()) + text_bytes(ttl_text()));
}

uint32_t OpenGroup::names_at() const {
  const std::string_view before = payload();
  return static_cast<uint32_t>(before.data() + before.size() - bytes());
}

uint32_t OpenGroup::names_end() const {
  return entity_count() == 0 ? names_at() : entities().back().name_end;
}

std::string_view OpenGroup::entity(uint32_t number) const {
  const uint32_t begin = number == 0 ? names_at() : entities()[number - 1].name_end;
  return {bytes() + begin, entities()[number].name_end - begin};
}

std::optional<uint32_t> OpenGroup::find(std::string_view name) const {
  const std::span<const Entity> all = entities();
  if (all.size() >= kNamesIndexedFrom) {
    const auto name_of = [this](uint32_t number) { return entity(number); };
    const uint32_t place = index()[name_index_place(index(), name, name_of)];
    return place == 0 ? std::nullopt : std::optional(place - 1);
  }
  const char* base = bytes();
  uint32_t begin = names_at();
  for (uint32_t number = 0; number < all.size(); ++number) {
    const uint32_t end = all[number].name_end;
    if (name == std::string_view(base + begin, end - begin)) return number;
    begin = end;
  }
  return std::nullopt;
}

std::string_view OpenGroup::result(uint32_t number) const {
  CHECK(has_result(number));
  CHECK(!overflowed());
  return text_at(entities()[number].result_at);
}

bool OpenGroup::keep_until(core::Time time) {
  if (time <= keep_until()) return false;
  fixed().keep_until_ms = core::to_ms(time);
  return true;
}

bool OpenGroup::same_content(const Create& create) const {
  if (create.rest_hash != fixed().rest_hash || create.ttl_text != ttl_text() ||
      create.payload != payload() || create.expected.size() != entity_count()) {
    return false;
  }
  for (uint32_t number = 0; number < entity_count(); ++number) {
    if (create.expected[number] != entity(number)) return false;
  }
  return true;
}

void OpenGroup::set_result(uint32_t number, std::string_view result, uint32_t bytes_max) {
  CHECK(number < entity_count());
  CHECK(!has_result(number));
  const size_t results_bytes = fixed().bytes - names_end();
  if (!overflowed() && results_bytes + text_bytes(result) > bytes_max) drop_results();
  uint32_t result_at = kResultNotKept;
  if (!overflowed()) {
    reserve(text_bytes(result));
    result_at = append_text(result);
  }
  entities()[number].result_at = result_at;
  fixed().missing = (fixed().missing - 1) & kMissingMask;
}

void OpenGroup::drop_results() {
  for (Entity& entity : entities()) {
    if (entity.result_at != 0) entity.result_at = kResultNotKept;
  }
  fixed().bytes = names_end();
  fixed().overflowed = 1;
  char* smaller =
      static_cast<char*>(std::realloc(block_.get(), block_size(bytes_at() + fixed().bytes)));
  CHECK(smaller != nullptr);
  static_cast<void>(block_.release());
  block_.reset(smaller);
}

void OpenGroup::save(base::ByteWriter& writer) const {
  writer.zigzag(fixed().created_ms);
  writer.zigzag(fixed().deadline_ms);
  writer.zigzag(fixed().keep_until_ms);
  writer.fixed64(fixed().rest_hash);
  writer.string(ttl_text());
  writer.string(payload());
  writer.u8(overflowed() ? 1 : 0);
  writer.varint(entity_count());
  for (uint32_t number = 0; number < entity_count(); ++number) {
    writer.string(entity(number));
    writer.u8(has_result(number) ? 1 : 0);
    if (has_result(number) && !overflowed()) writer.string(result(number));
  }
}

std::optional<OpenGroup> OpenGroup::load(std::string_view id, base::ByteReader& reader) {
  Times times;
  times.created = core::time_from_ms(reader.zigzag());
  times.deadline = core::time_from_ms(reader.zigzag());
  times.keep_until = core::time_from_ms(reader.zigzag());
  Create create;
  create.id = id;
  create.rest_hash = static_cast<uint32_t>(reader.fixed64());
  create.ttl_text = reader.string();
  create.payload = reader.string();
  const bool overflowed = reader.u8() != 0;
  std::vector<std::string_view> names;
  std::vector<std::pair<uint32_t, std::string_view>> results;
  const size_t count = reader.count(2);
  for (uint32_t number = 0; number < count; ++number) {
    names.push_back(reader.string());
    if (reader.u8() == 0) continue;
    results.emplace_back(number, overflowed ? std::string_view("null") : reader.string());
  }
  // A group with nothing missing is closed, so this also refuses one without entities.
  if (!reader.ok() || results.size() == names.size() || count > kExpectedMax) return std::nullopt;
  for (const std::string_view text : {id, create.ttl_text}) {
    if (text.empty() || !simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  }
  if (!is_json(create.payload)) return std::nullopt;
  for (const auto& result : results) {
    if (!is_json(result.second)) return std::nullopt;
  }
  std::vector<std::string_view> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return std::nullopt;
  for (const std::string_view text : names) {
    if (text.empty() || !simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  }
  create.expected = names;
  OpenGroup group(create, times);
  for (const auto& [number, result] : results) group.set_result(number, result, kBytesMax);
  if (overflowed) group.drop_results();
  return group;
}

ClosedGroup::ClosedGroup(std::string_view id, core::Time forget_from) {
  block_.reset(static_cast<char*>(std::malloc(sizeof(Fixed) + id.size())));
  CHECK(block_ != nullptr);
  new (block_.get()) Fixed{core::to_ms(forget_from), static_cast<uint32_t>(id.size())};
  std::memcpy(block_.get() + sizeof(Fixed), id.data(), id.size());
}

std::string_view ClosedGroup::id() const {
  return {block_.get() + sizeof(Fixed), fixed().id_bytes};
}

bool ClosedGroup::forget_from(core::Time time) {
  if (time <= forget_from()) return false;
  fixed().forget_from_ms = core::to_ms(time);
  return true;
}

}  // namespace muster::collector

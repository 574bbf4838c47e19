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

// The size that a block has for so many used bytes: a function of them, so that it need not be
// kept. Small blocks have no slack beyond malloc's own steps of 16 bytes (8 of which are its
// header); large ones grow by an eighth, so that appending n results copies O(n).
size_t block_size(size_t used) {
  const size_t step = used < 1024 ? 16 : std::bit_floor(used) / 8;
  return (used + 8 + step - 1) / step * step - 8;
}

// Of a varint, as base::ByteWriter writes it.
uint32_t varint_bytes(uint64_t value) {
  return static_cast<uint32_t>((std::bit_width(value | 1) + 6) / 7);
}

uint32_t text_bytes(std::string_view text) {
  return varint_bytes(text.size()) + static_cast<uint32_t>(text.size());
}

// Moves `at` behind it.
uint64_t read_varint(const char*& at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

std::string_view read_text(const char*& at) {
  const size_t size = read_varint(at);
  const std::string_view text(at, size);
  at += size;
  return text;
}

// The Create lies a little before the deadline, so their distance is short to write. Modulo 2^64,
// so any will do.
uint64_t distance(core::Time from, core::Time to) {
  return static_cast<uint64_t>(core::to_ms(to)) - static_cast<uint64_t>(core::to_ms(from));
}

}  // namespace

OpenGroup::OpenGroup(const Create& create, const Times& times) {
  const auto count = static_cast<uint32_t>(create.expected.size());
  const uint64_t before_deadline = distance(times.created, times.deadline);
  size_t bytes = text_bytes(create.id) + text_bytes(create.ttl_text) +
                 varint_bytes(create.rest_hash) + varint_bytes(before_deadline) +
                 text_bytes(create.payload);
  for (const std::string_view name : create.expected) bytes += text_bytes(name);
  CHECK(bytes <= UINT32_MAX - kBytesMax - 16);  // so that offsets of results fit as well
  CHECK(count <= kExpectedMax);

  const size_t tables =
      (count + (count >= kNamesIndexedFrom ? count : 0) + name_index_size(count)) *
      sizeof(uint32_t);
  block_.reset(static_cast<char*>(std::malloc(block_size(kFixedBytes + tables + bytes))));
  CHECK(block_ != nullptr);
  // Not all of Fixed: its padding is the tables' already.
  fixed().deadline_ms = core::to_ms(times.deadline);
  fixed().keep_until_ms = core::to_ms(times.keep_until);
  fixed().bytes = 0;
  fixed().entity_count = count;
  fixed().missing = count & kMissingMask;
  fixed().overflowed = 0;
  std::memset(block_.get() + kFixedBytes, 0, tables);
  append_text(create.id);
  append_text(create.ttl_text);
  append_varint(create.rest_hash);
  append_varint(before_deadline);
  append_text(create.payload);
  const auto name_of = [this](uint32_t number) { return entity(number); };
  for (uint32_t number = 0; number < count; ++number) {
    const uint32_t offset = append_text(create.expected[number]);
    if (!indexed()) continue;
    names()[number] = offset;
    CHECK(name_index_add(index(), create.expected[number], number, name_of));
  }
}

std::span<uint32_t> OpenGroup::table(size_t begin, size_t size) const {
  return {reinterpret_cast<uint32_t*>(block_.get() + kFixedBytes) + begin, size};
}

bool OpenGroup::indexed() const { return entity_count() >= kNamesIndexedFrom; }

std::span<uint32_t> OpenGroup::names() const {
  return table(entity_count(), indexed() ? entity_count() : 0);
}

std::span<uint32_t> OpenGroup::index() const {
  const uint32_t count = entity_count();
  return table(count + (indexed() ? count : 0), name_index_size(count));
}

size_t OpenGroup::bytes_at() const {
  const uint32_t count = entity_count();
  const size_t entries = count + (indexed() ? count + name_index_size(count) : 0);
  return kFixedBytes + entries * sizeof(uint32_t);
}

std::string_view OpenGroup::text_at(uint32_t offset) const {
  const char* at = bytes() + offset;
  return read_text(at);
}

uint32_t OpenGroup::end_of(std::string_view text) const {
  return static_cast<uint32_t>(text.data() + text.size() - bytes());
}

OpenGroup::Head OpenGroup::read_head() const {
  const char* at = bytes();
  read_text(at);
  read_text(at);
  Head head;
  head.rest_hash = static_cast<uint32_t>(read_varint(at));
  const uint64_t before_deadline = read_varint(at);
  head.created = core::time_from_ms(
      static_cast<int64_t>(static_cast<uint64_t>(fixed().deadline_ms) - before_deadline));
  head.payload = read_text(at);
  return head;
}

uint32_t OpenGroup::name_at(uint32_t number) const {
  CHECK(number < entity_count());
  if (indexed()) return names()[number];
  const std::string_view before = payload();
  const char* at = before.data() + before.size();
  for (; number > 0; --number) read_text(at);
  return static_cast<uint32_t>(at - bytes());
}

std::optional<uint32_t> OpenGroup::find(std::string_view wanted) const {
  if (indexed()) {
    const auto name_of = [this](uint32_t number) { return entity(number); };
    const uint32_t place = index()[name_index_place(index(), wanted, name_of)];
    return place == 0 ? std::nullopt : std::optional(place - 1);
  }
  const std::string_view before = payload();
  const char* at = before.data() + before.size();
  for (uint32_t number = 0; number < entity_count(); ++number) {
    if (read_text(at) == wanted) return number;
  }
  return std::nullopt;
}

std::string_view OpenGroup::result(uint32_t number) const {
  CHECK(has_result(number));
  CHECK(!overflowed());
  return text_at(results()[number]);
}

bool OpenGroup::keep_until(core::Time time) {
  if (time <= keep_until()) return false;
  fixed().keep_until_ms = core::to_ms(time);
  return true;
}

bool OpenGroup::same_content(const Create& create) const {
  const Head head = read_head();
  if (create.rest_hash != head.rest_hash || create.ttl_text != ttl_text() ||
      create.payload != head.payload || create.expected.size() != entity_count()) {
    return false;
  }
  const char* at = head.payload.data() + head.payload.size();
  for (const std::string_view name : create.expected) {
    if (read_text(at) != name) return false;
  }
  return true;
}

// --- growing

void OpenGroup::resize(size_t bytes_after) {
  const size_t begin = bytes_at();
  const size_t size = block_size(begin + bytes_after);
  if (size == block_size(begin + fixed().bytes)) return;
  char* block = static_cast<char*>(std::realloc(block_.get(), size));
  CHECK(block != nullptr);
  static_cast<void>(block_.release());
  block_.reset(block);
}

void OpenGroup::append_varint(uint64_t value) {
  char* begin = block_.get() + bytes_at() + fixed().bytes;
  char* at = begin;
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  fixed().bytes += static_cast<uint32_t>(at - begin);
}

uint32_t OpenGroup::append_text(std::string_view text) {
  const uint32_t offset = fixed().bytes;
  append_varint(text.size());
  std::copy(text.begin(), text.end(), block_.get() + bytes_at() + fixed().bytes);
  fixed().bytes += static_cast<uint32_t>(text.size());
  return offset;
}

void OpenGroup::set_result(uint32_t number, std::string_view result, uint32_t bytes_max) {
  CHECK(number < entity_count());
  CHECK(!has_result(number));
  const uint32_t more = text_bytes(result);
  if (!overflowed() && size_t{fixed().bytes} + more > bytes_max) {
    // Near enough to look at what of it is results: they begin behind the last name.
    const uint32_t results_at = end_of(entity(entity_count() - 1));
    if (fixed().bytes - results_at + size_t{more} > bytes_max) drop_results();
  }
  fixed().missing = (fixed().missing - 1) & kMissingMask;
  if (overflowed()) {
    results()[number] = kResultNotKept;
    return;
  }
  resize(size_t{fixed().bytes} + more);
  results()[number] = append_text(result);
}

void OpenGroup::drop_results() {
  for (uint32_t& result_at : results()) {
    if (result_at != 0) result_at = kResultNotKept;
  }
  const uint32_t names_end = end_of(entity(entity_count() - 1));
  resize(names_end);
  fixed().bytes = names_end;
  fixed().overflowed = 1;
}

// --- saved state

void OpenGroup::save(base::ByteWriter& writer) const {
  const Head head = read_head();
  writer.zigzag(core::to_ms(head.created));
  writer.zigzag(fixed().deadline_ms);
  writer.zigzag(fixed().keep_until_ms);
  writer.varint(head.rest_hash);
  writer.string(ttl_text());
  writer.string(head.payload);
  writer.u8(overflowed() ? 1 : 0);
  writer.varint(entity_count());
  for (uint32_t number = 0; number < entity_count(); ++number) {
    writer.string(entity(number));
    writer.u8(has_result(number) ? 1 : 0);
    if (has_result(number) && !overflowed()) writer.string(result(number));
  }
}

namespace {

bool is_text(std::string_view text) {
  return !text.empty() && simdjson::validate_utf8(text.data(), text.size());
}

bool all_different(std::vector<std::string_view> names) {
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

}  // namespace

std::optional<OpenGroup> OpenGroup::load(std::string_view id, base::ByteReader& reader) {
  Times times;
  times.created = core::time_from_ms(reader.zigzag());
  times.deadline = core::time_from_ms(reader.zigzag());
  times.keep_until = core::time_from_ms(reader.zigzag());
  const uint64_t rest_hash = reader.varint();
  Create create;
  create.id = id;
  create.rest_hash = static_cast<uint32_t>(rest_hash);
  create.ttl_text = reader.string();
  create.payload = reader.string();
  const bool overflowed = reader.u8() != 0;
  std::vector<std::string_view> names;
  std::vector<std::pair<uint32_t, std::string_view>> results;
  const size_t count = reader.count(2);
  for (uint32_t number = 0; number < count; ++number) {
    names.push_back(reader.string());
    if (!is_text(names.back())) return std::nullopt;
    if (reader.u8() == 0) continue;
    results.emplace_back(number, overflowed ? "null" : reader.string());
    if (!is_json(results.back().second)) return std::nullopt;
  }
  // A group with nothing missing is closed, so this also refuses one without entities.
  if (!reader.ok() || results.size() == names.size() || count > kExpectedMax) return std::nullopt;
  if (rest_hash > UINT32_MAX || !is_text(id) || !is_text(create.ttl_text) ||
      !is_json(create.payload) || !all_different(names)) {
    return std::nullopt;
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

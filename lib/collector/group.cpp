#include "collector/group.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "base/check.h"
#include "collector/name_index.h"
#include "collector/options.h"
#include "collector/texts.h"

namespace muster::collector {
namespace {

// The size that a block has for so many used bytes: a function of them, so that it need not be
// kept. Small blocks have no slack beyond malloc's own steps of 16 bytes (8 of which are its
// header); large ones grow by an eighth, so that appending n answers copies O(n).
size_t block_size(size_t used) {
  const size_t step = used < 1024 ? 16 : std::bit_floor(used) / 8;
  return (used + 8 + step - 1) / step * step - 8;
}
constexpr size_t kMallocBytes = 8;  // its header of a block

// Short to write for times that lie near each other. Modulo 2^64, so any will do.
uint64_t distance(core::Time from, core::Time to) {
  return static_cast<uint64_t>(core::to_ms(to)) - static_cast<uint64_t>(core::to_ms(from));
}
core::Time moved(core::Time from, uint64_t distance) {
  return core::time_from_ms(
      static_cast<int64_t>(static_cast<uint64_t>(core::to_ms(from)) + distance));
}

// What a head has beyond the ordinary: bits of one number.
constexpr uint64_t kHasPolicy = 1;
constexpr uint64_t kHasHandler = 2;
constexpr uint64_t kHasParent = 4;

uint64_t extras_of(const OpenGroup::Head& head) {
  return (head.policy == Policy{} ? 0 : kHasPolicy) | (head.handler.empty() ? 0 : kHasHandler) |
         (head.parent.empty() ? 0 : kHasParent);
}

size_t head_bytes(const OpenGroup::Head& head) {
  size_t bytes = text_bytes(head.ttl_text) + sizeof head.content_hash + text_bytes(head.payload) +
                 varint_bytes(extras_of(head));
  if (head.policy != Policy{}) bytes += 1 + varint_bytes(head.policy.count);
  if (!head.handler.empty()) bytes += text_bytes(head.handler);
  if (!head.parent.empty()) bytes += text_bytes(head.parent);
  return bytes;
}

bool has_ttl(const ExpectedId& id) { return !id.ttl_text.empty(); }

size_t entity_bytes(const ExpectedId& id, core::Time created, core::Time now, bool with_ttls) {
  size_t bytes = text_bytes(id.id);
  if (with_ttls) bytes += text_bytes(id.ttl_text);
  if (has_ttl(id)) bytes += varint_bytes(distance(created, now + id.ttl));
  return bytes;
}

}  // namespace

OpenGroup::OpenGroup(const Create& create, const Times& times)
    : OpenGroup(create.id,
                {create.ttl_text, create.payload, times.created, create.content_hash, create.policy,
                 create.handler, create.parent},
                create.expected, times) {}

OpenGroup::OpenGroup(std::string_view id, const Head& head, std::span<const ExpectedId> expected,
                     const Times& times) {
  const auto count = static_cast<uint32_t>(expected.size());
  const bool with_ttls = std::ranges::any_of(expected, has_ttl);
  const uint64_t before_deadline = distance(times.created, times.deadline);
  size_t bytes = text_bytes(id) + varint_bytes(before_deadline) + head_bytes(head);
  for (const ExpectedId& one : expected)
    bytes += entity_bytes(one, times.created, times.now, with_ttls);
  CHECK(bytes < kBytesMax);  // so that offsets of answers fit as well
  CHECK(count <= kExpectedMax);

  const size_t tables =
      (count + (count >= kNamesIndexedFrom ? count : 0) + name_index_size(count)) *
      sizeof(uint32_t);
  block_.reset(static_cast<char*>(std::malloc(block_size(kFixedBytes + tables + bytes))));
  CHECK(block_ != nullptr);
  static_assert(sizeof(Fixed) == kFixedBytes);
  new (block_.get()) Fixed{core::to_ms(times.deadline),
                           core::to_ms(times.keep_until),
                           0,
                           count,
                           0,
                           count & kMissingMask,
                           0,
                           with_ttls ? uint32_t{1} : uint32_t{0}};
  std::memset(block_.get() + kFixedBytes, 0, tables);
  append_text(id);
  append_text(head.ttl_text);
  append_varint(before_deadline);
  std::memcpy(block_.get() + bytes_at() + fixed().bytes, &head.content_hash,
              sizeof head.content_hash);
  fixed().bytes += sizeof head.content_hash;
  append_text(head.payload);
  append_varint(extras_of(head));
  if (head.policy != Policy{}) {
    append_varint(static_cast<uint64_t>(head.policy.kind));
    append_varint(head.policy.count);
  }
  if (!head.handler.empty()) append_text(head.handler);
  if (!head.parent.empty()) append_text(head.parent);
  const auto name_of = [this](uint32_t number) { return entity(number); };
  for (uint32_t number = 0; number < count; ++number) {
    const ExpectedId& one = expected[number];
    const uint32_t offset = append_text(one.id);
    if (with_ttls) append_text(one.ttl_text);
    if (has_ttl(one)) append_varint(distance(times.created, times.now + one.ttl));
    if (!indexed()) continue;
    names()[number] = offset;
    CHECK(name_index_add(index(), one.id, number, name_of));
  }
}

OpenGroup::Head OpenGroup::head() const {
  const char* at = bytes();
  read_text(at);
  Head head;
  head.ttl_text = read_text(at);
  const uint64_t before_deadline = read_varint(at);
  head.created = moved(deadline(), uint64_t{0} - before_deadline);
  std::memcpy(&head.content_hash, at, sizeof head.content_hash);
  at += sizeof head.content_hash;
  head.payload = read_text(at);
  const uint64_t extras = read_varint(at);
  if ((extras & kHasPolicy) != 0) {
    head.policy.kind = static_cast<Policy::Kind>(read_varint(at));
    head.policy.count = static_cast<uint32_t>(read_varint(at));
  }
  if ((extras & kHasHandler) != 0) head.handler = read_text(at);
  if ((extras & kHasParent) != 0) head.parent = read_text(at);
  return head;
}

const char* OpenGroup::names_begin() const {
  const char* at = bytes();
  read_text(at);
  read_text(at);
  read_varint(at);
  at += sizeof(uint64_t);
  read_text(at);
  const uint64_t extras = read_varint(at);
  if (extras == 0) return at;
  if ((extras & kHasPolicy) != 0) {
    read_varint(at);
    read_varint(at);
  }
  if ((extras & kHasHandler) != 0) read_text(at);
  if ((extras & kHasParent) != 0) read_text(at);
  return at;
}

const char* OpenGroup::skip_entity(const char* at) const {
  read_text(at);
  if (fixed().has_ttls != 0 && !read_text(at).empty()) read_varint(at);
  return at;
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

uint32_t OpenGroup::name_at(uint32_t number) const {
  CHECK(number < entity_count());
  if (indexed()) return names()[number];
  const char* at = names_begin();
  for (; number > 0; --number) at = skip_entity(at);
  return static_cast<uint32_t>(at - bytes());
}

// Where the answers begin.
uint32_t OpenGroup::names_end() const {
  if (entity_count() == 0) return static_cast<uint32_t>(names_begin() - bytes());
  return static_cast<uint32_t>(skip_entity(bytes() + name_at(entity_count() - 1)) - bytes());
}

std::optional<uint32_t> OpenGroup::find(std::string_view wanted) const {
  if (indexed()) {
    const auto name_of = [this](uint32_t number) { return entity(number); };
    const uint32_t place = index()[name_index_place(index(), wanted, name_of)];
    return place == 0 ? std::nullopt : std::optional(place - 1);
  }
  const char* at = names_begin();
  for (uint32_t number = 0; number < entity_count(); ++number) {
    const char* name = at;
    if (read_text(name) == wanted) return number;
    at = skip_entity(at);
  }
  return std::nullopt;
}

std::string_view OpenGroup::answer(uint32_t number) const {
  CHECK(has_answer(number));
  CHECK(!overflowed());
  return text_at(answers()[number] & ~kFailed);
}

bool OpenGroup::keep_until(core::Time time) {
  if (time <= keep_until()) return false;
  fixed().keep_until_ms = core::to_ms(time);
  return true;
}

Verdict OpenGroup::verdict() const {
  const Fixed& f = fixed();
  return judge(head().policy, {f.missing, f.failed, f.entity_count - f.missing - f.failed});
}

OpenGroup::EntityTtl OpenGroup::entity_ttl(uint32_t number) const {
  if (fixed().has_ttls == 0) return {};
  const char* at = bytes() + name_at(number);
  read_text(at);
  EntityTtl ttl;
  ttl.text = read_text(at);
  if (!ttl.text.empty()) ttl.deadline = moved(head().created, read_varint(at));
  return ttl;
}

core::Time OpenGroup::next_deadline() const {
  core::Time next = deadline();
  if (fixed().has_ttls == 0) return next;
  for (uint32_t number = 0; number < entity_count(); ++number) {
    if (!has_answer(number)) next = std::min(next, entity_ttl(number).deadline);
  }
  return next;
}

std::vector<OpenGroup::Overdue> OpenGroup::overdue(core::Time due) const {
  std::vector<Overdue> found;
  if (fixed().has_ttls == 0) return found;
  for (uint32_t number = 0; number < entity_count(); ++number) {
    if (has_answer(number)) continue;
    const core::Time deadline = entity_ttl(number).deadline;
    if (deadline <= due) found.push_back({deadline, number});
  }
  std::ranges::stable_sort(found, {}, &Overdue::deadline);
  return found;
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
  fixed().bytes += static_cast<uint32_t>(write_varint(begin, value) - begin);
}

uint32_t OpenGroup::append_text(std::string_view text) {
  const uint32_t offset = fixed().bytes;
  append_varint(text.size());
  std::copy(text.begin(), text.end(), block_.get() + bytes_at() + fixed().bytes);
  fixed().bytes += static_cast<uint32_t>(text.size());
  return offset;
}

void OpenGroup::set_answer(uint32_t number, std::string_view text, uint32_t failed,
                           uint32_t bytes_max) {
  CHECK(number < entity_count());
  CHECK(!has_answer(number));
  const uint32_t more = text_bytes(text);
  if (!overflowed() && size_t{fixed().bytes} + more > bytes_max) {
    // Near enough to look at what of it is answers.
    if (fixed().bytes - names_end() + size_t{more} > bytes_max) drop_answers();
  }
  fixed().missing = (fixed().missing - 1) & kMissingMask;
  if (failed != 0) ++fixed().failed;
  if (overflowed()) {
    answers()[number] = kNotKept | failed;
    return;
  }
  resize(size_t{fixed().bytes} + more);
  answers()[number] = append_text(text) | failed;
}

void OpenGroup::drop_answers() {
  for (uint32_t& answer_at : answers()) {
    if (answer_at != 0) answer_at = kNotKept | (answer_at & kFailed);
  }
  const uint32_t end = names_end();
  resize(end);
  fixed().bytes = end;
  fixed().overflowed = 1;
}

size_t OpenGroup::held_bytes() const {
  return block_size(bytes_at() + fixed().bytes) + kMallocBytes;
}

// --- closed

ClosedGroup::ClosedGroup(std::string_view id, core::Time forget_from) {
  block_.reset(static_cast<char*>(std::malloc(sizeof(Fixed) + id.size())));
  CHECK(block_ != nullptr);
  new (block_.get()) Fixed{core::to_ms(forget_from), static_cast<uint32_t>(id.size())};
  std::memcpy(block_.get() + sizeof(Fixed), id.data(), id.size());
}

std::string_view ClosedGroup::id() const {
  return {block_.get() + sizeof(Fixed), fixed().id_bytes};
}

size_t ClosedGroup::held_bytes() const {
  return block_size(sizeof(Fixed) + fixed().id_bytes) + kMallocBytes;
}

bool ClosedGroup::forget_from(core::Time time) {
  if (time <= forget_from()) return false;
  fixed().forget_from_ms = core::to_ms(time);
  return true;
}

}  // namespace muster::collector

// A group taken apart and put together again: for saving, loading and updating.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "base/check.h"
#include "collector/group.h"
#include "collector/json.h"
#include "collector/options.h"
#include "collector/targets.h"
#include "collector/texts.h"

namespace muster::collector {

namespace {

// So that many updates cannot make a group larger than one Create can.
constexpr size_t kGroupBytesMax = kBytesMax / 2;

size_t entity_bytes_max(const ExpectedId& id) {
  return text_bytes(id.id) + text_bytes(id.ttl_text) + sizeof(uint64_t) + 2;
}

}  // namespace

// Views into the group that it was taken from, or into saved bytes.
struct OpenGroup::Parts {
  struct Answer {
    enum class Kind : uint8_t { kNone, kResult, kError };

    Kind kind = Kind::kNone;
    std::string_view text;  // empty in a group that has overflowed
  };

  std::string_view id;
  Head head;
  Times times{};
  bool overflowed = false;
  std::vector<ExpectedId> expected;  // their ttls count from times.now
  std::vector<Answer> answers;
};

OpenGroup::Parts OpenGroup::parts() const {
  Parts parts;
  parts.id = id();
  parts.head = head();
  parts.times = {parts.head.created, parts.head.created, deadline(), keep_until()};
  parts.overflowed = overflowed();
  for (uint32_t number = 0; number < entity_count(); ++number) {
    ExpectedId expected{entity(number), {}, {}};
    if (const EntityTtl ttl = entity_ttl(number); !ttl.text.empty()) {
      expected.ttl_text = ttl.text;
      expected.ttl = ttl.deadline - parts.times.now;
    }
    parts.expected.push_back(expected);
    Parts::Answer answer;
    if (has_answer(number)) {
      answer.kind = has_failed(number) ? Parts::Answer::Kind::kError : Parts::Answer::Kind::kResult;
      if (!overflowed()) answer.text = this->answer(number);
    }
    parts.answers.push_back(answer);
  }
  return parts;
}

OpenGroup OpenGroup::from(const Parts& parts) {
  OpenGroup group(parts.id, parts.head, parts.expected, parts.times);
  for (uint32_t number = 0; number < parts.answers.size(); ++number) {
    const Parts::Answer& answer = parts.answers[number];
    if (answer.kind == Parts::Answer::Kind::kNone) continue;
    const bool failed = answer.kind == Parts::Answer::Kind::kError;
    group.set_answer(number, answer.text, failed ? kFailed : 0, kBytesMax);
  }
  if (parts.overflowed) group.drop_answers();
  return group;
}

bool OpenGroup::changed_by(const Update& update) const {
  const auto known = [this](const ExpectedId& one) { return find(one.id).has_value(); };
  return update.ttl || !std::ranges::all_of(update.add, known) ||
         std::ranges::any_of(update.remove, known);
}

std::optional<OpenGroup> OpenGroup::updated(const Update& update, core::Time now,
                                            uint32_t entities_max) const {
  Parts parts = this->parts();
  for (ExpectedId added : update.add) {
    if (find(added.id)) continue;
    added.ttl += now - parts.times.now;
    parts.expected.push_back(added);
    parts.answers.emplace_back();
  }
  std::vector<std::string_view> removed;
  for (const ExpectedId& one : update.remove) removed.push_back(one.id);
  std::ranges::sort(removed);
  size_t kept = 0;
  for (size_t i = 0; i < parts.expected.size(); ++i) {
    if (std::ranges::binary_search(removed, parts.expected[i].id)) continue;
    parts.expected[kept] = parts.expected[i];
    parts.answers[kept] = parts.answers[i];
    ++kept;
  }
  parts.expected.resize(kept);
  parts.answers.resize(kept);
  if (kept > entities_max && kept > entity_count()) return std::nullopt;
  const Head& head = parts.head;
  size_t bytes = parts.id.size() + head.payload.size() + head.handler.size() + head.parent.size();
  for (const ExpectedId& one : parts.expected) bytes += entity_bytes_max(one);
  if (bytes > kGroupBytesMax) return std::nullopt;
  if (update.ttl) {
    parts.times.deadline = now + *update.ttl;
    parts.head.ttl_text = update.ttl_text;
  }
  return from(parts);
}

// --- saved state

void OpenGroup::save(base::ByteWriter& writer) const {
  const Parts parts = this->parts();
  const Head& head = parts.head;
  writer.zigzag(core::to_ms(head.created));
  writer.zigzag(core::to_ms(parts.times.deadline));
  writer.zigzag(core::to_ms(parts.times.keep_until));
  writer.fixed64(head.content_hash);
  writer.string(head.ttl_text);
  writer.string(head.payload);
  writer.u8(static_cast<uint8_t>(head.policy.kind));
  writer.varint(head.policy.count);
  writer.string(head.handler);
  writer.string(head.parent);
  writer.u8(parts.overflowed ? 1 : 0);
  writer.varint(parts.expected.size());
  for (size_t number = 0; number < parts.expected.size(); ++number) {
    const ExpectedId& expected = parts.expected[number];
    writer.string(expected.id);
    writer.string(expected.ttl_text);
    if (!expected.ttl_text.empty()) writer.zigzag(expected.ttl.count());
    writer.u8(static_cast<uint8_t>(parts.answers[number].kind));
    if (parts.answers[number].kind != Parts::Answer::Kind::kNone && !parts.overflowed)
      writer.string(parts.answers[number].text);
  }
}

namespace {

// Far beyond any real time, and so that no sum or difference of two overflows.
constexpr int64_t kTimeMsMax = int64_t{1} << 60;

bool is_time(int64_t ms) { return ms >= -kTimeMsMax && ms <= kTimeMsMax; }
bool is_time(core::Time time) { return is_time(core::to_ms(time)); }

bool is_text(std::string_view text) {
  return !text.empty() && simdjson::validate_utf8(text.data(), text.size());
}

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// Without space around it, which would be taken over into error texts.
bool is_number(std::string_view text) {
  return is_json(text) && (text.front() == '-' || is_digit(text.front())) && is_digit(text.back());
}

using Check = std::string (*)(std::string_view raw);

bool is_target(std::string_view text, Check check) {
  return text.empty() || (is_json(text) && check(text).empty());
}

bool all_different(const std::vector<ExpectedId>& expected) {
  std::vector<std::string_view> names;
  for (const ExpectedId& one : expected) names.push_back(one.id);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) == names.end();
}

}  // namespace

std::optional<OpenGroup> OpenGroup::load(std::string_view id, base::ByteReader& reader) {
  Parts parts;
  Head& head = parts.head;
  parts.id = id;
  head.created = core::time_from_ms(reader.zigzag());
  parts.times.created = head.created;
  parts.times.now = head.created;
  parts.times.deadline = core::time_from_ms(reader.zigzag());
  parts.times.keep_until = core::time_from_ms(reader.zigzag());
  head.content_hash = reader.fixed64();
  head.ttl_text = reader.string();
  head.payload = reader.string();
  const uint8_t policy = reader.u8();
  const uint64_t count = reader.varint();
  head.handler = reader.string();
  head.parent = reader.string();
  parts.overflowed = reader.u8() != 0;
  if (policy > static_cast<uint8_t>(Policy::Kind::kTolerate) || count > UINT32_MAX ||
      !is_time(head.created) || !is_time(parts.times.deadline) || !is_time(parts.times.keep_until))
    return std::nullopt;
  head.policy = {static_cast<Policy::Kind>(policy), static_cast<uint32_t>(count)};
  const size_t entities = reader.count(3);
  if (entities > kExpectedMax) return std::nullopt;
  for (size_t number = 0; number < entities; ++number) {
    ExpectedId& expected = parts.expected.emplace_back();
    expected.id = reader.string();
    expected.ttl_text = reader.string();
    if (!expected.ttl_text.empty()) expected.ttl = core::Duration{reader.zigzag()};
    const uint8_t kind = reader.u8();
    if (kind > static_cast<uint8_t>(Parts::Answer::Kind::kError)) return std::nullopt;
    Parts::Answer& answer = parts.answers.emplace_back();
    answer.kind = static_cast<Parts::Answer::Kind>(kind);
    if (answer.kind == Parts::Answer::Kind::kNone || parts.overflowed) continue;
    answer.text = reader.string();
    const bool error = answer.kind == Parts::Answer::Kind::kError;
    if (error ? !is_text(answer.text) : !is_json(answer.text)) return std::nullopt;
  }
  if (!reader.ok() || !is_text(id) || !is_number(head.ttl_text) || !is_json(head.payload) ||
      !is_target(head.handler, check_handler) || !is_target(head.parent, check_parent) ||
      !all_different(parts.expected)) {
    return std::nullopt;
  }
  for (const ExpectedId& expected : parts.expected) {
    if (!is_text(expected.id) || !is_time(expected.ttl.count()) ||
        (!expected.ttl_text.empty() && !is_number(expected.ttl_text)))
      return std::nullopt;
  }
  OpenGroup group = from(parts);
  // One that has a verdict is closed.
  if (group.verdict() != Verdict::kOpen) return std::nullopt;
  return group;
}

}  // namespace muster::collector

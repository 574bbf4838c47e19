#include "command/letter.h"

#include "base/hash.h"

#include <array>
#include <charconv>

namespace muster::command {
namespace {

constexpr std::array<std::string_view, 5> kFacts = {
    "__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset",
    "__connect.errors.exception.message", "muster.error.code"};
constexpr std::string_view kTruncated = "muster.truncated";

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return value;
}

// An output that the broker refused: its message begins with the topic that it was for.
bool is_output(std::string_view code) { return code == "undeliverable" || code == "no-such-topic"; }

std::string_view topic_in(std::string_view message) {
  constexpr std::string_view kBefore = "topic ";
  if (!message.starts_with(kBefore)) return "";
  message.remove_prefix(kBefore.size());
  const size_t colon = message.find(": ");
  return colon == std::string_view::npos ? "" : message.substr(0, colon);
}

}  // namespace

Letter take_apart(const core::Record& record) {
  Letter letter;
  letter.partition = record.partition;
  letter.offset = record.offset;
  letter.time = record.timestamp;
  letter.key = record.key;
  letter.value = record.value;
  record.headers.read(letter.headers);
  auto& headers = letter.headers;
  // They were put behind the record's own, which may have the same names.
  const bool cut = !headers.empty() && headers.back().name == kTruncated && headers.back().value;
  const size_t ours = kFacts.size() + (cut ? 1 : 0);
  if (headers.size() < ours) return letter;
  const core::Header* facts = headers.data() + headers.size() - ours;
  for (size_t i = 0; i < kFacts.size(); ++i) {
    if (facts[i].name != kFacts[i] || !facts[i].value) return letter;
  }
  const auto partition = number(*facts[1].value);
  const auto offset = number(*facts[2].value);
  if (!partition || !offset || *partition > INT32_MAX) return letter;
  letter.ours = true;
  letter.source = {*facts[0].value, *partition, *offset};
  letter.message = *facts[3].value;
  letter.code = *facts[4].value;
  if (cut) letter.truncated = headers.back().value;
  headers.resize(headers.size() - ours);
  return letter;
}

Destination destination(const Letter& letter) {
  if (!letter.ours) return {"", {}, "no header says where it came from"};
  if (letter.truncated) return {"", {}, "only its beginning was kept"};
  const std::string_view meant_for = is_output(letter.code) ? topic_in(letter.message) : "";
  // A record that was refused on its way home goes to where it lay before that.
  if (!meant_for.empty() && !meant_for.starts_with("muster."))
    return {std::string(meant_for), {}, ""};
  if (letter.source.partition < 0 || letter.source.topic.empty())
    return {"", {}, "no header says where it came from"};
  return {std::string(letter.source.topic),
          core::Partition{static_cast<int32_t>(letter.source.partition)}, ""};
}

uint64_t lane(const Letter& letter) {
  uint64_t hash =
      base::hash64(letter.source.topic) + static_cast<uint64_t>(letter.source.partition);
  // Without a key nobody knows what belongs together: all of the partition does.
  if (letter.key) hash = hash * 31 + base::hash64(*letter.key) + 1;
  return hash;
}

}  // namespace muster::command

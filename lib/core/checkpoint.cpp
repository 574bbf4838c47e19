#include "core/checkpoint.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace muster::core {
namespace {

constexpr std::string_view kHeadVersion = "muster1";
constexpr uint8_t kEntryVersion = 1;
constexpr uint8_t kClosedVersion = 1;
constexpr size_t kChecksumBytes = 8;

// --- the head's words

std::string hex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

template <typename Numbers, typename Text>
std::string list(const Numbers& numbers, const Text& text) {
  std::string joined;
  for (const auto& number : numbers) {
    if (!joined.empty()) joined += ',';
    joined += text(number);
  }
  return joined;
}

// Reads " name=value" after " name=value", in their order.
class HeadReader {
 public:
  explicit HeadReader(std::string_view text) : rest_(text) {}

  std::string_view word(std::string_view name) {
    const size_t end = std::min(rest_.find(' ', 1), rest_.size());
    std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (!word.starts_with(' ') || !word.substr(1).starts_with(name)) return fail();
    word.remove_prefix(1 + name.size());
    if (!word.starts_with('=')) return fail();
    return word.substr(1);
  }
  template <typename Number>
  Number number(std::string_view name) {
    return parsed<Number>(word(name), 10);
  }
  uint64_t hex(std::string_view name) { return parsed<uint64_t>(word(name), 16); }
  template <typename Number>
  std::vector<Number> numbers(std::string_view name) {
    std::vector<Number> all;
    std::string_view text = word(name);
    while (ok_ && !text.empty()) {
      const size_t comma = text.find(',');
      all.push_back(parsed<Number>(text.substr(0, comma), 10));
      text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return all;
  }
  bool at_end() const { return ok_ && rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  template <typename Number>
  Number parsed(std::string_view word, int radix) {
    Number number{};
    const char* end = word.data() + word.size();
    const auto [rest, error] = std::from_chars(word.data(), end, number, radix);
    if (error != std::errc{} || rest != end) fail();
    return number;
  }
  std::string_view fail() {
    ok_ = false;
    return {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

// --- checksums in front of bytes

void put_checksum(std::string& out, size_t begin, uint64_t seed) {
  const uint64_t sum = base::hash64(std::string_view(out).substr(begin + kChecksumBytes), seed);
  std::string bytes;
  base::ByteWriter(bytes).fixed64(sum);
  out.replace(begin, kChecksumBytes, bytes);
}

// What follows a right checksum.
std::optional<std::string_view> checked(std::string_view bytes, uint64_t seed) {
  if (bytes.size() < kChecksumBytes) return std::nullopt;
  const std::string_view rest = bytes.substr(kChecksumBytes);
  if (base::ByteReader(bytes).fixed64() != base::hash64(rest, seed)) return std::nullopt;
  return rest;
}

uint32_t low_half(uint64_t sum) { return static_cast<uint32_t>(sum); }

}  // namespace

std::string encode(const CheckpointHead& head) {
  const auto offset = [](Offset o) { return std::to_string(raw(o)); };
  const auto plain = [](uint64_t number) { return std::to_string(number); };
  std::string text(kHeadVersion);
  text += ' ' + hex(raw(head.epoch));
  text += " n=" + std::to_string(raw(head.n));
  text += " part=" + std::to_string(head.part);
  text += std::string(" finished=") + (head.finished ? "1" : "0");
  text += " writer=" + hex(head.writer);
  text += " clock=" + std::to_string(to_ms(head.clock));
  text += " next=" + list(head.next, offset);
  text += " journal=" + offset(head.journal);
  text += " needed=" + offset(head.needed_journal) + "," + offset(head.needed_repartition);
  text += " entries=" + std::to_string(head.entries);
  text += " sum=" + hex(head.entries_sum);
  text += " closed=" + list(head.closed, plain);
  text += " check=" + hex(base::hash64(text));
  return text;
}

std::optional<CheckpointHead> decode_checkpoint_head(std::string_view text) {
  constexpr size_t kEpochBytes = 16;
  const size_t check = text.rfind(" check=");
  if (check == std::string_view::npos || !text.starts_with(kHeadVersion)) return std::nullopt;
  if (check < kHeadVersion.size() + 1 + kEpochBytes) return std::nullopt;
  const std::string_view epoch = text.substr(kHeadVersion.size() + 1, kEpochBytes);
  CheckpointHead head;
  uint64_t epoch_number = 0;
  std::from_chars(epoch.data(), epoch.data() + epoch.size(), epoch_number, 16);
  head.epoch = Epoch{epoch_number};
  const size_t begin = kHeadVersion.size() + 1 + kEpochBytes;
  HeadReader words(text.substr(begin, check - begin));
  head.n = BatchNumber{words.number<uint64_t>("n")};
  head.part = words.number<uint32_t>("part");
  head.finished = words.number<int>("finished") != 0;
  head.writer = words.hex("writer");
  head.clock = time_from_ms(words.number<int64_t>("clock"));
  for (const int64_t offset : words.numbers<int64_t>("next")) head.next.push_back(Offset{offset});
  head.journal = Offset{words.number<int64_t>("journal")};
  const auto needed = words.numbers<int64_t>("needed");
  if (!words.ok() || needed.size() != 2) return std::nullopt;
  head.needed_journal = Offset{needed[0]};
  head.needed_repartition = Offset{needed[1]};
  head.entries = words.number<uint64_t>("entries");
  head.entries_sum = words.hex("sum");
  head.closed = words.numbers<uint64_t>("closed");
  // To the byte as it is written, the checksum too: nobody else's text, however similar.
  if (!words.at_end() || encode(head) != text) return std::nullopt;
  return head;
}

uint32_t encode(const CheckpointEntry& entry, std::string& out) {
  out.push_back(static_cast<char>(kEntryVersion));
  const size_t begin = out.size();
  out.append(kChecksumBytes, '\0');
  base::ByteWriter writer(out);
  writer.varint(raw(entry.since));
  out += entry.state;
  const uint64_t seed = base::hash64(entry.key);
  put_checksum(out, begin, seed);
  return low_half(base::ByteReader(std::string_view(out).substr(begin)).fixed64());
}

std::optional<DecodedEntry> decode_checkpoint_entry(std::string_view key, std::string_view value) {
  if (value.empty() || static_cast<uint8_t>(value.front()) != kEntryVersion) return std::nullopt;
  const auto rest = checked(value.substr(1), base::hash64(key));
  if (!rest) return std::nullopt;
  base::ByteReader reader(*rest);
  DecodedEntry decoded;
  decoded.entry.key = key;
  decoded.entry.since = BatchNumber{reader.varint()};
  if (!reader.ok() || raw(decoded.entry.since) == 0) return std::nullopt;
  std::string prefix;
  base::ByteWriter(prefix).varint(raw(decoded.entry.since));
  // The state begins behind the number as it is written, which is in one way only.
  if (!rest->starts_with(prefix)) return std::nullopt;
  decoded.entry.state = rest->substr(prefix.size());
  decoded.checksum = low_half(base::ByteReader(value.substr(1)).fixed64());
  return decoded;
}

void encode(const ClosedIds& closed, std::string& out) {
  out.push_back(static_cast<char>(kClosedVersion));
  const size_t begin = out.size();
  out.append(kChecksumBytes, '\0');
  base::ByteWriter writer(out);
  writer.varint(closed.left.size());
  for (const auto name : closed.left) writer.string(name);
  writer.varint(closed.ids.size());
  for (const CheckpointEntry& entry : closed.ids) {
    writer.string(entry.key);
    writer.varint(raw(entry.since));
    writer.string(entry.state);
  }
  put_checksum(out, begin, 0);
}

std::optional<ClosedIds> decode_closed_ids(std::string_view bytes) {
  if (bytes.empty() || static_cast<uint8_t>(bytes.front()) != kClosedVersion) return std::nullopt;
  const auto rest = checked(bytes.substr(1), 0);
  if (!rest) return std::nullopt;
  base::ByteReader reader(*rest);
  ClosedIds closed;
  for (size_t count = reader.count(); count > 0 && reader.ok(); --count)
    closed.left.push_back(reader.string());
  for (size_t count = reader.count(3); count > 0 && reader.ok(); --count) {
    const std::string_view key = reader.string();
    const BatchNumber since{reader.varint()};
    closed.ids.push_back({key, since, reader.string()});
    if (raw(since) == 0) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  return closed;
}

}  // namespace muster::core

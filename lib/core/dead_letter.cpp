#include "core/dead_letter.h"

#include <algorithm>

namespace muster::core {
namespace {

// What a record costs in a record batch beside its bytes: lengths, CRC, the batch's own header;
// generously.
constexpr size_t kOverheadBytes = 512;
// Words for a person; a message may quote what was found in the record.
constexpr size_t kWordsBytesMax = 1'000;

size_t record_bytes(const Output& record) {
  size_t bytes = kOverheadBytes;
  if (record.key) bytes += record.key->size();
  if (record.value) bytes += record.value->size();
  for (const Header& header : record.headers) {
    bytes += header.name.size() + (header.value ? header.value->size() : 0) + 16;
  }
  return bytes;
}

}  // namespace

Output dead_letter(const Reject& rejected, Time now, size_t record_bytes_max, Arena& bytes) {
  Output out;
  out.topic = TopicRole::kDeadLetter;
  out.partition = rejected.partition;
  out.key = rejected.key;
  out.value = rejected.value;
  out.timestamp = rejected.timestamp ? std::min(*rejected.timestamp, now) : now;
  out.headers = rejected.headers;
  const auto add = [&out, &bytes](std::string_view name, std::string_view value) {
    out.headers.push_back({name, bytes.copy(value)});
  };
  const auto add_facts = [&] {
    add("__connect.errors.topic", rejected.topic.substr(0, kWordsBytesMax));
    add("__connect.errors.partition", std::to_string(raw(rejected.partition)));
    add("__connect.errors.offset", std::to_string(raw(rejected.offset)));
    add("__connect.errors.exception.message", rejected.message.substr(0, kWordsBytesMax));
    add("muster.error.code", rejected.code);
  };
  add_facts();
  if (record_bytes(out) <= record_bytes_max) return out;

  // The value is cut first; a key or headers that alone are too large are not kept either.
  size_t room = std::min(kTruncatedBytes, record_bytes_max / 2);
  if (out.value) out.value = out.value->substr(0, room);
  add("muster.truncated", std::to_string(rejected.value ? rejected.value->size() : 0));
  if (record_bytes(out) <= record_bytes_max) return out;
  out.headers.clear();
  add_facts();
  add("muster.truncated", std::to_string(rejected.value ? rejected.value->size() : 0));
  if (out.key) out.key = out.key->substr(0, room / 2);
  if (out.value) out.value = out.value->substr(0, room / 2);
  return out;
}

}  // namespace muster::core

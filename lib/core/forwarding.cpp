#include "core/forwarding.h"

#include "base/planted.h"

#include <array>
#include <charconv>

namespace muster::core {
namespace {

constexpr std::string_view kTopic = "muster.origin.topic";
constexpr std::string_view kPartition = "muster.origin.partition";
constexpr std::string_view kOffset = "muster.origin.offset";
constexpr std::string_view kTimestamp = "muster.origin.timestamp";
constexpr size_t kOriginHeaders = 4;

std::string_view decimal(int64_t number, Arena& bytes) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return bytes.copy({text.data(), static_cast<size_t>(end - text.data())});
}

template <typename Number>
bool read(const Header& header, std::string_view name, Number& number) {
  if (header.name != name || !header.value) return false;
  const char* end = header.value->data() + header.value->size();
  const auto [at, error] = std::from_chars(header.value->data(), end, number);
  return error == std::errc() && at == end;
}

}  // namespace

Output forward(const Record& record, Partition home, Arena& bytes) {
  Output out;
  out.topic = TopicRole::kRepartition;
  out.partition = home;
  if (!MUSTER_PLANTED(kForwardedTimeLost)) out.timestamp = record.time;
  out.cause = Cause{record.partition, record.offset};
  if (record.key) out.key = bytes.copy(*record.key);
  if (record.value) out.value = bytes.copy(*record.value);
  record.headers.read(out.headers);
  for (Header& header : out.headers) {
    header.name = bytes.copy(header.name);
    if (header.value) header.value = bytes.copy(*header.value);
  }
  out.headers.push_back({kTopic, bytes.copy(record.topic)});
  out.headers.push_back({kPartition, decimal(raw(record.partition), bytes)});
  out.headers.push_back({kOffset, decimal(raw(record.offset), bytes)});
  out.headers.push_back({kTimestamp, std::nullopt});
  if (record.timestamp) out.headers.back().value = decimal(to_ms(*record.timestamp), bytes);
  return out;
}

void strip_origin(std::vector<Header>& headers) { headers.resize(headers.size() - kOriginHeaders); }

bool restore(Record& record, std::vector<Header>& headers) {
  record.headers.read(headers);
  if (headers.size() < kOriginHeaders) return false;
  const Header* origin = &headers[headers.size() - kOriginHeaders];
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp = 0;
  if (origin[0].name != kTopic || !origin[0].value || !read(origin[1], kPartition, partition) ||
      !read(origin[2], kOffset, offset) || origin[3].name != kTimestamp) {
    return false;
  }
  if (origin[3].value && !read(origin[3], kTimestamp, timestamp)) return false;
  record.topic = *origin[0].value;
  record.partition = Partition{partition};
  record.offset = Offset{offset};
  record.timestamp.reset();
  if (origin[3].value) record.timestamp = time_from_ms(timestamp);
  strip_origin(headers);
  record.headers = LazyHeaders(headers);
  return true;
}

}  // namespace muster::core

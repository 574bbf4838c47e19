#include "collector/early.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"

namespace muster::collector {
namespace {

void write(base::ByteWriter& writer, const std::optional<std::string_view>& text) {
  writer.u8(text ? 1 : 0);
  if (text) writer.string(*text);
}

std::optional<std::string_view> read_text(base::ByteReader& reader) {
  if (reader.u8() == 0) return std::nullopt;
  return reader.string();
}

std::string bytes_of(const core::Record& record) {
  std::string bytes;
  base::ByteWriter writer(bytes);
  std::vector<core::Header> headers;
  record.headers.read(headers);
  writer.string(record.topic);
  writer.zigzag(raw(record.partition));
  writer.zigzag(raw(record.offset));
  writer.u8(record.timestamp ? 1 : 0);
  if (record.timestamp) writer.zigzag(core::to_ms(*record.timestamp));
  writer.zigzag(core::to_ms(record.time));
  write(writer, record.key);
  write(writer, record.value);
  writer.varint(headers.size());
  for (const core::Header& header : headers) {
    writer.string(header.name);
    write(writer, header.value);
  }
  bytes.shrink_to_fit();
  return bytes;
}

}  // namespace

bool KeptRecord::read(std::string_view bytes) {
  base::ByteReader reader(bytes);
  record_ = {};
  record_.topic = reader.string();
  const int64_t partition = reader.zigzag();
  if (!std::in_range<int32_t>(partition)) return false;
  record_.partition = core::Partition{static_cast<int32_t>(partition)};
  record_.offset = core::Offset{reader.zigzag()};
  if (reader.u8() != 0) record_.timestamp = core::time_from_ms(reader.zigzag());
  record_.time = core::time_from_ms(reader.zigzag());
  record_.key = read_text(reader);
  record_.value = read_text(reader);
  headers_.clear();
  for (size_t left = reader.count(2); left > 0; --left) {
    const std::string_view name = reader.string();
    headers_.push_back({name, read_text(reader)});
  }
  record_.headers = core::LazyHeaders(headers_);
  return reader.at_end();
}

bool EarlyGroup::keep(const core::Record& record, core::Time expires, size_t count_max) {
  std::string bytes = bytes_of(record);
  const bool fits = kept_.size() < count_max && bytes_ + bytes.size() <= kEarlyBytesMax;
  if (!fits && !kept_.empty()) return false;
  bytes_ += bytes.size();
  earliest_ = std::min(earliest_, expires);
  kept_.push_back({expires, std::move(bytes)});
  orphan_since_ = {};
  return true;
}

std::vector<EarlyGroup::Kept> EarlyGroup::take_expired(core::Time now) {
  const auto first = std::stable_partition(kept_.begin(), kept_.end(),
                                           [now](const Kept& kept) { return kept.expires > now; });
  std::vector<Kept> expired(std::make_move_iterator(first), std::make_move_iterator(kept_.end()));
  kept_.erase(first, kept_.end());
  for (const Kept& kept : expired) bytes_ -= kept.bytes.size();
  earliest_ = core::Time::max();
  for (const Kept& kept : kept_) earliest_ = std::min(earliest_, kept.expires);
  if (kept_.empty()) orphan_since_ = now;
  return expired;
}

void EarlyGroup::save(base::ByteWriter& writer) const {
  writer.zigzag(core::to_ms(orphan_since_));
  writer.varint(kept_.size());
  for (const Kept& kept : kept_) {
    writer.zigzag(core::to_ms(kept.expires));
    writer.string(kept.bytes);
  }
}

bool EarlyGroup::load(base::ByteReader& reader) {
  CHECK(kept_.empty());
  orphan_since_ = core::time_from_ms(reader.zigzag());
  for (size_t left = reader.count(2); left > 0; --left) {
    const core::Time expires = core::time_from_ms(reader.zigzag());
    kept_.push_back({expires, std::string(reader.string())});
    bytes_ += kept_.back().bytes.size();
    earliest_ = std::min(earliest_, expires);
  }
  return reader.ok();
}

}  // namespace muster::collector

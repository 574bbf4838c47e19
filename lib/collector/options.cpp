#include "collector/options.h"

#include <initializer_list>
#include <utility>

#include <simdjson.h>

#include "base/bytes.h"

namespace muster::collector {
namespace {

constexpr uint8_t kVersion = 1;

// A value that does not fit stays invalid instead of being cut to one that does.
uint32_t saturated(uint64_t value) {
  return value > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(value);
}

}  // namespace

bool valid(const Options& options) {
  for (const core::Duration ttl : {options.early_ttl, options.closed_ttl, options.max_ttl}) {
    if (ttl < core::Duration::zero() || ttl > kDurationMax) return false;
  }
  return options.max_expected <= kExpectedMax && options.max_message_bytes <= kBytesMax &&
         options.output_bytes_max <= kBytesMax &&
         simdjson::validate_utf8(options.sender.data(), options.sender.size());
}

std::string encode(const Options& options) {
  std::string out;
  base::ByteWriter writer(out);
  writer.u8(kVersion);
  writer.zigzag(options.early_ttl.count());
  writer.zigzag(options.closed_ttl.count());
  writer.zigzag(options.max_ttl.count());
  writer.varint(options.max_expected);
  writer.varint(options.max_message_bytes);
  writer.varint(options.output_bytes_max);
  writer.string(options.sender);
  return out;
}

bool decode(std::string_view bytes, Options& options) {
  base::ByteReader reader(bytes);
  if (reader.u8() != kVersion) return false;
  Options read;
  read.early_ttl = core::Duration{reader.zigzag()};
  read.closed_ttl = core::Duration{reader.zigzag()};
  read.max_ttl = core::Duration{reader.zigzag()};
  read.max_expected = saturated(reader.varint());
  read.max_message_bytes = saturated(reader.varint());
  read.output_bytes_max = saturated(reader.varint());
  read.sender = reader.string();
  if (!reader.at_end() || !valid(read)) return false;
  options = std::move(read);
  return true;
}

}  // namespace muster::collector

// The options that decide outcomes: an input like any other, journaled and restored by replay.
// Changing one of them never changes what was already decided. Plain data; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/types.h"

namespace muster::collector {

constexpr core::Duration kDurationMax = std::chrono::years(100);
constexpr uint32_t kBytesMax = uint32_t{1} << 30;  // of a record; a group's offsets have 31 bits
constexpr uint32_t kExpectedMax = 10'000'000;

struct Options {
  core::Duration early_ttl = std::chrono::seconds(30);
  core::Duration closed_ttl = std::chrono::minutes(5);
  core::Duration max_ttl = std::chrono::days(7);
  uint32_t max_expected = 10'000;
  uint32_t max_message_bytes = 1'048'588;  // of one value of the input; Kafka's default
  uint32_t output_bytes_max = 1'000'000;   // of the output topic's limit, framing included
  std::string sender;                      // empty: outcomes have none

  bool operator==(const Options&) const = default;
};

// Within the limits above, and the sender is UTF-8.
[[nodiscard]] bool valid(const Options& options);

std::string encode(const Options& options);
// False, and `options` as they were: not options of this version, or not valid ones.
[[nodiscard]] bool decode(std::string_view bytes, Options& options);

}  // namespace muster::collector

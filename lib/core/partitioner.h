// Where a key lives: the partition that producers of the common clients choose for it. Both
// partitioners are facts of the field: murmur2 as in Java's client (its default), crc32 as in
// librdkafka ("consistent").
#pragma once

#include "core/types.h"

#include <string_view>

namespace muster::core {

enum class Partitioner : uint8_t { kMurmur2, kCrc32 };

// Which partition is home to an id. It decides, so it is journaled.
struct Routing {
  Partitioner partitioner = Partitioner::kMurmur2;
  int32_t partitions = 1;  // of the input

  bool operator==(const Routing&) const = default;
};

Partition home_of(std::string_view key, const Routing& routing);

}  // namespace muster::core

#include "core/partitioner.h"

#include <boost/crc.hpp>

#include <cstring>

namespace muster::core {
namespace {

// MurmurHash 2 (Austin Appleby) with the seed of Kafka's Java client.
uint32_t murmur2(std::string_view key) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  constexpr int kShift = 24;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(key.size());
  size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    uint32_t k = 0;
    std::memcpy(&k, key.data() + at, 4);  // little endian, as all that we run on
    k *= kMultiplier;
    k ^= k >> kShift;
    k *= kMultiplier;
    hash *= kMultiplier;
    hash ^= k;
  }
  const auto byte = [&](size_t i) { return uint32_t{static_cast<unsigned char>(key[at + i])}; };
  const size_t left = key.size() - at;
  if (left >= 3) hash ^= byte(2) << 16;
  if (left >= 2) hash ^= byte(1) << 8;
  if (left >= 1) {
    hash ^= byte(0);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return hash;
}

uint32_t crc32(std::string_view key) {
  boost::crc_32_type crc;
  crc.process_bytes(key.data(), key.size());
  return crc.checksum();
}

}  // namespace

Partition home_of(std::string_view key, const Routing& routing) {
  const auto partitions = static_cast<uint32_t>(routing.partitions);
  if (routing.partitioner == Partitioner::kCrc32)
    return Partition{static_cast<int32_t>(crc32(key) % partitions)};
  return Partition{static_cast<int32_t>((murmur2(key) & 0x7fffffff) % partitions)};
}

}  // namespace muster::core

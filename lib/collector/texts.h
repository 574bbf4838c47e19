// Texts with their length in front, and whole numbers, as they lie in a group's block of memory:
// trusted bytes, so nothing is checked. Written as base::ByteWriter does. Stateless.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace muster::collector {

inline uint32_t varint_bytes(uint64_t value) {
  return static_cast<uint32_t>((std::bit_width(value | 1) + 6) / 7);
}

inline uint32_t text_bytes(std::string_view text) {
  return varint_bytes(text.size()) + static_cast<uint32_t>(text.size());
}

// Returns the place behind it.
inline char* write_varint(char* at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

// These move `at` behind it.
inline uint64_t read_varint(const char*& at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

inline std::string_view read_text(const char*& at) {
  const size_t size = read_varint(at);
  const std::string_view text(at, size);
  at += size;
  return text;
}

}  // namespace muster::collector

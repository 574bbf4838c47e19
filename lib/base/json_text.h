// Strings of JSON: where one has a byte that is not plain, and how one is written. Stateless; any thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace muster::base {

static_assert(std::endian::native == std::endian::little,
              "find_json_special counts from the low end");

// What a string cannot hold as it is: quote, backslash, below space.
inline bool is_json_special(char byte) {
  return byte == '"' || byte == '\\' || static_cast<unsigned char>(byte) < 0x20;
}

// The first special byte at or behind `at`, or `end`. Sixteen bytes at a time, in the vectors that g++
// and clang have for every processor.
inline const char* find_json_special(const char* at, const char* end) {
  using Bytes [[gnu::vector_size(16)]] = unsigned char;
  while (end - at >= 16) {
    Bytes bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    const auto special = (bytes == '"') | (bytes == '\\') | (bytes < 0x20);  // all bits of a byte
    std::array<uint64_t, 2> halves;
    std::memcpy(halves.data(), &special, sizeof halves);
    if (halves[0] != 0) return at + (std::countr_zero(halves[0]) >> 3);
    if (halves[1] != 0) return at + 8 + (std::countr_zero(halves[1]) >> 3);
    at += 16;
  }
  while (at < end && !is_json_special(*at)) ++at;
  return at;
}

// Appends a JSON string with its quotes: shortest escapes, only where the grammar asks for one. `text`
// is UTF-8.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

}  // namespace muster::base

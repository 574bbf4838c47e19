// A hash index over names that lie elsewhere under numbers 0, 1, 2 …: a table of numbers, open
// addressing, at most half full. It makes finding one of 10,000 expected ids as cheap as one of
// three; below kNamesIndexedFrom names comparing them in turn is cheaper and costs no memory.
// Stateless; any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"

namespace muster::collector {

constexpr uint32_t kNamesIndexedFrom = 17;

// How many entries a table for `count` names has. They begin as 0.
constexpr uint32_t name_index_size(uint32_t count) {
  return count < kNamesIndexedFrom ? 0 : std::bit_ceil(2 * count);
}

// The place in the table where `name` is, or the free one where it would be put. `name_of(number)`
// gives a name that is in the table.
template <typename NameOf>
size_t name_index_place(std::span<const uint32_t> table, std::string_view name,
                        const NameOf& name_of) {
  const size_t mask = table.size() - 1;
  size_t at = base::hash64(name) & mask;
  while (table[at] != 0 && name_of(table[at] - 1) != name) at = (at + 1) & mask;
  return at;
}

// False if the name is there already.
template <typename NameOf>
[[nodiscard]] bool name_index_add(std::span<uint32_t> table, std::string_view name, uint32_t number,
                                  const NameOf& name_of) {
  CHECK(number < table.size() / 2);
  uint32_t& place = table[name_index_place(table, name, name_of)];
  if (place != 0) return false;
  place = number + 1;
  return true;
}

}  // namespace muster::collector

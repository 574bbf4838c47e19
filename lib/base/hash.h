// A 64-bit hash that is the same on every machine and in every version, for what is written down
// (Austin Appleby's MurmurHash64A, public domain algorithm). Not against an attacker.
#pragma once

#include <cstdint>
#include <string_view>

namespace muster::base {

[[nodiscard]] uint64_t hash64(std::string_view bytes, uint64_t seed = 0);

}  // namespace muster::base

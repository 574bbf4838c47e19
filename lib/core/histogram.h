// How long things took, counted by length: fixed bounds from a millisecond to hours, so that
// histograms of several shards and processes can be added. A metric, not state. A plain value.
#pragma once

#include "core/types.h"

#include <array>
#include <cstdint>

namespace muster::core {

struct Histogram {
  static constexpr std::array<int64_t, 17> kBoundsMs = {
      1,     5,      10,     25,     50,      100,     250,       500,       1'000,
      2'500, 10'000, 30'000, 60'000, 300'000, 900'000, 3'600'000, 21'600'000};

  // By the first bound that is not below; the last is for what is above all.
  std::array<uint64_t, kBoundsMs.size() + 1> counts{};
  int64_t sum_ms = 0;

  void add(Duration length) {
    const int64_t ms = length.count() < 0 ? 0 : length.count();
    size_t i = 0;
    while (i < kBoundsMs.size() && ms > kBoundsMs[i]) ++i;
    ++counts[i];
    sum_ms += ms;
  }
  void add(const Histogram& other) {
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_ms += other.sum_ms;
  }

  bool operator==(const Histogram&) const = default;
};

}  // namespace muster::core

// Which dead letters of one partition somebody has dealt with: sent back, or dropped. Ranges of
// offsets, written down as text, in the transaction that deals with them:
//
//   handled1 0+12 20+3        offsets 0 to 11, and 20 to 22
//
// Offsets that hold no record (markers of transactions) belong to the record before them. Plain
// data; one thread.
#pragma once

#include "core/types.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace muster::command {

class Handled {
 public:
  // What can be written down at most: a record of Kafka's usual size.
  static constexpr size_t kBytesMax = 900'000;

  [[nodiscard]] static std::optional<Handled> decode(std::string_view text);
  std::string encode() const;

  bool contains(core::Offset offset) const;
  // [from, to)
  void add(core::Offset from, core::Offset to);
  // Everything below is.
  core::Offset position() const;
  size_t ranges() const { return ranges_.size(); }

  bool operator==(const Handled&) const = default;

 private:
  std::map<int64_t, int64_t> ranges_;  // begin -> end, apart from each other
};

}  // namespace muster::command

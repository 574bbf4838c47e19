#include "runtime/memory_limit.h"

#include <algorithm>

namespace muster::runtime {
namespace {

constexpr size_t kNearPercent = 85;
constexpr size_t kOpenAgainPercent = 80;
constexpr core::Duration kSayInterval = std::chrono::minutes(1);
// With fewer a batch would cost more than it does.
constexpr size_t kRoomMin = 64;
constexpr size_t kBytesPerRecordMin = 1024;

std::string mebibytes(size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::string seconds(core::Duration duration) {
  return std::to_string(duration.count() / 1000) + " s";
}

size_t percent(size_t bytes, size_t percent) { return bytes / 100 * percent; }

}  // namespace

std::optional<std::string> MemoryLimit::note(const Held& held, core::Time wall) {
  if (held.records > last_.records && held.bytes > last_.bytes) {
    const size_t grown = (held.bytes - last_.bytes) / (held.records - last_.records);
    // A large record is remembered for a while: others may follow it.
    bytes_per_record_ = std::max({grown, bytes_per_record_ / 8 * 7, kBytesPerRecordMin});
  }
  last_ = held;
  total_ = options_.fixed_bytes + held.logs * options_.read_ahead_bytes_max + held.bytes;
  const core::Gate before = gate_;
  const bool was_open = gate_ == core::Gate::kOpen;
  const size_t near = percent(options_.bytes, was_open ? kNearPercent : kOpenAgainPercent);
  gate_ = core::Gate::kOpen;
  if (total_ >= near) gate_ = core::Gate::kKnownIds;
  if (total_ >= options_.bytes) gate_ = core::Gate::kNoIds;
  return say(before, wall);
}

std::optional<std::string> MemoryLimit::say(core::Gate before, core::Time wall) {
  const bool was_open = before == core::Gate::kOpen;
  const bool is_open = gate_ == core::Gate::kOpen;
  if (was_open && is_open) return std::nullopt;
  if (!was_open && !is_open && wall - said_ < kSayInterval) return std::nullopt;
  const std::string held =
      "memory: " + mebibytes(total_) + " are held, of the limit of " + mebibytes(options_.bytes);
  if (is_open) return held + ": new groups are read again, after " + seconds(wall - since_);
  if (was_open) {
    since_ = wall;
    said_ = wall;
    return held +
           ": events of new groups, and all behind them, wait in their topic; a group's "
           "timeout waits until they are read";
  }
  said_ = wall;
  return held + ": events of new groups have been waiting for " + seconds(wall - since_);
}

size_t MemoryLimit::room() const {
  const size_t near = percent(options_.bytes, kNearPercent);
  const size_t bytes = near - std::min(near, total_);
  return std::max(bytes / bytes_per_record_, kRoomMin);
}

}  // namespace muster::runtime

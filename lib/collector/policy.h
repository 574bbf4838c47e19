// When a group is over, by what its entities have said so far. Stateless; any thread.
//
//   fail-fast     the first error fails it; all results: Success
//   all-settled   waits for all; then Failure if any has failed
//   quorum k      k results: Success; k out of reach: Failure `unreachable`
//   tolerate n    up to n errors; one more fails it
#pragma once

#include <cstdint>
#include <optional>

namespace muster::collector {

struct Policy {
  enum class Kind : uint8_t { kFailFast, kAllSettled, kQuorum, kTolerate };

  Kind kind = Kind::kFailFast;
  uint32_t count = 0;  // k or n

  // Its Success says what is missing and what has failed, too.
  bool partial() const { return kind == Kind::kQuorum || kind == Kind::kTolerate; }

  bool operator==(const Policy&) const = default;
};

struct Tally {
  uint32_t missing = 0;
  uint32_t failed = 0;
  uint32_t results = 0;
};

enum class Verdict : uint8_t { kOpen, kSuccess, kError, kUnreachable };

constexpr Verdict judge(const Policy& policy, const Tally& tally) {
  const Verdict settled = tally.missing == 0 ? Verdict::kSuccess : Verdict::kOpen;
  switch (policy.kind) {
    case Policy::Kind::kFailFast:
      return tally.failed > 0 ? Verdict::kError : settled;
    case Policy::Kind::kAllSettled:
      return tally.missing == 0 && tally.failed > 0 ? Verdict::kError : settled;
    case Policy::Kind::kQuorum:
      if (tally.results >= policy.count) return Verdict::kSuccess;
      return tally.results + tally.missing < policy.count ? Verdict::kUnreachable : Verdict::kOpen;
    case Policy::Kind::kTolerate:
      return tally.failed > policy.count ? Verdict::kError : settled;
  }
  __builtin_unreachable();
}

}  // namespace muster::collector

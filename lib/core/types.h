// The numbers of the core, each with a type of its own so that they cannot be mixed up, and time: a
// point is `Time` (wall clock, UTC, milliseconds since 1970), a length is `Duration`.
#pragma once

#include <chrono>
#include <cstdint>

namespace muster::core {

using Duration = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Duration>;

enum class Partition : int32_t {};
enum class Offset : int64_t {};
// The n-th committed batch of a shard's epoch, from 1.
enum class BatchNumber : uint64_t {};
// 64 random bits, drawn when a shard starts from nothing; (epoch, batch number) names exactly one
// state.
enum class Epoch : uint64_t {};
// A processor's own small index of a living id, reused after the id was forgotten. It is an
// accident of history and differs between a run and its replay: nothing that is visible outside may
// depend on it.
enum class Slot : uint32_t {};

constexpr int32_t raw(Partition value) { return static_cast<int32_t>(value); }
constexpr int64_t raw(Offset value) { return static_cast<int64_t>(value); }
constexpr uint64_t raw(BatchNumber value) { return static_cast<uint64_t>(value); }
constexpr uint64_t raw(Epoch value) { return static_cast<uint64_t>(value); }
constexpr uint32_t raw(Slot value) { return static_cast<uint32_t>(value); }

constexpr Offset after(Offset offset) { return Offset{raw(offset) + 1}; }
constexpr BatchNumber after(BatchNumber n) { return BatchNumber{raw(n) + 1}; }

constexpr Time time_from_ms(int64_t ms) { return Time{Duration{ms}}; }
constexpr int64_t to_ms(Time time) { return time.time_since_epoch().count(); }

}  // namespace muster::core

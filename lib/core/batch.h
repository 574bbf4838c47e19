// What one transaction puts out: the outputs, journal entries and offsets of all shards that took
// part, in order, and the bytes they point into. Filled on the worker's thread, then handed whole
// to the commit thread, then cleared and used again.
#pragma once

#include "core/arena.h"
#include "core/effects.h"
#include "core/types.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::core {

struct Cause {
  Partition partition{};
  Offset offset{};

  bool operator==(const Cause&) const = default;
};

struct Output {
  TopicRole topic = TopicRole::kOutput;
  std::string_view topic_name;         // of kNamed
  std::optional<Partition> partition;  // absent: the home of the key
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::optional<Time> timestamp;  // absent: the time of sending
  std::vector<Header> headers;
  // The record that it comes of; absent for timers and for what is the core's own.
  std::optional<Cause> cause;
  // What the broker has refused before (runtime/refusals.h). Outputs of one group, if it is not 0,
  // are sent apart from all others, so that a refusal concerns nobody else.
  uint32_t group = 0;
  bool dropped = false;  // not to be sent at all
  std::optional<uint64_t> replaces;

  bool operator==(const Output&) const = default;
};

// The next offset of an input log and what is committed beside it.
struct OffsetCommit {
  size_t log = 0;  // which of the shard's input logs
  Partition partition{};
  Offset next{};
  std::string metadata;

  bool operator==(const OffsetCommit&) const = default;
};

// A shard's part of the batch, for the time when the commit is known.
struct ShardCommit {
  Partition partition{};
  BatchNumber n{};
  size_t journal_output = 0;  // index of its entry among the outputs
};

// A dead letter of the batch, for the log.
struct DeadLetterNote {
  std::string_view code;
  std::string_view message;
  std::string_view topic;
  Partition partition{};
  Offset offset{};
};

struct Batch {
  Arena bytes;
  Effects effects{bytes};
  std::vector<Output> outputs;
  std::vector<OffsetCommit> offsets;
  std::vector<ShardCommit> shards;
  std::vector<DeadLetterNote> dead_letters;
  std::vector<Time> fired;  // when the timers were due that fired in it
  size_t records = 0;       // records that were applied
  bool to_input = false;    // some outputs go to the input itself
  bool forwarded = false;   // some are records on their way home

  Batch() = default;
  Batch(const Batch&) = delete;  // effects point into bytes
  Batch& operator=(const Batch&) = delete;

  void clear() {
    outputs.clear();
    offsets.clear();
    shards.clear();
    dead_letters.clear();
    fired.clear();
    effects.clear_list();
    effects.take_counters();
    effects.take_durations();
    bytes.clear();
    records = 0;
    to_input = false;
    forwarded = false;
  }
};

}  // namespace muster::core

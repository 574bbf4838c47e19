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

struct Output {
  TopicRole topic = TopicRole::kOutput;
  std::optional<Partition> partition;  // absent: the home of the key
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::optional<Time> timestamp;  // absent: the time of sending
  std::vector<Header> headers;

  bool operator==(const Output&) const = default;
};

// The next offset of an input log and what is committed beside it.
struct OffsetCommit {
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
  size_t records = 0;  // records that were applied

  Batch() = default;
  Batch(const Batch&) = delete;  // effects point into bytes
  Batch& operator=(const Batch&) = delete;

  void clear() {
    outputs.clear();
    offsets.clear();
    shards.clear();
    dead_letters.clear();
    effects.clear_list();
    effects.take_counters();
    bytes.clear();
    records = 0;
  }
};

}  // namespace muster::core

// One committed batch of a shard, as the journal keeps it: "at `clock`, under these options, I
// applied these replies, then these records with the wall clock at `ceiling`, then the clock went
// to `tick`; then these ids were forgotten, and these were written down whole". Applied to the
// state before it, it gives the state after it, exactly. One per batch and shard, in the
// transaction of the batch.
//
// Encoding: 'J', version 1, then the fields in the order below (base/bytes.h). Decoded views point
// into the bytes.
#pragma once

#include "base/result.h"
#include "core/partitioner.h"
#include "core/types.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::core {

// Records of one input log: [from, to), in offsets; gaps (markers, aborted records) are part of it.
struct LogRange {
  Offset from{};
  Offset to{};

  bool operator==(const LogRange&) const = default;
};

// An id's whole state, valid at the end of the batch.
struct Carried {
  std::string_view key;
  std::string_view state;

  bool operator==(const Carried&) const = default;
};

struct JournalEntry {
  Epoch epoch{};
  BatchNumber n{};
  BatchNumber origin{};  // the oldest batch that an id living at this batch's end still needs
  Time clock{};          // before the batch
  std::string_view options;
  std::optional<Routing> routing;  // absent: one input log, all of whose records are at home
  std::vector<std::string_view> replies;
  std::vector<LogRange> ranges;  // one per input log
  Time ceiling{};
  std::optional<Time> tick;
  std::vector<std::string_view> forgets;
  std::vector<Carried> carried;

  bool operator==(const JournalEntry&) const = default;
};

void encode(const JournalEntry& entry, std::string& out);
[[nodiscard]] base::Result<JournalEntry> decode_journal_entry(std::string_view bytes);

}  // namespace muster::core

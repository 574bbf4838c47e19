// A checkpoint of a shard: all its living ids as they were at the end of one batch, outside of Kafka,
// so that recovery needs only the batches after it. It can be lost at no loss. What it consists of,
// in the words of the store (lib/redis):
//
//   head      where the shard stood, and what the rest has to be: what does not match it is void
//   entries   name -> state, for ids that change: the open ones
//   closed    number -> many ids at once that only wait to be forgotten, and names that left since
//
// A checkpoint is written in parts, each atomically and each with a head of its own. All but the
// last head say that it is unfinished. Formats carry a version and a checksum; whatever cannot be
// read makes the checkpoint void, never the shard. Decoded views point into the bytes.
#pragma once

#include "core/arena.h"
#include "core/journal_entry.h"
#include "core/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::core {

// ASCII, one line, to be read by people as well:
//
//   muster1 <epoch> n=<n> part=<part> finished=<0|1> writer=<hex> clock=<ms> next=<o>[,<o>]
//     journal=<o> needed=<journal o>,<repartition o> entries=<count> sum=<hex> closed=<n>,… check=<hex>
struct CheckpointHead {
  Epoch epoch{};
  BatchNumber n{};
  uint32_t part = 0;      // from 0
  bool finished = false;  // it is the last part
  uint64_t writer = 0;    // random, one per recovery: no two processes write the same head
  Time clock{};
  std::vector<Offset> next;  // per input log, behind the batch
  Offset journal{};          // of the batch's entry
  // Of the internal logs, should the checkpoint be lost: as the metadata of batch n says.
  Offset needed_journal{};
  Offset needed_repartition{};
  uint64_t entries = 0;          // how many there are
  uint64_t entries_sum = 0;      // of their checksums
  std::vector<uint64_t> closed;  // numbers, in the order in which they are to be read

  bool operator==(const CheckpointHead&) const = default;
};

std::string encode(const CheckpointHead& head);
[[nodiscard]] std::optional<CheckpointHead> decode_checkpoint_head(std::string_view text);

// An id's state and the oldest batch that it needs if the checkpoint is lost.
struct CheckpointEntry {
  std::string_view key;
  BatchNumber since{};
  std::string_view state;

  bool operator==(const CheckpointEntry&) const = default;
};

// The value of an entry; its key is the name. Returns its checksum.
uint32_t encode(const CheckpointEntry& entry, std::string& out);
// Also gives the checksum.
struct DecodedEntry {
  CheckpointEntry entry;
  uint32_t checksum = 0;
};
[[nodiscard]] std::optional<DecodedEntry> decode_checkpoint_entry(std::string_view key,
                                                                  std::string_view value);

// Names that are not among the closed ids of earlier numbers any more, and then ids that are written
// together.
struct ClosedIds {
  std::vector<std::string_view> left;
  std::vector<CheckpointEntry> ids;

  bool operator==(const ClosedIds&) const = default;
};
void encode(const ClosedIds& closed, std::string& out);
[[nodiscard]] std::optional<ClosedIds> decode_closed_ids(std::string_view bytes);

// What is to be written at once, or not at all.
struct CheckpointPart {
  Partition partition{};
  // The heads of which one must be there, else nothing is written. A part without any deletes
  // whatever there is first, unless that is a head of the same epoch with a later batch.
  std::vector<std::string> builds_on;
  std::string head;
  Epoch epoch{};
  BatchNumber n{};

  std::vector<std::string_view> entries_left;  // names; before `entries`
  std::vector<Carried> entries;                // name and encoded value
  std::vector<uint64_t> closed_left;           // numbers; before `closed`
  std::optional<uint64_t> closed_number;
  std::string closed;

  Arena bytes;  // what the views point into

  CheckpointPart() = default;
  CheckpointPart(const CheckpointPart&) = delete;
  CheckpointPart& operator=(const CheckpointPart&) = delete;
};

}  // namespace muster::core

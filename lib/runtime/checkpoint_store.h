// Where checkpoints lie outside of Kafka (lib/redis; the simulator has its own). It may be slow, gone,
// or hold anything: nothing here is needed for the truth. Called on the worker's thread, never blocks.
#pragma once

#include "core/checkpoint.h"
#include "core/types.h"

#include <memory>
#include <string>
#include <vector>

namespace muster::runtime {

enum class StoreResult {
  kDone,
  kOtherHead,  // nothing was written: a head is there that the part does not build on, or none
  kNewerHead,  // nothing was written: a later batch of the same epoch is there already
  kNotSent,    // nothing was written: the store cannot be reached, or refused it
  kUnknown,    // it was sent, and no answer came: written or not
};

// The answer to store().
struct CheckpointStored {
  uint64_t request = 0;
  StoreResult result = StoreResult::kNotSent;
  std::string message;  // of a failure, for people
};

// A piece of a checkpoint that is read.
struct CheckpointPage {
  enum class Kind {
    kHead,     // the first; no head: there is no checkpoint, and nothing follows
    kClosed,   // in the order of the head's list; one that is missing is left out
    kEntries,  // in any order, some perhaps twice
    kEnd,      // the head was the same at the end: what was read belongs together
    kChanged,  // somebody has written in between: what was read is void
    kFailed,   // the store cannot be reached, or refuses
  };
  Kind kind = Kind::kFailed;
  std::string head;
  uint64_t closed_number = 0;
  std::string closed;
  std::vector<core::Carried> entries;  // names and encoded values; they point into `bytes`
  core::Arena bytes;
  std::string message;  // of kFailed
};

// At most so many entries in a page: what the worker loads at a time.
constexpr size_t kPageEntriesMax = 4'000;

class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;
  // Writes the part whole or not at all, and answers CheckpointStored; it stays untouched until then.
  virtual void store(uint64_t request, const core::CheckpointPart& part) = 0;
  // Begins to read the partition's checkpoint anew. Pages are read ahead, a few; they end with kEnd,
  // kChanged, kFailed, or a kHead without a head.
  virtual void load(core::Partition partition) = 0;
  // The next page, if it is there. When there is one, the loop is woken.
  virtual std::unique_ptr<CheckpointPage> fetch(core::Partition partition) = 0;
  // No more pages are wanted.
  virtual void stop(core::Partition partition) = 0;
};

}  // namespace muster::runtime

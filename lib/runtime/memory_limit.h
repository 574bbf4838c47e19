// How much a worker may hold in memory, and what it takes near that: arithmetic only. What is held
// is counted, not measured: freed memory may stay with the allocator for long, and a measured limit
// would then never be left again.
//
//   open  ──85 %──>  known ids only  ──100 %──>  no ids
//    ^                  │       ^                  │
//    └─────80 %─────────┘       └──────100 %───────┘
//
// What is open goes on as long as it can, because that is what frees memory: the rest of the limit is
// for what open groups still hear of. Records lie in their logs in one order, so the first that may not
// be taken holds back all behind it.
#pragma once

#include "core/shard.h"
#include "core/types.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace muster::runtime {

class MemoryLimit {
 public:
  struct Options {
    size_t bytes = 0;                 // all that the worker may hold
    size_t fixed_bytes = 0;           // clients and buffers: held whatever is open
    size_t read_ahead_bytes_max = 0;  // of each log that is read
  };

  explicit MemoryLimit(const Options& options) : options_(options) {}

  struct Held {
    size_t bytes = 0;      // by shards and batches
    size_t logs = 0;       // that are read
    uint64_t records = 0;  // that were taken so far, by which the next ones are estimated
  };
  // To be told before records are taken. What is to be said about it, if anything.
  std::optional<std::string> note(const Held& held, core::Time wall);
  core::Gate gate() const { return gate_; }
  // So many records may be taken until it is told again.
  size_t room() const;

 private:
  std::optional<std::string> say(core::Gate before, core::Time wall);

  Options options_;
  size_t total_ = 0;
  Held last_;
  size_t bytes_per_record_ = 1024;  // by which they make what is held grow; never too few for long
  core::Gate gate_ = core::Gate::kOpen;
  core::Time since_{};
  core::Time said_{};
};

}  // namespace muster::runtime

// Where a shard begins, decided from what Kafka says about it. Pure.
//
//   committed offset   metadata   journal
//   yes                ours       from the metadata's journal offset: replay up to its batch, then go on
//   yes                none       an operator's reset or another program's commits: nothing, at that offset
//   none               -          has entries: its last one says where (scan it first)
//   none               -          empty: the first start, from the earliest record
#pragma once

#include "core/commit_metadata.h"
#include "runtime/ports.h"

#include <variant>

namespace muster::runtime {

// From nothing, under a new epoch.
struct StartFresh {
  core::Offset input{};

  bool operator==(const StartFresh&) const = default;
};
// Replay batches origin..n of the epoch, then go on at `input`.
struct StartFromJournal {
  core::Epoch epoch{};
  core::BatchNumber origin{};
  core::BatchNumber n{};
  core::Offset journal{};  // of the origin's entry, or before it
  core::Offset input{};

  bool operator==(const StartFromJournal&) const = default;
};
// The journal's last entry is to be found first.
struct StartByScan {
  bool operator==(const StartByScan&) const = default;
};
using StartPlan = std::variant<StartFresh, StartFromJournal, StartByScan>;

StartPlan plan_start(const Location& location);

}  // namespace muster::runtime

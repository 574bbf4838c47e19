// Where a shard begins, decided from what Kafka says about it. Pure.
//
//   committed offset   metadata   journal
//   yes                ours       from the metadata's journal offset: replay up to its batch
//   yes                none       an operator's reset or another program's commits: nothing,
//                                 at that offset
//   none               -          has entries: its last one says where (scan it first)
//   none               -          empty: the first start, from the earliest record
//
// A committed offset that the log does not hold any more, or not yet (the topic was made anew), is
// a loss: the caller says so and stops, or goes on from what there is if it was told to.
#pragma once

#include "core/commit_metadata.h"
#include "runtime/ports.h"

#include <string>
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

// What is lost if a shard goes on at `input`; empty: nothing.
std::string loss_at(const Location& location, core::Offset input);
// The nearest offset to go on from without that loss.
core::Offset nearest_kept(const Location& location, core::Offset input);

}  // namespace muster::runtime

// Where a shard begins, decided from what Kafka says about it. Pure.
//
//   committed offsets      metadata       journal
//   of all its logs        the same,      from the metadata's journal offset: replay up to its
//                          and ours       batch
//   of some, or of all     none, or not   an operator's reset or another program's commits:
//                          the same       nothing, at those offsets; a log without one: earliest
//   none                   -              has entries: its last one says where (scan it first)
//   none                   -              empty: the first start, from the earliest records
//
// A committed offset that the log does not hold any more, or not yet (the topic was made anew), is
// a loss: the caller says so and stops, or goes on from what there is if it was told to.
#pragma once

#include "core/commit_metadata.h"
#include "runtime/ports.h"

#include <string>
#include <variant>
#include <vector>

namespace muster::runtime {

using Offsets = std::vector<core::Offset>;  // one per input log

// From nothing, under a new epoch.
struct StartFresh {
  Offsets inputs;

  bool operator==(const StartFresh&) const = default;
};
// Replay batches origin..n of the epoch, then go on at `inputs`.
struct StartFromJournal {
  core::Epoch epoch{};
  core::BatchNumber origin{};
  core::BatchNumber n{};
  core::Offset journal{};  // of the origin's entry, or before it
  Offsets inputs;

  bool operator==(const StartFromJournal&) const = default;
};
// The journal's last entry is to be found first.
struct StartByScan {
  bool operator==(const StartByScan&) const = default;
};
using StartPlan = std::variant<StartFresh, StartFromJournal, StartByScan>;

StartPlan plan_start(const Location& location);

// The committed offsets; where there is none: the earliest.
Offsets committed_or_earliest(const Location& location);
// What is lost of a log if a shard goes on at `from`; empty: nothing. `topic` names it.
std::string loss_at(const LogEnds& ends, core::Offset from, const std::string& topic);
// What is lost at the committed offsets.
std::string loss_at_committed(const Location& location);
// The nearest offsets to go on from without that loss.
Offsets nearest_kept(const Location& location);

}  // namespace muster::runtime

// Rules of the core that the simulator can break, one at a time, to show that it would notice
// (doc/testing.md). In the product MUSTER_PLANTED is the constant false; only the library that is
// built for that test knows the switch.
#pragma once

#ifdef MUSTER_PLANTED_BUGS

namespace muster::base {

enum class Bug {
  kNone,
  kCeilingNotJournaled,
  kCeilingOfLaterRound,
  kExtendedAfterCut,
  kTickNotJournaled,
  kClockNotJournaled,
  kOptionsNotJournaled,
  kClockMovedByRecords,
  kDeadlineBeforeClock,
  kEndIsLastStable,
  kTickWithoutEnd,
  kTickKeptFromAbort,
  kLateRecordFires,
  kForgetsNotJournaled,
  kForgetsAtBatchStart,
  kOriginWithoutRemembered,
  kEarlyNotTouched,
  kCarriedIgnored,
  kTimersInArmingOrder,
  kEpochReused,
  kJournalOutsideTransaction,
  kOffsetsNotFenced,
  kLogsInterleaved,
  kTickWithoutProbe,
  kTickBeforeForwarded,
  kTimerLeftToNextTick,
  kLogsReplayedInOtherOrder,
  kKeptWithoutComparing,
  kOneOffsetBelieved,
  kForwardedTimeLost,
  kRepartitionTrimmedToEnd,
  kLossBelievedAtOnce,
  kRefusedForEver,
  kCheckpointNotCopied,
  kCheckpointBeforeCommit,
  kCheckpointIsOrigin,
  kCheckpointOfAnyEpoch,
  kLeftNotInCheckpoint,
  kFailedPartNotRepeated,
  kUnfinishedCheckpointLoaded,
  kCount,
};

inline Bug planted_bug = Bug::kNone;

}  // namespace muster::base

#define MUSTER_PLANTED(bug) (::muster::base::planted_bug == ::muster::base::Bug::bug)
#else
#define MUSTER_PLANTED(bug) false
#endif

// Writes a part of a checkpoint, whole or not at all: WATCH and compare the head, then one MULTI ..
// EXEC. Why a part is never written at a bad time, not even one that was given up:
//
//   - Redis does what lies between MULTI and EXEC when it has read EXEC, and EXEC does nothing when
//     what this connection watches has changed since the head was compared. So a part whose answer
//     did not come (kUnknown) can still be written later, for as long as the server holds the dead
//     connection's bytes, but only on top of the very head that it builds on.
//   - A failure before EXEC has left is certain: the server drops what it has queued (kNotSent).
//   - An error inside of EXEC does not undo the rest (it takes another program that writes to our
//     keys, or rights that change). Then the checkpoint is removed: none is as good as any.
//
// Redis from 4.0 on (HSET of many fields, UNLINK). Blocks; on the connection's thread.
#pragma once

#include "core/checkpoint.h"
#include "redis/connection.h"
#include "redis/keys.h"
#include "runtime/checkpoint_store.h"

#include <string>

namespace muster::redis {

struct StoreAnswer {
  runtime::StoreResult result = runtime::StoreResult::kNotSent;
  std::string message;   // of a failure, for people
  bool refused = false;  // the server could be reached, and does not want it
};

[[nodiscard]] StoreAnswer write_part(Connection& connection, const Settings& settings,
                                     const core::CheckpointPart& part);

}  // namespace muster::redis

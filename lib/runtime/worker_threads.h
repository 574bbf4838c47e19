// Several workers in one process: each on a thread of its own with a mailbox of its own, sharing
// nothing.
#pragma once

#include "runtime/mailbox.h"

#include <deque>
#include <functional>

namespace muster::runtime {

// Runs run(i) for each mailbox until all have returned. When one does, for whatever reason, the
// others are asked to stop: a process lives whole or not at all. Returns the first exit code that is
// not 0.
int run_workers(std::deque<Mailbox>& mailboxes, const std::function<int(size_t)>& run);

}  // namespace muster::runtime

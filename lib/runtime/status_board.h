// The newest status of one worker, for those who watch. put() from its thread, get() from any.
#pragma once

#include "runtime/worker_status.h"

#include <memory>
#include <mutex>
#include <utility>

namespace muster::runtime {

class StatusBoard {
 public:
  // Shared: a reader may hold on to one while the next is put.
  using Snapshot = std::shared_ptr<const WorkerStatus>;

  void put(WorkerStatus status) {
    const Snapshot last = get();
    status.was_ready = status.ready || (last && last->was_ready);
    auto next = std::make_shared<const WorkerStatus>(std::move(status));
    const std::lock_guard lock(mutex_);
    newest_ = std::move(next);
  }
  // Null: the worker has not begun.
  Snapshot get() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }

 private:
  mutable std::mutex mutex_;
  Snapshot newest_;  // guarded by mutex_
};

}  // namespace muster::runtime

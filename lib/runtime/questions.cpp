#include "runtime/questions.h"

#include <utility>

namespace muster::runtime {

bool Questions::ask(Slice slice) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || waiting_.size() >= kWaitingMax) return false;
    waiting_.push_back(std::move(slice));
  }
  mailbox_.wake();
  return true;
}

// In turn: a long question does not keep a short one waiting.
bool Questions::answer_some(const Worker& worker, core::Time wall) {
  Slice slice;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return false;
    slice = std::move(waiting_.front());
    waiting_.pop_front();
  }
  const bool answered = slice(worker, wall);
  const std::lock_guard lock(mutex_);
  if (!answered && !closed_) waiting_.push_back(std::move(slice));
  return !waiting_.empty();
}

void Questions::close() {
  std::deque<Slice> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
}

}  // namespace muster::runtime

// What other threads want to know of a worker's state, answered on its thread: a slice of one
// question in each round of its loop, so that whoever asks for much waits, and the stream does not.
#pragma once

#include "core/types.h"
#include "runtime/mailbox.h"

#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace muster::runtime {

class Worker;

class Questions {
 public:
  // One slice: a fraction of a millisecond. True: it is answered.
  using Slice = std::function<bool(const Worker&, core::Time wall)>;

  static constexpr size_t kWaitingMax = 64;

  // `mailbox` is the worker's.
  explicit Questions(Mailbox& mailbox) : mailbox_(mailbox) {}

  // From any thread. False: too many wait, or the worker has ended.
  [[nodiscard]] bool ask(Slice slice);

  // --- the worker's thread
  // True: there is more to do at once.
  bool answer_some(const Worker& worker, core::Time wall);
  // The worker ends: what waits is dropped, and nothing more is taken.
  void close();

 private:
  Mailbox& mailbox_;
  std::mutex mutex_;
  std::deque<Slice> waiting_;  // guarded by mutex_
  bool closed_ = false;        // the same
};

}  // namespace muster::runtime

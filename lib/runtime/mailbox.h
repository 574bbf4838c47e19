// Where other threads leave events for the loop's thread, and what wakes it: an eventfd, which
// librdkafka's queues write to as well. post() from any thread, the rest from the loop's.
#pragma once

#include "runtime/ports.h"

#include <mutex>
#include <vector>

namespace muster::runtime {

class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void post(Event event);
  // Also from a signal handler.
  void wake() const;
  std::vector<Event> take();
  // For those who wake by writing eight bytes to it.
  int fd() const { return fd_; }
  // Until woken, or for so long.
  void wait(core::Duration at_most) const;

 private:
  const int fd_;
  std::mutex mutex_;
  std::vector<Event> events_;  // guarded by mutex_
};

}  // namespace muster::runtime

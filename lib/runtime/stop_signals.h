// SIGTERM and SIGINT: the first asks for a clean stop, the second ends the process at once. They
// are blocked in all threads that are started after this object, and taken by a thread of its own.
#pragma once

#include "runtime/mailbox.h"

#include <atomic>
#include <deque>
#include <thread>

namespace muster::runtime {

class StopSignals {
 public:
  // The clean stop is asked for in every mailbox; they outlive this.
  explicit StopSignals(std::deque<Mailbox>& mailboxes);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // For what runs before the loop.
  const std::atomic<bool>& requested() const { return requested_; }

 private:
  void run();

  std::deque<Mailbox>& mailboxes_;
  std::atomic<bool> requested_{false};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace muster::runtime

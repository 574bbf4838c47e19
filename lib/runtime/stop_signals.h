// SIGTERM and SIGINT: the first asks for a clean stop, the second ends the process at once. They
// are blocked in all threads that are started after this object, and taken by a thread of its own.
#pragma once

#include "runtime/mailbox.h"

#include <atomic>
#include <thread>

namespace muster::runtime {

class StopSignals {
 public:
  explicit StopSignals(Mailbox& mailbox);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // For what runs before the loop.
  const std::atomic<bool>& requested() const { return requested_; }

 private:
  void run();

  Mailbox& mailbox_;
  std::atomic<bool> requested_{false};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace muster::runtime

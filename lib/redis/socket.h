// A TCP connection with a deadline, and how another thread ends what blocks on it.
#pragma once

#include "core/types.h"

#include <cstdint>
#include <mutex>
#include <string>

namespace muster::redis {

// Lent to the one who connects; interrupt() from any thread.
class Interrupter {
 public:
  // What blocks on this socket ends when interrupt() is called; at once if it was.
  void watch(int fd);
  // To be called before the socket is closed, because then the number may be another's.
  void forget();
  void interrupt();
  bool interrupted() const;

 private:
  mutable std::mutex mutex_;
  int fd_ = -1;               // guarded by mutex_
  bool interrupted_ = false;  // the same
};

struct Connected {
  int fd = -1;  // watched by the interrupter; negative: `error` says why
  std::string error;
};

// Tries each address that the name has, within that time; the look-up of the name takes its own.
Connected connect_tcp(const std::string& host, uint16_t port, core::Duration timeout,
                      Interrupter& interrupter);

// How long a read or a write may wait.
void set_timeout(int fd, core::Duration timeout);

// To write to a connection that is gone is an error here, and no reason to die of a signal.
void block_sigpipe_in_this_thread();

}  // namespace muster::redis

// The one connection of a thread, made anew when it is gone. After a failure the next attempt waits,
// twice as long each time and never exactly so long, because all instances lose Redis at the same
// moment. Says once each time that things change.
//
//   none ──open()──> connected ──the server closed it, idle──> none, and at once again
//    ^  └─ fails: pause ─┐  │
//    └───────────────────┴──┘ it broke, or no answer came: pause
#pragma once

#include "redis/connection.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>

namespace muster::redis {

class Link {
 public:
  using Clock = std::chrono::steady_clock;

  // `connected` is for others to see.
  Link(const Settings& settings, Interrupter& interrupter, std::atomic<bool>& connected);

  // Null: there is none, and problem() says why.
  Connection* connection() { return connection_.get(); }
  // Connects if need be: at once, or only when the pause is over.
  Connection* open_now();
  Connection* open_after_pause();
  const std::string& problem() const { return problem_; }
  // An attempt has failed since then.
  bool failed_since(Clock::time_point time) const { return failed_at_ > time; }
  // The connection was used: it works, or it is dropped.
  void used();
  // Drops it without a word and without a pause.
  void drop();

 private:
  void lost(const std::string& why);

  const Settings& settings_;
  Interrupter& interrupter_;
  std::atomic<bool>& connected_;
  std::unique_ptr<Connection> connection_;
  std::string problem_;
  std::string said_;  // the last that was logged; empty: nothing, or that it works
  bool said_connected_ = false;
  core::Duration pause_{0};
  Clock::time_point next_attempt_{};
  Clock::time_point failed_at_{};
  std::minstd_rand random_;
};

}  // namespace muster::redis

// A connection to Redis, logged in: commands of any bytes go out, many at once, and answers come in
// the same order. Calls block, each for a bounded time without an answer. Belongs to one thread,
// which has blocked SIGPIPE.
//
// What can go wrong, by what the caller has to do about it:
//   - open() gives none: it cannot be reached, or does not let us in; try again later;
//   - an answer that is an error (READONLY, OOM, NOPERM, WRONGTYPE, LOADING, ...): that command did
//     nothing, the connection is as good as before;
//   - usable() is false: an answer did not come in time, or the connection broke. What of the
//     commands without an answer was done is unknown, as is when: it may still happen.
#pragma once

#include "redis/reply.h"
#include "redis/settings.h"
#include "redis/socket.h"

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;

namespace muster::redis {

class Connection {
 public:
  struct Opened {
    std::unique_ptr<Connection> connection;
    std::string error;  // without one
  };
  // The interrupter is lent; it ends what blocks here, for good.
  static Opened open(const Settings& settings, Interrupter& interrupter);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool usable() const { return error_.empty(); }
  const std::string& error() const { return error_; }  // why it is not
  // The server has closed it, as it also does with one that was not used for long.
  bool closed_by_server() const { return closed_by_server_; }

  // Nothing is done where it is not usable.
  void append(std::span<const std::string_view> words);
  void append(std::initializer_list<std::string_view> words);
  // Until all that was appended has left.
  void send();
  // The next answer; missing: it is not usable any more. send() has to come before.
  Reply receive();
  Reply call(std::initializer_list<std::string_view> words);

  // For the calls from here on.
  void set_timeout(core::Duration timeout);
  // The server has said what nobody expects.
  void give_up(std::string why);

  uint64_t bytes_appended() const { return bytes_appended_; }

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };

  Connection(redisContext* context, Interrupter& interrupter);
  // Empty, or why not.
  std::string log_in(const Settings& settings);
  void failed(int code);

  std::unique_ptr<redisContext, Free> context_;
  Interrupter& interrupter_;
  std::string error_;
  bool closed_by_server_ = false;
  uint64_t bytes_appended_ = 0;
  size_t bytes_waiting_ = 0;  // appended, and not sent
  std::vector<const char*> words_;
  std::vector<size_t> lengths_;
};

// An error as Redis says it, for people.
std::string described(std::string_view error);

}  // namespace muster::redis

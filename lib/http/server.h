// A small HTTP/1.1 server on a thread of its own. Everything has a limit: connections, headers,
// bodies, time. Who sits on a connection without finishing a request loses it to the next one who
// comes, so neither idle nor slow clients keep others out. Handlers run on the server's thread and
// must not block; what takes longer answers later through its Reply.
#pragma once

#include "http/address.h"
#include "http/message.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace muster::http {

struct Limits {
  size_t connections_max = 256;
  size_t streams_max = 32;  // answers without an end
  uint32_t header_bytes_max = 16u << 10;
  uint64_t body_bytes_max = 1u << 20;
  std::chrono::milliseconds idle{60'000};     // between requests
  std::chrono::milliseconds request{10'000};  // from a request's first byte to its last
  std::chrono::milliseconds answer{15'000};   // until the handler has answered
  std::chrono::milliseconds write{30'000};    // until the client has taken the answer
  std::chrono::milliseconds stream_interval{1'000};
};

struct ServerTotals {
  uint64_t connections = 0;  // open now
  uint64_t accepted = 0;
  uint64_t evicted = 0;  // closed while they had no request, to make room
  uint64_t requests = 0;
  uint64_t refused = 0;  // with 4xx before any handler saw them
};

class Server {
 public:
  // `handler` gets every request that is well-formed.
  Server(const Limits& limits, Handler handler);
  // Closes all connections. No Reply is used any more.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Empty, or why not: the address cannot be resolved, or is taken.
  [[nodiscard]] std::string listen(const Address& address);
  // Where it listens: with the real port if 0 was asked for.
  const Address& address() const;
  void start();
  // Nothing is read or answered any more; a Reply may still be used, in vain.
  void stop();
  // From any thread.
  ServerTotals totals() const;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace muster::http

// One connection: reads a request, has it answered, reads the next one. The server's thread only.
//
//   idle ──> reading ──> handling ──> writing ──> idle       keep-alive; pipelined requests wait in
//    ^          │                        │                   the buffer for their turn
//    └──────────│────────────────────────┤
//               v                        ├──> draining ──> closed   after a refusal: what is still
//            writing (a refusal)         └──> streaming ──> closed  on its way is read and dropped
#pragma once

#include "http/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <set>

namespace muster::http {

class Session;

// What all sessions of a server share; it outlives them.
struct Sessions {
  const Limits& limits;
  const Handler& handler;
  boost::asio::io_context& context;
  // Those that have no whole request yet, the one that has waited longest first.
  std::list<Session*> waiting = {};
  // Those whose handler is to answer: meanwhile nothing of the socket keeps them alive.
  std::set<std::shared_ptr<Session>> handling = {};
  size_t streams = 0;
  // Read by others.
  std::atomic<uint64_t> open{0};
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> refused{0};
};

// Shared: each pending operation of the socket keeps it alive, or Sessions::handling.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, Sessions& sessions);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  // There is no room for it.
  void start_refused();
  void close();

 private:
  using Error = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Message = boost::beast::http::response<boost::beast::http::string_body>;

  void wait_for_request();
  void read_request();
  void on_request(Error error);
  void refuse(const Error& error);
  void handle();
  void respond(Response response);
  void write(Response response, bool keep_alive);
  void on_written(Error error);
  void drain();
  void stream();
  void watch_for_close();
  // After this long `on_deadline` happens, unless another deadline is set before.
  void deadline(std::chrono::milliseconds after, void (Session::*on_deadline)());
  void request_too_slow();
  void answer_too_slow();
  void leave_waiting();

  boost::asio::ip::tcp::socket socket_;
  Sessions& sessions_;
  boost::asio::steady_timer timer_;
  uint64_t timer_number_ = 0;  // tells a deadline that was replaced while it fired
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;  // a new one for each request
  std::optional<Message> message_;
  std::optional<std::list<Session*>::iterator> waiting_;
  std::function<std::string()> next_;  // of a stream
  std::string stream_text_;
  uint64_t request_number_ = 0;
  size_t drained_ = 0;
  unsigned http_version_ = 11;
  bool head_ = false;
  bool keep_alive_ = false;
  bool too_slow_ = false;
};

}  // namespace muster::http

#include "http/server.h"

#include "http/session.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace muster::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Out of file descriptors: those that are open will be closed by their deadlines.
constexpr std::chrono::milliseconds kAcceptAgain{100};
// So many are told that there is no room; more are only closed.
constexpr size_t kRefusedMax = 32;

}  // namespace

struct Server::Core {
  Core(const Limits& l, Handler h) : limits(l), handler(std::move(h)) {}

  void accept();
  void on_accepted(tcp::socket socket);

  const Limits limits;
  const Handler handler;
  Sessions sessions{limits, handler, context};  // outlives the context, which may hold some yet
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  asio::steady_timer accept_again{context};
  Address address;
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> evicted{0};
  std::thread thread;
};

Server::Server(const Limits& limits, Handler handler)
    : core_(std::make_unique<Core>(limits, std::move(handler))) {}

Server::~Server() {
  stop();
  core_->sessions.handling.clear();
}

const Address& Server::address() const { return core_->address; }

void Server::stop() {
  core_->context.stop();
  if (core_->thread.joinable()) core_->thread.join();
}

ServerTotals Server::totals() const {
  const Sessions& sessions = core_->sessions;
  return {sessions.open, core_->accepted, core_->evicted, sessions.requests, sessions.refused};
}

std::string Server::listen(const Address& address) {
  boost::system::error_code error;
  tcp::resolver resolver(core_->context);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  const std::string where = "cannot listen at " + address.text() + ": ";
  if (error) return where + error.message();
  if (found.empty()) return where + "no such host";
  const tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor& acceptor = core_->acceptor;
  if (acceptor.is_open()) acceptor.close();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return where + error.message();
  core_->address = {address.host, acceptor.local_endpoint().port()};
  return "";
}

void Server::start() {
  core_->accept();
  core_->thread = std::thread([core = core_.get()] { core->context.run(); });
}

void Server::Core::accept() {
  acceptor.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      on_accepted(std::move(socket));
      return accept();
    }
    accept_again.expires_after(kAcceptAgain);
    accept_again.async_wait([this](boost::system::error_code) { accept(); });
  });
}

void Server::Core::on_accepted(tcp::socket socket) {
  ++accepted;
  const bool full = sessions.open >= limits.connections_max;
  const bool none_waits = sessions.waiting.empty();
  if (full && none_waits && sessions.open >= limits.connections_max + kRefusedMax) return;
  if (full && !none_waits) {
    ++evicted;
    sessions.waiting.front()->close();
  }
  const auto session = std::make_shared<Session>(std::move(socket), sessions);
  if (full && none_waits) {
    session->start_refused();
  } else {
    session->start();
  }
}

}  // namespace muster::http

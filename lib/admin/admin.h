// The admin side of a program: an HTTP server with all endpoints, for operators, probes and
// Prometheus. It decides nothing about events: what changes something goes through the log.
#pragma once

#include "admin/context.h"
#include "http/router.h"
#include "http/server.h"

#include <memory>
#include <string>

namespace muster::admin {

class Admin {
 public:
  // The context outlives this.
  explicit Admin(const Context& context);

  // Empty, or why not.
  [[nodiscard]] std::string listen(const http::Address& address) { return server_.listen(address); }
  const http::Address& address() const { return server_.address(); }
  void start() { server_.start(); }
  // No request is answered any more.
  void stop() { server_.stop(); }
  const http::Router& router() const { return router_; }

 private:
  void handle(http::Request request, const http::Reply& reply) const;

  const Context& context_;
  http::Router router_;
  http::Server server_;  // goes first: it uses the others
};

}  // namespace muster::admin

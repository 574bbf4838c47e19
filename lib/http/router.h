// Which handler a request goes to: by path, then by method. Filled before the server starts, then
// only read; any thread.
#pragma once

#include "http/message.h"

#include <string>
#include <string_view>
#include <vector>

namespace muster::http {

class Router {
 public:
  // `pattern`: "/groups/{id}/cancel"; {…} takes any one segment that is not empty. HEAD goes where
  // GET does.
  void add(std::string_view method, std::string_view pattern, Handler handler);
  // Calls the handler, or answers 404 or 405.
  void operator()(Request request, const Reply& reply) const;

  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Handler handler;
  };
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace muster::http

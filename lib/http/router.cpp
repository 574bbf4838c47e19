#include "http/router.h"

#include "base/check.h"
#include "http/target.h"

#include <optional>

namespace muster::http {
namespace {

bool is_placeholder(std::string_view segment) { return segment.starts_with('{'); }

std::optional<std::vector<std::string>> captures_of(const Router::Route& route,
                                                    const std::vector<std::string>& segments) {
  if (route.segments.size() != segments.size()) return std::nullopt;
  std::vector<std::string> captures;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (is_placeholder(route.segments[i])) {
      if (segments[i].empty()) return std::nullopt;
      captures.push_back(segments[i]);
    } else if (route.segments[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return captures;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  Request parsed;
  CHECK(parse_target(pattern, parsed));
  routes_.push_back(
      {std::string(method), std::string(pattern), std::move(parsed.segments), std::move(handler)});
}

void Router::operator()(Request request, const Reply& reply) const {
  const std::string wanted = request.method == "HEAD" ? "GET" : request.method;
  std::string allowed;
  for (const Route& route : routes_) {
    auto captures = captures_of(route, request.segments);
    if (!captures) continue;
    if (route.method == wanted) {
      request.captures = std::move(*captures);
      route.handler(std::move(request), reply);
      return;
    }
    allowed += (allowed.empty() ? "" : ", ") + route.method;
    if (route.method == "GET") allowed += ", HEAD";
  }
  if (allowed.empty()) {
    reply(problem(404, "no-such-path", "there is nothing at this path; /openapi.json lists all"));
    return;
  }
  Response response = problem(405, "method", "this path takes " + allowed);
  response.headers.emplace_back("Allow", allowed);
  reply(std::move(response));
}

}  // namespace muster::http

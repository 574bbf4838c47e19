// A request as a handler gets it, and what it answers with. Everything is decoded and within the
// server's limits by then. Plain values; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::http {

struct Request {
  std::string method;
  std::string path;                   // as sent, without the query
  std::vector<std::string> segments;  // of the path, percent-decoded, valid UTF-8
  std::vector<std::pair<std::string, std::string>> query;  // the same, in order
  std::vector<std::string> captures;  // what the route's {placeholders} stand for
  std::string authorization;
  std::string host;
  std::string body;

  // The first of that name.
  std::optional<std::string_view> query_value(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  // If it is set the answer has no end: after `body` comes what this returns, once per interval of
  // the server, for as long as the client listens. Called on the server's thread.
  std::function<std::string()> next = nullptr;
};

// RFC 9457. `code` is short and stable, `detail` a sentence; `members` are more members as JSON text,
// e.g. `"partition":3`, or empty.
Response problem(unsigned status, std::string_view code, std::string_view detail,
                 std::string_view members = {});
std::string_view reason_of(unsigned status);

// Answers one request, once, from any thread. Copies are the same answer. When the last one goes
// without having answered, the client gets 503. Does not outlive the server.
class Reply {
 public:
  using Send = std::function<void(Response)>;

  explicit Reply(Send send);
  void operator()(Response response) const;

 private:
  struct Once;
  // Shared: handlers keep it in std::function objects, which are copied.
  std::shared_ptr<Once> once_;
};

using Handler = std::function<void(Request, Reply)>;

}  // namespace muster::http

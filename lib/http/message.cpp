#include "http/message.h"

#include "base/json_text.h"

#include <atomic>

namespace muster::http {

struct Reply::Once {
  explicit Once(Send s) : send(std::move(s)) {}
  ~Once() {
    if (!answered)
      send(problem(503, "stopping", "nobody is left who could answer this; the program is ending"));
  }
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  Send send;
  std::atomic<bool> answered{false};
};

Reply::Reply(Send send) : once_(std::make_shared<Once>(std::move(send))) {}

void Reply::operator()(Response response) const {
  if (once_->answered.exchange(true)) return;
  once_->send(std::move(response));
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return status < 400 ? "OK" : "Error";
  }
}

Response problem(unsigned status, std::string_view code, std::string_view detail,
                 std::string_view members) {
  Response response{status, "application/problem+json", R"({"type":"about:blank","title":)"};
  std::string& body = response.body;
  base::append_json_string(body, reason_of(status));
  body += ",\"status\":" + std::to_string(status) + ",\"code\":";
  base::append_json_string(body, code);
  body += ",\"detail\":";
  base::append_json_string(body, detail);
  if (!members.empty()) {
    body += ',';
    body += members;
  }
  body += "}\n";
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace muster::http

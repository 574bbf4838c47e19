// One HTTP request and its answer, for tools. Blocking, with an end to every wait; what goes wrong on
// the way is thrown as std::runtime_error, an answer with any status is an answer. Stateless.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace muster::http {

struct Outgoing {
  std::string host;
  std::string port;
  std::string method = "GET";
  std::string target;  // path and query, percent-encoded
  std::string token;   // empty: none
  std::string body;    // JSON
};

struct Incoming {
  unsigned status = 0;
  std::string body;
};

Incoming ask(const Outgoing& request, std::chrono::milliseconds timeout);

// All but letters, digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace muster::http

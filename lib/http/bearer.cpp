#include "http/bearer.h"

#include <cstdint>

namespace muster::http {
namespace {

constexpr std::string_view kScheme = "bearer ";

bool begins_with_scheme(std::string_view text) {
  if (text.size() < kScheme.size()) return false;
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != kScheme[i]) return false;
  }
  return true;
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  // As long as what was sent, whatever the token's length is.
  volatile uint8_t differs = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    differs = static_cast<uint8_t>(differs | static_cast<uint8_t>(a[i] ^ other));
  }
  return differs == 0;
}

std::optional<Response> refusal(const Request& request, std::string_view token) {
  if (token.empty())
    return problem(403, "no-token-set",
                   "nothing can be changed here: the program was started without --admin-token");
  if (request.authorization.empty())
    return problem(401, "token-missing", "this needs the header Authorization: Bearer <token>");
  std::string_view given = request.authorization;
  if (!begins_with_scheme(given) || !equal_in_constant_time(given.substr(kScheme.size()), token)) {
    return problem(401, "token-wrong", "this is not the token of --admin-token");
  }
  return std::nullopt;
}

}  // namespace muster::http

#include "redis/url.h"

#include "redis/tls.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace muster::redis {
namespace {

// Nothing of the URL is quoted: with a password that is not percent-encoded, any piece may be of it.
base::Error wrong(const std::string& what) { return {"redis", "the Redis URL " + what}; }

constexpr const char* kEncode =
    " (in a user or password, characters such as / @ : # have to be percent-encoded)";

template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    size_t used = 1;
    char c = text.front();
    if (c == '%') {
      used = 3;
      uint8_t byte = 0;
      if (text.size() < used) return std::nullopt;
      const char* end = text.data() + used;
      const auto [rest, error] = std::from_chars(text.data() + 1, end, byte, 16);
      if (error != std::errc{} || rest != end) return std::nullopt;
      c = static_cast<char>(byte);
    }
    decoded.push_back(c);
    text.remove_prefix(used);
  }
  return decoded;
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool all_of(std::string_view text, std::string_view marks) {
  return std::ranges::all_of(text, [marks](char c) {
    return is_letter_or_digit(c) || marks.find(c) != std::string_view::npos;
  });
}

// Takes "redis://" or "rediss://" off the text.
std::optional<base::Error> take_scheme(std::string_view& text, Url& url) {
  const size_t end = text.find("://");
  const std::string_view scheme = text.substr(0, end);
  if (end != std::string_view::npos) text.remove_prefix(end + 3);
  if (end != std::string_view::npos && scheme == "redis") return std::nullopt;
  if (end != std::string_view::npos && scheme == "rediss") {
    url.tls = true;
    if (tls_supported()) return std::nullopt;
    return wrong("asks for TLS (rediss://), which needs a build with hiredis 1.0 or later");
  }
  if (scheme.find("sentinel") != std::string_view::npos ||
      scheme.find("cluster") != std::string_view::npos) {
    return wrong("asks for Sentinel or Cluster; one plain server is supported: redis://host:port");
  }
  return wrong("has to begin with redis:// or rediss://");
}

std::optional<base::Error> read_login(std::string_view login, Url& url) {
  const size_t colon = login.find(':');
  if (colon == std::string_view::npos)
    return wrong("names a user without a password; a password alone is :password@");
  const auto user = percent_decoded(login.substr(0, colon));
  const auto password = percent_decoded(login.substr(colon + 1));
  if (!user || !password)
    return wrong("has a % in its user or password that is not followed by two hex digits");
  url.user = *user;
  url.password = *password;
  if (url.password.empty()) return wrong("has an empty password");
  return std::nullopt;
}

std::optional<base::Error> read_host(std::string_view text, Url& url) {
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong("has a [ without a ]");
    url.host = text.substr(1, end - 1);
    if (url.host.find(':') == std::string::npos || !all_of(url.host, ":.%"))
      return wrong("has something else than an IPv6 address in its brackets");
    text.remove_prefix(end + 1);
    if (!text.empty() && !text.starts_with(':')) return wrong("has something behind its ]");
    if (!text.empty()) port = text.substr(1);
  } else {
    const size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
    if (url.host.empty()) return wrong(std::string("names no host") + kEncode);
    if (url.host.find(',') != std::string::npos)
      return wrong("names several hosts; one plain server is supported, no Sentinel, no Cluster");
    if (!all_of(url.host, ".-_")) {
      return wrong(std::string("has a character in its host that cannot be there") + kEncode);
    }
  }
  if (port && (!parse_number(*port, url.port) || url.port == 0)) {
    return wrong(
        std::string("has a port that is not a number from 1 to 65535; an IPv6 address stands in "
                    "brackets") +
        kEncode);
  }
  return std::nullopt;
}

}  // namespace

std::string Url::address() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  text += ":" + std::to_string(port);
  if (db != 0) text += "/" + std::to_string(db);
  return text;
}

base::Result<Url> parse_url(std::string_view text) {
  Url url;
  if (const auto error = take_scheme(text, url)) return *error;
  if (text.find_first_of("?#") != std::string_view::npos)
    return wrong("has a ? or # in it; it takes no options (in a password: %3F, %23)");
  const size_t slash = text.find('/');
  const std::string_view authority = text.substr(0, slash);
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (const auto error = read_login(authority.substr(0, at), url)) return *error;
  }
  const size_t host_begin = at == std::string_view::npos ? 0 : at + 1;
  if (const auto error = read_host(authority.substr(host_begin), url)) return *error;
  const std::string_view db = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  if (!db.empty() && !parse_number(db, url.db))
    return wrong("has something else than the number of a database behind its /");
  return url;
}

bool tls_supported() { return kTlsSupported; }

}  // namespace muster::redis

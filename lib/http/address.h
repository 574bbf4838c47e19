// HOST:PORT, with an IPv6 host in brackets. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::http {

struct Address {
  std::string host;  // without brackets
  uint16_t port = 0;

  std::string text() const;
  // All interfaces: nobody can be told to go there.
  bool is_wildcard() const { return host == "0.0.0.0" || host == "::"; }
  bool operator==(const Address&) const = default;
};

std::optional<Address> parse_address(std::string_view text);

}  // namespace muster::http

// Where Redis is, and as whom to log in:
//
//   redis://[[user]:password@]host[:port][/db]     rediss:// is the same over TLS
//
// User and password are percent-decoded. No text that is made here tells anything of the password.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::redis {

struct Url {
  bool tls = false;
  std::string user;  // empty: the server's default one
  std::string password;
  std::string host;  // a name or an address, without brackets
  uint16_t port = 6379;
  uint32_t db = 0;

  // For people: host:port, and /db if that is not 0.
  std::string address() const;

  bool operator==(const Url&) const = default;
};

[[nodiscard]] base::Result<Url> parse_url(std::string_view text);

// Whether this build can speak TLS: hiredis can from 1.0 on.
bool tls_supported();

}  // namespace muster::redis

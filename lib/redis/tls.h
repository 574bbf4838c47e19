// TLS over a connection of hiredis, where that can do it. The server's certificate has to be valid
// for the host that was named, by the system's authorities or those of SSL_CERT_FILE.
#pragma once

#include <string>

struct redisContext;

namespace muster::redis {

#ifdef MUSTER_REDIS_TLS
constexpr bool kTlsSupported = true;
#else
constexpr bool kTlsSupported = false;
#endif

// Empty: it speaks TLS from here on. Otherwise why not.
[[nodiscard]] std::string start_tls(redisContext& context, const std::string& host);

}  // namespace muster::redis

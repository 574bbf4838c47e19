#include "redis/tls.h"

#ifdef MUSTER_REDIS_TLS

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <memory>

namespace muster::redis {
namespace {

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// hiredis' own way of making these checks the chain of certificates, but not whose it is.
bool demand_certificate_of(SSL* ssl, const std::string& host) {
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str()) == 1) return true;
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

std::string start_tls(redisContext& context, const std::string& host) {
  const std::unique_ptr<SSL_CTX, FreeSsl> settings(SSL_CTX_new(TLS_client_method()));
  if (!settings || SSL_CTX_set_default_verify_paths(settings.get()) != 1 ||
      SSL_CTX_set_min_proto_version(settings.get(), TLS1_2_VERSION) != 1) {
    return "TLS cannot be set up";
  }
  std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(settings.get()));
  if (!ssl || !demand_certificate_of(ssl.get(), host)) return "TLS cannot be set up";
  errno = 0;
  if (redisInitiateSSL(&context, ssl.get()) != REDIS_OK)
    return errno == EAGAIN ? "no answer to TLS in time" : context.errstr;
  ssl.release();  // the context's from here on
  return "";
}

}  // namespace muster::redis

#else

namespace muster::redis {

std::string start_tls(redisContext&, const std::string&) { return "this build cannot speak TLS"; }

}  // namespace muster::redis

#endif

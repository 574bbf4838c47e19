#include "store.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace muster;
using namespace muster::redis;
using namespace muster::redis::test;

namespace {

// An authority's own certificate, for 127.0.0.1 and for example.org.
bool make_certificate(const std::string& folder) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=test -addext subjectAltName=IP:127.0.0.1,DNS:example.org -keyout " +
      folder + "/key.pem -out " + folder + "/cert.pem 2>" + folder + "/openssl.log";
  return std::system(command.c_str()) == 0;
}

StoreResult store_at(const std::string& url, std::string& message,
                     core::Duration patience = std::chrono::minutes(10)) {
  Settings settings = settings_for(url);
  settings.connect_timeout = patience;
  Store store(settings);
  const auto part = part_of({.head = {.entries = 9'000}, .entries = many_entries(9'000, 500)});
  const CheckpointStored stored = store.store(*part);
  message = stored.message;
  if (stored.result == StoreResult::kDone) CHECK(store.load().entries.size() == 9'000);
  return stored.result;
}

}  // namespace

TEST_CASE("over TLS the server has to prove who it is" *
          doctest::skip(no_server() || !tls_supported())) {
  RedisServer place;
  REQUIRE(make_certificate(place.folder()));
  const std::string cert = place.folder() + "/cert.pem";
  const std::string port = std::to_string(free_port());
  RedisServer server({"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file",
                      place.folder() + "/key.pem", "--tls-auth-clients", "no", "--requirepass",
                      "pw"});
  std::string message;
  CHECK(store_at("rediss://:pw@127.0.0.1:" + port, message) == StoreResult::kNotSent);
  CHECK(message.find("certificate verify failed") != std::string::npos);

  setenv("SSL_CERT_FILE", cert.c_str(), 1);
  CHECK(store_at("rediss://:pw@127.0.0.1:" + port, message) == StoreResult::kDone);
  CHECK(store_at("rediss://:wrong@127.0.0.1:" + port, message) == StoreResult::kNotSent);
  CHECK(message.find("WRONGPASS") != std::string::npos);
  // The same server by a name that its certificate does not have.
  CHECK(store_at("rediss://:pw@localhost:" + port, message) == StoreResult::kNotSent);
  CHECK(message.find("certificate verify failed") != std::string::npos);
  // The one does not speak what the other does.
  const core::Duration short_time{50};
  CHECK(store_at("redis://:pw@127.0.0.1:" + port, message, short_time) == StoreResult::kNotSent);
  CHECK(store_at("rediss://:pw@127.0.0.1:" + std::to_string(server.port()), message, short_time) ==
        StoreResult::kNotSent);
  unsetenv("SSL_CERT_FILE");
}

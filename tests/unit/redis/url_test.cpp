#include "redis/url.h"

#include <doctest/doctest.h>

using namespace muster::redis;

TEST_CASE("a URL says where Redis is and as whom to log in") {
  struct Row {
    const char* text;
    Url url;
    const char* address;
  };
  const Row table[] = {
      {"redis://localhost", {false, "", "", "localhost", 6379, 0}, "localhost:6379"},
      {"redis://localhost/", {false, "", "", "localhost", 6379, 0}, "localhost:6379"},
      {"redis://cache-1.example_x.org:7000/15",
       {false, "", "", "cache-1.example_x.org", 7000, 15},
       "cache-1.example_x.org:7000/15"},
      {"redis://:secret@10.0.0.1", {false, "", "secret", "10.0.0.1", 6379, 0}, "10.0.0.1:6379"},
      {"redis://muster:se%3Acr%40t%2f@h:1", {false, "muster", "se:cr@t/", "h", 1, 0}, "h:1"},
      {"redis://a%20b:c:d@h", {false, "a b", "c:d", "h", 6379, 0}, "h:6379"},
      {"redis://u:p@q@h", {false, "u", "p@q", "h", 6379, 0}, "h:6379"},
      {"redis://[::1]", {false, "", "", "::1", 6379, 0}, "[::1]:6379"},
      {"redis://:x@[fe80::1%eth0]:65535/2",
       {false, "", "x", "fe80::1%eth0", 65535, 2},
       "[fe80::1%eth0]:65535/2"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.text));
    const auto url = parse_url(row.text);
    REQUIRE(url.ok());
    CHECK(url.value() == row.url);
    CHECK(url.value().address() == row.address);
  }
}

TEST_CASE("TLS where this build can do it, and else a text that says why not") {
  const auto url = parse_url("rediss://h");
  CHECK(url.ok() == tls_supported());
  if (url.ok()) {
    CHECK(url.value().tls);
  } else {
    CHECK(url.error().message.find("hiredis 1.0") != std::string::npos);
  }
}

TEST_CASE("a wrong URL is refused with what is wrong, and without any of its password") {
  struct Row {
    const char* text;
    const char* wrong;
  };
  const Row table[] = {
      {"", "begin with redis://"},
      {"localhost:6379", "begin with redis://"},
      {"http://h", "begin with redis://"},
      {"redis:/h", "begin with redis://"},
      {"REDIS://h", "begin with redis://"},
      {"unix:///run/redis.sock", "begin with redis://"},
      {"redis-sentinel://h", "Sentinel or Cluster"},
      {"redis+cluster://h", "Sentinel or Cluster"},
      {"redis://a,b", "several hosts"},
      {"redis://a:1,b:2", "port that is not a number"},
      {"redis://", "names no host"},
      {"redis://:6379", "names no host"},
      {"redis://:secret@", "names no host"},
      {"redis://user@h", "user without a password"},
      {"redis://user:@h", "empty password"},
      {"redis://:sec%ret@h", "two hex digits"},
      {"redis://:secret%4@h", "two hex digits"},
      {"redis://u%zz:secret@h", "two hex digits"},
      {"redis://h:0", "port that is not a number"},
      {"redis://h:", "port that is not a number"},
      {"redis://h:65536", "port that is not a number"},
      {"redis://h:-1", "port that is not a number"},
      {"redis://h:+1", "port that is not a number"},
      {"redis://h:6379x", "port that is not a number"},
      {"redis://::1", "names no host"},
      {"redis://fe80::1", "IPv6 address stands in brackets"},
      {"redis://[::1", "[ without a ]"},
      {"redis://[localhost]", "IPv6 address"},
      {"redis://[::1]6379", "behind its ]"},
      {"redis://ho st", "character in its host"},
      {"redis://h%41", "character in its host"},
      {"redis://h/x", "number of a database"},
      {"redis://h/-1", "number of a database"},
      {"redis://h/1/2", "number of a database"},
      {"redis://h?db=1", "no options"},
      {"redis://h#x", "no options"},
      // Passwords that are not encoded.
      {"redis://user:secret/secret@h", "percent-encoded"},
      {"redis://:secret/@h", "percent-encoded"},
      {"redis://:sec?ret@h", "%3F"},
      {"redis://user:sec#ret@h", "%23"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.text));
    const auto url = parse_url(row.text);
    REQUIRE(!url.ok());
    CHECK(url.error().code == "redis");
    CAPTURE(url.error().message);
    CHECK(url.error().message.find(row.wrong) != std::string::npos);
    CHECK(url.error().message.find("sec") == std::string::npos);
    CHECK(url.error().message.find("ret") == std::string::npos);
  }
}

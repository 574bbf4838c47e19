#include "http/target.h"

#include "http/address.h"
#include "http/bearer.h"

#include <doctest/doctest.h>

using namespace muster::http;

namespace {

using Segments = std::vector<std::string>;

std::optional<Request> parsed(std::string_view target) {
  Request request;
  if (!parse_target(target, request)) return std::nullopt;
  return request;
}

}  // namespace

TEST_CASE("a path is decoded segment by segment, so an id may hold a slash") {
  CHECK(parsed("/groups/a%2Fb%20c/cancel")->segments == Segments{"groups", "a/b c", "cancel"});
  CHECK(parsed("/groups/a+b")->segments == Segments{"groups", "a+b"});
  CHECK(parsed("/")->segments == Segments{""});
  CHECK(parsed("/groups/%C3%A9")->segments[1] == "\u00e9");
}

TEST_CASE("a query is decoded name by name") {
  const auto request = parsed("/groups?prefix=a%26b+c&limit=5&flag&&limit=6");
  REQUIRE(request);
  CHECK(request->path == "/groups");
  CHECK(request->query_value("prefix") == "a&b c");
  CHECK(request->query_value("limit") == "5");
  CHECK(request->query_value("flag") == "");
  CHECK_FALSE(request->query_value("cursor"));
}

TEST_CASE("what is not percent-encoded text is refused") {
  for (const char* target : {"", "groups", "*", "/%", "/%2", "/%zz", "/%ff", "/a%00b", "/%0a",
                             "/a?b=%g0", "/a?%=1", "/%ed%a0%80", "/%c0%af", "/\xff"}) {
    CAPTURE(target);
    CHECK_FALSE(parsed(target));
  }
}

TEST_CASE("what is encoded as a segment decodes to itself") {
  const std::string id = "a/b?c#d%e \u00e9\"+";
  CHECK(percent_decode(percent_encode(id), false) == id);
  CHECK(percent_encode("a/b") == "a%2Fb");
}

TEST_CASE("an address is a host and a port") {
  CHECK(parse_address("127.0.0.1:9464") == Address{"127.0.0.1", 9464});
  CHECK(parse_address("[::1]:0") == Address{"::1", 0});
  CHECK(parse_address("[::1]:80")->text() == "[::1]:80");
  CHECK(parse_address("localhost:80")->text() == "localhost:80");
  for (const char* text : {"", ":1", "a", "a:", "a:b", "a:-1", "a:65536", "::1:80", "[::1]", "[]:1",
                           "http://a:1", "a b:1", "a:1 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
  }
}

TEST_CASE("only the right token lets a request change something") {
  const auto status = [](std::string authorization, std::string_view token) {
    Request request;
    request.authorization = std::move(authorization);
    const auto refused = refusal(request, token);
    return refused ? refused->status : 200;
  };
  CHECK(status("Bearer secret", "secret") == 200);
  CHECK(status("bearer secret", "secret") == 200);
  CHECK(status("", "secret") == 401);
  CHECK(status("Bearer secreT", "secret") == 401);
  CHECK(status("Bearer secretsecret", "secret") == 401);
  CHECK(status("Bearer secre", "secret") == 401);
  CHECK(status("Bearer ", "secret") == 401);
  CHECK(status("Basic secret", "secret") == 401);
  CHECK(status("Bearer ", "") == 403);
  CHECK(status("", "") == 403);
}

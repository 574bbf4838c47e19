#include "http/router.h"

#include "http/target.h"

#include <doctest/doctest.h>

using namespace muster::http;

namespace {

struct Answer {
  unsigned status = 0;
  std::string body;
  std::string allow;
};

Answer ask(const Router& router, const std::string& method, std::string_view target) {
  Answer answer;
  Request request;
  request.method = method;
  REQUIRE(parse_target(target, request));
  router(std::move(request), Reply([&answer](Response response) {
           answer.status = response.status;
           answer.body = response.body;
           for (const auto& [name, value] : response.headers)
             if (name == "Allow") answer.allow = value;
         }));
  return answer;
}

Handler says(const std::string& name) {
  return [name](Request request, const Reply& reply) {
    std::string body = name;
    for (const std::string& capture : request.captures) body += "|" + capture;
    reply({200, "text/plain", body});
  };
}

Router router() {
  Router router;
  router.add("GET", "/", says("page"));
  router.add("GET", "/groups", says("list"));
  router.add("GET", "/groups/{id}", says("one"));
  router.add("POST", "/groups/{id}/cancel", says("cancel"));
  router.add("POST", "/groups/{id}", says("post"));
  return router;
}

}  // namespace

TEST_CASE("a request goes to the handler of its path and method") {
  const Router r = router();
  CHECK(ask(r, "GET", "/").body == "page");
  CHECK(ask(r, "GET", "/groups?limit=3").body == "list");
  CHECK(ask(r, "GET", "/groups/a%2Fb").body == "one|a/b");
  CHECK(ask(r, "POST", "/groups/x/cancel").body == "cancel|x");
  CHECK(ask(r, "HEAD", "/groups").body == "list");
}

TEST_CASE("a path that nobody has is 404") {
  const Router r = router();
  for (const char* path : {"/group", "/groups/", "/groups/x/cancel/y", "/groups//cancel", "//"}) {
    CAPTURE(path);
    CHECK(ask(r, "GET", path).status == 404);
  }
}

TEST_CASE("another method of a path is 405, which says which there are") {
  const Router r = router();
  CHECK(ask(r, "PUT", "/groups").status == 405);
  CHECK(ask(r, "PUT", "/groups").allow == "GET, HEAD");
  CHECK(ask(r, "GET", "/groups/x/cancel").allow == "POST");
  CHECK(ask(r, "DELETE", "/groups/x").allow == "GET, HEAD, POST");
}

TEST_CASE("a reply that goes without an answer says so, and one answers once") {
  std::vector<unsigned> statuses;
  const auto send = [&statuses](const Response& response) { statuses.push_back(response.status); };
  { const Reply dropped(send); }
  {
    const Reply twice(send);
    const Reply copy = twice;
    copy({202, "text/plain", ""});
    twice({200, "text/plain", ""});
  }
  CHECK(statuses == std::vector<unsigned>{503, 202});
}

TEST_CASE("a problem is JSON with its own members") {
  const Response response = problem(404, "no-group", "no \"x\"", "\"partition\":3");
  CHECK(response.content_type == "application/problem+json");
  CHECK(response.body ==
        R"({"type":"about:blank","title":"Not Found","status":404,"code":"no-group",)"
        R"("detail":"no \"x\"","partition":3})"
        "\n");
}

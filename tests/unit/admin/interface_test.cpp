// What the endpoints say without a worker or Kafka, and that the description of them is true.
#include "admin/admin.h"
#include "admin/assets.h"
#include "admin/group_list.h"
#include "admin/groups.h"
#include "http/target.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace muster;
using namespace muster::admin;

namespace {

struct World {
  World() { context.workers.push_back({&board, &questions}); }

  http::Response ask(const std::string& method, std::string_view target,
                     const std::string& authorization = "", const std::string& body = "") {
    http::Request request;
    request.method = method;
    request.authorization = authorization;
    request.body = body;
    REQUIRE(http::parse_target(target, request));
    http::Response answer;
    admin.router()(std::move(request), http::Reply([&answer](http::Response response) {
                     answer = std::move(response);
                   }));
    return answer;
  }

  runtime::Mailbox mailbox;
  runtime::StatusBoard board;
  runtime::Questions questions{mailbox};
  Context context;
  Admin admin{context};
};

bool has_code(const http::Response& response, std::string_view code) {
  return response.body.find("\"code\":\"" + std::string(code) + "\"") != std::string::npos;
}

runtime::WorkerStatus ready_status(core::Time at) {
  runtime::WorkerStatus status;
  status.at = at;
  status.ready = true;
  status.producer_open = true;
  runtime::SeatStatus seat;
  seat.partition = core::Partition{0};
  seat.phase = runtime::SeatPhase::kLive;
  seat.open = 7;
  seat.next = {core::Offset{10}, core::Offset{0}};
  seat.lag = {5, 0};
  status.seats = {seat};
  return status;
}

core::Time now() {
  return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
}

}  // namespace

TEST_CASE("the description of the interface has every route, and no other") {
  const World world;
  std::set<std::string> routes;
  for (const auto& route : world.admin.router().routes())
    routes.insert(route.method + " " + route.pattern);
  const auto file = std::ranges::find(assets(), std::string_view("doc/openapi.json"), &Asset::name);
  REQUIRE(file != assets().end());
  // One path per line, its methods behind it or on the same line.
  std::set<std::string> described;
  std::string path;
  std::string_view text = file->text;
  for (size_t at = text.find("\n    \"/"); at != std::string_view::npos;
       at = text.find("\n    \"/", at + 1)) {
    const size_t begin = at + 6;
    const size_t end = text.find('"', begin);
    const bool posts = text.substr(end, 12).find("post") != std::string_view::npos;
    described.insert((posts ? "POST " : "GET ") + std::string(text.substr(begin, end - begin)));
  }
  CHECK(described == routes);
}

TEST_CASE("a worker that has not begun lives, and is not ready") {
  World world;
  CHECK(world.ask("GET", "/livez").status == 200);
  CHECK(world.ask("GET", "/readyz").status == 503);
  CHECK(world.ask("GET", "/startupz").status == 503);
  CHECK(has_code(world.ask("GET", "/groups/x"), "starting"));
}

TEST_CASE("a worker that is ready, stops, or hangs is told apart") {
  World world;
  world.board.put(ready_status(now()));
  for (const char* path : {"/livez", "/readyz", "/startupz"})
    CHECK(world.ask("GET", path).status == 200);
  auto stopping = ready_status(now());
  stopping.ready = false;
  stopping.stopping = true;
  world.board.put(stopping);
  CHECK(world.ask("GET", "/readyz").status == 503);
  CHECK(world.ask("GET", "/livez").status == 200);
  CHECK(world.ask("GET", "/startupz").status == 200);
  world.board.put(ready_status(now() - std::chrono::seconds(31)));
  CHECK(world.ask("GET", "/livez").status == 503);
}

TEST_CASE("a group in a partition that is being recovered is not unknown") {
  World world;
  auto status = ready_status(now());
  status.seats[0].phase = runtime::SeatPhase::kReplaying;
  status.seats[0].records_replayed = 1234;
  world.board.put(status);
  world.context.partitions = 1;
  for (const char* path : {"/groups/x", "/groups"}) {
    const auto answer = world.ask("GET", path);
    CHECK(answer.status == 503);
    CHECK(has_code(answer, "recovering"));
    CHECK(answer.body.find("\"records\":1234") != std::string::npos);
  }
}

TEST_CASE("an instance without partitions has no empty list") {
  World world;
  auto status = ready_status(now());
  status.seats.clear();
  world.board.put(status);
  world.context.partitions = 1;
  CHECK(world.ask("GET", "/groups").status == 421);
  CHECK(has_code(world.ask("GET", "/groups/x"), "no-owner"));
}

TEST_CASE("questions beyond the limit are refused, and those of an ended worker, too") {
  World world;
  world.board.put(ready_status(now()));
  world.context.partitions = 1;
  for (size_t i = 0; i < runtime::Questions::kWaitingMax; ++i)
    REQUIRE(world.questions.ask([](const runtime::Worker&, core::Time) { return true; }));
  CHECK(has_code(world.ask("GET", "/groups/x"), "busy"));
  CHECK(has_code(world.ask("GET", "/groups"), "busy"));
  world.questions.close();
  CHECK_FALSE(world.questions.ask([](const runtime::Worker&, core::Time) { return true; }));
}

TEST_CASE("a question that its worker drops is answered all the same") {
  World world;
  world.board.put(ready_status(now()));
  world.context.partitions = 1;
  http::Request request;
  request.method = "GET";
  REQUIRE(http::parse_target("/groups/x", request));
  unsigned status = 0;
  world.admin.router()(std::move(request), http::Reply([&status](const http::Response& response) {
                         status = response.status;
                       }));
  CHECK(status == 0);
  world.questions.close();
  CHECK(status == 503);
}

TEST_CASE("metrics have what the board says") {
  World world;
  world.board.put(ready_status(now()));
  const std::string text = world.ask("GET", "/metrics").body;
  CHECK(text.find("collector_groups_open{partition=\"0\"} 7\n") != std::string::npos);
  CHECK(text.find("collector_dead_letters_total{code=\"json\"} 0\n") != std::string::npos);
  CHECK(text.find("# TYPE collector_deadline_lateness_seconds histogram\n") != std::string::npos);
}

TEST_CASE("a cursor is what it was, and nothing else is one") {
  const Cursor cursor{core::Partition{3}, 1'234'567'890'123, 42};
  CHECK(decode_cursor(encode(cursor)) == cursor);
  for (const char* text : {"", "1", "1.2", "1.2.", "-1.0.0", "1.-2.3", "1.2.3.4", "1.2.x",
                           "1.2.4294967296", "99999999999.0.0", " 1.2.3", "1.2.3 "}) {
    CAPTURE(text);
    CHECK_FALSE(decode_cursor(text));
  }
}

TEST_CASE("a time is seconds from now on, or RFC 3339 in UTC") {
  const core::Time at = core::time_from_ms(1'000'000);
  CHECK(parse_time("0", at) == at);
  CHECK(parse_time("60", at) == at + std::chrono::seconds(60));
  CHECK(parse_time("1970-01-01T00:00:01Z", at) == core::time_from_ms(1000));
  CHECK(parse_time("2020-02-29T23:59:59.123Z", at) == core::time_from_ms(1'583'020'799'123));
  for (const char* text : {"", "-1", "1.5", "99999999999999", "2021-02-29T00:00:00Z", "2020-01-01",
                           "2020-01-01T00:00:00", "2020-01-01T24:00:00Z", "2020-01-01T00:60:00Z",
                           "2020-1-01T00:00:00Z", "2020-01-01T00:00:00.1Z",
                           "2020-01-01T00:00:00+01:00", "2020-01-01 00:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text, at));
  }
}

TEST_CASE("nothing is done without the token, whatever the body is") {
  World world;
  CHECK(world.ask("POST", "/events").status == 403);
  world.context.token = "secret";
  CHECK(world.ask("POST", "/events").status == 401);
  CHECK(world.ask("POST", "/groups/x/cancel", "Bearer wrong", "{").status == 401);
  CHECK(has_code(world.ask("POST", "/events", "Bearer secret"), "starting"));
}

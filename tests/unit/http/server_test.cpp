// The server over real sockets, with limits so small that they are reached at once.
#include "http/server.h"

#include "client.h"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

using namespace muster::http;
using namespace muster::http::test;

namespace {

// Echoes path and body; /later keeps the reply for the test to use, /stream never ends.
struct World {
  explicit World(Limits limits = {})
      : server(limits, [this](Request request, Reply reply) {
          ++requests;
          if (request.path == "/later") {
            const std::lock_guard lock(mutex);
            later.push_back(reply);
          } else if (request.path == "/stream") {
            Response response{200, "text/event-stream", "first\n"};
            response.next = [this] { return "tick " + std::to_string(++ticks) + "\n"; };
            reply(std::move(response));
          } else if (request.path == "/large") {
            reply({200, "text/plain", std::string(8 << 20, 'x')});
          } else {
            reply({200, "text/plain", request.method + " " + request.path + " " + request.body});
          }
        }) {
    REQUIRE(server.listen({"127.0.0.1", 0}).empty());
    server.start();
  }
  ~World() {
    const std::lock_guard lock(mutex);
    later.clear();
  }

  Client client() const { return Client(server.address().port); }
  void answer_later(Response response) {
    until([this] {
      const std::lock_guard lock(mutex);
      return !later.empty();
    });
    const std::lock_guard lock(mutex);
    later.front()(std::move(response));
    later.clear();
  }

  std::atomic<int> requests{0};
  int ticks = 0;
  std::mutex mutex;
  std::vector<Reply> later;
  Server server;
};

const std::string kGet = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";

}  // namespace

TEST_CASE("a request is answered, and the connection serves the next one") {
  const World world;
  Client client = world.client();
  client.send(kGet);
  const Answer first = client.answer();
  CHECK(first.status == 200);
  CHECK(first.body == "GET /a ");
  CHECK(first.header("content-type") == "text/plain");
  client.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  CHECK(client.answer().body == "POST /b abc");
  CHECK(world.server.totals().accepted == 1);
  CHECK(world.server.totals().requests == 2);
}

TEST_CASE("requests that come in one piece are answered in their order") {
  const World world;
  Client client = world.client();
  std::string all;
  for (int i = 0; i < 50; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(all);
  for (int i = 0; i < 50; ++i) CHECK(client.answer().body == "GET /" + std::to_string(i) + " ");
}

TEST_CASE("a client that asks for it is let go, and HTTP/1.0 is understood") {
  const World world;
  Client close = world.client();
  close.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(close.answer().status == 200);
  CHECK(close.closed());
  Client old = world.client();
  old.send("GET /a HTTP/1.0\r\n\r\n");
  CHECK(old.answer().status == 200);
  CHECK(old.closed());
}

TEST_CASE("the answer to HEAD has the length of a body, and none") {
  const World world;
  Client client = world.client();
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answer head = client.answer(/*has_body=*/false);
  CHECK(head.header("content-length") == "8");
  client.send(kGet);
  CHECK(client.answer().body == "GET /a ");
}

TEST_CASE("what is no request is refused with a reason") {
  struct Case {
    const char* sent;
    unsigned status;
    const char* code;
  };
  const std::string huge(20'000, 'x');
  const Case cases[] = {
      {"nonsense\r\n\r\n", 400, "malformed"},
      {"GET / HTTP/9.9\r\n\r\n", 400, "malformed"},
      {"GET /\xff HTTP/1.1\r\n\r\n", 400, "target"},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "target"},
      {"GET /?a=%1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "target"},
      {"POST / HTTP/1.1\r\nContent-Length: a\r\n\r\n", 400, "malformed"},
      {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
       "malformed"},
      {"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413, "body-limit"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413, "body-limit"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.sent);
    const World world;
    Client client = world.client();
    client.send(one.sent);
    const Answer answer = client.answer();
    CHECK(answer.status == one.status);
    CHECK(answer.header("content-type") == "application/problem+json");
    CHECK(answer.body.find("\"code\":\"" + std::string(one.code) + "\"") != std::string::npos);
    CHECK(world.requests == 0);
  }
  const World world;
  Client client = world.client();
  client.send("GET / HTTP/1.1\r\nX: " + huge + "\r\n\r\n");
  CHECK(client.answer().status == 431);
}

TEST_CASE("a body beyond the limit is refused while it is still being sent") {
  Limits limits;
  limits.body_bytes_max = 1000;
  const World world(limits);
  Client client = world.client();
  client.send("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  CHECK(client.answer().status == 413);
  Client exact = world.client();
  exact.send("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  CHECK(exact.answer().status == 200);
}

TEST_CASE("a request that drips is told so when its time is up") {
  Limits limits;
  limits.request = std::chrono::milliseconds(100);
  const World world(limits);
  Client client = world.client();
  client.send("GET / HTTP/1.1\r\nX: ");
  CHECK(client.answer().status == 408);
  CHECK(client.closed());
}

TEST_CASE("an idle connection is closed") {
  Limits limits;
  limits.idle = std::chrono::milliseconds(50);
  const World world(limits);
  Client client = world.client();
  CHECK(client.closed());
}

TEST_CASE("connections that ask nothing make room for one that asks") {
  Limits limits;
  limits.connections_max = 8;
  const World world(limits);
  std::vector<Client> idle;
  for (int i = 0; i < 100; ++i) {
    idle.push_back(world.client());
    if (i % 2 == 0) idle.back().send("GET / HT");
  }
  Client client = world.client();
  client.send(kGet);
  CHECK(client.answer().status == 200);
  CHECK(idle.front().closed());
  const ServerTotals totals = world.server.totals();
  CHECK(totals.connections <= 9);
  CHECK(totals.evicted >= 90);
}

TEST_CASE("where all are being answered a new one is told to come again") {
  Limits limits;
  limits.connections_max = 2;
  World world(limits);
  Client one = world.client();
  Client two = world.client();
  one.send("GET /later HTTP/1.1\r\n\r\n");
  two.send("GET /later HTTP/1.1\r\n\r\n");
  until([&] { return world.requests == 2; });
  Client three = world.client();
  CHECK(three.answer().status == 503);
  CHECK(three.closed());
}

TEST_CASE("an answer may come from another thread, later") {
  World world;
  Client client = world.client();
  client.send("GET /later HTTP/1.1\r\n\r\n" + kGet);
  world.answer_later({202, "text/plain", "now"});
  CHECK(client.answer().body == "now");
  CHECK(client.answer().body == "GET /a ");
}

TEST_CASE("who waits for an answer too long is told, and a late one is dropped") {
  Limits limits;
  limits.answer = std::chrono::milliseconds(50);
  World world(limits);
  Client client = world.client();
  client.send("GET /later HTTP/1.1\r\n\r\n");
  CHECK(client.answer().status == 504);
  world.answer_later({200, "text/plain", "too late"});
  client.send(kGet);
  CHECK(client.answer().body == "GET /a ");
}

TEST_CASE("a client that goes away before its answer harms nobody") {
  World world;
  {
    Client gone = world.client();
    gone.send("GET /later HTTP/1.1\r\n\r\n");
    until([&] { return world.requests == 1; });
  }
  world.answer_later({200, "text/plain", "for nobody"});
  Client client = world.client();
  client.send(kGet);
  CHECK(client.answer().status == 200);
}

TEST_CASE("a client that does not read its answer is let go") {
  Limits limits;
  limits.write = std::chrono::milliseconds(100);
  const World world(limits);
  Client client = world.client();
  client.send("GET /large HTTP/1.1\r\n\r\n");
  until([&] { return world.requests == 1; });
  until([&] { return world.server.totals().connections == 0; });
}

TEST_CASE("a stream goes on until its client leaves, and there are only so many") {
  Limits limits;
  limits.streams_max = 1;
  limits.stream_interval = std::chrono::milliseconds(5);
  const World world(limits);
  {
    Client client = world.client();
    client.send("GET /stream HTTP/1.1\r\n\r\n");
    const std::string text = client.read_until("tick 3\n");
    CHECK(text.find("first\n") != std::string::npos);
    CHECK(text.find("tick 1\n") != std::string::npos);
    Client second = world.client();
    second.send("GET /stream HTTP/1.1\r\n\r\n");
    CHECK(second.answer().status == 503);
  }
  until([&] { return world.server.totals().connections == 0; });
  Client third = world.client();
  third.send("GET /stream HTTP/1.1\r\n\r\n");
  CHECK_FALSE(third.read_until("tick").empty());
}

TEST_CASE("a server that ends leaves nobody hanging") {
  auto world = std::make_unique<World>();
  Client idle = world->client();
  Client waiting = world->client();
  waiting.send("GET /later HTTP/1.1\r\n\r\n");
  Client streaming = world->client();
  streaming.send("GET /stream HTTP/1.1\r\n\r\n");
  until([&] { return world->requests == 2; });
  world.reset();
  CHECK(idle.closed());
  CHECK(waiting.closed());
}

TEST_CASE("a port that is taken is said") {
  const World world;
  Server second({}, [](Request, const Reply&) {});
  const std::string error = second.listen({"127.0.0.1", world.server.address().port});
  CHECK(error.find("cannot listen at 127.0.0.1:") != std::string::npos);
  CHECK(second.listen({"127.0.0.1", 0}).empty());
}

// What a server can say no to, and that it is said: to the worker, and to people once.
#include "proxy.h"
#include "store.h"

#include <doctest/doctest.h>

#include <utility>

using namespace muster;
using namespace muster::redis;
using namespace muster::redis::test;

namespace {

const PartOf kPart{.head = {.entries = 1}, .entries = {{"id", "state"}}};
const PartOf kNext{.head = {.n = 2, .entries = 1}, .builds_on = {head_text(kPart.head)}};

CheckpointStored stored(Store& store, const PartOf& of) {
  const auto part = part_of(of);
  return store.store(*part);
}

void says(const std::string& message, const std::string& piece) {
  CAPTURE(message);
  CHECK(message.find(piece) != std::string::npos);
}

}  // namespace

TEST_SUITE_BEGIN("checkpoint refusal" * doctest::skip(no_server()));

TEST_CASE("a server that takes no writes leaves the checkpoint as it was, and is asked again") {
  struct Row {
    std::vector<std::string_view> cause;
    std::vector<std::string_view> remedy;
    const char* said;
  };
  const Row table[] = {
      {{"CONFIG", "SET", "maxmemory", "1"}, {"CONFIG", "SET", "maxmemory", "0"}, "OOM"},
      {{"REPLICAOF", "127.0.0.1", "1"}, {"REPLICAOF", "NO", "ONE"}, "READONLY"},
      {{"CONFIG", "SET", "min-replicas-to-write", "1"},
       {"CONFIG", "SET", "min-replicas-to-write", "0"},
       "NOREPLICAS"},
  };
  RedisServer server;
  Client client(server.url());
  for (const Row& row : table) {
    CAPTURE(std::string(row.said));
    client({"FLUSHALL"});
    Store store(settings_for(server.url()));
    CHECK(store.store(kPart) == StoreResult::kDone);
    client(row.cause);
    for (int i = 0; i < 3; ++i) {
      const CheckpointStored answer = stored(store, kNext);
      CHECK(answer.result == StoreResult::kNotSent);
      says(answer.message, row.said);
    }
    CHECK(store.port().counters().parts_failed == 3);
    CHECK(store.port().counters().connected);
    CHECK(store.load().head == head_text(kPart.head));
    client(row.remedy);
    CHECK(store.store(kNext) == StoreResult::kDone);
    CHECK(store.load().head == head_text(kNext.head));
  }
}

TEST_CASE("a node of a cluster is named as such") {
  RedisServer server({"--cluster-enabled", "yes"});
  Store store(settings_for(server.url()));
  const CheckpointStored answer = stored(store, kPart);
  CHECK(answer.result == StoreResult::kNotSent);
  says(answer.message, "Redis Cluster");
  says(store.load().message, "Redis Cluster");
  CHECK(described("MOVED 866 10.0.0.1:6379") ==
        "it is a node of a Redis Cluster, which is not supported (MOVED 866 10.0.0.1:6379)");
  CHECK(described("OOM x") == "OOM x");
}

TEST_CASE("logging in: the right password, a wrong one, none, one that nobody asked for") {
  RedisServer closed({"--requirepass", "s3cret:/@"});
  RedisServer open;
  RedisServer echoes({"--rename-command", "AUTH", ""});
  const auto url = [](const RedisServer& server, const std::string& login) {
    return "redis://" + login + "127.0.0.1:" + std::to_string(server.port());
  };
  Client client(url(closed, ":s3cret%3A%2F%40@"));
  client({"ACL", "SETUSER", "muster", "on", ">s3cret", "~muster:*", "+@all"});
  struct Row {
    std::string url;
    StoreResult result;
    const char* said;
  };
  const Row table[] = {
      {url(closed, ":s3cret%3A%2F%40@"), StoreResult::kDone, ""},
      {url(closed, "muster:s3cret@"), StoreResult::kDone, ""},
      {url(closed, ""), StoreResult::kNotSent, "asks for a password"},
      {url(closed, ":s3cret@"), StoreResult::kNotSent, "wrong user or password"},
      {url(closed, "muster:s3cret!@"), StoreResult::kNotSent, "wrong user or password"},
      {url(closed, "nobody:s3cret@"), StoreResult::kNotSent, "wrong user or password"},
      {url(open, ":s3cret@"), StoreResult::kNotSent, "refuses AUTH"},
      // Its error repeats the password.
      {url(echoes, ":s3cret@"), StoreResult::kNotSent, "refuses AUTH"},
      {url(echoes, "someone:s3cret@"), StoreResult::kNotSent, "refuses AUTH"},
  };
  for (const Row& row : table) {
    CAPTURE(row.url);
    Store store(settings_for(row.url));
    const CheckpointStored answer = stored(store, kPart);
    CHECK(answer.result == row.result);
    says(answer.message, row.said);
    CHECK(answer.message.find("s3cret") == std::string::npos);
    const Loaded loaded = store.load();
    const bool done = row.result == StoreResult::kDone;
    CHECK((loaded.end == CheckpointPage::Kind::kEnd) == done);
    CHECK((loaded.end == CheckpointPage::Kind::kFailed) == !done);
    says(loaded.message, row.said);
    CHECK(loaded.message.find("s3cret") == std::string::npos);
    CHECK(store.port().counters().connected == done);
  }
}

TEST_CASE("the database of the URL is the one that is used") {
  RedisServer server;
  Store store(settings_for(server.url() + "/5"));
  CHECK(store.store(kPart) == StoreResult::kDone);
  Client client(server.url() + "/5");
  CHECK(client({"GET", kHead}) == head_text(kPart.head));
  CHECK(client({"SELECT", "0"}) == "OK");
  CHECK(client({"DBSIZE"}) == "0");
  Store nowhere(settings_for(server.url() + "/99"));
  says(stored(nowhere, kPart).message, "SELECT 99");
}

TEST_CASE("these rights are enough, and without one of them nothing is left half written") {
  const std::vector<std::string_view> enough = {"+watch", "+unwatch", "+get",    "+hlen",
                                                "+multi", "+exec",    "+unlink", "+hset",
                                                "+hdel",  "+set",     "+hmget",  "+hscan"};
  RedisServer server;
  Client client(server.url());
  const std::string url = "redis://muster:pw@127.0.0.1:" + std::to_string(server.port());
  const PartOf part{
      .head = {.entries = 1, .closed = {1}}, .entries = {{"id", "state"}}, .closed = {{1, "blob"}}};
  const PartOf next{.head = {.n = 2, .entries = 0, .closed = {1, 2}},
                    .builds_on = {head_text(part.head)},
                    .entries_left = {"id"},
                    .closed = {{2, "blob"}}};
  const auto allow = [&](const std::vector<std::string_view>& rights) {
    client({"ACL", "DELUSER", "muster"});
    std::vector<std::string_view> words = {"ACL", "SETUSER", "muster", "on", ">pw", "~muster:*"};
    words.insert(words.end(), rights.begin(), rights.end());
    CHECK(client(words) == "OK");
  };
  allow(enough);
  {
    Store store(settings_for(url));
    CHECK(store.store(part) == StoreResult::kDone);
    CHECK(store.store(next) == StoreResult::kDone);
    CHECK(store.load().end == CheckpointPage::Kind::kEnd);
  }
  for (size_t i = 0; i < enough.size(); ++i) {
    CAPTURE(std::string(enough[i]));
    allow(enough);
    Store store(settings_for(url));
    client({"FLUSHALL"});
    CHECK(store.store(part) == StoreResult::kDone);
    auto fewer = enough;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i));
    allow(fewer);
    CheckpointStored answer = stored(store, next);
    const Loaded loaded = store.load();
    if (answer.result == StoreResult::kDone) {  // not needed here
      CHECK(client({"GET", kHead}) == head_text(next.head));
    } else if (answer.result == StoreResult::kNotSent) {
      says(answer.message, "NOPERM");
      CHECK(client({"GET", kHead}) == head_text(part.head));
      CHECK(client({"HLEN", kEntries}) == "1");
    } else {
      CHECK(answer.result == StoreResult::kOtherHead);
      says(answer.message, "NOPERM");
      CHECK(client({"DBSIZE"}) == "0");
    }
    const bool reads = enough[i] == "+get" || enough[i] == "+hmget" || enough[i] == "+hscan";
    CHECK((loaded.end == CheckpointPage::Kind::kFailed) == reads);
  }
}

TEST_CASE("a transaction that fails inside is removed as a whole") {
  RedisServer server;
  Client client(server.url());
  client({"ACL", "SETUSER", "muster", "on", ">pw", "~muster:*", "+@all"});
  Client other_one(server.url());  // used by the proxy's thread
  bool taken = false;
  Proxy proxy(server.port(), [&](const std::string& command) {
    if (command == "EXEC" && !std::exchange(taken, true))
      other_one({"ACL", "SETUSER", "muster", "-hset"});
    return Fate::kPass;
  });
  Store store(settings_for("redis://muster:pw@" + proxy.url().substr(8)));
  const CheckpointStored answer = stored(store, kPart);
  CHECK(answer.result == StoreResult::kOtherHead);
  says(answer.message, "NOPERM");
  CHECK(client({"DBSIZE"}) == "0");
  client({"ACL", "SETUSER", "muster", "+hset"});
  CHECK(store.store(kNext) == StoreResult::kOtherHead);
  CHECK(store.store(kPart) == StoreResult::kDone);
}

TEST_SUITE_END();

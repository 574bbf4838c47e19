// Servers that die, hang, forget, and lose messages at the worst moment; and other writers.
#include "proxy.h"
#include "store.h"

#include <doctest/doctest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

using namespace muster;
using namespace muster::redis;
using namespace muster::redis::test;

namespace {

const PartOf kPart{.head = {.entries = 1}, .entries = {{"id", "state"}}};
const PartOf kNext{.head = {.n = 2, .entries = 2},
                   .builds_on = {head_text(kPart.head)},
                   .entries = {{"id 2", "state"}}};
const PartOf kAnew{.head = {.n = 2, .entries = 1}, .entries = {{"id", "state"}}};

// Until then nothing happens.
class Moment {
 public:
  void come() {
    const std::lock_guard lock(mutex_);
    came_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return came_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool came_ = false;
};

// Takes connections when the test says so, and never says a word.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd_, 16) == 0);
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  // When the first bytes of the next one are there.
  int accept() const {
    const int connection = ::accept(fd_, nullptr, nullptr);
    char byte = 0;
    CHECK(recv(connection, &byte, 1, MSG_PEEK) == 1);
    return connection;
  }
  bool another_waits() const { return accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK) >= 0; }
  void refuse_to_block() const {
    timeval time{};
    time.tv_usec = 1;
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  }

 private:
  int fd_;
  int port_ = 0;
};

void wait_for_head(Client& client, const std::string& head) {
  while (client({"GET", kHead}) != head) {
  }
}

}  // namespace

TEST_SUITE_BEGIN("checkpoint failure" * doctest::skip(no_server()));

TEST_CASE("a server that dies and comes back empty") {
  RedisServer server;
  Store store(settings_for(server.url()));
  CHECK(store.store(kPart) == StoreResult::kDone);
  server.kill();
  const auto next = part_of(kNext);
  for (int i = 0; i < 3; ++i) {
    const CheckpointStored answer = store.store(*next);
    CHECK(answer.result == StoreResult::kNotSent);
    CHECK(answer.message.find("refused") != std::string::npos);
  }
  CHECK_FALSE(store.port().counters().connected);
  CHECK(store.load().end == CheckpointPage::Kind::kFailed);
  server.start();
  CHECK(store.store(kNext) == StoreResult::kOtherHead);
  CHECK(store.port().counters().connected);
  CHECK(store.store(kAnew) == StoreResult::kDone);
  CHECK(store.load().end == CheckpointPage::Kind::kEnd);
}

TEST_CASE("a server that restarts between two parts is not noticed") {
  RedisServer server;
  Store store(settings_for(server.url()));
  CHECK(store.store(kPart) == StoreResult::kDone);
  server.kill();
  server.start();
  CHECK(store.store(kPart) == StoreResult::kDone);
  server.kill();
  server.start();
  CHECK(store.load().head.empty());
}

TEST_CASE("a connection that the server has closed is made anew at once") {
  RedisServer server;
  Client client(server.url());
  Settings settings = settings_for(server.url());
  settings.pause_min = settings.pause_max = std::chrono::hours(1);
  Store store(settings);
  CHECK(store.store(kPart) == StoreResult::kDone);
  CHECK(client({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}) == "1");
  CHECK(store.store(kNext) == StoreResult::kDone);
  CHECK(client({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}) == "1");
  CHECK(store.load().head == head_text(kNext.head));
}

TEST_CASE("between two attempts to connect parts are refused at once; a load tries at once") {
  RedisServer server;
  Settings settings = settings_for(server.url());
  settings.pause_min = settings.pause_max = std::chrono::hours(1);
  Store store(settings);
  server.kill();
  CHECK(store.store(kPart) == StoreResult::kNotSent);
  server.start();
  CHECK(store.store(kPart) == StoreResult::kNotSent);
  CHECK(store.store(kPart) == StoreResult::kNotSent);
  CHECK(store.load().head.empty());
  CHECK(store.store(kPart) == StoreResult::kDone);
}

TEST_CASE("one attempt to connect answers all loads that wait for it") {
  Listener listener;
  Store store(settings_for(listener.url()));
  for (int i = 0; i < 5; ++i) store.port().load(core::Partition{i});
  close(listener.accept());
  for (int i = 0; i < 5; ++i) {
    const Loaded loaded = store.rest(core::Partition{i});
    CHECK(loaded.end == CheckpointPage::Kind::kFailed);
    CHECK(loaded.message.find("127.0.0.1") != std::string::npos);
  }
  CHECK(store.port().counters().loads_failed == 5);
  listener.refuse_to_block();
  CHECK_FALSE(listener.another_waits());
}

TEST_CASE("an answer to EXEC that is lost: nobody knows, and the next part builds on either") {
  for (const Fate fate : {Fate::kCut, Fate::kCutAnswered}) {
    CAPTURE(fate == Fate::kCut);
    RedisServer server;
    std::atomic<int> execs = 0;
    Proxy proxy(server.port(), [&](const std::string& command) {
      return command == "EXEC" && ++execs == 2 ? fate : Fate::kPass;
    });
    Store store(settings_for(proxy.url()));
    CHECK(store.store(kPart) == StoreResult::kDone);
    CHECK(store.store(kNext) == StoreResult::kUnknown);
    Client client(server.url());
    const bool written = fate == Fate::kCutAnswered;
    CHECK(client({"GET", kHead}) == head_text(written ? kNext.head : kPart.head));
    CHECK(client({"HLEN", kEntries}) == (written ? "2" : "1"));
    const PartOf third{.head = {.n = 3, .entries = 2},
                       .builds_on = {head_text(kPart.head), head_text(kNext.head)},
                       .entries = {{"id 2", "later"}}};
    CHECK(store.store(third) == StoreResult::kDone);
    CHECK(store.load().entries == Map{{"id", "state"}, {"id 2", "later"}});
  }
}

TEST_CASE(
    "an answer that does not come in time: before EXEC nothing is written, then nobody knows") {
  RedisServer server;
  for (const char* swallowed : {"WATCH", "GET", "MULTI", "EXEC"}) {
    CAPTURE(std::string(swallowed));
    Proxy proxy(server.port(), [&](const std::string& command) {
      return command == swallowed ? Fate::kSwallow : Fate::kPass;
    });
    const bool sent = std::string(swallowed) == "MULTI" || std::string(swallowed) == "EXEC";
    const StoreResult result = sent ? StoreResult::kUnknown : StoreResult::kNotSent;
    Client client(server.url());
    client({"FLUSHALL"});
    Settings settings = settings_for(proxy.url());
    (sent ? settings.transaction_timeout : settings.command_timeout) = core::Duration{20};
    Store store(settings);
    const auto part = part_of(kPart);
    const CheckpointStored answer = store.store(*part);
    CHECK(answer.result == result);
    CHECK(answer.message == "no answer in time");
    CHECK(client({"DBSIZE"}) == "0");
    CHECK_FALSE(store.port().counters().connected);
  }
}

TEST_CASE("a connection that breaks before a part is sent: nothing is written") {
  RedisServer server;
  std::atomic<int> seen = 0;
  Proxy proxy(server.port(), [&](const std::string& command) {
    return command == "WATCH" && ++seen <= 2 ? Fate::kCut : Fate::kPass;
  });
  Store store(settings_for(proxy.url()));
  CHECK(store.store(kPart) == StoreResult::kNotSent);
  CHECK(store.store(kPart) == StoreResult::kNotSent);
  CHECK(store.store(kPart) == StoreResult::kDone);
  CHECK(seen == 3);
}

TEST_CASE("a part of many commands that breaks off in the middle is not written") {
  RedisServer server;
  std::atomic<int> seen = 0;
  Proxy proxy(server.port(), [&](const std::string& command) {
    return command == "HSET" && ++seen == 3 ? Fate::kCut : Fate::kPass;
  });
  Store store(settings_for(proxy.url()));
  const PartOf part{.head = {.entries = 50'000}, .entries = many_entries(50'000, 500)};
  const StoreResult result = store.store(part);
  CHECK((result == StoreResult::kNotSent || result == StoreResult::kUnknown));
  Client client(server.url());
  CHECK(client({"DBSIZE"}) == "0");
  CHECK(store.store(part) == StoreResult::kDone);
  CHECK((store.load().entries == part.entries));
}

TEST_CASE("another writer between the look and EXEC") {
  struct Row {
    const char* what;
    std::vector<std::string_view> change;
    int times;
    StoreResult result;
  };
  const std::string mine = head_text(kPart.head);
  const std::string other = head_text({.n = 2, .writer = 99});
  const std::string later = head_text({.n = 7, .writer = 99});
  const Row table[] = {
      {"writes a head", {"SET", kHead, other}, 1, StoreResult::kOtherHead},
      {"writes a later head", {"SET", kHead, later}, 1, StoreResult::kNewerHead},
      {"deletes the head", {"DEL", kHead}, 1, StoreResult::kOtherHead},
      {"deletes the entries", {"DEL", kEntries}, 1, StoreResult::kOtherHead},
      {"deletes all", {"FLUSHALL"}, 1, StoreResult::kOtherHead},
      {"writes the same head", {"SET", kHead, mine}, 1, StoreResult::kDone},
      {"does it again", {"SET", kHead, mine}, 2, StoreResult::kOtherHead},
      {"writes elsewhere", {"SET", "x", "y"}, 9, StoreResult::kDone},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.what));
    RedisServer server;
    Client client(server.url());
    Client other_writer(server.url());  // used by the proxy's thread
    Store before(settings_for(server.url()));
    CHECK(before.store(kPart) == StoreResult::kDone);
    std::atomic<int> seen = 0;
    Proxy proxy(server.port(), [&](const std::string& command) {
      if (command == "MULTI" && ++seen <= row.times) other_writer(row.change);
      return Fate::kPass;
    });
    Store store(settings_for(proxy.url()));
    CHECK(store.store(kNext) == row.result);
    const bool done = row.result == StoreResult::kDone;
    CHECK((client({"GET", kHead}) == head_text(kNext.head)) == done);
    CHECK(client({"HEXISTS", kEntries, "id 2"}) == (done ? "1" : "0"));
    // Nothing stays watched or half begun on the connection.
    client({"FLUSHALL"});
    CHECK(store.store(kPart) == StoreResult::kDone);
  }
}

TEST_CASE("a part that was given up is written later, but only on top of the head it builds on") {
  for (const bool overtaken : {false, true}) {
    CAPTURE(overtaken);
    RedisServer server;
    Client client(server.url());
    Client other_writer(server.url());  // used by the proxy's thread
    Store before(settings_for(server.url()));
    CHECK(before.store(kPart) == StoreResult::kDone);
    before.destroy();
    const std::string other = head_text({.n = 2, .writer = 99});
    bool paused = false;
    Proxy proxy(server.port(), [&](const std::string& command) {
      if (command != "MULTI" || std::exchange(paused, true)) return Fate::kPass;
      if (overtaken) other_writer({"SET", kHead, other});
      server.pause();
      return Fate::kPass;
    });
    Settings settings = settings_for(proxy.url());
    settings.transaction_timeout = core::Duration{20};
    Store store(settings);
    CHECK(store.store(kNext) == StoreResult::kUnknown);
    server.resume();
    if (overtaken) {
      // The dead connection's EXEC was read, and did nothing, when its client is gone.
      while (client({"CLIENT", "LIST"}).find("name=muster ") != std::string::npos) {
      }
      CHECK(client({"GET", kHead}) == other);
      CHECK(client({"HEXISTS", kEntries, "id 2"}) == "0");
    } else {
      wait_for_head(client, head_text(kNext.head));
      CHECK(client({"HEXISTS", kEntries, "id 2"}) == "1");
    }
  }
}

TEST_CASE("a server that hangs is waited for as long as it was said, not longer") {
  RedisServer server;
  Settings settings = settings_for(server.url());
  settings.connect_timeout = settings.command_timeout = core::Duration{20};
  settings.transaction_timeout = core::Duration{20};
  Store store(settings);
  // It may be late on a busy machine.
  while (store.store(kPart) != StoreResult::kDone) {
  }
  server.pause();
  CHECK(store.store(kNext) == StoreResult::kNotSent);  // its connection
  CHECK(store.store(kNext) == StoreResult::kNotSent);  // a new one
  CHECK(store.load().end == CheckpointPage::Kind::kFailed);
  server.resume();
  StoreResult result = StoreResult::kNotSent;
  while (result == StoreResult::kNotSent) result = store.store(kNext);
  CHECK((result == StoreResult::kDone || result == StoreResult::kUnknown));
}

TEST_CASE("a store that waits for an answer is destroyed at once") {
  RedisServer server;
  for (const char* command : {"CLIENT", "WATCH", "EXEC"}) {
    CAPTURE(std::string(command));
    Moment moment;
    Proxy proxy(server.port(), [&](const std::string& seen) {
      if (seen != command) return Fate::kPass;
      moment.come();
      return Fate::kSwallow;
    });
    Store store(settings_for(proxy.url()));  // ten minutes
    const auto part = part_of(kPart);
    store.port().store(1, *part);
    store.port().load(kPartition);
    moment.wait();
    store.destroy();
  }
}

TEST_CASE("a store that has work, or nothing to do, is destroyed at once") {
  RedisServer server;
  const PartOf part{.head = {.entries = 20'000}, .entries = many_entries(20'000, 500)};
  { Store store(settings_for(server.url())); }
  Store store(settings_for(server.url()));
  CHECK(store.store(part) == StoreResult::kDone);
  store.port().load(kPartition);
  CHECK(store.page()->kind == CheckpointPage::Kind::kHead);
  store.destroy();
}

TEST_CASE("a connection that was interrupted before it is made is not made") {
  RedisServer server;
  Interrupter interrupter;
  interrupter.interrupt();
  block_sigpipe_in_this_thread();
  const auto opened = Connection::open(settings_for(server.url()), interrupter);
  CHECK(opened.connection == nullptr);
  CHECK(!opened.error.empty());
}

TEST_CASE("a host that is none, a port where nobody is") {
  for (const char* url : {"redis://no-such-host.invalid", "redis://127.0.0.1:1"}) {
    Store store(settings_for(url));
    const auto part = part_of(kPart);
    const CheckpointStored answer = store.store(*part);
    CHECK(answer.result == StoreResult::kNotSent);
    CHECK(answer.message.find(settings_for(url).url.address()) != std::string::npos);
    CHECK(store.load().end == CheckpointPage::Kind::kFailed);
  }
}

TEST_SUITE_END();

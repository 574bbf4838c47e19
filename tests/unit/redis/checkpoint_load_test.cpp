// How a checkpoint is read: in which pieces, in which order, and under one head only.
#include "proxy.h"
#include "store.h"

#include <doctest/doctest.h>

#include <atomic>

using namespace muster;
using namespace muster::redis;
using namespace muster::redis::test;

TEST_SUITE_BEGIN("checkpoint load" * doctest::skip(no_server()));

TEST_CASE("closed ids come in the order of the head's list; what is missing is left out") {
  RedisServer server;
  Client client(server.url());
  client({"SET", kHead, head_text({.closed = {30, 2, 17, 4}})});
  client({"HSET", kClosed, "2", "two", "4", "four", "5", "not listed", "30", ""});
  Store store(settings_for(server.url()));
  const Loaded loaded = store.load();
  CHECK(loaded.end == CheckpointPage::Kind::kEnd);
  CHECK(loaded.closed == Closed{{30, ""}, {2, "two"}, {4, "four"}});
}

TEST_CASE("thousands of closed numbers, small ones and large ones, all come") {
  RedisServer server;
  Client client(server.url());
  HeadOf head;
  Closed closed;
  for (uint64_t number = 1; number <= 3'000; ++number) {
    const size_t bytes = number % 500 == 0 ? 3'000'000 : number % 50;
    closed.emplace_back(number, any_bytes(number, bytes));
    head.closed.push_back(number);
    client({"HSET", kClosed, std::to_string(number), closed.back().second});
  }
  client({"SET", kHead, head_text(head)});
  Store store(settings_for(server.url()));
  const Loaded loaded = store.load();
  CHECK(loaded.end == CheckpointPage::Kind::kEnd);
  CHECK((loaded.closed == closed));
}

TEST_CASE("a server that gives more at once than was asked for does not make a page larger") {
  RedisServer server({"--hash-max-listpack-entries", "100000"});
  Store store(settings_for(server.url()));
  const PartOf part{.head = {.entries = 20'000}, .entries = many_entries(20'000, 8)};
  CHECK(store.store(part) == StoreResult::kDone);
  const Loaded loaded = store.load();
  CHECK((loaded.entries == part.entries));
  CHECK(loaded.entries_in_page_max == runtime::kPageEntriesMax);
}

TEST_CASE("a head that nobody can read, or that is not finished, is given all the same") {
  RedisServer server;
  Client client(server.url());
  Store store(settings_for(server.url()));
  for (const std::string& head : {std::string("hello"), std::string("muster2 \0\n", 10),
                                  head_text({.closed = {1}, .finished = false})}) {
    client({"SET", kHead, head});
    client({"HSET", kEntries, "a", "1"});
    const Loaded loaded = store.load();
    CHECK(loaded.end == CheckpointPage::Kind::kEnd);
    CHECK(loaded.head == head);
    CHECK(loaded.entries == Map{{"a", "1"}});
  }
}

TEST_CASE("a head that changes while the rest is read makes it void") {
  struct Row {
    const char* what;
    const char* moment;  // before the server sees the second of this command
    std::vector<std::string_view> change;
    CheckpointPage::Kind end;
  };
  const std::string head = head_text({.entries = 9'000, .closed = {1, 2, 3, 4, 5, 6}});
  const std::string other = head_text({.n = 2});
  const Row table[] = {
      {"written", "HSCAN", {"SET", kHead, other}, CheckpointPage::Kind::kChanged},
      {"written, early", "HMGET", {"SET", kHead, other}, CheckpointPage::Kind::kChanged},
      {"deleted", "HSCAN", {"DEL", kHead}, CheckpointPage::Kind::kChanged},
      {"flushed", "HSCAN", {"FLUSHALL"}, CheckpointPage::Kind::kChanged},
      {"another key", "HSCAN", {"HSET", "x", "y", "z"}, CheckpointPage::Kind::kEnd},
      {"the same again", "HSCAN", {"SET", kHead, head}, CheckpointPage::Kind::kEnd},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.what));
    RedisServer server;
    Client client(server.url());
    client({"SET", kHead, head});
    for (const char* number : {"1", "2", "3", "4", "5", "6"})
      client({"HSET", kClosed, number, "some"});
    for (const auto& [name, value] : many_entries(9'000, 10))
      client.later({"HSET", kEntries, name, value});
    client.done();
    std::atomic<int> seen = 0;
    Client other_writer(server.url());  // used by the proxy's thread
    Proxy proxy(server.port(), [&](const std::string& command) {
      if (command == row.moment && ++seen == 2) other_writer(row.change);
      return Fate::kPass;
    });
    Store store(settings_for(proxy.url()));
    const Loaded loaded = store.load();
    CHECK(loaded.end == row.end);
    CHECK(loaded.head == head);
    CHECK(seen >= 2);
    CHECK(store.port().counters().loads_failed == 0);
  }
}

TEST_CASE("keys of another type cannot be read") {
  RedisServer server;
  Client client(server.url());
  Store store(settings_for(server.url()));
  client({"LPUSH", kHead, "x"});
  Loaded loaded = store.load();
  CHECK(loaded.end == CheckpointPage::Kind::kFailed);
  CHECK(loaded.message.find("WRONGTYPE") != std::string::npos);
  client({"DEL", kHead});
  client({"SET", kHead, head_text({})});
  client({"SET", kEntries, "x"});
  loaded = store.load();
  CHECK(loaded.end == CheckpointPage::Kind::kFailed);
  CHECK(store.port().counters().loads_failed == 2);
  // The next that is written whole makes it good.
  CHECK(store.store(PartOf{}) == StoreResult::kDone);
  CHECK(store.load().end == CheckpointPage::Kind::kEnd);
}

TEST_CASE("pages are read ahead, but not all of them") {
  RedisServer server;
  Store store(settings_for(server.url()));
  constexpr size_t kCount = 20'000;
  const PartOf part{.head = {.entries = kCount}, .entries = many_entries(kCount, 2'000)};
  CHECK(store.store(part) == StoreResult::kDone);
  store.port().load(kPartition);
  CHECK(store.page()->kind == CheckpointPage::Kind::kHead);
  // With each of these the thread has been round once more, and would have read on.
  const PartOf outdated{.builds_on = {"none"}};
  for (int i = 0; i < 100; ++i) CHECK(store.store(outdated) == StoreResult::kOtherHead);
  CHECK(store.port().counters().entries_read > 0);
  CHECK(store.port().counters().entries_read < kCount / 2);
  const Loaded rest = store.rest();
  CHECK(rest.end == CheckpointPage::Kind::kEnd);
  CHECK((rest.entries == part.entries));
}

TEST_CASE("parts are stored while checkpoints are loaded, and several are loaded at a time") {
  RedisServer server;
  Store store(settings_for(server.url()));
  const std::vector<int> partitions = {0, 1, 2, 3, 4};
  const Map entries = many_entries(6'000, 300);
  for (const int partition : partitions) {
    const auto part = part_of({.head = {.entries = entries.size()}, .entries = entries});
    part->partition = core::Partition{partition};
    CHECK(store.store(*part).result == StoreResult::kDone);
  }
  for (const int partition : partitions) store.port().load(core::Partition{partition});
  std::string head;
  for (uint64_t n = 1; n <= 20; ++n) {
    auto part = part_of({.head = {.n = n}, .builds_on = {head}});
    if (n == 1) part->builds_on.clear();
    part->partition = core::Partition{77};
    CHECK(store.store(*part).result == StoreResult::kDone);
    head = part->head;
  }
  for (const int partition : partitions) {
    const Loaded loaded = store.rest(core::Partition{partition});
    CHECK(loaded.end == CheckpointPage::Kind::kEnd);
    CHECK((loaded.entries == entries));
  }
}

TEST_CASE("a load that is stopped gives nothing more; one that is begun anew begins at the head") {
  RedisServer server;
  Store store(settings_for(server.url()));
  const PartOf part{.head = {.entries = 9'000}, .entries = many_entries(9'000, 1'000)};
  CHECK(store.store(part) == StoreResult::kDone);
  store.port().load(kPartition);
  CHECK(store.page()->kind == CheckpointPage::Kind::kHead);
  CHECK(store.page()->kind == CheckpointPage::Kind::kEntries);
  store.port().stop(kPartition);
  CHECK(store.port().fetch(kPartition) == nullptr);
  store.port().stop(kPartition);
  store.port().load(kPartition);
  CHECK(store.page()->kind == CheckpointPage::Kind::kHead);
  const Loaded loaded = store.load();
  CHECK(loaded.end == CheckpointPage::Kind::kEnd);
  CHECK(loaded.head == head_text(part.head));
  CHECK((loaded.entries == part.entries));
}

TEST_CASE("how much a step asks for follows from how large things are") {
  StepSize size(1'000, 10'000);
  CHECK(size.count() == 1'000);
  size.got(100);
  CHECK(size.count() == 4'000);  // it grows fourfold at most
  size.got(100);
  CHECK(size.count() == 10'000);
  size.got(0);
  CHECK(size.count() == 10'000);
  size.got(size_t{200} << 20);
  CHECK(size.count() == 100);
  size.got(size_t{900} << 20);
  CHECK(size.count() == 1);
  size.got(size_t{900} << 20);
  CHECK(size.count() == 1);
  size.got(10);
  CHECK(size.count() == 4);
}

TEST_SUITE_END();

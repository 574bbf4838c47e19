// What is stored and what is loaded, and on top of what.
#include "store.h"

#include <doctest/doctest.h>

#include <cstdio>

using namespace muster;
using namespace muster::redis;
using namespace muster::redis::test;

TEST_CASE("redis-server is installed") {
  // ctest looks for the word (tests/CMakeLists.txt).
  if (no_server()) std::puts("SKIPPED: there is no redis-server, so nothing was stored anywhere");
}

TEST_SUITE_BEGIN("checkpoint store" * doctest::skip(no_server()));

TEST_CASE("where nothing was stored there is no head, and nothing follows") {
  RedisServer server;
  Store store(settings_for(server.url()));
  const Loaded loaded = store.load();
  CHECK(loaded.end == CheckpointPage::Kind::kHead);
  CHECK(loaded.head.empty());
  CHECK(store.port().fetch(kPartition) == nullptr);
}

TEST_CASE("what was stored is loaded, however much it is") {
  RedisServer server;
  for (const size_t count : {0u, 1u, 2u, 500u, 501u, 10'000u}) {
    CAPTURE(count);
    Store store(settings_for(server.url()));
    const PartOf part{.head = {.entries = count}, .entries = many_entries(count, 100)};
    CHECK(store.store(part) == StoreResult::kDone);
    const Loaded loaded = store.load();
    CHECK(loaded.end == CheckpointPage::Kind::kEnd);
    CHECK(loaded.head == head_text(part.head));
    CHECK(loaded.entries == part.entries);
    CHECK(loaded.closed.empty());
    CHECK(loaded.entries_in_page_max <= runtime::kPageEntriesMax);
    CHECK(store.port().counters().connected);
    CHECK(store.port().counters().parts_written == 1);
    CHECK(store.port().counters().bytes_written >= count * 100);
    CHECK(store.port().counters().entries_read >= count);
  }
}

TEST_CASE("names and values may be any bytes, and of any size") {
  RedisServer server;
  Store store(settings_for(server.url()));
  PartOf part{.closed = {{7, any_bytes(1, 300'000)}}};
  part.entries = {{"", ""},
                  {std::string("\0\r\n", 3), std::string("\r\n\0$-1\r\n", 8)},
                  {any_bytes(2, 70'000), any_bytes(3, 5'000'000)},
                  {"\xff{}", "x"}};
  part.head = {.entries = part.entries.size(), .closed = {7}};
  CHECK(store.store(part) == StoreResult::kDone);
  const Loaded loaded = store.load();
  CHECK(loaded.end == CheckpointPage::Kind::kEnd);
  CHECK(loaded.entries == part.entries);
  REQUIRE(loaded.closed.size() == 1);
  CHECK(loaded.closed[0] == *part.closed);
}

TEST_CASE("people find the keys by the names of group, topic and partition") {
  RedisServer server;
  Store store(settings_for(server.url()));
  Client client(server.url());
  const PartOf part{
      .head = {.entries = 1, .closed = {4}}, .entries = {{"id", "state"}}, .closed = {{4, "blob"}}};
  CHECK(store.store(part) == StoreResult::kDone);
  CHECK(client({"GET", "muster:{some group/events/3}:head"}) == head_text(part.head));
  CHECK(client({"HGET", "muster:{some group/events/3}:entries", "id"}) == "state");
  CHECK(client({"HGET", "muster:{some group/events/3}:closed", "4"}) == "blob");
  CHECK(client({"DBSIZE"}) == "3");
  CHECK(client({"CLIENT", "LIST"}).find("name=muster ") != std::string::npos);
}

TEST_CASE("each partition has a checkpoint of its own") {
  RedisServer server;
  Store store(settings_for(server.url()));
  for (const int partition : {0, 1, 10}) {
    const auto part = part_of({.head = {.n = 1u + static_cast<uint64_t>(partition), .entries = 1},
                               .entries = {{"id", std::to_string(partition)}}});
    part->partition = core::Partition{partition};
    CHECK(store.store(*part).result == StoreResult::kDone);
  }
  for (const int partition : {10, 1, 0}) {
    const Loaded loaded = store.load(core::Partition{partition});
    CHECK(loaded.entries == Map{{"id", std::to_string(partition)}});
  }
  CHECK(store.load(core::Partition{2}).head.empty());
}

TEST_CASE("an increment leaves what it does not name, and takes away before it puts") {
  RedisServer server;
  Store store(settings_for(server.url()));
  const PartOf first{.head = {.entries = 3, .closed = {1}},
                     .entries = {{"a", "1"}, {"b", "1"}, {"c", "1"}},
                     .closed = {{1, "one"}}};
  CHECK(store.store(first) == StoreResult::kDone);
  const PartOf second{.head = {.n = 2, .entries = 3, .closed = {1, 2}},
                      .builds_on = {head_text(first.head)},
                      .entries = {{"a", "2"}, {"d", "2"}},
                      .entries_left = {"a", "c", "never there"},
                      .closed = {{2, "two"}},
                      .closed_left = {2, 99}};
  CHECK(store.store(second) == StoreResult::kDone);
  Loaded loaded = store.load();
  CHECK(loaded.head == head_text(second.head));
  CHECK(loaded.entries == Map{{"a", "2"}, {"b", "1"}, {"d", "2"}});
  CHECK(loaded.closed == Closed{{1, "one"}, {2, "two"}});

  const PartOf third{.head = {.n = 3, .entries = 3, .closed = {2}},
                     .builds_on = {head_text(second.head)},
                     .closed_left = {1}};
  CHECK(store.store(third) == StoreResult::kDone);
  loaded = store.load();
  CHECK(loaded.entries.size() == 3);
  CHECK(loaded.closed == Closed{{2, "two"}});
  CHECK(store.port().counters().parts_written == 3);
}

TEST_CASE("of thousands that leave none stays") {
  RedisServer server;
  Store store(settings_for(server.url()));
  PartOf first{.head = {.entries = 1'801}, .entries = many_entries(1'801, 10)};
  CHECK(store.store(first) == StoreResult::kDone);
  PartOf second{.head = {.n = 2, .entries = 1}, .builds_on = {head_text(first.head)}};
  for (const auto& [name, value] : first.entries) second.entries_left.push_back(name);
  second.entries_left.pop_back();
  CHECK(store.store(second) == StoreResult::kDone);
  CHECK(store.load().entries == Map{*first.entries.rbegin()});
}

TEST_CASE("a part is written on top of the heads that it names, and of no others") {
  const HeadOf mine{.n = 10};
  const std::string nothing;
  const core::Epoch other{1};
  struct Row {
    const char* what;
    std::string there;
    std::vector<std::string> builds_on;
    StoreResult result;
  };
  const std::string at_9 = head_text({.n = 9});
  const std::string at_10 = head_text({.n = 10, .writer = 8});
  const std::string at_11 = head_text({.n = 11, .writer = 8});
  const std::string at_11_unfinished = head_text({.n = 11, .finished = false, .writer = 8});
  const std::string elsewhere_9 = head_text({.n = 9, .epoch = other});
  const std::string elsewhere_11 = head_text({.n = 11, .epoch = other});
  const Row table[] = {
      {"its own", at_9, {at_9}, StoreResult::kDone},
      {"the second of its own", at_10, {at_9, at_10}, StoreResult::kDone},
      {"no head at all, but the one that it names", "hello", {"hello"}, StoreResult::kDone},
      {"none", nothing, {at_9}, StoreResult::kOtherHead},
      {"an earlier one", at_9, {at_10}, StoreResult::kOtherHead},
      {"another of the same batch", at_10, {at_9}, StoreResult::kOtherHead},
      {"a later one", at_11, {at_9}, StoreResult::kNewerHead},
      {"a later one, in the making", at_11_unfinished, {at_9}, StoreResult::kNewerHead},
      {"one of another epoch", elsewhere_11, {at_9}, StoreResult::kOtherHead},
      {"no head", "hello", {at_9}, StoreResult::kOtherHead},
      {"anew, none", nothing, {}, StoreResult::kDone},
      {"anew, an earlier one", at_9, {}, StoreResult::kDone},
      {"anew, another of the same batch", at_10, {}, StoreResult::kDone},
      {"anew, a later one", at_11, {}, StoreResult::kNewerHead},
      {"anew, a later one, in the making", at_11_unfinished, {}, StoreResult::kNewerHead},
      {"anew, an earlier one of another epoch", elsewhere_9, {}, StoreResult::kDone},
      {"anew, a later one of another epoch", elsewhere_11, {}, StoreResult::kDone},
      {"anew, no head", "hello", {}, StoreResult::kDone},
  };
  RedisServer server;
  Client client(server.url());
  Store store(settings_for(server.url()));
  for (const Row& row : table) {
    CAPTURE(std::string(row.what));
    client({"FLUSHALL"});
    if (row.there != nothing) client({"SET", kHead, row.there});
    const PartOf part{.head = mine, .builds_on = row.builds_on, .entries = {{"id", "state"}}};
    CHECK(store.store(part) == row.result);
    const bool done = row.result == StoreResult::kDone;
    const std::string unchanged = row.there == nothing ? "(nil)" : row.there;
    CHECK(client({"GET", kHead}) == (done ? head_text(mine) : unchanged));
    CHECK(client({"EXISTS", kEntries}) == (done ? "1" : "0"));
  }
  CHECK(store.port().counters().parts_outdated == 9);
  CHECK(store.port().counters().parts_failed == 0);
}

TEST_CASE("a part that builds on nothing takes the place of all there was") {
  RedisServer server;
  Store store(settings_for(server.url()));
  const PartOf old{.head = {.entries = 2, .closed = {1}},
                   .entries = {{"a", "1"}, {"b", "1"}},
                   .closed = {{1, "one"}}};
  CHECK(store.store(old) == StoreResult::kDone);
  const PartOf anew{.head = {.entries = 1, .epoch = core::Epoch{5}}, .entries = {{"c", "2"}}};
  CHECK(store.store(anew) == StoreResult::kDone);
  const Loaded loaded = store.load();
  CHECK(loaded.entries == anew.entries);
  Client client(server.url());
  CHECK(client({"EXISTS", kClosed}) == "0");
}

TEST_CASE("a checkpoint of which a piece was lost is not built upon") {
  RedisServer server;
  Client client(server.url());
  const PartOf first{.head = {.entries = 2, .closed = {1}},
                     .entries = {{"a", "1"}, {"b", "1"}},
                     .closed = {{1, "one"}}};
  const PartOf next{.head = {.n = 2, .entries = 2, .closed = {1}},
                    .builds_on = {head_text(first.head)}};
  const std::vector<std::string_view> losses[] = {
      {"DEL", kEntries},         {"HDEL", kEntries, "a"},  {"DEL", kClosed}, {"DEL", kHead},
      {"SET", kEntries, "text"}, {"SET", kClosed, "text"}, {"FLUSHALL"}};
  Store store(settings_for(server.url()));
  for (const auto& loss : losses) {
    CAPTURE(std::string(*loss.begin()));
    CHECK(store.store(first) == StoreResult::kDone);
    client(loss);
    CHECK(store.store(next) == StoreResult::kOtherHead);
  }
}

TEST_CASE("a checkpoint in the making is built upon whatever its head says of its size") {
  RedisServer server;
  Store store(settings_for(server.url()));
  const PartOf first{.head = {.entries = 5, .closed = {1}, .finished = false},
                     .entries = {{"a", "1"}}};
  CHECK(store.store(first) == StoreResult::kDone);
  const PartOf next{
      .head = {.entries = 2}, .builds_on = {head_text(first.head)}, .entries = {{"b", "1"}}};
  CHECK(store.store(next) == StoreResult::kDone);
  CHECK(store.load().entries.size() == 2);
}

TEST_SUITE_END();

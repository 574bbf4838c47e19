#include "store.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::redis;
using namespace muster::redis::test;

namespace {

std::string any_bytes(size_t seed, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>((i * 31 + seed * 7) % 256));
  return bytes;
}

Map many(size_t count, size_t value_bytes) {
  Map entries;
  for (size_t i = 0; i < count; ++i)
    entries["name " + std::to_string(i)] = any_bytes(i, value_bytes);
  return entries;
}

}  // namespace

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

TEST_CASE("what was stored is loaded, whatever its size") {
  for (const size_t count : {0u, 1u, 2u, 500u, 501u, 10'000u}) {
    CAPTURE(count);
    RedisServer server;
    Store store(settings_for(server.url()));
    const PartOf part{.head = {.entries = count}, .entries = many(count, 100)};
    CHECK(store.store(part) == StoreResult::kDone);
    const Loaded loaded = store.load();
    CHECK(loaded.end == CheckpointPage::Kind::kEnd);
    CHECK(loaded.head == head_text(part.head));
    CHECK(loaded.entries == part.entries);
    CHECK(loaded.entries_in_page_max <= runtime::kPageEntriesMax);
    CHECK(store.port().counters().parts_written == 1);
    CHECK(store.port().counters().entries_read >= count);
  }
}

TEST_SUITE_END();

#include "core/arena.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using muster::core::Arena;

TEST_CASE("copies stay where they are and what they are, however many follow") {
  Arena arena;
  std::mt19937 random(1);
  std::vector<std::string> originals;
  std::vector<std::string_view> copies;
  for (int i = 0; i < 2'000; ++i) {
    originals.emplace_back(random() % 5'000, static_cast<char>('a' + i % 26));
    copies.push_back(arena.copy(originals.back()));
  }
  size_t bytes = 0;
  for (size_t i = 0; i < originals.size(); ++i) {
    REQUIRE(copies[i] == originals[i]);
    bytes += originals[i].size();
  }
  CHECK(arena.bytes_used() == bytes);
}

TEST_CASE("a copy is one, not a view of the original") {
  Arena arena;
  std::string original = "abc";
  const auto copy = arena.copy(original);
  original = "xyz";
  CHECK(copy == "abc");
}

TEST_CASE("an empty text costs nothing and is no null") {
  Arena arena;
  const auto copy = arena.copy({});
  CHECK(copy.empty());
  CHECK(copy.data() != nullptr);
  CHECK(arena.bytes_used() == 0);
}

TEST_CASE("a text larger than a block gets its own, and what follows still fits") {
  Arena arena;
  const std::string large(size_t{3} << 20, 'x');
  const auto first = arena.copy("before");
  const auto second = arena.copy(large);
  const auto third = arena.copy("after");
  CHECK(first == "before");
  CHECK(second == large);
  CHECK(third == "after");
}

TEST_CASE("cleared, the arena begins again in the blocks it has") {
  Arena arena;
  const char* place = arena.copy("abc").data();
  arena.clear();
  CHECK(arena.bytes_used() == 0);
  CHECK(arena.copy("xyz").data() == place);
  // Also after blocks of all kinds.
  const std::string half(size_t{600} << 10, 'h');
  const std::string large(size_t{3} << 20, 'l');
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i)
      CHECK(arena.copy(i % 7 == 0 ? large : half) == (i % 7 == 0 ? large : half));
    arena.clear();
    CHECK(arena.bytes_used() == 0);
  }
}

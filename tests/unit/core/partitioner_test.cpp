#include "core/partitioner.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace muster::core;

namespace {

constexpr int32_t kMost = 2'147'483'647;

int32_t home(Partitioner partitioner, std::string_view key, int32_t partitions) {
  return raw(home_of(key, {partitioner, partitions}));
}

}  // namespace

TEST_CASE("murmur2 finds the partition that Java's client finds") {
  // The vectors of Kafka's own test of Utils.murmur2.
  struct Row {
    std::string_view key;
    int32_t hash;
  };
  const Row table[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
      {"", 275646681},
  };
  for (const Row& row : table) {
    CAPTURE(row.key);
    const int32_t positive = row.hash & 0x7fffffff;
    for (const int32_t partitions : {1, 2, 3, 12, 100, kMost}) {
      CHECK(home(Partitioner::kMurmur2, row.key, partitions) == positive % partitions);
    }
  }
}

TEST_CASE("crc32 finds the partition that librdkafka's consistent one finds") {
  struct Row {
    std::string_view key;
    uint32_t crc;
  };
  const Row table[] = {
      {"123456789", 0xcbf43926},  // the check value of the algorithm
      {"abc", 0x352441c2},
      {"a-little-bit-longer-string", 0x87bfb12a},
      {"", 0},
  };
  for (const Row& row : table) {
    CAPTURE(row.key);
    for (const int32_t partitions : {1, 2, 3, 12, 100, kMost}) {
      CHECK(home(Partitioner::kCrc32, row.key, partitions) ==
            static_cast<int32_t>(row.crc % static_cast<uint32_t>(partitions)));
    }
  }
}

TEST_CASE("keys are bytes: a null byte and a byte over 127 count like any other") {
  using namespace std::string_view_literals;
  // By an implementation of its own, in another language.
  CHECK(home(Partitioner::kMurmur2, "a\0b"sv, kMost) == 2'127'646'281);
  CHECK(home(Partitioner::kMurmur2, "\xc3\xa9t\xc3\xa9"sv, kMost) == 46'290'073);
  CHECK(home(Partitioner::kMurmur2, "\xff\xfe\xfd"sv, kMost) == 998'637'092);
}

TEST_CASE("all partitions get about the same number of ids") {
  for (const Partitioner partitioner : {Partitioner::kMurmur2, Partitioner::kCrc32}) {
    std::array<int, 8> ids{};
    for (int i = 0; i < 8'000; ++i)
      ++ids.at(static_cast<size_t>(home(partitioner, "id-" + std::to_string(i), 8)));
    for (const int count : ids) {
      CHECK(count > 700);
      CHECK(count < 1'300);
    }
  }
}

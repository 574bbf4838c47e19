#include "base/bytes.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using muster::base::ByteReader;
using muster::base::ByteWriter;

TEST_CASE("every number comes back from its varint, the edges included") {
  const std::vector<uint64_t> numbers = {
      0, 1, 127, 128, 16'383, 16'384, 1ULL << 32, 1ULL << 63, std::numeric_limits<uint64_t>::max()};
  std::string bytes;
  ByteWriter writer(bytes);
  for (const uint64_t number : numbers) writer.varint(number);
  ByteReader reader(bytes);
  for (const uint64_t number : numbers) CHECK(reader.varint() == number);
  CHECK(reader.at_end());
}

TEST_CASE("every signed number comes back from its zigzag") {
  const std::vector<int64_t> numbers = {
      0, -1, 1, -64, 64, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  std::string bytes;
  ByteWriter writer(bytes);
  for (const int64_t number : numbers) writer.zigzag(number);
  ByteReader reader(bytes);
  for (const int64_t number : numbers) CHECK(reader.zigzag() == number);
  CHECK(reader.at_end());
}

TEST_CASE("what is cut off anywhere is noticed, and nothing is read past the end") {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(7);
  writer.fixed64(0x0102030405060708ULL);
  writer.varint(300);
  writer.string("hello");
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(std::string_view(bytes).substr(0, size));
    reader.u8();
    reader.fixed64();
    reader.varint();
    reader.string();
    CHECK_FALSE(reader.ok());
  }
  ByteReader reader(bytes);
  CHECK(reader.u8() == 7);
  CHECK(reader.fixed64() == 0x0102030405060708ULL);
  CHECK(reader.varint() == 300);
  CHECK(reader.string() == "hello");
  CHECK(reader.at_end());
}

TEST_CASE("a varint of more than 64 bits is a misfit") {
  const std::string bytes(11, static_cast<char>(0xff));
  ByteReader reader(bytes);
  reader.varint();
  CHECK_FALSE(reader.ok());
}

TEST_CASE("a count that the input cannot hold is a misfit, not an allocation") {
  std::string bytes;
  ByteWriter(bytes).varint(1ULL << 40);
  ByteReader reader(bytes);
  CHECK(reader.count() == 0);
  CHECK_FALSE(reader.ok());
}

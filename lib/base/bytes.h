// Writer and reader of our own binary formats (journal entries, saved state): little endian, LEB128
// varints (as protobuf's), zigzag for signed numbers, strings with their length in front. The
// reader never reads past its input and never throws: after the first misfit every read yields zero
// or empty and ok() is false.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::base {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void fixed64(uint64_t value);
  void varint(uint64_t value);
  void zigzag(int64_t value);
  void string(std::string_view value);

 private:
  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : rest_(in) {}

  uint8_t u8();
  uint64_t fixed64();
  uint64_t varint();
  int64_t zigzag();
  // A view into the input.
  std::string_view string();
  // A count of elements that follow, each at least `element_bytes_min` long: a count that cannot be
  // true is a misfit, so a corrupt input never makes us reserve gigabytes.
  size_t count(size_t element_bytes_min = 1);

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  void fail();

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace muster::base

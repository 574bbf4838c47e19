// The journal entry: what is read is written as the same again, and what is written is read.
#include "core/journal_entry.h"

#include <string>

#include "base/bytes.h"
#include "fail.h"
#include "target.h"

namespace muster::fuzz {
namespace {

void check_read(std::string_view bytes) {
  const auto read = core::decode_journal_entry(bytes);
  if (!read) {
    expect(read.error().code == "journal", "a refused entry has the journal's code");
    return;
  }
  std::string again;
  core::encode(read.value(), again);
  expect(again.size() <= bytes.size(), "no encoding is shorter than ours", {bytes, again});
  const auto reread = core::decode_journal_entry(again);
  expect(reread.ok() && reread.value() == read.value(), "an entry is read as it was written",
         {bytes, again});
}

// Any entry, made of whatever the bytes happen to be.
core::JournalEntry make_entry(std::string_view bytes) {
  base::ByteReader reader(bytes);
  core::JournalEntry entry;
  entry.epoch = core::Epoch{reader.fixed64()};
  entry.n = core::BatchNumber{reader.varint()};
  entry.origin = core::BatchNumber{reader.varint()};
  entry.clock = core::time_from_ms(reader.zigzag());
  entry.ceiling = core::time_from_ms(reader.zigzag());
  const uint8_t parts = reader.u8();
  if ((parts & 1) != 0) {
    const auto partitions = static_cast<int32_t>(1 + (reader.varint() & 0x7ffffffe));
    entry.routing =
        core::Routing{core::Partitioner{static_cast<uint8_t>(reader.u8() & 1)}, partitions};
  }
  if ((parts & 2) != 0) entry.tick = core::time_from_ms(reader.zigzag());
  entry.options = reader.string();
  for (size_t left = reader.u8() % 4; left > 0; --left) entry.replies.push_back(reader.string());
  for (size_t left = reader.u8() % 4; left > 0; --left) {
    const int64_t from = reader.zigzag();
    entry.ranges.push_back({core::Offset{from}, core::Offset{reader.zigzag()}});
  }
  for (size_t left = reader.u8() % 4; left > 0; --left) entry.forgets.push_back(reader.string());
  for (size_t left = reader.u8() % 4; left > 0; --left) {
    const std::string_view key = reader.string();
    entry.carried.push_back({key, reader.string()});
  }
  return entry;
}

void check_written(std::string_view bytes) {
  const core::JournalEntry entry = make_entry(bytes);
  std::string text = "what was there before";
  core::encode(entry, text);
  const auto takes = [&entry](std::string_view read_bytes) {
    const auto read = core::decode_journal_entry(read_bytes);
    if (read) expect(read.value() == entry, "an entry is read as it was written", {read_bytes});
    return read.ok();
  };
  expect_exactly(text, takes, "whatever is written can be read");
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace muster::fuzz;
  check_read(text_of(data, size));
  check_written(text_of(data, size));
  return 0;
}

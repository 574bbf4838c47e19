// The formats of a checkpoint: head, entry, closed ids. What is read is written as the same again,
// what is written is read, and nothing that was damaged is.
//
// An input is taken for each of them: as it is, and as what lies behind a right checksum, which no
// fuzzer finds. For an entry it is a name (base/bytes.h), then the value.
#include "core/checkpoint.h"

#include <string>

#include "base/bytes.h"
#include "base/hash.h"
#include "fail.h"
#include "target.h"

namespace muster::fuzz {
namespace {

constexpr char kVersion = 1;

// What an entry or closed ids are, around these bytes.
std::string behind_checksum(std::string_view bytes, uint64_t seed) {
  std::string whole(1, kVersion);
  base::ByteWriter(whole).fixed64(base::hash64(bytes, seed));
  whole += bytes;
  return whole;
}

// The same with one bit changed: which one, the text itself says.
std::string damaged(std::string text) {
  const uint64_t chosen = base::hash64(text, 1);
  char& byte = text[chosen % text.size()];
  byte = static_cast<char>(byte ^ (1 << ((chosen >> 32) % 8)));
  return text;
}

// What is written is taken whole or not at all.
template <typename Takes>
void check_taken(std::string_view written, const Takes& takes) {
  expect_exactly(written, takes, "whatever is written can be read");
  const std::string other = damaged(std::string(written));
  expect(!takes(other), "nothing that was damaged is read", {written, other});
}

// --- the head

void check_head(const core::CheckpointHead& head) {
  const auto takes = [&head](std::string_view text) {
    const auto read = core::decode_checkpoint_head(text);
    if (read) expect(*read == head, "a head is read as it was written", {text});
    return read.has_value();
  };
  check_taken(core::encode(head), takes);
}

void read_head(std::string_view text) {
  const auto read = core::decode_checkpoint_head(text);
  if (!read) return;
  expect(core::encode(*read) == text, "a head is written in one way only", {text});
  check_head(*read);
}

// Any head, made of whatever the bytes happen to be.
core::CheckpointHead make_head(std::string_view bytes) {
  base::ByteReader reader(bytes);
  core::CheckpointHead head;
  head.epoch = core::Epoch{reader.fixed64()};
  head.n = core::BatchNumber{reader.varint()};
  head.part = static_cast<uint32_t>(reader.varint());
  head.finished = (reader.u8() & 1) != 0;
  head.writer = reader.fixed64();
  head.clock = core::time_from_ms(reader.zigzag());
  for (size_t left = reader.u8() % 4; left > 0; --left)
    head.next.push_back(core::Offset{reader.zigzag()});
  head.journal = core::Offset{reader.zigzag()};
  head.needed_journal = core::Offset{reader.zigzag()};
  head.needed_repartition = core::Offset{reader.zigzag()};
  head.entries = reader.varint();
  head.entries_sum = reader.fixed64();
  for (size_t left = reader.u8() % 8; left > 0; --left) head.closed.push_back(reader.varint());
  return head;
}

void run_head(std::string_view bytes) {
  read_head(bytes);
  std::string checked(bytes.substr(0, bytes.rfind(" check=")));
  char check[24];
  std::snprintf(check, sizeof check, " check=%016llx",
                static_cast<unsigned long long>(base::hash64(checked)));
  read_head(checked + check);
  check_head(make_head(bytes));
}

// --- entries

void check_entry(const core::CheckpointEntry& entry) {
  std::string value;
  const uint32_t checksum = core::encode(entry, value);
  const auto takes = [&](std::string_view bytes) {
    const auto read = core::decode_checkpoint_entry(entry.key, bytes);
    if (read) expect(read->entry == entry, "an entry is read as it was written", {bytes});
    if (read) expect(read->checksum == checksum, "an entry has one checksum", {bytes});
    return read.has_value();
  };
  check_taken(value, takes);
  const std::string stranger = std::string(entry.key) + "'";
  expect(!core::decode_checkpoint_entry(stranger, value), "an entry belongs to its name", {value});
}

void read_entry(std::string_view key, std::string_view value) {
  const auto read = core::decode_checkpoint_entry(key, value);
  if (!read) return;
  std::string again;
  core::encode(read->entry, again);
  // Its checksum is part of the head, so there may be only one for what it says.
  expect(again == value, "an entry is written in one way only", {value, again});
  check_entry(read->entry);
}

void run_entry(std::string_view bytes) {
  base::ByteReader reader(bytes);
  const std::string_view key = reader.string();
  if (!reader.ok()) return;
  const std::string_view value(key.data() + key.size(),
                               static_cast<size_t>(bytes.end() - key.end()));
  read_entry(key, value);
  read_entry(key, behind_checksum(value, base::hash64(key)));
  const core::BatchNumber since{reader.varint()};
  if (raw(since) > 0) check_entry({key, since, value});
}

// --- closed ids

void check_closed(const core::ClosedIds& closed) {
  std::string written;
  core::encode(closed, written);
  const auto takes = [&closed](std::string_view bytes) {
    const auto read = core::decode_closed_ids(bytes);
    if (read) expect(*read == closed, "closed ids are read as they were written", {bytes});
    return read.has_value();
  };
  check_taken(written, takes);
}

void read_closed(std::string_view bytes) {
  const auto read = core::decode_closed_ids(bytes);
  if (!read) return;
  std::string again;
  core::encode(*read, again);
  expect(again.size() <= bytes.size(), "no encoding is shorter than ours", {bytes, again});
  check_closed(*read);
}

core::ClosedIds make_closed(std::string_view bytes) {
  base::ByteReader reader(bytes);
  core::ClosedIds closed;
  for (size_t left = reader.u8() % 4; left > 0; --left) closed.left.push_back(reader.string());
  for (size_t left = reader.u8() % 4; left > 0; --left) {
    const std::string_view key = reader.string();
    const core::BatchNumber since{reader.varint() | 1};
    closed.ids.push_back({key, since, reader.string()});
  }
  return closed;
}

void run_closed(std::string_view bytes) {
  read_closed(bytes);
  read_closed(behind_checksum(bytes, 0));
  check_closed(make_closed(bytes));
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace muster::fuzz;
  const std::string_view bytes = text_of(data, size);
  run_head(bytes);
  run_entry(bytes);
  run_closed(bytes);
  return 0;
}

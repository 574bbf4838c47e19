// The metadata beside committed offsets: what is read is written as the same again, what is written
// is read, and it stays as short and as plain as Kafka wants it.
#include "core/commit_metadata.h"

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "fail.h"
#include "target.h"

namespace muster::fuzz {
namespace {

constexpr size_t kBytesBelow = 200;

void check_read(std::string_view text) {
  const auto read = core::decode_commit_metadata(text);
  if (!read) return;
  const std::string again = core::encode(*read);
  expect(again.size() < kBytesBelow, "metadata is short", {again});
  expect(again.size() <= text.size(), "no encoding is shorter than ours", {text, again});
  expect(core::decode_commit_metadata(again) == read, "metadata is read as it was written",
         {text, again});
}

// Any metadata that a shard may write, made of whatever the bytes happen to be.
core::CommitMetadata make_metadata(std::string_view bytes) {
  base::ByteReader reader(bytes);
  core::CommitMetadata metadata;
  metadata.epoch = core::Epoch{reader.fixed64()};
  const uint64_t one = reader.varint();
  const uint64_t other = reader.varint();
  metadata.n = core::BatchNumber{std::max(one, other)};
  metadata.origin = core::BatchNumber{std::min(one, other)};
  metadata.journal_offset = core::Offset{reader.zigzag()};
  metadata.transactional_id = "i";
  for (const char byte : reader.string().substr(0, core::kTransactionalIdBytesMax - 1))
    metadata.transactional_id.push_back(static_cast<char>(' ' + (byte & 0x3f)));
  return metadata;
}

void check_written(std::string_view bytes) {
  const core::CommitMetadata metadata = make_metadata(bytes);
  const std::string text = core::encode(metadata);
  const auto is_plain = [](char byte) { return byte >= ' ' && byte <= '~'; };
  expect(std::ranges::all_of(text, is_plain), "metadata is ASCII", {text});
  expect(text.size() < kBytesBelow, "metadata is short", {text});
  expect(core::decode_commit_metadata(text) == metadata, "whatever is written can be read", {text});
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace muster::fuzz;
  check_read(text_of(data, size));
  check_written(text_of(data, size));
  return 0;
}

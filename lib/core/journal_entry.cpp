#include "core/journal_entry.h"

#include "base/bytes.h"

namespace muster::core {
namespace {

constexpr uint8_t kMagic = 'J';
constexpr uint8_t kVersion = 1;

}  // namespace

void encode(const JournalEntry& entry, std::string& out) {
  out.clear();
  base::ByteWriter w(out);
  w.u8(kMagic);
  w.u8(kVersion);
  w.fixed64(raw(entry.epoch));
  w.varint(raw(entry.n));
  w.varint(raw(entry.origin));
  w.zigzag(to_ms(entry.clock));
  w.string(entry.options);
  w.varint(entry.routing ? static_cast<uint64_t>(entry.routing->partitions) : 0);
  if (entry.routing) w.u8(static_cast<uint8_t>(entry.routing->partitioner));
  w.varint(entry.replies.size());
  for (const auto& reply : entry.replies) w.string(reply);
  w.varint(entry.ranges.size());
  for (const LogRange& range : entry.ranges) {
    w.zigzag(raw(range.from));
    w.zigzag(raw(range.to));
  }
  w.zigzag(to_ms(entry.ceiling));
  w.u8(entry.tick ? 1 : 0);
  if (entry.tick) w.zigzag(to_ms(*entry.tick));
  w.varint(entry.forgets.size());
  for (const auto& key : entry.forgets) w.string(key);
  w.varint(entry.carried.size());
  for (const Carried& carried : entry.carried) {
    w.string(carried.key);
    w.string(carried.state);
  }
}

base::Result<JournalEntry> decode_journal_entry(std::string_view bytes) {
  base::ByteReader r(bytes);
  if (r.u8() != kMagic) return base::Error{"journal", "these bytes are not a journal entry"};
  if (const uint8_t version = r.u8(); version != kVersion) {
    return base::Error{"journal", "journal entry of version " + std::to_string(version) +
                                      "; this program knows version " + std::to_string(kVersion)};
  }
  JournalEntry entry;
  entry.epoch = Epoch{r.fixed64()};
  entry.n = BatchNumber{r.varint()};
  entry.origin = BatchNumber{r.varint()};
  entry.clock = time_from_ms(r.zigzag());
  entry.options = r.string();
  if (const uint64_t partitions = r.varint(); partitions > 0) {
    const uint8_t partitioner = r.u8();
    if (partitioner > static_cast<uint8_t>(Partitioner::kCrc32) || partitions > INT32_MAX)
      return base::Error{"journal", "a journal entry with an unknown partitioner"};
    entry.routing = Routing{Partitioner{partitioner}, static_cast<int32_t>(partitions)};
  }
  entry.replies.resize(r.count());
  for (auto& reply : entry.replies) reply = r.string();
  entry.ranges.resize(r.count(2));
  for (LogRange& range : entry.ranges) {
    range.from = Offset{r.zigzag()};
    range.to = Offset{r.zigzag()};
  }
  entry.ceiling = time_from_ms(r.zigzag());
  if (r.u8() != 0) entry.tick = time_from_ms(r.zigzag());
  entry.forgets.resize(r.count());
  for (auto& key : entry.forgets) key = r.string();
  entry.carried.resize(r.count(2));
  for (Carried& carried : entry.carried) {
    carried.key = r.string();
    carried.state = r.string();
  }
  if (!r.at_end()) return base::Error{"journal", "the journal entry is cut off or damaged"};
  return entry;
}

}  // namespace muster::core

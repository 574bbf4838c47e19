#include "sim_log.h"

#include <algorithm>

namespace muster::sim {
namespace {

void read_headers(const void* source, std::vector<core::Header>& out) {
  for (const EntryHeader& header : static_cast<const Entry*>(source)->headers)
    out.push_back({header.name, header.value});
}

}  // namespace

int64_t Log::last_stable() const {
  int64_t stable = high_watermark();
  for (const auto& [transaction, first] : open_) stable = std::min(stable, first);
  return stable;
}

int64_t Log::append(Entry entry) {
  const int64_t offset = high_watermark();
  if (entry.transaction) open_.try_emplace(entry.transaction.get(), offset);
  entries_.push_back(std::move(entry));
  return offset;
}

void Log::write_marker(const TransactionPtr& transaction, int64_t now_ms) {
  if (open_.erase(transaction.get()) == 0) return;
  Entry marker;
  marker.marker = true;
  marker.written_ms = now_ms;
  entries_.push_back(std::move(marker));
}

bool Log::visible(int64_t offset) const {
  const Entry& entry = at(offset);
  if (entry.marker) return false;
  return !entry.transaction || (entry.transaction->decision == Decision::kCommitted &&
                                !open_.contains(entry.transaction.get()));
}

Log::View Log::read(std::string_view topic, core::Partition partition, int64_t from,
                    size_t records_max) const {
  View view = read_ever(topic, partition, std::max(from, begin_), records_max);
  if (view.next < 0 && from < begin_) view.next = begin_;
  return view;
}

Log::View Log::read_ever(std::string_view topic, core::Partition partition, int64_t from,
                         size_t records_max) const {
  View view;
  const int64_t end = last_stable();
  int64_t offset = from;
  for (; offset < end && view.records.size() < records_max; ++offset) {
    if (!visible(offset)) continue;
    const Entry& entry = at(offset);
    core::Record record;
    record.topic = topic;
    record.partition = partition;
    record.offset = core::Offset{offset};
    if (entry.timestamp_ms) record.timestamp = core::time_from_ms(*entry.timestamp_ms);
    record.key = entry.key;
    record.value = entry.value;
    record.headers = core::LazyHeaders(&entry, read_headers);
    view.records.push_back(record);
    view.next = offset + 1;
  }
  // The end is told where it was met, markers and aborted records included.
  if (offset >= end && offset > from) view.next = offset;
  return view;
}

}  // namespace muster::sim

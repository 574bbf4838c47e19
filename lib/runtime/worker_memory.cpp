// What a worker holds, and the gate that its shards get by that (memory_limit.h).
#include "runtime/worker.h"

namespace muster::runtime {
namespace {

size_t held_bytes(const std::unique_ptr<core::Batch>& batch) {
  if (!batch) return 0;
  return batch->bytes.bytes_used() + batch->outputs.size() * sizeof(core::Output);
}

}  // namespace

size_t Worker::held_bytes() const {
  size_t bytes = 0;
  for (const auto& [partition, seat] : seats_) {
    if (seat.shard) bytes += seat.shard->held_bytes();
  }
  for (const auto& [partition, shard] : kept_) bytes += shard->held_bytes();
  for (const auto* batch : {&building_, &sealed_, &in_flight_})
    bytes += runtime::held_bytes(*batch);
  return bytes;
}

// Recovery is never held back: it needs what there was before.
void Worker::watch_memory(core::Time wall) {
  if (!memory_) return;
  const uint64_t records = totals_.records + building_->records + (sealed_ ? sealed_->records : 0) +
                           (in_flight_ ? in_flight_->records : 0);
  auto text = memory_->note({held_bytes(), seats_.size() * logs(), records}, wall);
  for (auto& [partition, seat] : seats_) {
    if (seat.shard) seat.shard->gate(gate());
  }
  if (text) actions_.push_back(Note{gate() != core::Gate::kOpen, std::move(*text)});
}

}  // namespace muster::runtime

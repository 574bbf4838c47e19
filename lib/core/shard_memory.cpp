// How much memory a shard takes, and which records it takes where that is too much.
#include "core/shard.h"

namespace muster::core {

namespace {

constexpr size_t kTimerBytes = 16;  // per slot, armed or not

}  // namespace

size_t Shard::held_bytes() const {
  // Tables grow by doubling, so they are larger than what they hold by half on average.
  const size_t tables = living_.held_bytes() + living_.size() * kTimerBytes;
  return processor_->held_bytes() + tables + tables / 2 + past_.size() * sizeof(PastBatch) +
         (checkpointer_ ? checkpointer_->held_bytes() : 0);
}

// What is about no id takes no memory, nor does what only passes through on its way home.
bool Shard::passes(size_t log, const Record& record) {
  const auto key = processor_->route(record);
  if (!key || away(log, key)) return true;
  if (gate_ == Gate::kKnownIds && processor_->find(*key)) return true;
  stopped_ = true;
  return false;
}

}  // namespace muster::core

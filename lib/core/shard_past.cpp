// What a shard still knows of its past batches: from which one on somebody needs them, and where their
// entries lie.
#include "base/check.h"
#include "core/shard.h"

#include <algorithm>

namespace muster::core {

void Shard::committed_at(BatchNumber n, Offset journal_offset) {
  last_committed_ = n;
  last_committed_journal_ = journal_offset;
  if (n == checkpointed_) checkpoint_journal_ = journal_offset;
}

void Shard::committed(BatchNumber n, Offset journal_offset) {
  committed_at(n, journal_offset);
  // The numbers in past_ are consecutive; the batch may be past need already.
  if (past_.empty() || n < past_.front().n) return;
  PastBatch& batch = past_.at(raw(n) - raw(past_.front().n));
  CHECK(batch.n == n);
  batch.journal_offset = journal_offset;
  needed_from_ = batch.needed_from;
}

void Shard::forget_past_batches() {
  const BatchNumber needed = living_.oldest().value_or(n_);
  // The last batch stays: it gives a successor the clock.
  while (past_.size() > 1 && past_.front().n < std::min(needed, n_)) {
    if (past_.front().journal_offset != kUnknown) journal_floor_ = past_.front().journal_offset;
    past_.pop_front();
  }
}

Shard::NeededFrom Shard::origin() const {
  const BatchNumber oldest = living_.oldest().value_or(n_);
  // Of what lies before a checkpoint only the floors are known.
  if (past_.empty() || oldest < past_.front().n) return {journal_floor_, repartition_floor_};
  const PastBatch& first = past_.front();
  return {first.journal_offset == kUnknown ? journal_floor_ : first.journal_offset,
          first.repartition_from};
}

}  // namespace muster::core

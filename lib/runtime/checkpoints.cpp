#include "runtime/checkpoints.h"

#include "base/check.h"

#include <algorithm>

namespace muster::runtime {

std::optional<StorePart> Checkpoints::round(core::Shard& shard, uint64_t writer, core::Time wall,
                                            bool at_once) {
  core::Checkpointer& checkpointer = *shard.checkpointer();
  Turn& turn = turns_[shard.partition()];
  if (turn.finished == core::Time{}) turn.finished = wall;
  if (shard.checkpoint_wanted() && (wall >= turn.next || (at_once && turn.retry.count() == 0))) {
    turn.next = wall + options_.interval;
    shard.begin_checkpoint(writer);
  }
  checkpointer.write(options_.ids_per_round);
  if (!shard.part_ready()) return std::nullopt;
  CHECK(!turn.request);
  turn.request = ++requests_;
  Sent& sent = sent_[requests_];
  sent.part = shard.next_part();
  return StorePart{requests_, sent.part.get()};
}

bool Checkpoints::busy(core::Shard& shard) const {
  return shard.checkpointer()->can_write() || shard.part_ready();
}

core::Partition Checkpoints::partition_of(uint64_t request) const {
  return sent_.at(request).part->partition;
}

std::optional<std::string> Checkpoints::on(const CheckpointStored& answer, core::Shard* shard,
                                           core::Time wall) {
  const Sent sent = std::move(sent_.at(answer.request));
  sent_.erase(answer.request);
  if (sent.abandoned) return std::nullopt;
  CHECK(shard != nullptr);
  Turn& turn = turns_.at(sent.part->partition);
  CHECK(turn.request == answer.request);
  turn.request.reset();
  core::Checkpointer& checkpointer = *shard->checkpointer();
  const bool was_failing = turn.retry.count() > 0;
  switch (answer.result) {
    case StoreResult::kDone:
      checkpointer.stored();
      ++totals_.parts;
      totals_.checkpoints += checkpointer.under_way() ? 0 : 1;
      turn.retry = core::Duration{0};
      if (!checkpointer.under_way()) turn.finished = wall;
      return std::nullopt;
    case StoreResult::kOtherHead:
      checkpointer.start_over();
      turn.next = wall + options_.interval;
      return "the checkpoint in the store is not the one that was written last: writing all anew";
    case StoreResult::kNewerHead:
      checkpointer.start_over();
      back_off(turn, wall);
      return "the store has a newer checkpoint than this process: somebody else may own the "
             "partition by now";
    case StoreResult::kNotSent:
    case StoreResult::kUnknown:
      checkpointer.failed(answer.result == StoreResult::kUnknown);
      back_off(turn, wall);
      if (was_failing) return std::nullopt;
      return "no checkpoint: " + answer.message;
  }
  return std::nullopt;
}

void Checkpoints::back_off(Turn& turn, core::Time wall) {
  ++totals_.failures;
  turn.retry = std::min(std::max(2 * turn.retry, options_.interval), options_.retry_max);
  turn.next = wall + turn.retry;
}

void Checkpoints::abandon(core::Shard& shard) {
  if (shard.checkpointer() == nullptr) return;
  const auto turn = turns_.find(shard.partition());
  if (turn == turns_.end()) return;
  if (turn->second.request) sent_.at(*turn->second.request).abandoned = true;
  turns_.erase(turn);
  if (shard.checkpointer()->under_way()) shard.checkpointer()->failed(true);
}

core::Time Checkpoints::next_at(core::Partition partition) const {
  const auto turn = turns_.find(partition);
  return turn == turns_.end() ? core::Time{} : turn->second.next;
}

core::Duration Checkpoints::age(core::Shard& shard, core::Time wall) const {
  const auto turn = turns_.find(shard.partition());
  if (turn == turns_.end()) return core::Duration{0};
  if (!shard.checkpointer()->under_way() && !shard.checkpoint_wanted()) return core::Duration{0};
  return std::max(wall - turn->second.finished, core::Duration{0});
}

bool Checkpoints::failing(core::Partition partition) const {
  const auto turn = turns_.find(partition);
  return turn != turns_.end() && turn->second.retry.count() > 0;
}

}  // namespace muster::runtime

// Checkpoints of a shard in a world, written and read whole, for tests of the shard.
#pragma once

#include "kept_checkpoint.h"
#include "shard_world.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace muster::core {

inline ShardLimits with_checkpoints(ShardLimits limits = {}) {
  limits.checkpoints = true;
  return limits;
}

// Goes on with the one under way until it is in the store; its batch has committed.
inline void finish_checkpoint(Shard& shard, KeptCheckpoint& store) {
  Checkpointer& checkpointer = *shard.checkpointer();
  while (checkpointer.under_way()) {
    checkpointer.write(1'000);
    REQUIRE(shard.part_ready());
    REQUIRE(store.write(*shard.next_part()) == KeptCheckpoint::Answer::kWritten);
    checkpointer.stored();
  }
}
inline void checkpoint(Shard& shard, KeptCheckpoint& store) {
  REQUIRE(shard.checkpoint_wanted());
  shard.begin_checkpoint(1);
  finish_checkpoint(shard, store);
}

// The state of a checkpoint; null: it is void.
inline std::unique_ptr<Shard> loaded(const World& world, const KeptCheckpoint& store,
                                     const ShardLimits& limits = with_checkpoints()) {
  auto shard = world.empty_shard(limits);
  if (!store.load(*shard)) return nullptr;
  return shard;
}
inline std::string state_in(const World& world, const KeptCheckpoint& store,
                            const ShardLimits& limits = with_checkpoints()) {
  const auto shard = loaded(world, store, limits);
  return shard ? shard->fingerprint() : "void";
}
// The batches behind it.
inline void replay_rest(const World& world, Shard& shard) {
  for (size_t i = static_cast<size_t>(raw(shard.n())); i < world.journal.size(); ++i) {
    REQUIRE(world.entry(i).n == after(shard.n()));
    world.replay(shard, i);
  }
  shard.go_live();
}

}  // namespace muster::core

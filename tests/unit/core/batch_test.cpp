#include "core/batch.h"

#include <doctest/doctest.h>

using namespace muster::core;

TEST_CASE("a cleared batch is as a new one, and its effects still use its bytes") {
  Batch batch;
  batch.effects.produce(TopicRole::kOutput, "a", "done");
  batch.outputs.push_back({TopicRole::kOutput, {}, "a", "done", {}, {}});
  batch.offsets.push_back({Partition{1}, Offset{2}, "m"});
  batch.shards.push_back({Partition{1}, BatchNumber{3}, 0});
  batch.records = 7;
  CHECK(batch.bytes.bytes_used() > 0);
  batch.clear();
  CHECK(batch.outputs.empty());
  CHECK(batch.offsets.empty());
  CHECK(batch.shards.empty());
  CHECK(batch.effects.list().empty());
  CHECK(batch.bytes.bytes_used() == 0);
  CHECK(batch.records == 0);

  batch.effects.produce(TopicRole::kOutput, "b", "done");
  CHECK(batch.effects.list().front() == Effect{Produce{TopicRole::kOutput, "b", "done", {}}});
  CHECK(batch.bytes.bytes_used() == 5);
}

TEST_CASE("outputs and offsets compare by what they say") {
  const Output output{TopicRole::kOutput, Partition{1}, "k", "v", time_from_ms(1), {{"h", "1"}}};
  Output other = output;
  CHECK(output == other);
  other.value.reset();
  CHECK(output != other);
  CHECK(OffsetCommit{Partition{1}, Offset{2}, "a"} != OffsetCommit{Partition{1}, Offset{2}, "b"});
}

#include "core/batch.h"

#include <doctest/doctest.h>

using namespace muster::core;

TEST_CASE("a cleared batch is as a new one, and its effects still use its bytes") {
  Batch batch;
  batch.effects.produce(TopicRole::kOutput, "a", "done");
  batch.outputs.emplace_back().key = "a";
  batch.offsets.push_back({0, Partition{1}, Offset{2}, "m"});
  batch.shards.push_back({Partition{1}, BatchNumber{3}, 0});
  batch.records = 7;
  batch.to_input = true;
  CHECK(batch.bytes.bytes_used() > 0);
  batch.clear();
  CHECK(batch.outputs.empty());
  CHECK(batch.offsets.empty());
  CHECK(batch.shards.empty());
  CHECK(batch.effects.list().empty());
  CHECK(batch.bytes.bytes_used() == 0);
  CHECK(batch.records == 0);
  CHECK_FALSE(batch.to_input);

  batch.effects.produce(TopicRole::kOutput, "b", "done");
  CHECK(batch.effects.list().front() ==
        Effect{Produce{TopicRole::kOutput, {}, "b", "done", {}, {}}});
  CHECK(batch.bytes.bytes_used() == 5);
}

TEST_CASE("outputs and offsets compare by what they say") {
  Output output;
  output.partition = Partition{1};
  output.key = "k";
  output.value = "v";
  output.timestamp = time_from_ms(1);
  output.headers = {{"h", "1"}};
  output.cause = Cause{Partition{1}, Offset{2}};
  Output other = output;
  CHECK(output == other);
  other.value.reset();
  CHECK(output != other);
  other = output;
  other.cause.reset();
  CHECK(output != other);
  other = output;
  other.topic_name = "orders";
  CHECK(output != other);
  const OffsetCommit offset{0, Partition{1}, Offset{2}, "a"};
  CHECK(offset != OffsetCommit{0, Partition{1}, Offset{2}, "b"});
  CHECK(offset != OffsetCommit{1, Partition{1}, Offset{2}, "a"});
}

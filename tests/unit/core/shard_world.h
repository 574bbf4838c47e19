// One shard's logs, and the journal of the batches that read them, for tests of the shard.
#pragma once

#include "core/shard.h"
#include "owned_headers.h"
#include "toy_processor.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace muster::core {

struct Written {
  int64_t timestamp = 0;
  std::string key;
  std::string value;
  OwnedHeaders headers = {};
};

// Records lie at the offsets 0, 1, ...
struct World {
  std::vector<Written> log;
  std::vector<Written> repartition;  // read if there is a routing
  Partition partition{0};
  std::optional<Routing> routing;
  std::vector<std::string> journal;
  std::vector<CommitMetadata> committed;
  std::vector<std::string> outputs;
  std::vector<std::pair<Partition, Written>> forwarded;

  std::unique_ptr<Shard> empty_shard(const ShardLimits& limits = {},
                                     const std::string& options = "toy") const {
    return std::make_unique<Shard>(partition, routing, std::make_unique<ToyProcessor>(options),
                                   limits);
  }
  std::unique_ptr<Shard> new_shard(const ShardLimits& limits = {}) const {
    auto shard = empty_shard(limits);
    shard->start(Epoch{9}, std::vector<Offset>(shard->logs()), Offset{0});
    return shard;
  }

  // Valid until the log grows.
  std::vector<Record> records(size_t which, size_t from, size_t to) const {
    std::vector<Record> out;
    for (size_t i = from; i < to; ++i) {
      const Written& written = which == 0 ? log.at(i) : repartition.at(i);
      Record record;
      record.topic = which == 0 ? "in" : "repartition";
      record.partition = partition;
      record.offset = Offset{static_cast<int64_t>(i)};
      record.timestamp = time_from_ms(written.timestamp);
      record.key = written.key;
      record.value = written.value;
      record.headers = written.headers.lazy();
      out.push_back(record);
    }
    return out;
  }

  // Applies what a log holds from where the shard stands up to `to`.
  void apply(Shard& shard, size_t which, size_t to, Batch& out) const {
    auto taken = records(which, static_cast<size_t>(raw(shard.next(which))), to);
    shard.apply(which, taken, Offset{static_cast<int64_t>(to)}, out);
  }

  // A batch of the log up to `to`, and of all that is in the repartition log, with the clock at
  // `wall`.
  void batch(Shard& shard, size_t to, int64_t wall, std::optional<int64_t> tick = {}) {
    Batch out;
    shard.begin(time_from_ms(wall));
    apply(shard, 0, to, out);
    if (routing) apply(shard, 1, repartition.size(), out);
    shard.seal(tick ? std::optional(time_from_ms(*tick)) : std::nullopt, "id", out);
    keep(out);
    shard.committed(shard.n(), Offset{static_cast<int64_t>(journal.size() - 1)});
  }
  void keep(const Batch& batch) {
    for (const Output& output : batch.outputs) {
      if (output.topic == TopicRole::kJournal) {
        journal.emplace_back(*output.value);
      } else if (output.topic == TopicRole::kRepartition) {
        forwarded.emplace_back(*output.partition,
                               Written{to_ms(*output.timestamp), std::string(*output.key),
                                       std::string(*output.value), owned(output.headers)});
      } else {
        outputs.emplace_back(output.value.value_or("null"));
      }
    }
    committed.push_back(*decode_commit_metadata(batch.offsets.back().metadata));
  }

  JournalEntry entry(size_t i) const { return decode_journal_entry(journal.at(i)).value(); }

  void replay(Shard& shard, size_t i) const {
    const JournalEntry e = entry(i);
    REQUIRE(shard.replay_begin(e, Offset{static_cast<int64_t>(i)}));
    for (size_t which = 0; which < e.ranges.size(); ++which) {
      for (Record& record : records(which, static_cast<size_t>(raw(e.ranges[which].from)),
                                    static_cast<size_t>(raw(e.ranges[which].to)))) {
        shard.replay_record(which, record);
      }
    }
    REQUIRE(shard.replay_end(e));
  }

  // A successor: from the last commit's origin.
  std::unique_ptr<Shard> recover(const ShardLimits& limits = {},
                                 const std::string& options = "toy") const {
    auto shard = empty_shard(limits, options);
    const CommitMetadata& last = committed.back();
    for (size_t i = static_cast<size_t>(raw(last.journal_offset)); i < journal.size(); ++i) {
      if (entry(i).n >= last.origin) replay(*shard, i);
    }
    shard->go_live();
    return shard;
  }
};

}  // namespace muster::core

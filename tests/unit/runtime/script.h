// A worker told by hand, for scripts of events and actions.
#pragma once

#include "fake_kafka.h"

namespace muster::runtime::test {

using namespace muster::core;

using Actions = std::vector<Action>;
using Texts = std::vector<std::string>;

constexpr Partition kP0{0};
constexpr Partition kP1{1};

inline Location empty_location(Partition partition, int64_t begin = 0) {
  return {partition, {}, "", {Offset{begin}, Offset{begin}}, {}};
}

// The last action, which is a Locate: what it is numbered is the worker's business.
inline Locate located_last(const Actions& actions) {
  REQUIRE_FALSE(actions.empty());
  REQUIRE(std::holds_alternative<Locate>(actions.back()));
  return std::get<Locate>(actions.back());
}

// A worker whose partition 0 is live from offset 0, with nothing behind it.
inline Worker live_worker(WorkerOptions options = {"id", {}}) {
  Worker worker(std::move(options), make_toy);
  worker.handle(ProducerOpened{}, time_from_ms(0));
  worker.handle(Assigned{{kP0}}, time_from_ms(0));
  const uint64_t request = located_last(worker.take_actions()).request;
  worker.handle(Located{request, {empty_location(kP0)}, {77}}, time_from_ms(0));
  worker.take_actions();
  return worker;
}

struct Given {
  int64_t offset = 0;
  std::string key;
  std::string value;
};

inline void apply(Worker& worker, const std::vector<Given>& given, int64_t next, int64_t wall) {
  std::vector<Record> records;
  for (const Given& g : given) {
    Record record;
    record.topic = "in";
    record.offset = Offset{g.offset};
    record.timestamp = time_from_ms(wall);
    record.key = g.key;
    record.value = g.value;
    records.push_back(record);
  }
  worker.apply(kP0, {records, Offset{next}}, time_from_ms(wall));
}

// The one action, which is a Commit.
inline const Batch& committed_batch(Worker& worker) {
  const Actions actions = worker.take_actions();
  REQUIRE(actions.size() == 1);
  REQUIRE(std::holds_alternative<Commit>(actions[0]));
  return *std::get<Commit>(actions[0]).batch;
}

inline Texts values(const Batch& batch) {
  Texts out;
  for (const Output& output : batch.outputs) {
    if (output.topic != TopicRole::kJournal) out.emplace_back(*output.value);
  }
  return out;
}

inline JournalEntry entry_of(const Batch& batch) {
  return decode_journal_entry(*batch.outputs.at(batch.shards.at(0).journal_output).value).value();
}

inline Time at(int64_t ms) { return time_from_ms(ms); }

}  // namespace muster::runtime::test

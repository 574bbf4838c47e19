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
  return {partition, {{{}, "", {Offset{begin}, Offset{begin}}}}, {}};
}

// The last action, which is a Locate: what it is numbered is the worker's business.
inline Locate located_last(const Actions& actions) {
  REQUIRE_FALSE(actions.empty());
  REQUIRE(std::holds_alternative<Locate>(actions.back()));
  return std::get<Locate>(actions.back());
}

// A worker whose partition 0 is live from offset 0, with nothing behind it. Its new epoch is not
// committed yet: that is due after the idle interval.
inline Worker live_worker(WorkerOptions options = worker_options()) {
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
  const Fetched fetched{records, Offset{next}};
  worker.apply(kP0, {&fetched, 1}, time_from_ms(wall));
}

// The one action, which is a Commit.
inline const Batch& committed_batch(Worker& worker) {
  const Actions actions = worker.take_actions();
  REQUIRE(actions.size() == 1);
  REQUIRE(std::holds_alternative<Commit>(actions[0]));
  return *std::get<Commit>(actions[0]).batch;
}

// A live worker whose epoch was committed, at 1 s.
inline Worker announced_worker(WorkerOptions options = worker_options()) {
  Worker worker = live_worker(std::move(options));
  worker.end_round(time_from_ms(1'000));
  committed_batch(worker);
  worker.handle(Committed{{Offset{0}}}, time_from_ms(1'000));
  REQUIRE(worker.take_actions().empty());
  return worker;
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

// The n-th entry of partition 0's journal, from 1; behind each lies a marker.
inline JournalEntry entry_at(FakeKafka& kafka, size_t n) {
  const Portion portion = kafka.journal[kP0].read(kP0, Offset{0}, 1'000);
  return decode_journal_entry(*portion.records.at(n - 1).value).value();
}

inline Time at(int64_t ms) { return time_from_ms(ms); }

}  // namespace muster::runtime::test

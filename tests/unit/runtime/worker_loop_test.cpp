// The loop over fake ports, which answer through the mailbox as the threads do, but on the caller's
// thread.
#include "runtime/worker_loop.h"

#include "fake_kafka.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

constexpr Partition kP0{0};

// Stops the worker when so many transactions have committed.
struct World final : Consumer, Reader, Transactor, Lookup {
  explicit World(FakeKafka& k) : kafka(k) {}

  int run(size_t transactions_wanted) {
    stop_after = kafka.transactions + transactions_wanted;
    Worker worker({"id", {}}, make_toy);
    const int code = WorkerLoop(worker, {*this, *this, *this, *this}, mailbox).run();
    shards = worker.seats();
    return code;
  }

  // Consumer
  void subscribe() override { events.push_back(Assigned{{kP0}}); }
  std::optional<Event> poll() override {
    if (events.empty()) return std::nullopt;
    Event event = events.front();
    events.erase(events.begin());
    return event;
  }
  void assign(std::span<const StartAt> positions) override {
    position = positions.empty() ? std::nullopt : std::optional(positions[0].offset);
  }
  void unassign() override { position.reset(); }
  size_t queued(Partition) const override { return 0; }
  Fetched fetch(Partition partition, size_t records_max) override {
    if (!position) return {};
    live = kafka.input[partition].read(partition, *position, records_max);
    if (raw(live.next) >= 0) position = live.next;
    return live.fetched();
  }
  std::string group_metadata() const override { return "generation 1"; }
  void close() override { closed = true; }

  // Reader
  void start(Partition, ReplayLog log, Offset from) override { reading[log] = from; }
  void stop(Partition) override { reading.clear(); }
  Fetched fetch(Partition partition, ReplayLog log, size_t) override {
    if (!reading.contains(log)) return {};
    const FakeLog& source =
        log == ReplayLog::kJournal ? kafka.journal[partition] : kafka.input[partition];
    // One entry at a time, so that more input is there than the entries in hand take.
    replayed = source.read(partition, reading[log], log == ReplayLog::kJournal ? 1 : 1'000);
    if (replayed.records.empty() && raw(replayed.next) >= 0) reading[log] = replayed.next;
    return replayed.fetched();
  }
  void consume(Partition, ReplayLog log, size_t records) override {
    if (records == 0) return;
    partial = partial || records < replayed.records.size();
    reading[log] = records == replayed.records.size() ? replayed.next
                                                      : after(replayed.records[records - 1].offset);
  }

  // Transactor
  void open() override { mailbox.post(ProducerOpened{}); }
  void commit(const Batch& batch, std::string group_metadata) override {
    CHECK(group_metadata == "generation 1");
    mailbox.post(kafka.commit(batch));
    if (kafka.transactions == stop_after) mailbox.post(StopRequested{});
  }

  // Lookup
  void locate(uint64_t request, std::vector<Partition> partitions) override {
    Located located{request, {}, {}};
    for (const auto partition : partitions) {
      located.locations.push_back(kafka.locate(partition));
      located.random.push_back(42);
    }
    mailbox.post(std::move(located));
  }
  void read_ends(Time time, std::vector<Partition> partitions) override {
    EndsRead ends{time, {}};
    for (const auto partition : partitions)
      ends.ends.push_back({partition, kafka.input[partition].ends().end});
    mailbox.post(std::move(ends));
  }
  void trim_journal(Partition, Offset) override {}

  FakeKafka& kafka;
  Mailbox mailbox;
  std::vector<Event> events;
  std::optional<Offset> position;
  Portion live;
  Portion replayed;
  std::map<ReplayLog, Offset> reading;
  size_t stop_after = 0;
  size_t shards = 0;
  bool closed = false;
  bool partial = false;  // the worker left records of a portion for later
};

}  // namespace

TEST_CASE("one record in, one transaction out, and a clean stop") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "end"});
  World world(kafka);
  CHECK(world.run(1) == 0);
  CHECK(kafka.outputs == std::vector<std::string>{"a=1"});
  CHECK(kafka.committed[kP0].next == Offset{1});
  CHECK(world.closed);
}

TEST_CASE("timers that are long overdue fire as soon as the log was read") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});  // 1970
  World world(kafka);
  CHECK(world.run(2) == 0);
  CHECK(kafka.outputs == std::vector<std::string>{"a timed out at 1"});
}

TEST_CASE(
    "the next run recovers, leaving records of later batches in the reader until their entry is "
    "there") {
  FakeKafka kafka;
  const int64_t now = to_ms(WallClock().now());
  for (int batch = 0; batch < 3; ++batch) {
    kafka.input[kP0].add({now, "a", "add"});
    kafka.input[kP0].add({now, "a", "add"});
    World world(kafka);
    REQUIRE(world.run(1) == 0);
  }
  kafka.input[kP0].add({now, "a", "end"});
  World world(kafka);
  CHECK(world.run(1) == 0);
  CHECK(kafka.outputs == std::vector<std::string>{"a=7"});
  CHECK(world.partial);
  CHECK(world.reading.empty());
}

TEST_CASE("partitions that are taken away are given back, and the loop goes on without them") {
  FakeKafka kafka;
  World world(kafka);
  world.events = {Assigned{{}}, Revoked{}};
  world.mailbox.post(Failed{{Remedy::kStop, "", 3}});
  CHECK(world.run(1) == 3);
  CHECK(world.shards == 0);
}

TEST_CASE(
    "a failure that nothing mends ends the loop with its exit code, and the consumer is closed") {
  FakeKafka kafka;
  World world(kafka);
  world.mailbox.post(Failed{{Remedy::kStop, "", 3}});
  CHECK(world.run(1) == 3);
  CHECK(world.closed);
}

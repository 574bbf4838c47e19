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

// One entry at a time, so that more input is there than the entries in hand take.
struct LogReader final : Reader {
  explicit LogReader(FakeKafka& k) : kafka(k) {}

  void start(Partition, Log log, Offset from) override { reading[log] = from; }
  void stop(Partition) override { reading.clear(); }
  Fetched fetch(Partition partition, Log log, size_t) override {
    if (!reading.contains(log)) return {};
    const size_t records_max = log == Log::kJournal ? 1 : 1'000;
    Portion& portion = replayed[log];
    portion = kafka.log(partition, log).read(partition, reading[log], records_max);
    if (portion.records.empty() && raw(portion.next) >= 0) reading[log] = portion.next;
    return portion.fetched();
  }
  void consume(Partition, Log log, size_t records) override {
    if (records == 0) return;
    const Portion& portion = replayed[log];
    partial = partial || records < portion.records.size();
    reading[log] = records == portion.records.size() ? portion.next
                                                     : after(portion.records[records - 1].offset);
  }

  FakeKafka& kafka;
  std::map<Log, Portion> replayed;
  std::map<Log, Offset> reading;
  bool partial = false;  // the worker left records of a portion for later
};

// Stops the worker when so many transactions have committed.
struct World final : Consumer, Transactor, Lookup {
  explicit World(FakeKafka& k, std::optional<Routing> r = {}) : kafka(k), routing(r), reader(k) {}

  int run(size_t transactions_wanted) {
    stop_after = kafka.transactions + transactions_wanted;
    WorkerOptions options = worker_options(routing);
    options.memory = memory;
    Worker worker(std::move(options), make_toy);
    const int code = WorkerLoop(worker, {*this, reader, *this, *this}, mailbox).run();
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
  void assign(std::span<const StartAt> starts) override {
    positions.clear();
    for (const StartAt& start : starts) positions[start.log] = start.offset;
  }
  void unassign() override { positions.clear(); }
  size_t queued(Partition, Log) const override { return 0; }
  Fetched fetch(Partition partition, Log log, size_t records_max) override {
    if (!positions.contains(log)) return {};
    Portion& portion = live[log];
    portion = kafka.log(partition, log).read(partition, positions[log], records_max);
    if (raw(portion.next) >= 0) positions[log] = portion.next;
    return portion.fetched();
  }
  void put_back(Partition, Log log, size_t records) override {
    const auto& given = live[log].records;
    positions[log] = given[given.size() - records].offset;
  }
  std::string group_metadata() const override { return "generation 1"; }
  void close() override { closed = true; }

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
      located.locations.push_back(kafka.locate(partition, routing ? 2 : 1));
      located.random.push_back(42);
    }
    mailbox.post(std::move(located));
  }
  void read_ends(uint64_t request, Log log, std::vector<Partition> partitions) override {
    EndsRead ends{request, {}};
    for (const auto partition : partitions)
      ends.ends.push_back({partition, kafka.log(partition, log).ends().end});
    mailbox.post(std::move(ends));
  }
  // Another instance has the other partitions and is done with them.
  void read_committed(uint64_t request, std::vector<Partition> partitions) override {
    ++asked_committed;
    CommittedRead answer{request, {}};
    for (const auto partition : partitions)
      answer.offsets.push_back({partition, kafka.input[partition].ends().end});
    mailbox.post(std::move(answer));
  }
  void trim(Partition, Log, Offset) override {}

  FakeKafka& kafka;
  std::optional<Routing> routing;
  std::optional<MemoryLimit::Options> memory;
  LogReader reader;
  Mailbox mailbox;
  std::vector<Event> events;
  std::map<Log, Offset> positions;
  std::map<Log, Portion> live;
  size_t asked_committed = 0;
  size_t stop_after = 0;
  size_t shards = 0;
  bool closed = false;
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
  CHECK(world.reader.partial);
  CHECK(world.reader.reading.empty());
}

TEST_CASE("both logs of a partition are read, and a timeout asks how far the others are") {
  FakeKafka kafka;
  kafka.input[kP0].add({1'000, "a", "add"});
  kafka.input[kP0].add({1'000, "d", "add"});  // lives in the other partition
  kafka.input[Partition{1}].add({1'000, "x", "nothing"});
  kafka.repartition[kP0].add({1'000, "b", "end", origin("in", 1, 0, 1'000)});
  World world(kafka, Routing{Partitioner::kMurmur2, 2});
  CHECK(world.run(2) == 0);
  CHECK(kafka.outputs == std::vector<std::string>{"b=1", "a timed out at 1"});
  CHECK(kafka.repartition[Partition{1}].end() == 2);  // with the marker
  CHECK(world.asked_committed > 0);
}

TEST_CASE("the next run recovers from both logs") {
  FakeKafka kafka;
  const int64_t now = to_ms(WallClock().now());
  const Routing routing{Partitioner::kMurmur2, 2};
  for (int batch = 0; batch < 3; ++batch) {
    kafka.input[kP0].add({now, "a", "add"});
    kafka.repartition[kP0].add({now, "a", "add", origin("in", 1, batch, now)});
    World world(kafka, routing);
    REQUIRE(world.run(1) == 0);
  }
  kafka.repartition[kP0].add({now, "a", "end", origin("in", 1, 3, now)});
  World world(kafka, routing);
  CHECK(world.run(1) == 0);
  CHECK(kafka.outputs == std::vector<std::string>{"a=7"});
}

TEST_CASE("what a worker short of memory does not take is put back, and given to the next") {
  FakeKafka kafka;
  const int64_t now = to_ms(WallClock().now());
  kafka.input[kP0].add({now, "x", "nothing"});
  kafka.input[kP0].add({now, "a", "add"});
  kafka.input[kP0].add({now, "a", "end"});
  World poor(kafka);
  poor.memory = {1, 0, 0};
  CHECK(poor.run(1) == 0);
  CHECK(kafka.outputs.empty());
  CHECK(poor.positions[Log::kInput] == Offset{1});
  CHECK(kafka.committed[kP0].next == Offset{1});
  World rich(kafka);
  CHECK(rich.run(1) == 0);
  CHECK(kafka.outputs == std::vector<std::string>{"a=2"});
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

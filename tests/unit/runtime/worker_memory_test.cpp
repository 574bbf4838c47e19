// A worker whose memory is short. An id of the toy takes a kilobyte, closed or not.
#include "script.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

constexpr size_t kLimit = size_t{100} << 10;

WorkerOptions limited(size_t bytes = kLimit, std::optional<Routing> routing = {}) {
  WorkerOptions options = worker_options(routing);
  options.memory = {bytes, 0, 0};
  return options;
}

std::string id(size_t number) { return "i" + std::to_string(number); }

void add_ids(FakeKafka& kafka, size_t count) {
  for (size_t i = 0; i < count; ++i) kafka.input[kP0].add({1'000, id(i), "add"});
}

size_t living(const Process& process) { return process.worker.shard(kP0)->living(); }
int64_t next(const Process& process) { return raw(process.worker.shard(kP0)->next(0)); }

// One record at a time, so that what is held is looked at before each.
struct Careful : Process {
  explicit Careful(FakeKafka& kafka, WorkerOptions options = limited())
      : Process(kafka, std::move(options)) {
    portion_max = 1;
  }
};

// So many ids make the limit near.
size_t ids_that_fit() {
  FakeKafka kafka;
  add_ids(kafka, 200);
  Careful process(kafka);
  process.start();
  return living(process);
}

std::vector<std::string> notes(const Process& process, const std::string& about) {
  std::vector<std::string> texts;
  for (const Action& action : process.history) {
    const auto* note = std::get_if<Note>(&action);
    if (note != nullptr && note->text.starts_with(about)) texts.push_back(note->text);
  }
  return texts;
}

}  // namespace

TEST_CASE("near the limit events of new ids wait in their log, and what is held stays below it") {
  FakeKafka kafka;
  add_ids(kafka, 200);
  Careful process(kafka);
  process.start();
  process.run_at(3'000);
  CHECK(living(process) > 50);
  CHECK(living(process) < 90);
  CHECK(next(process) == static_cast<int64_t>(living(process)));
  CHECK(kafka.committed[kP0].next == Offset{next(process)});
  CHECK(process.worker.gate() == Gate::kKnownIds);
  CHECK(process.worker.held_bytes() < kLimit);
  CHECK(process.worker.held_bytes() > kLimit / 100 * 85);
  CHECK(notes(process, "memory: ").size() == 1);
}

TEST_CASE("near the limit events of known ids, and what is about none, go on") {
  FakeKafka kafka;
  const size_t fits = ids_that_fit();
  add_ids(kafka, fits);
  kafka.input[kP0].add({1'000, id(0), "add"});
  kafka.input[kP0].add({1'000, "new", "nothing"});
  kafka.input[kP0].add({1'000, id(1), "end"});
  kafka.input[kP0].add({1'000, "new", "add"});
  kafka.input[kP0].add({1'000, id(2), "end"});
  Careful process(kafka);
  process.start();
  CHECK(kafka.outputs == Texts{"i1=2"});
  // The one that may not be read holds back the one behind it.
  CHECK(next(process) == static_cast<int64_t>(fits) + 3);
  Process unlimited(kafka);
  unlimited.start();
  CHECK(kafka.outputs == Texts{"i1=2", "i2=2"});
}

TEST_CASE("the clock stands still while an event waits: it may be somebody's last") {
  FakeKafka kafka;
  const size_t fits = ids_that_fit();
  add_ids(kafka, fits);
  Careful process(kafka);
  process.start();
  REQUIRE(process.worker.gate() == Gate::kKnownIds);
  process.run_at(12'000);
  CHECK(kafka.outputs.size() == fits);  // timed out
  // They are remembered for 5 s.
  kafka.input[kP0].add({12'000, "new", "end"});
  process.run_at(12'500);
  CHECK(kafka.outputs.size() == fits);
  // The clock must not move while something that was written before is unread.
  process.run_at(30'000);
  CHECK(living(process) == fits);
}

TEST_CASE("ids that leave memory make room, and then new ids are read") {
  FakeKafka kafka;
  const size_t fits = ids_that_fit();
  add_ids(kafka, fits);
  Careful process(kafka);
  process.start();
  process.run_at(12'000);
  process.run_at(20'000);
  process.run_at(22'000);
  CHECK(living(process) == 0);
  kafka.input[kP0].add({22'000, "new", "end"});
  process.run_at(22'100);
  CHECK(kafka.outputs.back() == "new=1");
  const auto said = notes(process, "memory: ");
  REQUIRE(said.size() == 2);
  CHECK(said[1].find("new groups are read again, after 1") != std::string::npos);
}

TEST_CASE("a recovery takes what it needs, and new ids wait behind it") {
  FakeKafka kafka;
  add_ids(kafka, 90);
  {
    Process before(kafka);
    before.start();
    before.run_at(2'000);
  }
  kafka.input[kP0].add({2'000, "new", "nothing"});
  kafka.input[kP0].add({2'000, id(0), "end"});
  SUBCASE("between both marks: what is open goes on") {
    Careful process(kafka);
    process.now_ms = 2'000;
    process.start();
    CHECK(living(process) == 90);
    CHECK(process.worker.gate() == Gate::kKnownIds);
    CHECK(kafka.outputs == Texts{"i0=2"});
  }
  SUBCASE("over the limit: nothing that is about an id") {
    Careful process(kafka, limited(kLimit / 2));
    process.now_ms = 2'000;
    process.start();
    CHECK(living(process) == 90);
    CHECK(process.worker.gate() == Gate::kNoIds);
    CHECK(kafka.outputs.empty());
    CHECK(next(process) == 91);
    CHECK(notes(process, "memory: ").size() == 1);
  }
}

TEST_CASE("what only passes through on its way home is read however short memory is") {
  // Over two partitions a, b and c live in 0; d and f in 1.
  constexpr Routing kTwo{Partitioner::kMurmur2, 2};
  FakeKafka kafka;
  for (const char* name : {"d", "f", "a", "d"}) kafka.input[kP0].add({1'000, name, "add"});
  Careful process(kafka, limited(1, kTwo));
  process.start({kP0, kP1});
  CHECK(next(process) == 2);
  CHECK(kafka.repartition[kP1].end() == 4);  // with markers
  CHECK(process.worker.shard(kP1)->next(1) == Offset{0});
  CHECK(living(process) == 0);
}

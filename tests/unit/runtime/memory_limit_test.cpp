#include "runtime/memory_limit.h"

#include <doctest/doctest.h>

#include <vector>

using namespace muster;
using namespace muster::runtime;
using core::Gate;

namespace {

constexpr size_t kMiB = size_t{1} << 20;

core::Time at(int64_t ms) { return core::time_from_ms(ms); }

MemoryLimit limit_of_100() { return MemoryLimit({100 * kMiB, 10 * kMiB, 2 * kMiB}); }
// What makes all of it so many MiB, with 5 logs.
MemoryLimit::Held in_all(size_t mebibytes, uint64_t records = 0) {
  return {(mebibytes - 20) * kMiB, 5, records};
}

}  // namespace

TEST_CASE("what is held decides what is taken, and it opens later than it closes") {
  MemoryLimit limit = limit_of_100();
  struct Row {
    size_t mebibytes;
    Gate gate;
  };
  const std::vector<Row> table = {
      {20, Gate::kOpen},     {84, Gate::kOpen},     {85, Gate::kKnownIds}, {84, Gate::kKnownIds},
      {99, Gate::kKnownIds}, {100, Gate::kNoIds},   {500, Gate::kNoIds},   {99, Gate::kKnownIds},
      {80, Gate::kKnownIds}, {79, Gate::kOpen},     {84, Gate::kOpen},     {120, Gate::kNoIds},
      {79, Gate::kOpen},     {85, Gate::kKnownIds},
  };
  for (size_t i = 0; i < table.size(); ++i) {
    CAPTURE(i);
    static_cast<void>(limit.note(in_all(table[i].mebibytes), at(0)));
    CHECK(limit.gate() == table[i].gate);
  }
}

TEST_CASE("clients, and what is read ahead of each log, count") {
  MemoryLimit limit = limit_of_100();
  static_cast<void>(limit.note({74 * kMiB, 0, 0}, at(0)));
  CHECK(limit.gate() == Gate::kOpen);
  static_cast<void>(limit.note({75 * kMiB, 0, 0}, at(0)));
  CHECK(limit.gate() == Gate::kKnownIds);
  static_cast<void>(limit.note({0, 45, 0}, at(0)));
  CHECK(limit.gate() == Gate::kNoIds);
}

TEST_CASE("it is said when it begins, each minute while it lasts, and when it ends") {
  MemoryLimit limit = limit_of_100();
  CHECK_FALSE(limit.note(in_all(50), at(0)).has_value());
  const auto begins = limit.note(in_all(86), at(1'000));
  REQUIRE(begins.has_value());
  CHECK(begins->starts_with("memory: 86 MiB are held, of the limit of 100 MiB: events of new"));
  CHECK_FALSE(limit.note(in_all(101), at(2'000)).has_value());
  CHECK_FALSE(limit.note(in_all(90), at(60'999)).has_value());
  CHECK(limit.note(in_all(90), at(61'000)) ==
        "memory: 90 MiB are held, of the limit of 100 MiB: events of new groups have been waiting "
        "for 60 s");
  CHECK_FALSE(limit.note(in_all(90), at(120'999)).has_value());
  CHECK(limit.note(in_all(70), at(121'500)) ==
        "memory: 70 MiB are held, of the limit of 100 MiB: new groups are read again, after 120 s");
  CHECK_FALSE(limit.note(in_all(70), at(500'000)).has_value());
}

TEST_CASE("how many records may be taken at once depends on how large the last ones were") {
  MemoryLimit limit = limit_of_100();
  static_cast<void>(limit.note(in_all(25), at(0)));
  CHECK(limit.room() == 60 * 1024);  // a kilobyte each, as long as none were taken
  static_cast<void>(limit.note(in_all(35, 100), at(0)));
  CHECK(limit.room() == 50 * 10);  // a tenth of a mebibyte each
  static_cast<void>(limit.note(in_all(84, 1'000), at(0)));
  CHECK(limit.room() == 64);
  static_cast<void>(limit.note(in_all(300, 2'000), at(0)));
  CHECK(limit.room() == 64);  // those of open groups, which may be the next
}

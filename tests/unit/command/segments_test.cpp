#include "command/segments.h"

#include <doctest/doctest.h>

using namespace muster;
using command::Segment;
using command::SegmentFinder;
using core::BatchNumber;
using core::Offset;

namespace {

// A batch of one record: batch n reads offset n.
core::JournalEntry entry(uint64_t epoch, uint64_t n, uint64_t origin) {
  core::JournalEntry entry;
  entry.epoch = core::Epoch{epoch};
  entry.n = BatchNumber{n};
  entry.origin = BatchNumber{origin};
  const auto at = static_cast<int64_t>(n);
  entry.ranges = {{Offset{at}, Offset{at + 1}}, {Offset{0}, Offset{0}}};
  return entry;
}

void add(SegmentFinder& finder, uint64_t epoch, uint64_t n, uint64_t origin) {
  const auto at = static_cast<int64_t>(epoch * 1000 + n);
  finder.add(entry(epoch, n, origin), Offset{at}, core::time_from_ms(at));
}

std::string text(const SegmentFinder& finder) {
  std::string out;
  for (const Segment& s : finder.segments()) {
    out += std::to_string(core::raw(s.epoch)) + ":" + std::to_string(core::raw(s.first)) + "-" +
           std::to_string(core::raw(s.last)) + " exact " +
           (s.exact_from ? std::to_string(core::raw(*s.exact_from)) : "never") +
           (s.cut.empty() ? "; " : " cut; ");
  }
  return out;
}

}  // namespace

TEST_CASE("an epoch from its first batch on is exact") {
  SegmentFinder finder({Offset{0}, Offset{0}});
  for (uint64_t n = 1; n <= 5; ++n) add(finder, 1, n, 1);
  CHECK(text(finder) == "1:1-5 exact 0; ");
  CHECK(finder.segments()[0].journal_begin == Offset{1001});
  CHECK(finder.segments()[0].journal_end == Offset{1006});
  CHECK(finder.segments()[0].next == std::vector{Offset{6}, Offset{0}});
  CHECK(finder.segments()[0].batches == 5);
}

TEST_CASE("a new start is a stretch of its own") {
  SegmentFinder finder({Offset{0}, Offset{0}});
  add(finder, 1, 1, 1);
  add(finder, 1, 2, 1);
  add(finder, 2, 1, 1);
  CHECK(text(finder) == "1:1-2 exact 0; 2:1-1 exact 0; ");
}

TEST_CASE("where the journal is cut it is exact once nobody needs what came before") {
  SegmentFinder finder({Offset{0}, Offset{0}});
  add(finder, 1, 7, 3);
  add(finder, 1, 8, 6);
  CHECK(text(finder) == "1:7-8 exact never cut; ");
  add(finder, 1, 9, 7);
  add(finder, 1, 10, 7);
  CHECK(text(finder) == "1:7-10 exact 9 cut; ");
  CHECK(finder.segments()[0].cut == "the journal is not retained before that");
}

TEST_CASE("batches whose records are gone are of no use") {
  SegmentFinder finder({Offset{4}, Offset{0}});
  for (uint64_t n = 1; n <= 6; ++n) add(finder, 1, n, n < 5 ? 1 : 5);
  CHECK(text(finder) == "1:4-6 exact 5 cut; ");
  CHECK(finder.segments()[0].cut ==
        "records before offset 4 of the event topic are not retained any more");
  // A batch without records needs none.
  SegmentFinder idle({Offset{4}, Offset{0}});
  core::JournalEntry empty = entry(1, 1, 1);
  empty.ranges[0].to = empty.ranges[0].from;
  idle.add(empty, Offset{0}, {});
  CHECK(text(idle) == "1:1-1 exact 0; ");
}

TEST_CASE("a hole ends a stretch") {
  SegmentFinder finder({Offset{0}, Offset{0}});
  add(finder, 1, 1, 1);
  add(finder, 1, 3, 1);
  CHECK(text(finder) == "1:1-1 exact 0; 1:3-3 exact never cut; ");
}

TEST_CASE("who asks for a time gets what lived then, and no more") {
  SegmentFinder finder({Offset{0}, Offset{0}});
  finder.begin_after(core::Epoch{2}, BatchNumber{5}, BatchNumber{3});
  add(finder, 1, 3, 1);
  for (uint64_t n = 1; n <= 6; ++n) add(finder, 2, n, n < 5 ? 1 : 3);
  add(finder, 3, 1, 1);
  CHECK(text(finder) == "2:3-6 exact 5 cut; 3:1-1 exact 0; ");
  CHECK(finder.segments()[0].asked_after == BatchNumber{5});
  CHECK(finder.segments()[0].asked_since == core::time_from_ms(2005));
  CHECK(!finder.segments()[1].asked_after);
}

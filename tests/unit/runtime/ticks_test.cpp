#include "runtime/ticks.h"

#include "toy_processor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <sstream>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;

namespace {

constexpr Partition kP0{0};
constexpr Partition kP1{1};
constexpr Partition kP2{2};

Time at(int64_t ms) { return time_from_ms(ms); }

using Offsets = std::vector<std::pair<Partition, int64_t>>;

std::vector<PartitionOffset> offsets(const Offsets& given) {
  std::vector<PartitionOffset> out;
  for (const auto& [partition, offset] : given) out.push_back({partition, Offset{offset}});
  return out;
}

// The probe of one worker.
struct Probe {
  explicit Probe(bool forwarding, int32_t partitions = 3) : ticks(forwarding, partitions) {}

  // What is asked now, in words; "" is nothing.
  std::string ask(int64_t wall) {
    const auto question =
        ticks.question(at(wall), [this](Partition p) { return std::ranges::count(ours, p) > 0; });
    if (!question) return "";
    std::ostringstream out;
    std::vector<Partition> partitions;
    if (const auto* ends = std::get_if<ReadEnds>(&*question)) {
      out << '#' << ends->request << (ends->log == Log::kInput ? " ends of" : " repartition of");
      partitions = ends->partitions;
    } else {
      out << '#' << std::get<ReadCommitted>(*question).request << " committed of";
      partitions = std::get<ReadCommitted>(*question).partitions;
    }
    for (const Partition p : partitions) out << ' ' << raw(p);
    return out.str();
  }
  void ends(uint64_t request, const Offsets& given) { ticks.on(EndsRead{request, offsets(given)}); }
  void committed(uint64_t request, const Offsets& given) {
    ticks.on(CommittedRead{request, offsets(given)});
  }
  // The tick of a shard that has applied its logs up to there; -1: none may be taken.
  int64_t takeable(Partition partition, int64_t wall, std::vector<int64_t> next) const {
    std::optional<Routing> routing;
    if (next.size() == 2) routing = Routing{Partitioner::kMurmur2, 3};
    Shard shard(partition, routing, std::make_unique<ToyProcessor>(), {});
    std::vector<Offset> positions;
    for (const int64_t offset : next) positions.push_back(Offset{offset});
    shard.start(Epoch{1}, positions, Offset{0});
    const auto tick = ticks.takeable(shard, at(wall));
    return tick ? to_ms(*tick) : -1;
  }

  Ticks ticks;
  std::vector<Partition> ours = {kP0};
};

constexpr int64_t kNone = -1;

}  // namespace

TEST_CASE(
    "without forwarding a tick waits for the end of its own log, as it was when it was wanted") {
  Probe probe(false);
  CHECK(probe.ask(1'000) == "");
  probe.ticks.want(kP0, at(1'000));
  CHECK(probe.ticks.wanted(kP0));
  CHECK_FALSE(probe.ticks.wanted(kP1));
  CHECK(probe.ask(1'000) == "#1 ends of 0");
  CHECK(probe.ask(1'001) == "");
  CHECK(probe.takeable(kP0, 1'001, {99}) == kNone);  // not answered
  probe.ends(1, {{kP0, 7}});
  CHECK(probe.ask(1'002) == "");
  CHECK(probe.takeable(kP0, 1'002, {6}) == kNone);
  CHECK(probe.takeable(kP0, 1'002, {7}) == 1'000);
  CHECK(probe.takeable(kP0, 1'002, {8}) == 1'000);
  CHECK(probe.takeable(kP0, 999, {8}) == kNone);  // the wall has to have shown it
  CHECK(probe.takeable(kP1, 1'002, {8}) == kNone);
  probe.ticks.taken(kP0);
  CHECK_FALSE(probe.ticks.wanted(kP0));
  CHECK(probe.takeable(kP0, 1'003, {8}) == kNone);
  CHECK(probe.ask(1'003) == "");
}

TEST_CASE("the ends of all that want a tick are asked in one question") {
  Probe probe(false);
  probe.ticks.want(kP2, at(1'000));
  probe.ticks.want(kP0, at(1'001));
  CHECK(probe.ask(1'001) == "#1 ends of 0 2");
  probe.ends(1, {{kP0, 7}, {kP2, 9}});
  CHECK(probe.takeable(kP0, 1'002, {7}) == 1'001);
  CHECK(probe.takeable(kP2, 1'002, {8}) == kNone);
  CHECK(probe.takeable(kP2, 1'002, {9}) == 1'000);
}

TEST_CASE("a tick that is wanted twice stays the first one") {
  Probe probe(false);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ticks.want(kP0, at(5'000));
  probe.ends(1, {{kP0, 7}});
  CHECK(probe.takeable(kP0, 5'000, {7}) == 1'000);
}

TEST_CASE("a tick that is wanted after the question may be later than its answer: asked anew") {
  Probe probe(false);
  probe.ticks.want(kP0, at(1'000));
  CHECK(probe.ask(1'000) == "#1 ends of 0");
  probe.ticks.want(kP1, at(1'010));
  CHECK(probe.ask(1'010) == "");  // one question at a time
  probe.ends(1, {{kP0, 7}, {kP1, 8}});
  CHECK(probe.takeable(kP0, 1'011, {7}) == 1'000);
  CHECK(probe.takeable(kP1, 1'011, {99}) == kNone);
  CHECK(probe.ask(1'011) == "#2 ends of 1");
  probe.ends(2, {{kP1, 9}});
  CHECK(probe.takeable(kP1, 1'012, {8}) == kNone);
  CHECK(probe.takeable(kP1, 1'012, {9}) == 1'010);
}

TEST_CASE("a tick taken and wanted again while a question is out is a new one") {
  Probe probe(false);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 7}});
  probe.ticks.want(kP1, at(1'010));
  CHECK(probe.ask(1'010) == "#2 ends of 1");
  probe.ticks.taken(kP0);
  probe.ticks.want(kP0, at(1'020));
  probe.ends(2, {{kP1, 8}});
  CHECK(probe.ask(1'020) == "#3 ends of 0");
}

TEST_CASE("with forwarding a tick waits for all that may still come from elsewhere") {
  Probe probe(true);
  probe.ticks.want(kP0, at(1'000));
  CHECK(probe.ask(1'000) == "#1 ends of 0 1 2");
  probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 4}});
  CHECK(probe.takeable(kP0, 1'001, {5, 99}) == kNone);
  CHECK(probe.ask(1'001) == "#2 committed of 1 2");
  CHECK(probe.ask(1'002) == "");
  probe.committed(2, {{kP1, 7}, {kP2, 4}});
  CHECK(probe.ask(1'003) == "");  // not so soon again
  CHECK(probe.ask(1'010) == "");
  CHECK(probe.ask(1'011) == "#3 committed of 1");
  probe.committed(3, {{kP1, 7}});
  CHECK(probe.ask(1'021) == "#4 committed of 1");
  probe.committed(4, {{kP1, 8}});
  CHECK(probe.takeable(kP0, 1'022, {99, 99}) == kNone);
  CHECK(probe.ask(1'022) == "");  // the own one is not committed yet
  probe.ticks.committed(kP0, Offset{5});
  CHECK(probe.takeable(kP0, 1'023, {99, 99}) == kNone);
  CHECK(probe.ask(1'023) == "#5 repartition of 0");
  CHECK(probe.ask(1'090) == "");
  CHECK(probe.takeable(kP0, 1'090, {99, 99}) == kNone);
  probe.ends(5, {{kP0, 3}});
  CHECK(probe.takeable(kP0, 1'091, {99, 99}) == kNone);
  CHECK(probe.ask(1'091) == "#6 ends of 0");  // of the own log only
  CHECK(probe.ask(1'092) == "");
  CHECK(probe.takeable(kP0, 1'092, {99, 99}) == kNone);
  probe.ends(6, {{kP0, 7}});
  CHECK(probe.takeable(kP0, 1'093, {6, 3}) == kNone);
  CHECK(probe.takeable(kP0, 1'093, {7, 2}) == kNone);
  CHECK(probe.takeable(kP0, 1'093, {7, 3}) == 1'000);
  CHECK(probe.ask(1'093) == "");
}

TEST_CASE("what is put out to the own input between the two readings of its end is waited for") {
  Probe probe(true);
  probe.ours = {kP0, kP1, kP2};
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 0}});
  // Partition 1 commits the batch that read its log up to the end and put the record out.
  probe.ticks.committed(kP0, Offset{5});
  probe.ticks.committed(kP1, Offset{8});
  CHECK(probe.ask(1'001) == "#2 repartition of 0");
  probe.ends(2, {{kP0, 0}});
  CHECK(probe.ask(1'002) == "#3 ends of 0");
  probe.ends(3, {{kP0, 6}});
  CHECK(probe.takeable(kP0, 1'003, {5, 0}) == kNone);
  CHECK(probe.takeable(kP0, 1'003, {6, 0}) == 1'000);
}

TEST_CASE("an own partition that is not committed up to its end holds the tick") {
  Probe probe(true);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 5}, {kP1, 0}, {kP2, 0}});
  CHECK(probe.ask(1'001) == "");  // nothing to ask: it is ours
  CHECK(probe.ticks.waits_for(kP0));
  CHECK_FALSE(probe.ticks.next_question_at().has_value());
  probe.ticks.committed(kP0, Offset{4});
  CHECK(probe.ask(1'002) == "");
  CHECK(probe.ticks.waits_for(kP0));
  CHECK(probe.takeable(kP0, 1'002, {99, 99}) == kNone);
  probe.ticks.committed(kP0, Offset{5});
  CHECK_FALSE(probe.ticks.waits_for(kP0));
  CHECK(probe.ask(1'003) == "#2 repartition of 0");
}

TEST_CASE("what partitions of ours have committed is known, and not asked") {
  Probe probe(true);
  probe.ours = {kP0, kP1, kP2};
  probe.ticks.committed(kP2, Offset{9});
  probe.ticks.want(kP0, at(1'000));
  CHECK(probe.ask(1'000) == "#1 ends of 0 1 2");
  probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 9}});
  CHECK(probe.ask(1'001) == "");
  probe.ticks.committed(kP1, Offset{7});
  CHECK(probe.ask(1'002) == "");
  probe.ticks.committed(kP1, Offset{8});
  probe.ticks.committed(kP1, Offset{2});  // news that is older
  CHECK(probe.ask(1'003) == "");
  probe.ticks.committed(kP0, Offset{5});
  CHECK(probe.ask(1'003) == "#2 repartition of 0");
  probe.ends(2, {{kP0, 0}});
  CHECK(probe.ask(1'003) == "#3 ends of 0");
  probe.ends(3, {{kP0, 5}});
  CHECK(probe.takeable(kP0, 1'003, {5, 0}) == 1'000);
}

TEST_CASE("others' partitions are asked for, ours are waited for") {
  Probe probe(true);
  probe.ours = {kP0, kP1};
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 9}});
  CHECK(probe.ask(1'001) == "#2 committed of 2");
  probe.committed(2, {{kP2, 9}});
  CHECK(probe.ask(1'020) == "");
  CHECK(probe.ticks.waits_for(kP0));
  CHECK(probe.ticks.waits_for(kP1));
  CHECK_FALSE(probe.ticks.waits_for(kP2));
  probe.ticks.committed(kP1, Offset{8});
  CHECK(probe.ask(1'021) == "");
  CHECK(probe.ticks.waits_for(kP0));
  CHECK_FALSE(probe.ticks.waits_for(kP1));
  probe.ticks.committed(kP0, Offset{5});
  CHECK_FALSE(probe.ticks.waits_for(kP0));
  CHECK(probe.ask(1'021) == "#3 repartition of 0");
}

TEST_CASE("an empty partition needs no commit, one that nobody has committed holds the tick") {
  Probe probe(true);
  probe.ticks.committed(kP0, Offset{5});
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 5}, {kP1, 0}, {kP2, 1}});
  CHECK(probe.ask(1'001) == "#2 committed of 2");
  probe.committed(2, {});
  CHECK(probe.ask(1'011) == "#3 committed of 2");
  probe.committed(3, {{kP2, 1}});
  CHECK(probe.ask(1'012) == "#4 repartition of 0");
}

TEST_CASE("all partitions empty: no probe at all") {
  Probe probe(true);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 0}, {kP1, 0}, {kP2, 0}});
  CHECK(probe.ask(1'001) == "#2 repartition of 0");
}

TEST_CASE("ticks of several shards share the questions, each goes through its stages") {
  Probe probe(true);
  probe.ours = {kP0, kP1};
  probe.ticks.want(kP0, at(1'000));
  CHECK(probe.ask(1'000) == "#1 ends of 0 1 2");
  probe.ticks.want(kP1, at(1'005));
  probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 0}});
  // That of partition 0 waits for partition 1; meanwhile that of 1 is asked for.
  CHECK(probe.ask(1'006) == "#2 ends of 0 1 2");
  probe.ends(2, {{kP0, 6}, {kP1, 9}, {kP2, 0}});
  CHECK(probe.ask(1'007) == "");
  probe.ticks.committed(kP0, Offset{6});
  probe.ticks.committed(kP1, Offset{8});  // what the first one needs
  CHECK(probe.ask(1'008) == "#3 repartition of 0");
  probe.ends(3, {{kP0, 2}});
  CHECK(probe.takeable(kP0, 1'009, {99, 99}) == kNone);
  CHECK(probe.ask(1'009) == "#4 ends of 0");
  probe.ticks.committed(kP1, Offset{9});
  probe.ends(4, {{kP0, 6}});
  CHECK(probe.takeable(kP0, 1'010, {5, 2}) == kNone);
  CHECK(probe.takeable(kP0, 1'010, {6, 2}) == 1'000);
  CHECK(probe.takeable(kP1, 1'010, {99, 99}) == kNone);
  CHECK(probe.ask(1'010) == "#5 repartition of 1");
  probe.ends(5, {{kP1, 3}});
  CHECK(probe.ask(1'011) == "#6 ends of 1");
  probe.ends(6, {{kP1, 9}});
  CHECK(probe.takeable(kP1, 1'012, {9, 3}) == 1'005);
}

TEST_CASE("ticks that are at one stage ask in one question") {
  Probe probe(true, 2);
  probe.ours = {kP0, kP1};
  probe.ticks.want(kP0, at(1'000));
  probe.ticks.want(kP1, at(1'000));
  CHECK(probe.ask(1'000) == "#1 ends of 0 1");
  probe.ends(1, {{kP0, 0}, {kP1, 0}});
  CHECK(probe.ask(1'001) == "#2 repartition of 0 1");
  probe.ends(2, {{kP0, 1}, {kP1, 2}});
  CHECK(probe.ask(1'002) == "#3 ends of 0 1");
  probe.ends(3, {{kP0, 3}, {kP1, 4}});
  CHECK(probe.takeable(kP0, 1'003, {3, 1}) == 1'000);
  CHECK(probe.takeable(kP1, 1'003, {3, 2}) == kNone);
  CHECK(probe.takeable(kP1, 1'003, {4, 2}) == 1'000);
}

TEST_CASE(
    "an end of the repartition log that was asked for an earlier tick is not the next one's") {
  Probe probe(true);
  probe.ours = {kP0, kP1, kP2};
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 0}, {kP1, 0}, {kP2, 0}});
  CHECK(probe.ask(1'001) == "#2 repartition of 0");
  probe.ticks.taken(kP0);
  probe.ticks.want(kP0, at(1'100));
  probe.ends(2, {{kP0, 1}});
  CHECK(probe.takeable(kP0, 1'100, {99, 99}) == kNone);
  CHECK(probe.ask(1'100) == "#3 ends of 0 1 2");
}

TEST_CASE("the second end of the input that was asked for an earlier tick is not the next one's") {
  Probe probe(true);
  probe.ours = {kP0, kP1, kP2};
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 0}, {kP1, 0}, {kP2, 0}});
  probe.ask(1'001);
  probe.ends(2, {{kP0, 0}});
  CHECK(probe.ask(1'001) == "#3 ends of 0");
  probe.ticks.taken(kP0);
  probe.ticks.want(kP0, at(1'100));
  probe.ends(3, {{kP0, 1}});  // neither its first end
  CHECK(probe.takeable(kP0, 1'100, {99, 99}) == kNone);
  CHECK(probe.ask(1'100) == "#4 ends of 0 1 2");
  probe.ends(4, {{kP0, 0}, {kP1, 0}, {kP2, 0}});
  CHECK(probe.ask(1'101) == "#5 repartition of 0");
  probe.ends(5, {{kP0, 0}});
  CHECK(probe.takeable(kP0, 1'102, {99, 99}) == kNone);  // nor its second
  CHECK(probe.ask(1'102) == "#6 ends of 0");
}

TEST_CASE("one partition: nothing is forwarded, so nobody is waited for") {
  Probe probe(false, 1);
  probe.ticks.want(kP0, at(1'000));
  CHECK(probe.ask(1'000) == "#1 ends of 0");
  probe.ends(1, {{kP0, 5}});
  CHECK(probe.ask(1'000) == "");
  CHECK(probe.takeable(kP0, 1'000, {5, 0}) == 1'000);
}

TEST_CASE("one partition, but records are put out to it: its own commit, then both ends again") {
  Probe probe(false, 1);
  probe.ticks.input_is_written();
  probe.ticks.want(kP0, at(1'000));
  CHECK(probe.ask(1'000) == "#1 ends of 0");
  probe.ends(1, {{kP0, 5}});
  CHECK(probe.ask(1'001) == "");
  CHECK(probe.takeable(kP0, 1'001, {99, 99}) == kNone);
  CHECK(probe.ticks.waits_for(kP0));
  probe.ticks.committed(kP0, Offset{5});
  CHECK_FALSE(probe.ticks.waits_for(kP0));
  CHECK(probe.ask(1'002) == "#2 repartition of 0");
  probe.ends(2, {{kP0, 0}});
  CHECK(probe.takeable(kP0, 1'003, {99, 99}) == kNone);
  CHECK(probe.ask(1'003) == "#3 ends of 0");
  probe.ends(3, {{kP0, 7}});
  CHECK(probe.takeable(kP0, 1'004, {5, 0}) == kNone);
  CHECK(probe.takeable(kP0, 1'004, {6, 0}) == kNone);
  CHECK(probe.takeable(kP0, 1'004, {7, 0}) == 1'000);
  CHECK(probe.ask(1'004) == "");
}

TEST_CASE("one partition, and the first record is put out to it while a tick is on its way") {
  Probe probe(false, 1);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 5}});
  CHECK(probe.ask(1'001) == "");
  CHECK(probe.takeable(kP0, 1'001, {5, 0}) == 1'000);
  probe.ticks.input_is_written();  // by the batch that reads the log up to its end
  CHECK(probe.takeable(kP0, 1'002, {5, 0}) == kNone);
  CHECK(probe.ticks.waits_for(kP0));
  CHECK(probe.ask(1'002) == "");  // a second end means nothing before that batch is committed
  probe.ticks.committed(kP0, Offset{5});
  CHECK(probe.ask(1'003) == "#2 repartition of 0");
  probe.ticks.input_is_written();  // said again and again, it changes nothing
  probe.ends(2, {{kP0, 0}});
  CHECK(probe.ask(1'004) == "#3 ends of 0");
  probe.ends(3, {{kP0, 6}});
  CHECK(probe.takeable(kP0, 1'005, {5, 0}) == kNone);
  CHECK(probe.takeable(kP0, 1'005, {6, 0}) == 1'000);
}

TEST_CASE("that records are put out to the input is remembered over a rebuild") {
  Probe probe(false, 1);
  probe.ticks.input_is_written();
  probe.ticks.reset();
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 5}});
  CHECK(probe.ask(1'001) == "");
  CHECK(probe.takeable(kP0, 1'001, {5, 0}) == kNone);
}

TEST_CASE("the probe says when it wants to go on, and only then") {
  Probe probe(true);
  probe.ticks.committed(kP0, Offset{5});
  CHECK_FALSE(probe.ticks.next_question_at().has_value());
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  CHECK_FALSE(probe.ticks.next_question_at().has_value());  // the answer will wake
  probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 0}});
  probe.ask(1'001);
  CHECK_FALSE(probe.ticks.next_question_at().has_value());
  probe.committed(2, {});
  CHECK(probe.ticks.next_question_at() == at(1'011));
  probe.ask(1'011);
  probe.committed(3, {{kP1, 8}});
  probe.ask(1'012);  // the end of the repartition log
  CHECK_FALSE(probe.ticks.next_question_at().has_value());
  probe.ends(4, {{kP0, 0}});
  CHECK(probe.ask(1'013) == "#5 ends of 0");
  CHECK_FALSE(probe.ticks.next_question_at().has_value());
  probe.ends(5, {{kP0, 5}});
  CHECK(probe.ask(1'014) == "");
  CHECK_FALSE(probe.ticks.next_question_at().has_value());
}

TEST_CASE("answers that leave something open, or answer something else, are none") {
  struct {
    const char* title;
    bool forwarding;
    std::function<void(Probe&)> answer;
    const char* asked_next;
  } const table[] = {
      {"without the end", false, [](Probe& p) { p.ends(1, {}); }, "#2 ends of 0"},
      {"of another partition", false,
       [](Probe& p) {
         p.ends(1, {{kP1, 1}});
       },
       "#2 ends of 0"},
      {"without another's end", true,
       [](Probe& p) {
         p.ends(1, {{kP0, 5}, {kP1, 8}});
       },
       "#2 ends of 0 1 2"},
      {"to another question", false,
       [](Probe& p) {
         p.ends(9, {{kP0, 5}});
       },
       ""},
      {"of another kind", true,
       [](Probe& p) {
         p.committed(1, {{kP0, 5}});
       },
       ""},
  };
  for (const auto& row : table) {
    CAPTURE(row.title);
    Probe probe(row.forwarding);
    probe.ticks.want(kP0, at(1'000));
    probe.ask(1'000);
    row.answer(probe);
    CHECK(probe.takeable(kP0, 1'001, {99}) == kNone);
    CHECK(probe.ask(1'001) == row.asked_next);
  }
}

TEST_CASE("a second end that could not be read is asked for again") {
  Probe probe(true);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 0}, {kP1, 0}, {kP2, 0}});
  CHECK(probe.ask(1'001) == "#2 repartition of 0");
  probe.ends(2, {});
  CHECK(probe.ask(1'002) == "#3 repartition of 0");
  probe.ends(3, {{kP0, 1}});
  CHECK(probe.ask(1'003) == "#4 ends of 0");
  probe.ends(4, {});
  CHECK(probe.takeable(kP0, 1'004, {99, 99}) == kNone);
  CHECK(probe.ask(1'004) == "#5 ends of 0");
  probe.ends(5, {{kP0, 2}});
  CHECK(probe.takeable(kP0, 1'005, {2, 1}) == 1'000);
}

TEST_CASE("after a rebuild all is void, also the answers on their way") {
  SUBCASE("to the ends") {
    Probe probe(false);
    probe.ticks.want(kP0, at(1'000));
    CHECK(probe.ask(1'000) == "#1 ends of 0");
    probe.ticks.reset();
    CHECK_FALSE(probe.ticks.wanted(kP0));
    probe.ticks.want(kP0, at(2'000));
    probe.ends(1, {{kP0, 5}});
    CHECK(probe.takeable(kP0, 2'000, {99}) == kNone);
    CHECK(probe.ask(2'000) == "#2 ends of 0");
    probe.ends(1, {{kP0, 5}});
    CHECK(probe.takeable(kP0, 2'000, {99}) == kNone);
    probe.ends(2, {{kP0, 6}});
    CHECK(probe.takeable(kP0, 2'000, {6}) == 2'000);
  }
  SUBCASE("to the probe") {
    Probe probe(true);
    probe.ticks.want(kP0, at(1'000));
    probe.ask(1'000);
    probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 0}});
    CHECK(probe.ask(1'001) == "#2 committed of 1");
    probe.ticks.reset();
    probe.committed(2, {{kP1, 8}});
    probe.ticks.want(kP0, at(1'002));
    probe.ask(1'002);
    probe.ends(3, {{kP0, 5}, {kP1, 8}, {kP2, 0}});
    CHECK(probe.ask(1'003) == "#4 committed of 1");  // at once: the interval begins anew too
  }
  SUBCASE("to the second ends") {
    const Offsets empty = {{kP0, 0}, {kP1, 0}, {kP2, 0}};
    for (const bool repartition : {true, false}) {
      CAPTURE(repartition);
      Probe probe(true);
      probe.ticks.want(kP0, at(1'000));
      probe.ask(1'000);
      probe.ends(1, empty);
      CHECK(probe.ask(1'001) == "#2 repartition of 0");
      if (!repartition) {
        probe.ends(2, {{kP0, 0}});
        CHECK(probe.ask(1'001) == "#3 ends of 0");
      }
      const uint64_t old = repartition ? 2 : 3;
      probe.ticks.reset();
      probe.ticks.want(kP0, at(2'000));
      CHECK(probe.ask(2'000).ends_with(" ends of 0 1 2"));
      probe.ends(old, empty);
      CHECK(probe.ask(2'000) == "");
      probe.ends(old + 1, empty);  // the first ends, not second ones
      CHECK(probe.takeable(kP0, 2'000, {99, 99}) == kNone);
      CHECK(probe.ask(2'000).ends_with(" repartition of 0"));
    }
  }
  SUBCASE("what was committed, too: offsets may have been set back") {
    Probe probe(true);
    probe.ticks.committed(kP1, Offset{8});
    probe.ticks.reset();
    probe.ticks.want(kP0, at(1'000));
    probe.ask(1'000);
    probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 0}});
    CHECK(probe.ask(1'001) == "#2 committed of 1");
  }
}

TEST_CASE("who is waited for is said after 10 seconds, once a minute") {
  Probe probe(true);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  CHECK_FALSE(probe.ticks.complaint(at(60'000)).has_value());  // the lookup says that itself
  probe.ends(1, {{kP0, 5}, {kP1, 8}, {kP2, 4}});
  probe.ask(1'001);
  probe.committed(2, {{kP1, 7}});
  CHECK_FALSE(probe.ticks.complaint(at(10'999)).has_value());
  CHECK(probe.ticks.complaint(at(11'000)) ==
        "timeouts of partition 0 wait since 10 s: not yet read are partition 0 from its beginning "
        "to 5, partition 1 from 7 to 8, partition 2 from its beginning to 4");
  CHECK_FALSE(probe.ticks.complaint(at(11'001)).has_value());
  CHECK_FALSE(probe.ticks.complaint(at(70'999)).has_value());
  probe.ticks.committed(kP0, Offset{5});
  probe.ticks.committed(kP1, Offset{8});
  CHECK(probe.ticks.complaint(at(71'000)) ==
        "timeouts of partition 0 wait since 70 s: not yet read are partition 2 from its beginning "
        "to 4");
  probe.ticks.taken(kP0);
  CHECK_FALSE(probe.ticks.complaint(at(200'000)).has_value());
}

TEST_CASE("a tick that waits for its own log only says no more than that") {
  Probe probe(false);
  probe.ticks.want(kP0, at(1'000));
  probe.ask(1'000);
  probe.ends(1, {{kP0, 5}});
  CHECK(probe.ticks.complaint(at(11'000)) == "timeouts of partition 0 wait since 10 s");
}

// Random lives of a few groups, in two worlds at once: one processor that runs straight through,
// and one that is saved and loaded into a new one before every step. Both must show the same
// effects and the same saved bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "world.h"

namespace muster::collector {
namespace {

// What the core keeps beside a processor.
struct Core {
  std::map<std::string, int64_t> timers;
  std::map<std::string, int64_t> forgets;

  void take(const core::Effect& effect) {
    if (const auto* arm = std::get_if<core::Arm>(&effect)) {
      timers[std::string(arm->key.name)] = core::to_ms(arm->due);
    } else if (const auto* disarm = std::get_if<core::Disarm>(&effect)) {
      timers.erase(std::string(disarm->key.name));
    } else if (const auto* forget = std::get_if<core::Forget>(&effect)) {
      forgets.erase(std::string(forget->key.name));
      if (forget->from != kNever) {
        forgets[std::string(forget->key.name)] = core::to_ms(forget->from);
      }
    }
  }
  bool operator==(const Core&) const = default;
};

class Side {
 public:
  explicit Side(const Options& options) : world_(std::make_unique<World>(options)) {}

  // Into a new processor, in another order of ids, so that slots differ as well.
  void save_and_load(const Options& options, std::mt19937_64& dice) {
    std::vector<std::pair<std::string, std::string>> saved;
    for (const std::string& id : ids()) saved.emplace_back(id, world_->save(id));
    std::shuffle(saved.begin(), saved.end(), dice);
    const int64_t offset = world_->offset;
    world_ = std::make_unique<World>(options);
    world_->offset = offset;
    Core loaded;
    for (const auto& [id, bytes] : saved) {
      REQUIRE(world_->processor.load(id, bytes, world_->effects));
      for (const core::Effect& effect : world_->effects.list()) loaded.take(effect);
      world_->take();
    }
    REQUIRE(loaded == core_);
  }

  Lines record(int64_t ms, int64_t now_ms, const std::string& value) {
    core::Record record;
    record.topic = "events";
    record.offset = core::Offset{world_->offset++};
    record.time = at_ms(ms);
    record.value = value;
    world_->processor.on_record(record, at_ms(now_ms), world_->effects);
    return take();
  }

  Lines fire(const std::string& id) {
    const int64_t due = core_.timers.at(id);
    core_.timers.erase(id);
    world_->processor.on_timer(world_->processor.find(id).value(), at_ms(due), world_->effects);
    return take();
  }

  void drop(const std::string& id) {
    core_.forgets.erase(id);
    world_->processor.drop(world_->processor.find(id).value());
  }

  std::vector<std::string> ids() const {
    std::vector<std::string> found;
    for (char id = 'a'; id <= 'f'; ++id) {
      const std::string name(1, id);
      if (world_->processor.find(name)) found.push_back(name);
    }
    return found;
  }
  std::map<std::string, std::string> saved() const {
    std::map<std::string, std::string> all;
    for (const std::string& id : ids()) all[id] = world_->save(id);
    return all;
  }
  const Core& core() const { return core_; }
  uint64_t counted(Counter counter) { return world_->counted(counter); }
  size_t open() const { return world_->processor.open(); }

 private:
  Lines take() {
    for (const core::Effect& effect : world_->effects.list()) core_.take(effect);
    return world_->take();
  }

  std::unique_ptr<World> world_;
  Core core_;
};

std::string random_record(std::mt19937_64& dice) {
  const std::string group(1, static_cast<char>('a' + dice() % 6));
  const std::array<std::string_view, 5> expected = {"[]", R"(["x"])", R"(["x","y"])",
                                                    R"(["y","x","z"])", R"(["\u0078","y"])"};
  const std::array<std::string_view, 4> ttls = {"", ",\"ttl\":2", ",\"ttl\":0.5", ",\"ttl\":10"};
  const std::array<std::string_view, 4> results = {"", ",\"result\":[ 1 ]", ",\"error\":\"no\"",
                                                   ",\"result\":\"1234567890\""};
  switch (dice() % 8) {
    case 0:
      return dice() % 2 == 0 ? "{" : R"({"type":"Other"})";
    case 1:
    case 2:
      return create(group, expected[dice() % expected.size()], ttls[dice() % ttls.size()]);
    default:
      return done(group, std::string(1, static_cast<char>('w' + dice() % 4)),
                  results[dice() % results.size()]);
  }
}

void run(uint64_t seed, uint64_t (&outcomes)[4]) {
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  Options options;
  options.early_ttl = std::chrono::seconds(3);
  options.closed_ttl = std::chrono::seconds(2);
  options.max_expected = 4;
  options.output_bytes_max = 1000;
  Side straight(options);
  Side reloaded(options);
  int64_t clock = 1'000'000;
  for (int step = 0; step < 200; ++step) {
    reloaded.save_and_load(options, dice);
    clock += static_cast<int64_t>(dice() % 700);
    const std::string value = random_record(dice);
    const int64_t time = clock + static_cast<int64_t>(dice() % 4000) - 2000;
    REQUIRE(straight.record(time, std::max(time, clock), value) ==
            reloaded.record(time, std::max(time, clock), value));
    const auto timers = straight.core().timers;
    for (const auto& [id, due] : timers) {
      if (due <= clock) REQUIRE(straight.fire(id) == reloaded.fire(id));
    }
    const auto forgets = straight.core().forgets;
    for (const auto& [id, from] : forgets) {
      if (from > clock || dice() % 4 != 0) continue;
      straight.drop(id);
      reloaded.drop(id);
    }
    REQUIRE(straight.core() == reloaded.core());
    REQUIRE(straight.saved() == reloaded.saved());
    REQUIRE(straight.open() == reloaded.open());
    // What is known either has a timer or leaves some day, never both.
    REQUIRE(straight.ids().size() ==
            straight.core().timers.size() + straight.core().forgets.size());
  }
  outcomes[0] += straight.counted(Counter::kGroupsSuccess);
  outcomes[1] += straight.counted(Counter::kGroupsFailedError);
  outcomes[2] += straight.counted(Counter::kGroupsFailedTimeout);
  outcomes[3] += straight.counted(counter_of(RejectCode::kOrphan));
}

TEST_CASE("saving and loading between any two steps changes nothing") {
  const uint64_t first = std::random_device{}();
  uint64_t outcomes[4] = {};
  for (uint64_t seed = first; seed < first + 60; ++seed) run(seed, outcomes);
  for (const uint64_t count : outcomes) CHECK(count > 0);
}

}  // namespace
}  // namespace muster::collector

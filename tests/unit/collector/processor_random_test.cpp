// Random lives of a few groups, in two worlds at once: one processor that runs straight through,
// and one that is saved and loaded into a new one before every step. Both must show the same
// effects and the same saved bytes. Only a timer for an entity that has answered differs: a load
// does not arm it, and firing it does nothing but arm the next one.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

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
    REQUIRE(loaded.forgets == core_.forgets);
    REQUIRE(loaded.timers.size() == core_.timers.size());
    for (const auto& [id, due] : core_.timers) REQUIRE(loaded.timers.at(id) >= due);
    core_ = loaded;
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

  // What is due by then, in the core's order.
  Lines fire(int64_t clock) {
    Lines all;
    for (;;) {
      std::optional<std::pair<int64_t, std::string>> next;
      for (const auto& [id, due] : core_.timers) {
        if (due <= clock && (!next || std::pair(due, id) < *next)) next = {due, id};
      }
      if (!next) return all;
      const auto [due, id] = *next;
      core_.timers.erase(id);
      world_->processor.on_timer(world_->processor.find(id).value(), at_ms(due), world_->effects);
      const Lines lines = take();
      const bool nothing = lines.size() == 1 && lines[0].starts_with("Arm ");
      if (!nothing) all.insert(all.end(), lines.begin(), lines.end());
    }
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
  size_t held_bytes() const { return world_->processor.held_bytes(); }

 private:
  Lines take() {
    for (const core::Effect& effect : world_->effects.list()) core_.take(effect);
    return world_->take();
  }

  std::unique_ptr<World> world_;
  Core core_;
};

std::string random_record(std::mt19937_64& dice) {
  const auto one_of = [&dice](std::initializer_list<std::string_view> texts) {
    return std::string(texts.begin()[dice() % texts.size()]);
  };
  const std::string group(1, static_cast<char>('a' + dice() % 6));
  switch (dice() % 12) {
    case 0:
      return one_of({"{", R"({"type":"Other"})"});
    case 1:
    case 2:
      return create(
          group,
          one_of({"[]", R"(["x"])", R"(["x","y"])", R"(["y","x","z"])", R"(["\u0078","y"])",
                  R"([{"id":"x","ttl":1},"y"])", R"([{"id":"z","ttl":2},{"id":"x","ttl":1.5}])"}),
          one_of({"", ",\"ttl\":2", ",\"ttl\":0.5", ",\"ttl\":10"}) +
              one_of({"", "", R"(,"policy":"all-settled")", R"(,"policy":{"quorum":1})",
                      R"(,"policy":{"quorum":2})", R"(,"policy":{"tolerate":1})"}) +
              one_of({"", "", R"(,"handler":{"onsuccess":{"topic":"t","payload":7}})",
                      R"(,"parent":{"group":"a","id":"x"})"}));
    case 3:
      return update(group, one_of({R"(,"add":["x"])", R"(,"add":[{"id":"y","ttl":1},"z"])",
                                   R"(,"remove":["x"])", R"(,"remove":["y","z"],"add":["w"])",
                                   R"(,"ttl":3)", R"(,"ttl":1,"add":["v","w"])", ""}));
    case 4:
      return dice() % 3 == 0 ? cancel(group, one_of({"", R"(,"reason":"enough")"}))
                             : done(group, "x");
    default:
      return done(
          group, std::string(1, static_cast<char>('w' + dice() % 4)),
          one_of({"", ",\"result\":[ 1 ]", ",\"error\":\"no\"", ",\"result\":\"1234567890\""}));
  }
}

constexpr std::array kMustHappen = {Counter::kGroupsSuccess,
                                    Counter::kGroupsFailedError,
                                    Counter::kGroupsFailedTimeout,
                                    Counter::kGroupsFailedCancelled,
                                    Counter::kGroupsFailedUnreachable,
                                    Counter::kEntitiesTimedOut,
                                    Counter::kUpdates,
                                    Counter::kUpdatesIgnored,
                                    Counter::kCancelsIgnored,
                                    counter_of(RejectCode::kOrphan),
                                    counter_of(RejectCode::kLimit)};
using Happened = std::array<uint64_t, kMustHappen.size()>;

void run(uint64_t seed, Happened& happened) {
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
    REQUIRE(straight.fire(clock) == reloaded.fire(clock));
    const auto forgets = straight.core().forgets;
    for (const auto& [id, from] : forgets) {
      if (from > clock || dice() % 4 != 0) continue;
      straight.drop(id);
      reloaded.drop(id);
    }
    REQUIRE(straight.core().forgets == reloaded.core().forgets);
    REQUIRE(straight.saved() == reloaded.saved());
    REQUIRE(straight.open() == reloaded.open());
    // Kept up to date over everything, and counted anew at each load.
    REQUIRE(straight.held_bytes() == reloaded.held_bytes());
    REQUIRE((straight.held_bytes() > 0) == !straight.ids().empty());
    // What is known either has a timer or leaves some day, never both.
    REQUIRE(straight.ids().size() ==
            straight.core().timers.size() + straight.core().forgets.size());
  }
  for (size_t i = 0; i < happened.size(); ++i) happened[i] += straight.counted(kMustHappen[i]);
}

TEST_CASE("saving and loading between any two steps changes nothing") {
  const uint64_t first = std::random_device{}();
  Happened happened{};
  for (uint64_t seed = first; seed < first + 60; ++seed) run(seed, happened);
  for (size_t i = 0; i < happened.size(); ++i) {
    CAPTURE(counter_names()[static_cast<size_t>(kMustHappen[i])].value);
    CHECK(happened[i] > 0);
  }
}

}  // namespace
}  // namespace muster::collector

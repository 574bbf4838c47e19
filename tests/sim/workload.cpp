#include "workload.h"

#include <algorithm>

namespace muster::sim {
namespace {

class Drawer {
 public:
  Drawer(const WorkloadShape& shape, std::mt19937_64& random) : shape_(shape), random_(random) {}

  Workload draw() {
    for (int i = 0; i < shape_.groups; ++i) group("g" + std::to_string(i));
    std::ranges::stable_sort(out_.records, {}, &Planned::at_ms);
    return std::move(out_);
  }

 private:
  int64_t below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }

  // How a group's producers choose partitions.
  enum class Placement { kHome, kOtherPartitioner, kAnywhere };

  Placement draw_placement() {
    if (!chance(shape_.spread_percent)) return Placement::kHome;
    return chance(30) ? Placement::kOtherPartitioner : Placement::kAnywhere;
  }

  int home(const std::string& id) {
    if (!shape_.routing) return static_cast<int>(below(shape_.partitions));
    return core::raw(core::home_of(id, *shape_.routing));
  }

  int partition(const std::string& id) {
    switch (placement_) {
      case Placement::kHome:
        return out_.home[id];
      case Placement::kOtherPartitioner: {
        core::Routing other = *shape_.routing;
        other.partitioner = other.partitioner == core::Partitioner::kCrc32
                                ? core::Partitioner::kMurmur2
                                : core::Partitioner::kCrc32;
        return core::raw(core::home_of(id, other));
      }
      case Placement::kAnywhere:
        return static_cast<int>(below(shape_.partitions));
    }
    return 0;
  }

  void put(int64_t at, const std::string& id, std::string value, bool odd) {
    Planned planned{at, partition(id), std::nullopt, false, id, std::move(value), std::nullopt};
    if (odd && chance(40)) planned.timestamp_ms = chance(50) ? at + 3'600'000 : at - below(20'000);
    if (odd && chance(10)) planned.no_timestamp = true;
    if (chance(20)) planned.trace = "00-" + std::to_string(out_.records.size());
    out_.records.push_back(std::move(planned));
  }

  // What belongs to no group, whatever its key, may lie anywhere.
  void put_rubbish(int64_t at, const std::string& id, std::string value) {
    put(at, id, std::move(value), false);
    if (shape_.routing) out_.records.back().partition = static_cast<int>(below(shape_.partitions));
  }

  void done(int64_t at, const std::string& id, const std::string& entity, bool odd) {
    std::string value =
        R"({"type":"EventGroupCollectorEntityDone","id":")" + entity + R"(","group":")" + id + "\"";
    if (chance(error_percent_)) {
      value += R"(,"error":"no )" + entity + "\"";
    } else if (chance(90)) {
      value += R"(,"result":)" + std::to_string(below(1000));
    }
    put(at, id, value + "}", odd);
  }

  // --- a group

  struct Group {
    std::string id;
    bool odd = false;
    int64_t created = 0;
    int64_t ttl_ms = 0;
    int64_t entities = 0;
    int depth = 0;       // of children above it
    std::string parent;  // JSON; empty: none
  };

  // At a time of its life, or a little before or behind it.
  int64_t in_life(const Group& g) {
    const int64_t before = std::min<int64_t>(300, g.created - shape_.begin_ms);
    return g.created - before + below(before + g.ttl_ms * 5 / 4);
  }

  static std::string seconds(int64_t ms) {
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100);
  }

  std::string with_ttl(const std::string& entity, int64_t ttl_ms) {
    return R"({"id":")" + entity + R"(","ttl":)" + seconds(ttl_ms) + "}";
  }

  std::string draw_expected(const Group& g) {
    const bool with_ttls = chance(15);
    std::string expected;
    for (int64_t e = 0; e < g.entities; ++e) {
      const std::string entity = "e" + std::to_string(e);
      if (e > 0) expected += ",";
      expected += with_ttls && chance(60) ? with_ttl(entity, (1 + below(g.ttl_ms / 80)) * 100)
                                          : "\"" + entity + "\"";
    }
    return expected;
  }

  std::string draw_policy(const Group& g) {
    error_percent_ = 6;
    if (!chance(35)) return chance(90) ? "" : R"(,"policy":"fail-fast")";
    error_percent_ = 20;
    switch (g.entities == 0 ? 0 : below(3)) {
      case 0:
        return R"(,"policy":"all-settled")";
      case 1:
        return R"(,"policy":{"quorum":)" + std::to_string(1 + below(g.entities)) + "}";
      default:
        return R"(,"policy":{"tolerate":)" + std::to_string(below(g.entities + 1)) + "}";
    }
  }

  std::string draw_handler() {
    if (!chance(12)) return "";
    std::string handler;
    const auto target = [&](const char* when, std::string_view topic) {
      if (chance(25)) return;
      if (chance(15)) topic = kTopicOfNobody;
      handler += handler.empty() ? "" : ",";
      handler += "\"" + std::string(when) + R"(":{"topic":")" + std::string(topic) + "\"" +
                 (chance(50) ? R"(,"payload":{"for":"handler"}})" : "}");
    };
    target("onsuccess", kTopicOfSuccesses);
    target("onfailure", kTopicOfFailures);
    return R"(,"handler":{)" + handler + "}";
  }

  void group(const std::string& id) {
    Group g;
    g.id = id;
    g.created = shape_.begin_ms + below(shape_.span_ms);
    g.ttl_ms = 200 + below(4) * 900;
    group(g);
  }

  void group(Group g) {
    out_.home[g.id] = home(g.id);
    placement_ = draw_placement();
    g.odd = shape_.odd_times && chance(8);
    out_.odd_times[g.id] = g.odd;
    g.entities = chance(5) ? 0 : 1 + below(4);
    const std::string create =
        R"({"type":"EventGroupCollectorCreate","id":")" + g.id + R"(","expected":[)" +
        draw_expected(g) + R"(],"ttl":)" + seconds(g.ttl_ms) + R"(,"payload":{"n":)" +
        std::to_string(out_.home.size()) + "}" + draw_policy(g) + draw_handler() + g.parent + "}";
    put(g.created, g.id, create, g.odd);
    if (chance(8)) put(g.created + below(2 * g.ttl_ms), g.id, create, g.odd);
    std::vector<Group> children;
    dones(g, children);
    if (chance(12)) updates(g);
    if (chance(6)) cancels(g);
    strange(g);
    out_.last_deadline_ms = std::max(out_.last_deadline_ms, g.created + 4 * g.ttl_ms);
    for (Group& child : children) group(std::move(child));
  }

  void dones(const Group& g, std::vector<Group>& children) {
    const bool early = chance(15);
    const bool parent = knows_homes() && g.depth < 2 && chance(g.depth == 0 ? 12 : 30);
    // Some groups' last part comes at about the deadline, some never.
    for (int64_t e = 0; e < g.entities; ++e) {
      if (chance(5)) continue;
      const int64_t from = early ? -std::min<int64_t>(400, g.created - shape_.begin_ms) : 0;
      const int64_t at = g.created + from + below(chance(85) ? g.ttl_ms * 3 / 4 : g.ttl_ms * 3 / 2);
      const std::string entity = "e" + std::to_string(e);
      if (parent && chance(70)) {
        children.push_back(child(g, entity, early));
        if (chance(10)) children.push_back(child(g, entity, early));
        if (chance(90)) continue;
      }
      done(at, g.id, entity, g.odd);
      if (chance(10)) done(at + below(g.ttl_ms), g.id, entity, g.odd);
    }
  }

  // An output goes home by its key, so that homes must be known.
  bool knows_homes() const { return shape_.routing.has_value(); }

  Group child(const Group& g, const std::string& entity, bool early) {
    Group child;
    child.id = g.id + "c" + std::to_string(++children_);
    child.depth = g.depth + 1;
    const int64_t before = early ? std::min<int64_t>(600, g.created - shape_.begin_ms) : 0;
    child.created = g.created - before + below(before + g.ttl_ms / 2);
    child.ttl_ms = std::max<int64_t>(200, (1 + below(g.ttl_ms / 100)) * 100);
    const std::string group = chance(4) ? "nobody" : g.id;
    child.parent = R"(,"parent":{"group":")" + group + R"(","id":")" +
                   (chance(5) ? "unexpected" : entity) + R"("})";
    return child;
  }

  void updates(const Group& g) {
    for (int64_t i = 0; i < 1 + below(2); ++i) {
      std::string value = R"({"type":"EventGroupCollectorUpdate","id":")" + g.id + "\"";
      const std::string added = "x" + std::to_string(below(2));
      const int64_t at = in_life(g);
      const int64_t kinds = 1 + below(7);
      if ((kinds & 1) != 0) {
        value += R"(,"add":[)" +
                 (chance(30) ? with_ttl(added, (1 + below(5)) * 100) : "\"" + added + "\"") +
                 (chance(20) ? R"(,"e0"])" : "]");
        if (chance(70)) done(at - 50 + below(g.ttl_ms / 2), g.id, added, g.odd);
      }
      if ((kinds & 2) != 0)
        value +=
            R"(,"remove":["e)" + std::to_string(below(3)) + (chance(10) ? R"(","y"])" : R"("])");
      if ((kinds & 4) != 0) value += R"(,"ttl":)" + seconds(200 + below(g.ttl_ms / 100) * 100);
      put(at, g.id, value + "}", g.odd);
      if (chance(10)) put(at + below(g.ttl_ms), g.id, value + "}", g.odd);
    }
  }

  void cancels(const Group& g) {
    for (int64_t i = chance(10) ? 2 : 1; i > 0; --i) {
      put(in_life(g), g.id,
          R"({"type":"EventGroupCollectorCancel","id":")" + g.id +
              (chance(50) ? R"(","reason":"not needed"})" : "\"}"),
          g.odd);
    }
  }

  // What concerns nobody, or comes from producers with wrong clocks.
  void strange(const Group& g) {
    if (chance(4)) done(g.created + below(g.ttl_ms), g.id, "unexpected", g.odd);
    if (shape_.odd_times && chance(15)) {
      // From a producer whose clock is an hour ahead; it concerns nobody, and must touch nobody.
      done(g.created + below(g.ttl_ms / 2), g.id, "unexpected", false);
      out_.records.back().timestamp_ms = out_.records.back().at_ms + 3'600'000;
    }
    if (g.odd && g.entities > 0) {
      for (int i = 0; i < 3; ++i) {
        done(g.created + below(2 * g.ttl_ms), g.id, "e0", false);
        if (chance(60)) out_.records.back().timestamp_ms = out_.records.back().at_ms + 3'600'000;
      }
    }
    if (chance(3)) put_rubbish(g.created + below(g.ttl_ms), g.id, "{rubbish");
    if (chance(3)) put_rubbish(g.created + below(g.ttl_ms), g.id, R"({"type":"SomebodyElses"})");
  }

  WorkloadShape shape_;
  std::mt19937_64& random_;
  Placement placement_ = Placement::kHome;  // of the group that is being drawn
  int error_percent_ = 6;                   // the same
  int64_t children_ = 0;                    // so many so far
  Workload out_;
};

}  // namespace

Workload draw_workload(const WorkloadShape& shape, std::mt19937_64& random) {
  return Drawer(shape, random).draw();
}

}  // namespace muster::sim

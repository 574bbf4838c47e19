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
    if (chance(6)) {
      value += R"(,"error":"no )" + entity + "\"";
    } else if (chance(90)) {
      value += R"(,"result":)" + std::to_string(below(1000));
    }
    put(at, id, value + "}", odd);
  }

  void group(const std::string& id) {
    out_.home[id] = home(id);
    placement_ = draw_placement();
    const bool odd = shape_.odd_times && chance(8);
    out_.odd_times[id] = odd;
    const int64_t created = shape_.begin_ms + below(shape_.span_ms);
    const int64_t ttl_ms = 200 + below(4) * 900;
    const int64_t entities = chance(5) ? 0 : 1 + below(4);
    std::string expected;
    for (int64_t e = 0; e < entities; ++e)
      expected += (e > 0 ? ",\"e" : "\"e") + std::to_string(e) + "\"";
    const std::string seconds =
        std::to_string(ttl_ms / 1000) + "." + std::to_string(ttl_ms % 1000 / 100);
    const std::string create = R"({"type":"EventGroupCollectorCreate","id":")" + id +
                               R"(","expected":[)" + expected + R"(],"ttl":)" + seconds +
                               R"(,"payload":{"n":)" + id.substr(1) + "}}";
    put(created, id, create, odd);
    if (chance(8)) put(created + below(2 * ttl_ms), id, create, odd);
    const bool early = chance(15);
    // Some groups' last part comes at about the deadline, some never.
    for (int64_t e = 0; e < entities; ++e) {
      if (chance(5)) continue;
      const int64_t from = early ? -std::min<int64_t>(400, created - shape_.begin_ms) : 0;
      const int64_t at = created + from + below(chance(85) ? ttl_ms * 3 / 4 : ttl_ms * 3 / 2);
      const std::string entity = "e" + std::to_string(e);
      done(at, id, entity, odd);
      if (chance(10)) done(at + below(ttl_ms), id, entity, odd);
    }
    if (chance(4)) done(created + below(ttl_ms), id, "unexpected", odd);
    if (shape_.odd_times && chance(15)) {
      // From a producer whose clock is an hour ahead; it concerns nobody, and must touch nobody.
      done(created + below(ttl_ms / 2), id, "unexpected", false);
      out_.records.back().timestamp_ms = out_.records.back().at_ms + 3'600'000;
    }
    if (odd && entities > 0) {
      for (int i = 0; i < 3; ++i) {
        done(created + below(2 * ttl_ms), id, "e0", false);
        if (chance(60)) out_.records.back().timestamp_ms = out_.records.back().at_ms + 3'600'000;
      }
    }
    if (chance(3)) put_rubbish(created + below(ttl_ms), id, "{rubbish");
    if (chance(3)) put_rubbish(created + below(ttl_ms), id, R"({"type":"SomebodyElses"})");
    out_.last_deadline_ms = std::max(out_.last_deadline_ms, created + 2 * ttl_ms);
  }

  WorkloadShape shape_;
  std::mt19937_64& random_;
  Placement placement_ = Placement::kHome;  // of the group that is being drawn
  Workload out_;
};

}  // namespace

Workload draw_workload(const WorkloadShape& shape, std::mt19937_64& random) {
  return Drawer(shape, random).draw();
}

}  // namespace muster::sim

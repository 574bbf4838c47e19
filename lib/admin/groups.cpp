#include "admin/groups.h"

#include "admin/group_list.h"
#include "admin/partitions.h"
#include "base/json_text.h"
#include "collector/outcome.h"
#include "collector/processor.h"
#include "runtime/worker.h"

namespace muster::admin {
namespace {

using core::raw;

http::Response busy() {
  return http::problem(503, "busy", "too many questions wait already; try again");
}

const collector::Processor* processor_of(const core::Shard& shard) {
  return dynamic_cast<const collector::Processor*>(&shard.processor());
}

// What the answer is true of.
void append_as_of(std::string& out, const core::Shard& shard) {
  out += ",\"partition\":" + std::to_string(raw(shard.partition())) + ",\"asOf\":{\"clock\":\"";
  collector::append_time(out, shard.clock());
  out += "\",\"batch\":" + std::to_string(raw(shard.n())) + ",\"offsets\":[";
  for (size_t log = 0; log < shard.logs(); ++log)
    out += (log == 0 ? "" : ",") + std::to_string(raw(shard.next(log)));
  out += "]}";
}

Lookup look(const runtime::Worker& worker, core::Partition partition, const std::string& id,
            core::Time now) {
  Lookup lookup{std::nullopt, partition, std::nullopt, ""};
  const core::Shard* shard = worker.shard(partition);
  const auto* processor = shard == nullptr ? nullptr : processor_of(*shard);
  if (processor == nullptr) {
    lookup.answer =
        http::problem(503, "moving", "the partition has just been given away; try again");
    return lookup;
  }
  const auto slot = processor->find(id);
  if (!slot) return lookup;
  const collector::GroupState& state = processor->state(*slot);
  lookup.phase = collector::phase_of(state);
  lookup.json = "{";
  collector::append_everything(lookup.json, state, now);
  append_as_of(lookup.json, *shard);
  lookup.json += "}\n";
  return lookup;
}

void get_group(const Context& context, const http::Request& request, const http::Reply& reply) {
  look_up(context, request.captures[0], [reply](const Lookup& lookup) {
    if (lookup.answer) return reply(*lookup.answer);
    if (lookup.phase) return reply({200, "application/json", lookup.json});
    reply(http::problem(404, "no-group",
                        "no such group is open, waiting for its Create, or remembered",
                        "\"partition\":" + std::to_string(raw(lookup.partition))));
  });
}

}  // namespace

void look_up(const Context& context, const std::string& id,
             std::function<void(const Lookup&)> found) {
  const auto routing = context.routing();
  if (!routing) {
    return found({http::problem(503, "starting", "the topics have not been seen yet; try again"),
                  {},
                  {},
                  {}});
  }
  const core::Partition home = core::home_of(id, *routing);
  const auto here = held(context, home);
  if (!here) {
    return find_owners(context, [home, found](const runtime::Owners& owners) {
      found({elsewhere(home, owners), home, {}, {}});
    });
  }
  if (here->seat.phase != runtime::SeatPhase::kLive)
    return found({recovering(here->seat), home, {}, {}});
  const bool taken = here->worker->questions->ask(
      [home, id, found](const runtime::Worker& worker, core::Time now) {
        found(look(worker, home, id, now));
        return true;
      });
  if (!taken) found({busy(), home, {}, {}});
}

void add_groups(http::Router& router, const Context& context) {
  add_group_list(router, context);
  router.add("GET", "/groups/{id}",
             [&context](const http::Request& request, const http::Reply& reply) {
               get_group(context, request, reply);
             });
}

}  // namespace muster::admin

#include "admin/partitions.h"

#include "base/json_text.h"
#include "collector/outcome.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace muster::admin {
namespace {

using core::raw;
using runtime::SeatPhase;

void append_time_member(std::string& out, std::string_view name, core::Time time) {
  out += ",\"";
  out += name;
  out += "\":\"";
  collector::append_time(out, time);
  out += '"';
}

std::string seconds(core::Duration duration) {
  const int64_t ms = std::max<int64_t>(0, duration.count());
  std::string fraction = std::to_string(ms % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(ms / 1000) + "." + fraction;
}

void append_live(std::string& out, const runtime::SeatStatus& seat) {
  out += ",\"open\":" + std::to_string(seat.open);
  out += ",\"timers\":" + std::to_string(seat.timers);
  append_time_member(out, "clock", seat.clock);
  if (seat.next_timer) append_time_member(out, "nextDeadline", *seat.next_timer);
  char epoch[17];
  std::snprintf(epoch, sizeof epoch, "%016llx", static_cast<unsigned long long>(raw(seat.epoch)));
  out += ",\"epoch\":\"" + std::string(epoch) + "\",\"batch\":" + std::to_string(raw(seat.n));
  const char* const names[] = {"offset", "repartitionOffset"};
  const char* const lags[] = {"lag", "repartitionLag"};
  for (size_t log = 0; log < seat.next.size() && log < 2; ++log)
    out += ",\"" + std::string(names[log]) + "\":" + std::to_string(raw(seat.next[log]));
  for (size_t log = 0; log < seat.lag.size() && log < 2; ++log)
    out += ",\"" + std::string(lags[log]) + "\":" + std::to_string(seat.lag[log]);
  if (seat.checkpoint_age) {
    out += ",\"checkpointAge\":" + seconds(*seat.checkpoint_age);
    out += std::string(",\"checkpointFailing\":") + (seat.checkpoint_failing ? "true" : "false");
  }
}

}  // namespace

void append_seat(std::string& out, const runtime::SeatStatus& seat) {
  out += "\"partition\":" + std::to_string(raw(seat.partition));
  out += ",\"state\":" + base::json_string(name(seat.phase));
  out += ",\"ids\":" + std::to_string(seat.living);
  out += ",\"recovery\":" + seconds(seat.recovery);
  if (seat.phase == SeatPhase::kLive) return append_live(out, seat);
  out += ",\"records\":" + std::to_string(seat.records_replayed);
  out += ",\"journalPosition\":" + std::to_string(raw(seat.journal_position));
  out += ",\"journalEnd\":" + std::to_string(raw(seat.journal_end));
}

void find_owners(const Context& context, runtime::OperatorPorts::OnOwners done) {
  const auto all = static_cast<size_t>(context.partitions);
  if (all > 0 && all_held(context).size() == all) return done({});  // nobody else has any
  if (context.kafka == nullptr) return done({{}, "there is no connection to Kafka"});
  context.kafka->find_owners(std::move(done));
}

std::string others_json(const Context& context, const runtime::Owners& owners) {
  std::set<core::Partition> ours;
  for (const Held& one : all_held(context)) ours.insert(one.seat.partition);
  std::string out = "[";
  for (const runtime::Owner& owner : owners.owners) {
    if (ours.contains(owner.partition)) continue;
    out += (out.size() > 1 ? "," : "") + owner_json(owner);
  }
  return out + "]";
}

void add_partitions(http::Router& router, const Context& context) {
  router.add("GET", "/partitions", [&context](const http::Request&, const http::Reply& reply) {
    find_owners(context, [&context, reply](const runtime::Owners& owners) {
      std::string body = "{\"topic\":" + base::json_string(context.topic) +
                         ",\"group\":" + base::json_string(context.group) +
                         ",\"count\":" + std::to_string(context.partitions) + ",\"here\":[";
      char separator = '{';
      for (const Held& one : all_held(context)) {
        if (separator == ',') body += ",";
        body += '{';
        separator = ',';
        append_seat(body, one.seat);
        body += '}';
      }
      body += "],\"elsewhere\":" + others_json(context, owners);
      if (!owners.error.empty()) body += ",\"elsewhereUnknown\":" + base::json_string(owners.error);
      reply({200, "application/json", body + "}\n"});
    });
  });
}

}  // namespace muster::admin

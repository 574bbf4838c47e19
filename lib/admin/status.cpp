#include "admin/status.h"

#include "admin/partitions.h"
#include "base/json_text.h"
#include "collector/counters.h"

#include <algorithm>
#include <map>
#include <optional>

namespace muster::admin {
namespace {

// Sums over the workers: counters by their names, `family` or `family/value`.
void append_totals(std::string& out, const Context& context) {
  std::optional<runtime::WorkerTotals> totals;  // absent: no worker has begun
  for (const WorkerLink& link : context.workers) {
    const auto status = link.board->get();
    if (!status) continue;
    if (!totals) totals.emplace();
    totals->add(status->totals);
  }
  std::map<std::string, uint64_t> sums;
  if (totals) {
    const auto& names = collector::counter_names();
    for (size_t i = 0; i < static_cast<size_t>(collector::Counter::kRejectedFirst); ++i) {
      std::string name(names[i].family);
      if (!names[i].value.empty()) name += "/" + std::string(names[i].value);
      sums[name] += totals->counters[i];
    }
    for (const auto& [code, count] : totals->dead_letters)
      sums["collector_dead_letters_total/" + code] = count;
    sums["collector_records_total"] = totals->records;
    sums["collector_transactions_total/committed"] = totals->batches_committed;
    sums["collector_transactions_total/failed"] = totals->batches_failed;
  }
  out += ",\"totals\":{";
  char separator = ' ';
  for (const auto& [name, sum] : sums) {
    out += separator + base::json_string(name) + ":" + std::to_string(sum);
    separator = ',';
  }
  out += "}";
}

}  // namespace

std::string status_json(const Context& context) {
  bool ready = true;
  int64_t at = 0;
  for (const WorkerLink& link : context.workers) {
    const auto status = link.board->get();
    ready = ready && status && status->ready;
    if (status) at = std::max(at, core::to_ms(status->at));
  }
  std::string out = "{\"topic\":" + base::json_string(context.topic) +
                    ",\"group\":" + base::json_string(context.group) +
                    ",\"version\":" + base::json_string(context.version) +
                    ",\"ready\":" + (ready ? "true" : "false") +
                    ",\"changeable\":" + (context.token.empty() ? "false" : "true") +
                    ",\"at\":" + std::to_string(at) + ",\"partitions\":[";
  bool first = true;
  for (const Held& one : all_held(context)) {
    out += first ? "{" : ",{";
    first = false;
    append_seat(out, one.seat);
    out += '}';
  }
  out += "]";
  append_totals(out, context);
  return out + "}";
}

void add_status(http::Router& router, const Context& context) {
  router.add("GET", "/status", [&context](const http::Request&, const http::Reply& reply) {
    reply({200, "application/json", status_json(context) + "\n"});
  });
  router.add("GET", "/stream", [&context](const http::Request&, const http::Reply& reply) {
    http::Response response{200, "text/event-stream", "retry: 2000\n\n"};
    response.next = [&context] { return "data: " + status_json(context) + "\n\n"; };
    reply(std::move(response));
  });
}

}  // namespace muster::admin

#include "admin/health.h"

#include "base/json_text.h"

#include <chrono>

namespace muster::admin {
namespace {

using core::raw;

// A loop that has not come round for so long hangs. (It never blocks: a round is milliseconds.)
constexpr std::chrono::seconds kRoundMax{30};

struct Check {
  std::string name;
  std::string wrong;  // empty: it is well
};

core::Time wall_now() {
  return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
}

std::string progress(const runtime::SeatStatus& seat) {
  return "partition " + std::to_string(raw(seat.partition)) + " is " +
         std::string(name(seat.phase)) + ": " + std::to_string(seat.records_replayed) +
         " records replayed, journal at " + std::to_string(raw(seat.journal_position)) + " of " +
         std::to_string(raw(seat.journal_end)) + ", " + std::to_string(seat.living) + " ids";
}

Check ready_check(size_t number, const WorkerLink& worker) {
  Check check{"worker-" + std::to_string(number), ""};
  const auto status = worker.board->get();
  if (!status) {
    check.wrong = "waits for Kafka, or for a topic; the log says for which";
  } else if (status->stopping) {
    check.wrong = "stops";
  } else if (!status->producer_open) {
    check.wrong = "waits for Kafka to take its producer";
  } else if (!status->ready) {
    for (const runtime::SeatStatus& seat : status->seats) {
      if (seat.phase == runtime::SeatPhase::kLive) continue;
      check.wrong += (check.wrong.empty() ? "" : "; ") + progress(seat);
    }
    if (check.wrong.empty()) check.wrong = "waits for the group to assign partitions";
  }
  return check;
}

Check live_check(size_t number, const WorkerLink& worker) {
  Check check{"worker-" + std::to_string(number), ""};
  const auto status = worker.board->get();
  if (status && wall_now() - status->at > kRoundMax) check.wrong = "its loop hangs";
  return check;
}

Check start_check(size_t number, const WorkerLink& worker) {
  Check check{"worker-" + std::to_string(number), ""};
  const auto status = worker.board->get();
  if (!status || !status->was_ready) check.wrong = "was not ready yet";
  return check;
}

using MakeCheck = Check (*)(size_t, const WorkerLink&);

http::Response answer(const Context& context, MakeCheck make_check, const http::Request& request) {
  std::string checks;
  std::string wrong;
  for (size_t i = 0; i < context.workers.size(); ++i) {
    const Check check = make_check(i, context.workers[i]);
    checks += (i == 0 ? "" : ",");
    checks += "{\"name\":" + base::json_string(check.name) +
              ",\"ok\":" + (check.wrong.empty() ? "true" : "false") +
              ",\"detail\":" + base::json_string(check.wrong) + "}";
    if (!check.wrong.empty()) wrong += (wrong.empty() ? "" : "; ") + check.name + " " + check.wrong;
  }
  const std::string member = "\"checks\":[" + checks + "]";
  if (!wrong.empty()) return http::problem(503, "not-ready", wrong, member);
  if (!request.query_value("verbose")) return {200, "application/json", "{\"status\":\"ok\"}\n"};
  return {200, "application/json", "{\"status\":\"ok\"," + member + "}\n"};
}

}  // namespace

void add_health(http::Router& router, const Context& context) {
  const auto add = [&router, &context](std::string_view path, MakeCheck make_check) {
    router.add("GET", path,
               [&context, make_check](http::Request request, const http::Reply& reply) {
                 reply(answer(context, make_check, request));
               });
  };
  add("/livez", live_check);
  add("/readyz", ready_check);
  add("/startupz", start_check);
}

}  // namespace muster::admin

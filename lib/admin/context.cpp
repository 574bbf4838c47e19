#include "admin/context.h"

#include "base/json_text.h"

#include <algorithm>

namespace muster::admin {

using core::raw;

std::vector<Held> all_held(const Context& context) {
  std::vector<Held> all;
  for (const WorkerLink& worker : context.workers) {
    const auto status = worker.board->get();
    if (!status) continue;
    for (const runtime::SeatStatus& seat : status->seats) all.push_back({&worker, seat});
  }
  std::ranges::sort(all, {}, [](const Held& one) { return one.seat.partition; });
  return all;
}

std::optional<Held> held(const Context& context, core::Partition partition) {
  for (const WorkerLink& worker : context.workers) {
    const auto status = worker.board->get();
    if (!status) continue;
    for (const runtime::SeatStatus& seat : status->seats) {
      if (seat.partition == partition) return Held{&worker, seat};
    }
  }
  return std::nullopt;
}

http::Response recovering(const runtime::SeatStatus& seat) {
  http::Response response = http::problem(
      503, "recovering",
      "partition " + std::to_string(raw(seat.partition)) + " is being recovered; try again",
      "\"partition\":" + std::to_string(raw(seat.partition)) +
          ",\"state\":" + base::json_string(name(seat.phase)) + ",\"records\":" +
          std::to_string(seat.records_replayed) + ",\"ids\":" + std::to_string(seat.living) +
          ",\"journalPosition\":" + std::to_string(raw(seat.journal_position)) +
          ",\"journalEnd\":" + std::to_string(raw(seat.journal_end)));
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

std::string owner_json(const runtime::Owner& owner) {
  return "{\"partition\":" + std::to_string(raw(owner.partition)) +
         ",\"admin\":" + (owner.admin.empty() ? "null" : base::json_string(owner.admin)) +
         ",\"member\":" + base::json_string(owner.member) + "}";
}

http::Response elsewhere(core::Partition partition, const runtime::Owners& owners) {
  const std::string number = std::to_string(raw(partition));
  const auto owner = std::ranges::find(owners.owners, partition, &runtime::Owner::partition);
  if (owner == owners.owners.end()) {
    http::Response response = http::problem(
        503, "no-owner",
        owners.error.empty()
            ? "nobody has partition " + number + " at present; the group may be rebalancing"
            : "partition " + number + " is not here, and who has it is not known: " + owners.error,
        "\"partition\":" + number);
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }
  return http::problem(
      421, "elsewhere",
      "partition " + number + " belongs to another instance" +
          (owner->admin.empty() ? ", which has no admin address" : ", at " + owner->admin),
      "\"partition\":" + number + ",\"owner\":" + owner_json(*owner));
}

}  // namespace muster::admin

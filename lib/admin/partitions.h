// GET /partitions: what this process has, and who has the others.
#pragma once

#include "admin/context.h"
#include "http/router.h"

namespace muster::admin {

void add_partitions(http::Router& router, const Context& context);
// Members of an object without its braces.
void append_seat(std::string& out, const runtime::SeatStatus& seat);
// Owners of all partitions that this process does not have, as a JSON array.
std::string others_json(const Context& context, const runtime::Owners& owners);
// Asks Kafka if it can be asked.
void find_owners(const Context& context, runtime::OperatorPorts::OnOwners done);

}  // namespace muster::admin

// GET /status and GET /stream: what the page shows, once or each second.
#pragma once

#include "admin/context.h"
#include "http/router.h"

#include <string>

namespace muster::admin {

std::string status_json(const Context& context);
void add_status(http::Router& router, const Context& context);

}  // namespace muster::admin

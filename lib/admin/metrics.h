// All numbers of the process, for Prometheus.
#pragma once

#include "admin/context.h"
#include "http/router.h"
#include "metrics/exposition.h"

#include <functional>
#include <vector>

namespace muster::admin {

std::vector<metrics::Family> families(const Context& context, const http::ServerTotals& server);
// `totals`: the server's own.
void add_metrics(http::Router& router, const Context& context,
                 std::function<http::ServerTotals()> totals);

}  // namespace muster::admin

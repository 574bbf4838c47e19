// Whether the process lives, has started, is ready: for whoever restarts it or sends it work.
#pragma once

#include "admin/context.h"
#include "http/router.h"

namespace muster::admin {

void add_health(http::Router& router, const Context& context);

}  // namespace muster::admin

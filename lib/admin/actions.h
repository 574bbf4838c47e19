// What changes something: POST /groups/{id}/cancel, POST /groups/{id}/extend, POST /events. Nothing is
// changed in memory: an event goes into the log, as anybody's would, and the answer says where it
// lies. The bearer token is asked for before anything else.
#pragma once

#include "admin/context.h"
#include "http/router.h"

namespace muster::admin {

void add_actions(http::Router& router, const Context& context);

}  // namespace muster::admin

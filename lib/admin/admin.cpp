#include "admin/admin.h"

#include "admin/actions.h"
#include "admin/assets.h"
#include "admin/groups.h"
#include "admin/health.h"
#include "admin/metrics.h"
#include "admin/partitions.h"
#include "admin/status.h"

namespace muster::admin {
namespace {

// A page of somebody else's may make a browser on this machine ask us, under a name of its own that
// it lets point here. Who asks a server at a loopback address for anything else is not meant.
bool host_is_local(std::string_view host) {
  if (host.empty()) return true;
  const size_t port = host.rfind(':');
  if (port != std::string_view::npos && host.find(']', port) == std::string_view::npos)
    host = host.substr(0, port);
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

}  // namespace

Admin::Admin(const Context& context)
    : context_(context),
      server_(http::Limits{}, [this](http::Request request, const http::Reply& reply) {
        handle(std::move(request), reply);
      }) {
  add_health(router_, context_);
  add_partitions(router_, context_);
  add_groups(router_, context_);
  add_status(router_, context_);
  add_actions(router_, context_);
  add_assets(router_);
  add_metrics(router_, context_, [this] { return server_.totals(); });
}

void Admin::handle(http::Request request, const http::Reply& reply) const {
  if (context_.loopback && !host_is_local(request.host)) {
    reply(http::problem(421, "host",
                        "this server is for this machine only; ask it as localhost, or start the "
                        "program with another --admin"));
    return;
  }
  router_(std::move(request), reply);
}

}  // namespace muster::admin

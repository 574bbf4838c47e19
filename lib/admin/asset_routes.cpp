#include "admin/assets.h"

#include "base/check.h"
#include "base/json_text.h"

#include <algorithm>
#include <string>

namespace muster::admin {
namespace {

constexpr std::string_view kSchemas = "doc/schemas/";
// Nothing from anywhere else, and nobody's frame.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src "
    "'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view text_of(std::string_view name) {
  const auto found = std::ranges::find(assets(), name, &Asset::name);
  CHECK(found != assets().end());
  return found->text;
}

std::string schema_list() {
  std::string list;
  for (const Asset& asset : assets()) {
    if (!asset.name.starts_with(kSchemas)) continue;
    list += (list.empty() ? "" : ",") +
            base::json_string("/schemas/" + std::string(asset.name.substr(kSchemas.size())));
  }
  return "{\"schemas\":[" + list + "]}\n";
}

}  // namespace

void add_assets(http::Router& router) {
  router.add("GET", "/", [](const http::Request&, const http::Reply& reply) {
    reply({200,
           "text/html; charset=utf-8",
           std::string(text_of("lib/admin/page.html")),
           {{"Content-Security-Policy", kPagePolicy}, {"Referrer-Policy", "no-referrer"}}});
  });
  router.add("GET", "/openapi.json", [](const http::Request&, const http::Reply& reply) {
    reply({200, "application/json", std::string(text_of("doc/openapi.json"))});
  });
  router.add("GET", "/schemas/", [](const http::Request&, const http::Reply& reply) {
    reply({200, "application/json", schema_list()});
  });
  router.add("GET", "/schemas/{name}", [](const http::Request& request, const http::Reply& reply) {
    const std::string name = std::string(kSchemas) + request.captures[0];
    const auto found = std::ranges::find(assets(), name, &Asset::name);
    if (found == assets().end())
      return reply(http::problem(404, "no-schema", "/schemas/ lists those that there are"));
    reply({200, "application/schema+json", std::string(found->text)});
  });
}

}  // namespace muster::admin

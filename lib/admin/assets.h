// Files that the program carries within itself: the page, the schemas, the description of its own
// HTTP interface. Their text is made part of the program when it is built (embed.cmake).
#pragma once

#include "http/router.h"

#include <string_view>
#include <vector>

namespace muster::admin {

struct Asset {
  std::string_view name;  // its path in the repository
  std::string_view text;
};
const std::vector<Asset>& assets();

void add_assets(http::Router& router);

}  // namespace muster::admin

// Names that an object has twice: a tree keeps only the last, so they are looked for apart.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace muster::fuzz {

// As paths from the root: "/id", "/handler/onsuccess/topic"; "/expected/*/id" in an object in an
// array; a slash in a name is "~1". `text` is JSON, without halves of surrogate pairs.
std::set<std::string> names_twice(std::string_view text);

}  // namespace muster::fuzz

// House rules that nobody has to remember, read off the source text: who may include whom, where a
// third party's headers may appear, what deterministic code may not name, how long a file may be
// (DESIGN 5, STYLE 6 and 9).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::tidy {

// What breaks a rule, a line each: "lib/core/x.h:12: ...". `path` is relative to the source tree.
std::vector<std::string> violations(std::string_view path, std::string_view text);
// Of all .h and .cpp files below lib/, cmd/ and tests/ of that folder; `files` says how many were
// read.
std::vector<std::string> violations_below(const std::string& root, size_t& files);

}  // namespace muster::tidy

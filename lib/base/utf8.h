// Whether bytes are text. Stateless; for short texts off the hot path.
#pragma once

#include <string_view>

namespace muster::base {

// UTF-8 as of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace muster::base

// A second opinion on JSON: Boost.JSON, which shares no code with ours. It agrees with RFC 8259 up
// to two differences, and these are all that we allow for:
//
// - Half of a surrogate pair in an escape ("\ud800") is within the grammar of RFC 8259 (section
//   8.2) but Boost.JSON refuses it. So it is replaced by another character before Boost reads it;
//   lengths and places stay. A text that means one thing under one substitute and another under the
//   other holds such a half.
// - Boost.JSON refuses an exponent over 2^31; the grammar has no limit. Then it cannot say.
//
// Nesting is no difference: Boost is told the same limit. Of names that are there twice a tree keeps
// the last (names_twice.h).
#pragma once

#include <boost/json.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace muster::fuzz {

enum class Opinion : uint8_t { kJson, kNotJson, kTooDeep, kCannotSay };

struct Tree {
  Opinion opinion = Opinion::kNotJson;
  boost::json::value root;  // of kJson
};

// Escapes of six bytes that stand for themselves, not for each other.
constexpr std::string_view kSubstitutes[] = {"\\ufffd", "\\ufffc"};

// As UTF-8, in a text that was read.
constexpr std::string_view kSubstituteTexts[] = {"\xef\xbf\xbd", "\xef\xbf\xbc"};

// True: something was replaced.
bool replace_half_surrogates(std::string& text, std::string_view substitute);

[[nodiscard]] Tree read_tree(std::string_view text, size_t depth_max,
                             std::string_view substitute = kSubstitutes[0]);

}  // namespace muster::fuzz

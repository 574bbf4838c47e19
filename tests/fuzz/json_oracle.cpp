#include "json_oracle.h"

#include <optional>

namespace muster::fuzz {
namespace {

// What the escape at the text's beginning names, if it is one of four hexadecimal digits.
std::optional<unsigned> escaped_unit(std::string_view text) {
  if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
  const std::string digits(text.substr(2, 4));
  if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return std::nullopt;
  return static_cast<unsigned>(std::stoul(digits, nullptr, 16));
}

bool is_high(std::optional<unsigned> unit) { return unit && *unit >= 0xd800 && *unit < 0xdc00; }
bool is_low(std::optional<unsigned> unit) { return unit && *unit >= 0xdc00 && *unit < 0xe000; }

}  // namespace

bool replace_half_surrogates(std::string& text, std::string_view substitute) {
  bool replaced = false;
  size_t at = text.find('\\');
  while (at != std::string::npos) {
    const std::string_view rest = std::string_view(text).substr(at);
    const auto unit = escaped_unit(rest);
    size_t passed = 2;  // also an escaped backslash, which escapes nothing
    if (is_high(unit) && is_low(escaped_unit(rest.substr(6)))) {
      passed = 12;
    } else if (is_high(unit) || is_low(unit)) {
      passed = 6;
      text.replace(at, passed, substitute);
      replaced = true;
    }
    at = text.find('\\', at + passed);
  }
  return replaced;
}

Tree read_tree(std::string_view text, size_t depth_max, std::string_view substitute) {
  namespace json = boost::json;
  std::string whole(text);
  replace_half_surrogates(whole, substitute);
  json::parse_options options;
  options.max_depth = depth_max;
  json::error_code error;
  Tree tree;
  tree.root = json::parse(whole, error, {}, options);
  if (!error) {
    tree.opinion = Opinion::kJson;
  } else if (error == json::error::too_deep) {
    tree.opinion = Opinion::kTooDeep;
  } else if (error == json::error::exponent_overflow) {
    tree.opinion = Opinion::kCannotSay;
  }
  return tree;
}

}  // namespace muster::fuzz

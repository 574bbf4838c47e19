#include "collector/ttl.h"

#include <algorithm>
#include <cstdint>

namespace muster::collector {
namespace {

// Far beyond what matters and far from overflow, also after the length of a record is added.
constexpr int64_t kExponentMax = 1'000'000'000'000;
constexpr int64_t kDigitsMax = 15;  // of the result in milliseconds

int64_t parse_exponent(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  for (const char digit : text) value = std::min(value * 10 + (digit - '0'), kExponentMax);
  return negative ? -value : value;
}

}  // namespace

std::optional<core::Duration> parse_seconds(std::string_view number) {
  if (number.starts_with('-')) return core::Duration::zero();
  const size_t e = number.find_first_of("eE");
  const int64_t exponent = e == std::string_view::npos ? 0 : parse_exponent(number.substr(e + 1));
  const std::string_view mantissa = number.substr(0, e);
  const size_t first = mantissa.find_first_not_of("0.");
  if (first == std::string_view::npos) return core::Duration::zero();

  // The value in milliseconds is 0.d1d2d3… times ten to the power of `whole_digits`, d1 > 0.
  const auto point = static_cast<int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  const auto first_digit = static_cast<int64_t>(first);
  const int64_t before_point = first_digit < point ? point - first_digit : point - first_digit + 1;
  const int64_t whole_digits = before_point + exponent + 3;
  if (whole_digits > kDigitsMax) return std::nullopt;

  int64_t ms = 0;
  int64_t taken = 0;
  bool fraction = false;
  for (const char byte : mantissa.substr(first)) {
    if (byte == '.') continue;
    if (taken < whole_digits) {
      ms = ms * 10 + (byte - '0');
      ++taken;
    } else {
      fraction = fraction || byte != '0';
    }
  }
  for (; taken < whole_digits; ++taken) ms *= 10;
  return core::Duration{ms + (fraction ? 1 : 0)};
}

std::string format_seconds(core::Duration duration) {
  const int64_t ms = duration.count();
  std::string text = std::to_string(ms / 1000);
  if (ms % 1000 == 0) return text;
  std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
  while (fraction.back() == '0') fraction.pop_back();
  return text + '.' + fraction;
}

}  // namespace muster::collector

#include "admin/groups.h"

#include <charconv>
#include <chrono>

namespace muster::admin {
namespace {

constexpr int64_t kSecondsMax = 100LL * 366 * 24 * 3600;

// Exactly so many digits.
std::optional<int> digits(std::string_view& text, size_t count, char behind) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  const auto parsed = std::from_chars(text.data(), text.data() + count, value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + count || value < 0)
    return std::nullopt;
  text.remove_prefix(count);
  if (behind == '\0') return value;
  if (!text.starts_with(behind)) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

std::optional<core::Time> parse_rfc3339(std::string_view text) {
  namespace chrono = std::chrono;
  const auto year = digits(text, 4, '-');
  const auto month = year ? digits(text, 2, '-') : std::nullopt;
  const auto day = month ? digits(text, 2, 'T') : std::nullopt;
  const auto hour = day ? digits(text, 2, ':') : std::nullopt;
  const auto minute = hour ? digits(text, 2, ':') : std::nullopt;
  const auto second = minute ? digits(text, 2, '\0') : std::nullopt;
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  int ms = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const auto fraction = digits(text, 3, '\0');
    if (!fraction) return std::nullopt;
    ms = *fraction;
  }
  const chrono::year_month_day date{chrono::year(*year),
                                    chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day))};
  if (text != "Z" || !date.ok()) return std::nullopt;
  return core::Time(chrono::sys_days(date)) + chrono::hours(*hour) + chrono::minutes(*minute) +
         chrono::seconds(*second) + core::Duration(ms);
}

}  // namespace

std::optional<core::Time> parse_time(std::string_view text, core::Time now) {
  int64_t seconds = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, seconds);
  if (parsed.ec == std::errc{} && parsed.ptr == end) {
    if (seconds < 0 || seconds > kSecondsMax) return std::nullopt;
    return now + std::chrono::seconds(seconds);
  }
  return parse_rfc3339(text);
}

}  // namespace muster::admin

#include "command/text.h"

#include "collector/outcome.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace muster::command {
namespace {

// How many bytes the character at the beginning has; 0: it is none.
size_t character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Too long for what it says, half of a pair, or beyond the last character.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return size;
}

template <typename Number>
bool take_number(std::string_view& text, size_t digits, Number& number) {
  if (text.size() < digits) return false;
  const auto [at, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (error != std::errc() || at != text.data() + digits) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char byte) {
  if (text.empty() || text.front() != byte) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<core::Duration> parse_age(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const char unit = text.back();
  text.remove_suffix(1);
  int64_t number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  if (number < 0 || number > 1'000'000'000) return std::nullopt;
  if (unit == 's') return std::chrono::seconds(number);
  if (unit == 'm') return std::chrono::minutes(number);
  if (unit == 'h') return std::chrono::hours(number);
  if (unit == 'd') return std::chrono::hours(24 * number);
  return std::nullopt;
}

// "23:38", with seconds and a fraction or without, and Z.
bool parse_clock(std::string_view text, core::Duration& of_day) {
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  int64_t ms = 0;
  if (!take_number(text, 2, hours) || !take(text, ':') || !take_number(text, 2, minutes))
    return false;
  if (take(text, ':') && !take_number(text, 2, seconds)) return false;
  if (take(text, '.')) {
    int64_t scale = 100;
    if (text.empty() || text.front() == 'Z') return false;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
      ms += (text.front() - '0') * scale;
      scale /= 10;
    }
  }
  static_cast<void>(take(text, 'Z'));
  if (!text.empty() || hours > 23 || minutes > 59 || seconds > 59) return false;
  of_day = std::chrono::hours(hours) + std::chrono::minutes(minutes) +
           std::chrono::seconds(seconds) + std::chrono::milliseconds(ms);
  return true;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t size = character(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

std::string printable(std::string_view bytes, size_t characters_max) {
  std::string out;
  for (size_t characters = 0; !bytes.empty(); ++characters) {
    if (characters == characters_max) return out + "...";
    const auto first = static_cast<unsigned char>(bytes.front());
    const size_t size = character(bytes);
    // C1 controls too: some terminals obey them.
    const bool control =
        first < 0x20 || first == 0x7f ||
        (size == 2 && first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0);
    if (size == 0 || control) {
      char text[5];
      std::snprintf(text, sizeof text, "\\x%02x", first);
      out += text;
      bytes.remove_prefix(1);
    } else {
      out += bytes.substr(0, size);
      bytes.remove_prefix(size);
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j)
      out.push_back(j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=');
  }
  return out;
}

std::string format_time(core::Time time) {
  std::string out;
  collector::append_time(out, time);
  return out;
}

std::optional<core::Time> parse_time(std::string_view text, core::Time now) {
  if (text == "now") return now;
  if (const auto age = parse_age(text)) return now - *age;
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!take_number(text, 4, year) || !take(text, '-') || !take_number(text, 2, month) ||
      !take(text, '-') || !take_number(text, 2, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  core::Duration of_day{};
  if (!text.empty() && (!(take(text, 'T') || take(text, ' ')) || !parse_clock(text, of_day)))
    return std::nullopt;
  return core::Time(std::chrono::sys_days(date)) + of_day;
}

std::optional<std::pair<int64_t, int64_t>> parse_range(std::string_view text) {
  int64_t from = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, from);
  if (error != std::errc() || from < 0) return std::nullopt;
  if (at == end) return std::pair{from, from};
  int64_t to = 0;
  if (*at != '-') return std::nullopt;
  const auto [rest, second] = std::from_chars(at + 1, end, to);
  if (second != std::errc() || rest != end || to < from) return std::nullopt;
  return std::pair{from, to};
}

std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace muster::command

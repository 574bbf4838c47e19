#include "command/handled.h"

#include <algorithm>
#include <charconv>

namespace muster::command {
namespace {

constexpr std::string_view kVersion = "handled1";

bool take_number(std::string_view& text, int64_t& number) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()));
  return true;
}

bool take(std::string_view& text, char byte) {
  if (text.empty() || text.front() != byte) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<Handled> Handled::decode(std::string_view text) {
  if (!text.starts_with(kVersion)) return std::nullopt;
  text.remove_prefix(kVersion.size());
  Handled handled;
  while (!text.empty()) {
    int64_t from = 0;
    int64_t count = 0;
    if (!take(text, ' ') || !take_number(text, from) || !take(text, '+') ||
        !take_number(text, count)) {
      return std::nullopt;
    }
    if (count == 0 || count > INT64_MAX - from) return std::nullopt;
    handled.add(core::Offset{from}, core::Offset{from + count});
  }
  return handled;
}

std::string Handled::encode() const {
  std::string out(kVersion);
  for (const auto& [from, to] : ranges_) {
    out += ' ';
    out += std::to_string(from);
    out += '+';
    out += std::to_string(to - from);
  }
  return out;
}

bool Handled::contains(core::Offset offset) const {
  const auto next = ranges_.upper_bound(core::raw(offset));
  return next != ranges_.begin() && core::raw(offset) < std::prev(next)->second;
}

void Handled::add(core::Offset from, core::Offset to) {
  int64_t begin = core::raw(from);
  int64_t end = core::raw(to);
  if (begin >= end) return;
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second >= begin) --at;
  while (at != ranges_.end() && at->first <= end) {
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = ranges_.erase(at);
  }
  ranges_.emplace(begin, end);
}

core::Offset Handled::position() const {
  if (ranges_.empty() || ranges_.begin()->first > 0) return core::Offset{0};
  return core::Offset{ranges_.begin()->second};
}

}  // namespace muster::command

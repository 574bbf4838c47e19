#include "base/json_text.h"

namespace muster::base {

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    const char* special = find_json_special(at, end);
    out.append(at, static_cast<size_t>(special - at));
    if (special == end) break;
    const char byte = *special;
    at = special + 1;
    out.push_back('\\');
    constexpr std::string_view kBytes = "\"\\\b\f\n\r\t";
    constexpr std::string_view kNames = "\"\\bfnrt";
    const size_t index = kBytes.find(byte);
    if (index != std::string_view::npos) {
      out.push_back(kNames[index]);
      continue;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    out.append("u00");
    out.push_back(kHex[static_cast<size_t>(byte) >> 4]);
    out.push_back(kHex[static_cast<size_t>(byte) & 15]);
  }
  out.push_back('"');
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace muster::base

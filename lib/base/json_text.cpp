#include "base/json_text.h"

namespace muster::base {

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kBytes = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    if (const size_t index = kBytes.find(c); index != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kNames[index]);
    } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace muster::base

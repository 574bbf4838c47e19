#include "collector/json.h"

#include <simdjson.h>

#include "base/check.h"
#include "base/json_text.h"

namespace muster::collector {
namespace {

static_assert(kJsonNestingMax <= 64, "objects_ has 64 bits");

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

int hex_value(char byte) {
  if (is_digit(byte)) return byte - '0';
  const int letter = (byte | 0x20) - 'a';
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

uint32_t hex4(const char* at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 4 | static_cast<uint32_t>(hex_value(at[i]));
  return value;
}

void append_utf8(std::string& out, uint32_t point) {
  const auto byte = [&out](uint32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      byte(0xe0 | point >> 12);
    } else {
      byte(0xf0 | point >> 18);
      byte(0x80 | (point >> 12 & 0x3f));
    }
    byte(0x80 | (point >> 6 & 0x3f));
  }
  byte(0x80 | (point & 0x3f));
}

}  // namespace

bool JsonScanner::string(String& out) {
  if (!take('"')) return false;
  const char* begin = at_;
  out.escaped = false;
  for (;;) {
    at_ = base::find_json_special(at_, end_);
    if (at_ == end_) return fail();
    if (*at_ == '"') break;
    if (!escape()) return false;
    out.escaped = true;
  }
  out.raw = {begin, static_cast<size_t>(at_ - begin)};
  ++at_;
  return true;
}

bool JsonScanner::escape() {
  if (!take('\\')) return false;  // a control character
  switch (peek()) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      ++at_;
      return true;
    case 'u':
      ++at_;
      break;
    default:
      return fail();
  }
  for (int i = 0; i < 4; ++i, ++at_) {
    if (hex_value(peek()) < 0) return fail();
  }
  return true;
}

bool JsonScanner::digits() {
  if (!is_digit(peek())) return fail();
  while (is_digit(peek())) ++at_;
  return true;
}

bool JsonScanner::number() {
  if (peek() == '-') ++at_;
  if (peek() == '0') {
    ++at_;
  } else if (!digits()) {
    return false;
  }
  if (peek() == '.') {
    ++at_;
    if (!digits()) return false;
  }
  if (peek() != 'e' && peek() != 'E') return true;
  ++at_;
  if (peek() == '+' || peek() == '-') ++at_;
  return digits();
}

bool JsonScanner::literal(std::string_view word) {
  for (const char byte : word) {
    if (!take(byte)) return false;
  }
  return true;
}

bool JsonScanner::member_name() {
  String name;
  if (!string(name)) return false;
  skip_space();
  if (!take(':')) return false;
  skip_space();
  return true;
}

JsonScanner::Step JsonScanner::begin_container(char close) {
  if (depth_ == kJsonNestingMax) {
    fail(JsonFault::kNesting);
    return Step::kFault;
  }
  ++at_;
  skip_space();
  if (peek() == close) {
    ++at_;
    return Step::kValueEnded;
  }
  const bool object = close == '}';
  ++depth_;
  objects_ = objects_ << 1 | (object ? 1 : 0);
  if (object && !member_name()) return Step::kFault;
  return Step::kElementAhead;
}

JsonScanner::Step JsonScanner::begin_value() {
  bool good = false;
  String text;
  switch (peek()) {
    case '{':
      return begin_container('}');
    case '[':
      return begin_container(']');
    case '"':
      good = string(text);
      break;
    case 't':
      good = literal("true");
      break;
    case 'f':
      good = literal("false");
      break;
    case 'n':
      good = literal("null");
      break;
    default:
      good = number();
  }
  return good ? Step::kValueEnded : Step::kFault;
}

// Behind a value: closes the containers that end here, until an element follows or all are closed.
JsonScanner::Step JsonScanner::end_value(int depth_outside) {
  while (depth_ > depth_outside) {
    skip_space();
    if (peek() == ',') {
      ++at_;
      skip_space();
      if (in_object() && !member_name()) return Step::kFault;
      return Step::kElementAhead;
    }
    if (!take(in_object() ? '}' : ']')) return Step::kFault;
    objects_ >>= 1;
    --depth_;
  }
  return Step::kValueEnded;
}

bool JsonScanner::value(std::string_view& raw) {
  const char* begin = at_;
  const int depth_outside = depth_;
  for (;;) {
    Step step = begin_value();
    if (step == Step::kValueEnded) step = end_value(depth_outside);
    if (step == Step::kFault) return false;
    if (step == Step::kValueEnded) break;
  }
  raw = {begin, static_cast<size_t>(at_ - begin)};
  return true;
}

bool is_json(std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return false;
  JsonScanner scanner(text);
  std::string_view raw;
  scanner.skip_space();
  if (!scanner.value(raw)) return false;
  scanner.skip_space();
  return scanner.at_end();
}

bool unescape(std::string_view raw, std::string& out) {
  while (!raw.empty()) {
    const size_t plain = raw.find('\\');
    out.append(raw.substr(0, plain));
    if (plain == std::string_view::npos) return true;
    const char kind = raw[plain + 1];
    raw.remove_prefix(plain + 2);
    if (kind != 'u') {
      constexpr std::string_view kNames = "bfnrt";
      constexpr std::string_view kBytes = "\b\f\n\r\t";
      const size_t index = kNames.find(kind);
      out.push_back(index == std::string_view::npos ? kind : kBytes[index]);
      continue;
    }
    uint32_t point = hex4(raw.data());
    raw.remove_prefix(4);
    if (point >= 0xd800 && point < 0xe000) {
      const bool pair = point < 0xdc00 && raw.starts_with("\\u");
      const uint32_t low = pair ? hex4(raw.data() + 2) : 0;
      if (low < 0xdc00 || low >= 0xe000) return false;
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      raw.remove_prefix(6);
    }
    append_utf8(out, point);
  }
  return true;
}

}  // namespace muster::collector

// The grammar of JSON (RFC 8259) over text that stays where it is: what is passed on is checked to
// the last byte and handed out as the bytes that came in. Why not simdjson: On Demand checks only
// what it visits, and the DOM parser refuses what is valid JSON (integers over 64 bits, 1E400) and
// does not say where a value lies. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::collector {

constexpr std::string_view kJsonNull = "null";
// A member's value that is null, or a member that is not there.
constexpr bool is_null(std::string_view raw) { return raw.empty() || raw == kJsonNull; }

// A text's outermost container is at depth 1.
constexpr int kJsonNestingMax = 64;

enum class JsonFault : uint8_t { kNone, kGrammar, kNesting };

// A place in a text. Every member returns false at the first misfit; fault() and offset() then say
// what and where, and nothing else may be called. UTF-8 is not its business: validate_utf8 is
// faster on the whole text.
class JsonScanner {
 public:
  // `depth`: how many containers around `text` were already entered.
  explicit JsonScanner(std::string_view text, int depth = 0)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), depth_(depth) {}

  struct String {
    std::string_view raw;  // between the quotes
    bool escaped = false;  // holds a backslash
  };

  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  // The byte ahead, or NUL at the end, which no grammar takes.
  char peek() const { return at_ < end_ ? *at_ : '\0'; }
  // Passes this one byte.
  [[nodiscard]] bool take(char byte) {
    if (peek() != byte || at_ == end_) return fail();
    ++at_;
    return true;
  }
  [[nodiscard]] bool string(String& out);
  // One value with all that is in it; `raw` is its text without space around it.
  [[nodiscard]] bool value(std::string_view& raw);

  bool at_end() const { return at_ == end_; }
  JsonFault fault() const { return fault_; }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }

 private:
  enum class Step : uint8_t { kFault, kElementAhead, kValueEnded };

  bool fail(JsonFault fault = JsonFault::kGrammar) {
    fault_ = fault;
    return false;
  }
  Step begin_value();
  Step begin_container(char close);
  Step end_value(int depth_outside);
  bool member_name();
  bool escape();
  bool number();
  bool digits();
  bool literal(std::string_view word);
  bool in_object() const { return (objects_ & 1) != 0; }

  const char* begin_;
  const char* at_;
  const char* end_;
  uint64_t objects_ = 0;  // one bit per open container, the innermost lowest: 1 is an object
  int depth_;
  JsonFault fault_ = JsonFault::kNone;
};

// Whether `text` is one JSON value in valid UTF-8, nested at most kJsonNestingMax deep.
[[nodiscard]] bool is_json(std::string_view text);

// Appends what a JSON string means, as UTF-8. `raw` has passed the scanner. False: a \u escape
// names half of a character (a lone surrogate), which UTF-8 cannot say.
[[nodiscard]] bool unescape(std::string_view raw, std::string& out);

// Calls take(name, raw value) for each member of an object that has passed the scanner, in order. A
// name that is no text is given as it is written.
template <typename Take>
void for_each_member(std::string_view object, const Take& take) {
  JsonScanner scanner(object, 1);
  std::string name_text;
  bool more = scanner.take('{');
  scanner.skip_space();
  more = more && scanner.peek() != '}';
  while (more) {
    JsonScanner::String name;
    std::string_view raw;
    scanner.skip_space();
    if (!scanner.string(name)) return;
    scanner.skip_space();
    if (!scanner.take(':')) return;
    scanner.skip_space();
    if (!scanner.value(raw)) return;
    name_text.clear();
    const bool differs = name.escaped && unescape(name.raw, name_text);
    take(differs ? std::string_view(name_text) : name.raw, raw);
    scanner.skip_space();
    more = scanner.peek() == ',' && scanner.take(',');
  }
}

}  // namespace muster::collector

// How a fuzz target says that the code under test is wrong: it prints what was expected and the
// texts that show otherwise, and aborts, which is what the fuzzer takes for a find.
#pragma once

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

namespace muster::fuzz {

[[noreturn]] inline void fail(std::string_view what,
                              std::initializer_list<std::string_view> texts = {}) {
  std::fprintf(stderr, "fuzz: not true: %.*s\n", static_cast<int>(what.size()), what.data());
  for (const std::string_view text : texts) {
    std::fputs("  [", stderr);
    for (const char byte : text) {
      const auto code = static_cast<unsigned char>(byte);
      std::fprintf(stderr, std::isprint(code) != 0 && byte != '\\' ? "%c" : "\\x%02x", code);
    }
    std::fputs("]\n", stderr);
  }
  std::abort();
}

inline void expect(bool holds, std::string_view what,
                   std::initializer_list<std::string_view> texts = {}) {
  if (!holds) fail(what, texts);
}

// `written` is taken, but not if something is missing at its end or there is more.
template <typename Takes>
void expect_exactly(std::string_view written, const Takes& takes, std::string_view what) {
  expect(takes(written), what, {written});
  const std::string longer = std::string(written) + '\0';
  expect(!takes(longer), "nothing may follow", {longer});
  expect(!takes(written.substr(0, written.size() - 1)), "nothing may be missing", {written});
}

}  // namespace muster::fuzz

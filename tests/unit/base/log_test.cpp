#include "base/log.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>

using namespace muster::base;

namespace {

// What is written to stderr meanwhile.
std::string captured(const std::function<void()>& body) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  body();
  std::fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
    text.push_back(static_cast<char>(c));
  std::fclose(file);
  return text;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

// The logger is one per process and is set up once, so this is one test.
TEST_CASE("a line of JSON per message at or above the level, with what JSON reserves escaped") {
  init_log(LogLevel::kInfo, true);
  CHECK_FALSE(log_enabled(LogLevel::kDebug));
  CHECK(log_enabled(LogLevel::kInfo));
  CHECK(log_enabled(LogLevel::kError));
  CHECK(captured([] { log_debug("not this"); }).empty());

  const std::string line = captured([] { log_warn("a \"quoted\" back\\slash\nand {} %v"); });
  CHECK(has(line, R"("level":"warning")"));
  CHECK(has(line, R"("message":"a \"quoted\" back\\slash\u000aand {} %v"})"));
  CHECK(line.starts_with("{\"time\":\""));
  CHECK(line.find('\n') == line.size() - 1);

  const std::string two = captured([] {
    log_info("one");
    log_error("two");
  });
  CHECK(has(two, R"("level":"info","message":"one"})"));
  CHECK(has(two, R"("level":"error","message":"two"})"));
}

#include "rules.h"

#include <doctest/doctest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>

using namespace muster::tidy;

namespace fs = std::filesystem;

TEST_CASE("the source tree keeps the house rules") {
  // The test runs in the source tree.
  size_t files = 0;
  const auto found = violations_below(".", files);
  for (const std::string& violation : found) MESSAGE(violation);
  CHECK(found.empty());
  CHECK(files > 50);  // it was there
}

TEST_CASE("a planted violation is found") {
  std::string pattern = (fs::temp_directory_path() / "muster-tidy-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  const fs::path root = pattern;
  fs::create_directories(root / "lib/core");
  std::ofstream(root / "lib/core/good.h") << "#pragma once\n#include \"base/check.h\"\n";
  size_t files = 0;
  CHECK(violations_below(root.string(), files).empty());
  CHECK(files == 1);
  std::ofstream(root / "lib/core/bad.cpp")
      << "#include \"core/good.h\"\n#include \"runtime/worker.h\"\n";
  CHECK(violations_below(root.string(), files) ==
        std::vector<std::string>{"lib/core/bad.cpp:2: core may not include runtime/worker.h"});
  fs::remove_all(root);
}

TEST_CASE("who may include whom") {
  struct Row {
    const char* path;
    const char* header;
    bool may;
  };
  const Row table[] = {
      {"lib/base/a.h", "\"base/b.h\"", true},
      {"lib/base/a.h", "\"core/b.h\"", false},
      {"lib/core/a.cpp", "\"base/b.h\"", true},
      {"lib/core/a.cpp", "\"runtime/ports.h\"", false},
      {"lib/core/a.cpp", "\"collector/b.h\"", false},
      {"lib/collector/a.cpp", "\"core/b.h\"", true},
      {"lib/collector/a.cpp", "\"runtime/ports.h\"", false},
      {"lib/collector/a.cpp", "\"kafka/b.h\"", false},
      {"lib/runtime/a.cpp", "\"core/b.h\"", true},
      {"lib/runtime/a.cpp", "\"collector/b.h\"", false},
      {"lib/runtime/a.cpp", "\"kafka/b.h\"", false},
      {"lib/kafka/a.cpp", "\"runtime/ports.h\"", true},
      {"lib/kafka/a.cpp", "\"runtime/mailbox.h\"", true},
      {"lib/kafka/a.cpp", "\"runtime/worker.h\"", false},
      {"lib/kafka/a.cpp", "\"config/b.h\"", false},
      {"lib/redis/a.cpp", "\"runtime/checkpoint_store.h\"", true},
      {"lib/redis/a.cpp", "\"runtime/ports.h\"", false},
      {"lib/redis/a.cpp", "\"kafka/b.h\"", false},
      {"lib/redis/a.cpp", "<hiredis/hiredis.h>", true},
      {"lib/redis/a.h", "<hiredis/hiredis.h>", false},
      {"lib/kafka/a.cpp", "<hiredis/hiredis.h>", false},
      {"lib/config/a.cpp", "\"base/b.h\"", true},
      {"lib/config/a.cpp", "\"core/b.h\"", false},
      {"lib/config/a.cpp", "\"kafka/b.h\"", false},
      {"lib/http/a.cpp", "\"core/b.h\"", false},
      {"lib/command/a.cpp", "\"kafka/b.h\"", true},
      {"lib/command/a.cpp", "\"collector/b.h\"", true},
      {"lib/command/a.cpp", "\"redis/b.h\"", false},
      {"lib/gateway/a.cpp", "\"core/b.h\"", false},  // a folder without a rule
      {"cmd/collector/main.cpp", "\"kafka/b.h\"", true},
      {"cmd/collector/main.cpp", "\"settings.h\"", true},
      {"lib/kafka/a.cpp", "<librdkafka/rdkafka.h>", true},
      {"lib/kafka/a.h", "<librdkafka/rdkafka.h>", false},
      {"lib/runtime/a.cpp", "<librdkafka/rdkafka.h>", false},
      {"cmd/collector/main.cpp", "<librdkafka/rdkafka.h>", false},
      {"lib/collector/a.cpp", "<simdjson.h>", true},
      {"lib/collector/a.h", "<simdjson.h>", false},
      {"lib/base/log.cpp", "<spdlog/spdlog.h>", true},
      {"lib/kafka/a.cpp", "<spdlog/spdlog.h>", false},
      {"lib/config/a.cpp", "<CLI/CLI.hpp>", true},
      {"cmd/collector/main.cpp", "<CLI/CLI.hpp>", false},
      {"lib/config/a.cpp", "<toml++/toml.h>", true},
      {"lib/core/a.cpp", "<toml++/toml.h>", false},
      {"lib/core/a.cpp", "<vector>", true},
      {"tests/unit/core/a.cpp", "\"kafka/b.h\"", true},
  };
  for (const Row& row : table) {
    for (const char* before : {"#include ", "  #  include "}) {
      CAPTURE(row.path);
      CAPTURE(row.header);
      CHECK(violations(row.path, before + std::string(row.header) + "  // why\n").empty() ==
            row.may);
    }
  }
}

TEST_CASE("deterministic code names nothing that differs between a run and its replay") {
  const char* const kBad[] = {
      "auto t = std::chrono::system_clock::now();",
      "auto t = time(nullptr);",
      "std::random_device r;",
      "std::mt19937 r;",
      "int i = rand();",
      "const char* e = getenv(name);",
      "std::thread t;",
      "std::mutex m;",
      "#include <thread>",
      "#include <random>",
      "#include <filesystem>",
      "std::ifstream in;",
      "int s = socket(1, 2, 3);",
      "base::log_info(text);",
      "#include \"base/log.h\"",
      "std::printf(x);",
  };
  const char* const kGood[] = {
      "// reads no clock: std::chrono::system_clock::now() is the loop's",
      "/* rand() */ int x = 0;",
      "void on_time(Time wall);",
      "error(\"no random: rand()\");",
      "on_time(wall);",
      "no_time (x);",
      "event.random[i]",
      "std::snprintf(numbers, size, format);",
      "record.time = now;",
      "#include <chrono>",
  };
  for (const char* path : {"lib/core/a.cpp", "lib/collector/a.h", "lib/runtime/worker.cpp",
                           "lib/runtime/recovery.h", "lib/runtime/start_plan.cpp"}) {
    CAPTURE(path);
    for (const char* line : kBad) {
      CAPTURE(line);
      CHECK(violations(path, std::string(line) + "\n").size() == 1);
    }
    for (const char* line : kGood) {
      CAPTURE(line);
      CHECK(violations(path, std::string(line) + "\n").empty());
    }
  }
  for (const char* path : {"lib/runtime/wall_clock.cpp", "lib/kafka/client.cpp",
                           "cmd/collector/main.cpp", "tests/unit/core/a.cpp"}) {
    for (const char* line : kBad) CHECK(violations(path, std::string(line) + "\n").empty());
  }
}

TEST_CASE("files have an end") {
  const auto lines = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += "\n";
    return text;
  };
  CHECK(violations("lib/core/a.cpp", lines(400)).empty());
  CHECK(violations("lib/core/a.cpp", lines(401)).size() == 1);
  CHECK(violations("cmd/collector/main.cpp", lines(401)).size() == 1);
  CHECK(violations("tests/unit/core/a.cpp", lines(600)).empty());
  CHECK(violations("tests/unit/core/a.cpp", lines(601)).size() == 1);
}

// muster: the operator's command. Finds the subcommand and hands it its options; it decides
// nothing.
#include "base/log.h"
#include "command/command.h"
#include "kafka/client.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace {

using namespace muster;

// In a collector's container the command finds the collector's own options.
constexpr const char* kPrefix = "COLLECTOR_";

void print_commands(std::FILE* out) {
  std::fputs(
      "muster: sees, explains and mends what muster's services do on Kafka\n\n"
      "Usage: muster COMMAND [OPTIONS]\n\n",
      out);
  for (const auto& command : command::commands())
    std::fprintf(out, "  %-22s  %s\n", command.words.c_str(), command.help.c_str());
  std::fputs(
      "\n  muster COMMAND --help   the command's options\n"
      "  muster --version        prints the version\n\n"
      "Exit status: 0 done; 1 the answer is no (not found, different, not all); 2 wrong\n"
      "usage; 3 it could not be done or found out (Kafka, network, rights).\n",
      out);
}

// The command whose words the arguments begin with; they are taken off.
const command::Command* find_command(std::vector<std::string>& arguments) {
  for (const auto& command : command::commands()) {
    std::string words;
    for (size_t count = 1; count <= std::min<size_t>(2, arguments.size()); ++count) {
      words += (words.empty() ? "" : " ") + arguments[count - 1];
      if (words != command.words) continue;
      arguments.erase(arguments.begin(), arguments.begin() + static_cast<ptrdiff_t>(count));
      return &command;
    }
  }
  return nullptr;
}

int without_command(const std::vector<std::string>& arguments) {
  const auto given = [&](std::string_view flag) {
    return std::ranges::find(arguments, flag) != arguments.end();
  };
  if (given("--version")) {
    std::printf("muster %s (librdkafka %s)\n", MUSTER_VERSION,
                kafka::library_version_text().c_str());
    return command::kDone;
  }
  if (given("--help") || given("-h") || arguments.empty()) {
    print_commands(arguments.empty() ? stderr : stdout);
    return arguments.empty() ? command::kUsage : command::kDone;
  }
  std::fprintf(stderr, "muster: %s: no such command; muster --help lists them\n",
               arguments.front().c_str());
  return command::kUsage;
}

int run(const command::Command& command, config::Options& options) try {
  const bool json = options.one_of("output", {"table", "json"}) == "json";
  const command::Console console(json, stdout, stderr);
  const auto now = std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
  command::Context context{options, console, now};
  const int code = command.run(context);
  for (const std::string& error : options.errors())
    std::fprintf(stderr, "muster: %s\n", error.c_str());
  if (code == command::kUsage)
    std::fprintf(stderr, "muster: muster %s --help lists the options\n", command.words.c_str());
  return code;
} catch (const std::exception& error) {
  std::fprintf(stderr, "muster: %s\n", error.what());
  return command::kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  base::init_log(base::LogLevel::kWarn, false);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const command::Command* command = find_command(arguments);
  if (command == nullptr) return without_command(arguments);
  std::ranges::replace(arguments, std::string("-o"), std::string("--output"));
  auto specs = command->specs;
  specs.push_back({"output", "table or json; also -o", "table", "FORMAT"});
  config::Options options("muster " + command->words, command->help, kPrefix, std::move(specs));
  options.share_file();
  options.parse(config::process_sources(std::move(arguments)));
  if (options.help_wanted()) {
    std::fputs(options.help().c_str(), stdout);
    return command::kDone;
  }
  if (options.version_wanted()) return without_command({"--version"});
  return run(*command, options);
}

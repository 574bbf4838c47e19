#include "rules.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

namespace muster::tidy {
namespace {

constexpr size_t kLinesMax = 400;
constexpr size_t kTestLinesMax = 600;

// Prefixes of what a folder's files may include of ours.
const std::map<std::string, std::vector<std::string>, std::less<>> kMayInclude = {
    {"base", {"base/"}},
    {"core", {"base/", "core/"}},
    {"collector", {"base/", "core/", "collector/"}},
    {"runtime", {"base/", "core/", "runtime/"}},
    {"kafka",
     {"base/", "core/", "runtime/ports.h", "runtime/mailbox.h", "runtime/operator_ports.h",
      "kafka/"}},
    {"redis", {"base/", "core/", "runtime/checkpoint_store.h", "runtime/mailbox.h", "redis/"}},
    {"config", {"base/", "config/"}},
    {"http", {"base/", "http/"}},
    {"metrics", {"base/", "metrics/"}},
    {"admin", {"base/", "core/", "runtime/", "collector/", "http/", "metrics/", "admin/"}},
    {"command",
     {"base/", "core/", "collector/", "runtime/", "kafka/", "config/", "http/", "command/"}},
};

// A third party's headers, and the only files that may include them.
struct ThirdParty {
  const char* header;
  const char* files;
};
const ThirdParty kThirdParties[] = {
    {"librdkafka/", "lib/kafka/.*\\.cpp"},
    {"rdkafka.h", "lib/kafka/.*\\.cpp"},
    {"hiredis", "lib/redis/.*\\.cpp"},
    {"openssl/", "lib/redis/.*\\.cpp"},
    {"simdjson", "lib/collector/.*\\.cpp"},
    {"boost/asio", "lib/http/.*"},
    {"boost/beast", "lib/http/.*"},
    {"prometheus/", "lib/metrics/.*\\.cpp"},
    {"spdlog/", "lib/base/.*"},
    {"CLI/", "lib/config/.*"},
    {"toml++/", "lib/config/.*"},
};

constexpr const char* kDeterministic =
    "lib/core/.*|lib/collector/.*|lib/runtime/"
    "(worker|recovery|start_plan|ticks|refusals)\\.(h|cpp)";

// In code, and in #include lines.
struct Banned {
  const char* pattern;
  const char* what;
};
const Banned kBanned[] = {
    {"_clock::now|\\btime\\s*\\(|\\bgettimeofday\\b|\\bclock_gettime\\b|\\blocaltime", "a clock"},
    {"\\brandom_device\\b|\\bmt19937|\\b[sd]?rand(om)?\\s*\\(|<random>", "a random number"},
    {"\\bgetenv\\b|\\benviron\\b", "the environment"},
    {"\\bstd::j?thread\\b|\\bstd::(this_thread|mutex|async|atomic)\\b|<(thread|mutex|atomic|future|"
     "condition_variable)>",
     "a thread"},
    {"\\bfilesystem\\b|\\b[io]?fstream\\b|\\bfopen\\b", "a file"},
    {"\\bsocket\\b|<sys/socket\\.h>|\\basio\\b", "a socket"},
    {"\\blog_(debug|info|warn|error)\\b|base/log\\.h|\\bstd::c(out|err)\\b|\\bf?printf\\b",
     "a logger"},
};

// Comments and texts gone, so that words in them are not taken for code.
std::string code_of(const std::string& line, bool& in_comment) {
  std::string code;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const std::string_view rest = std::string_view(line).substr(i);
    if (in_comment) {
      if (rest.starts_with("*/")) in_comment = false, ++i;
    } else if (quote != 0) {
      if (line[i] == '\\') ++i;
      if (line[i] == quote) quote = 0;
    } else if (rest.starts_with("//")) {
      break;
    } else if (rest.starts_with("/*")) {
      in_comment = true;
    } else if (line[i] == '"') {
      quote = line[i];
    } else {
      code.push_back(line[i]);
    }
  }
  return code;
}

std::string folder_of(std::string_view path) {
  static const std::regex kLib("lib/([^/]+)/.*");
  std::cmatch match;
  if (std::regex_match(path.data(), path.data() + path.size(), match, kLib)) return match[1];
  return "";
}

bool matches(std::string_view text, const char* pattern) {
  return std::regex_match(text.begin(), text.end(), std::regex(pattern));
}

bool is_ours(const std::string& header) {
  return std::ranges::any_of(
      kMayInclude, [&](const auto& folder) { return header.starts_with(folder.first + "/"); });
}

std::string wrong_include(std::string_view path, const std::string& header) {
  for (const ThirdParty& third : kThirdParties) {
    if (header.starts_with(third.header) && !matches(path, third.files)) {
      return "<" + header + "> may be included by " + third.files + " only";
    }
  }
  const std::string folder = folder_of(path);
  if (folder.empty() || !is_ours(header)) return "";
  const auto allowed = kMayInclude.find(folder);
  if (allowed == kMayInclude.end())
    return "the folder lib/" + folder + " has no rule yet: say in tests/tidy what it may include";
  const bool may = std::ranges::any_of(
      allowed->second, [&](const auto& prefix) { return header.starts_with(prefix); });
  return may ? "" : folder + " may not include " + header;
}

}  // namespace

std::vector<std::string> violations(std::string_view path, std::string_view text) {
  static const std::regex kInclude("\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"].*");
  const bool is_test = path.starts_with("tests/");
  const bool deterministic = matches(path, kDeterministic);
  std::vector<std::string> found;
  std::istringstream in{std::string(text)};
  std::string line;
  size_t number = 0;
  bool in_comment = false;
  const auto add = [&](const std::string& what) {
    found.push_back(std::string(path) + ":" + std::to_string(number) + ": " + what);
  };
  while (std::getline(in, line)) {
    ++number;
    if (is_test) continue;
    std::smatch include;
    std::string code = code_of(line, in_comment);
    if (std::regex_match(line, include, kInclude)) {
      if (const std::string wrong = wrong_include(path, include[1]); !wrong.empty()) add(wrong);
      code = line;
    }
    if (!deterministic) continue;
    for (const Banned& banned : kBanned) {
      if (std::regex_search(code, std::regex(banned.pattern)))
        add(std::string("deterministic code names ") + banned.what);
    }
  }
  const size_t lines_max = is_test ? kTestLinesMax : kLinesMax;
  if (number > lines_max) add("more than " + std::to_string(lines_max) + " lines");
  return found;
}

std::vector<std::string> violations_below(const std::string& root, size_t& files) {
  namespace fs = std::filesystem;
  std::vector<std::string> all;
  files = 0;
  for (const char* top : {"lib", "cmd", "tests"}) {
    const fs::path folder = fs::path(root) / top;
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const fs::path& path = entry.path();
      if (path.extension() != ".h" && path.extension() != ".cpp") continue;
      std::ostringstream text;
      text << std::ifstream(path).rdbuf();
      ++files;
      const auto found = violations(fs::relative(path, root).generic_string(), text.str());
      all.insert(all.end(), found.begin(), found.end());
    }
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace muster::tidy

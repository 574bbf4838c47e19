#include "admin/process_metrics.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace muster::admin {
namespace {

using metrics::Family;
using metrics::Type;

// Fields of /proc/self/stat behind the name, which may hold anything.
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream in(text.substr(name_end + 1));
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

double open_files() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

void append_process_metrics(std::vector<Family>& families) {
  // Numbered as in proc(5), of which the first two are gone: 14 utime, 15 stime, 22 starttime, 24 rss.
  const auto fields = stat_fields();
  if (fields.size() < 22) return;
  const auto field = [&fields](size_t number) { return std::stod(fields[number - 3]); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const auto add = [&families](const char* name, const char* help, Type type, double value) {
    families.push_back({name, help, type, {{{}, value}}});
  };
  add("process_cpu_seconds_total", "CPU time of the process", Type::kCounter,
      (field(14) + field(15)) / ticks);
  add("process_resident_memory_bytes", "memory of the process", Type::kGauge, field(24) * page);
  add("process_start_time_seconds", "when it began, since 1970", Type::kGauge,
      boot_time() + field(22) / ticks);
  add("process_open_fds", "open files and sockets", Type::kGauge, open_files());
}

}  // namespace muster::admin

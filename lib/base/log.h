// One logger for the process, over spdlog: text or JSON lines on stderr. error = someone must act,
// warn = degraded, info = life cycle, debug = per record. Safe from any thread. Messages are formed
// with the {fmt}-style functions below only at the edges; deterministic code never logs.
#pragma once

#include <string>
#include <string_view>

namespace muster::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// Text unless `json`. Call once, before threads start.
void init_log(LogLevel level, bool json);
bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view message);

inline void log_debug(std::string_view message) { log(LogLevel::kDebug, message); }
inline void log_info(std::string_view message) { log(LogLevel::kInfo, message); }
inline void log_warn(std::string_view message) { log(LogLevel::kWarn, message); }
inline void log_error(std::string_view message) { log(LogLevel::kError, message); }

}  // namespace muster::base

// A processor with everything around it that a test needs: records go in, effects come out as lines
// of text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "collector/processor.h"

namespace muster::collector {

using Lines = std::vector<std::string>;

inline core::Time at_ms(int64_t ms) { return core::time_from_ms(ms); }

inline Lines lines_of(std::span<const core::Effect> effects) {
  Lines lines;
  for (const core::Effect& effect : effects) {
    std::ostringstream line;
    line << effect;
    if (const auto* reject = std::get_if<core::Reject>(&effect)) {
      line << " | " << reject->key.value_or("null") << " | " << reject->value.value_or("null");
      for (const auto& header : reject->headers) {
        line << " | " << header.name << '=' << header.value.value_or("null");
      }
    }
    lines.push_back(line.str());
  }
  return lines;
}

class World {
 public:
  explicit World(Options options = {}) : processor(std::move(options)) {}

  // At `ms`, with `now` later where it is given.
  Lines record(int64_t ms, std::optional<std::string_view> value, int64_t now_ms = 0) {
    core::Record given;
    given.topic = "events";
    given.partition = core::Partition{3};
    given.offset = core::Offset{offset++};
    given.timestamp = at_ms(ms);
    given.time = at_ms(ms);
    given.key = key;
    given.value = value;
    given.headers = core::LazyHeaders(headers);
    processor.on_record(given, at_ms(std::max(ms, now_ms)), effects);
    return take();
  }

  Lines timer(std::string_view id, int64_t due_ms) {
    armed.erase(std::string(id));
    processor.on_timer(processor.find(id).value(), at_ms(due_ms), effects);
    return take();
  }

  std::string save(std::string_view id) const {
    std::string bytes;
    processor.save(processor.find(id).value(), bytes);
    return bytes;
  }

  std::optional<Lines> load(std::string_view id, std::string_view bytes) {
    if (!processor.load(id, bytes, effects)) return std::nullopt;
    return take();
  }

  uint64_t counted(Counter counter) {
    const core::Effects::Counters now = effects.take_counters();
    for (size_t i = 0; i < now.size(); ++i) counters[i] += now[i];
    return counters[static_cast<size_t>(counter)];
  }
  uint64_t rejected(RejectCode code) { return counted(counter_of(code)); }

  Lines take() {
    for (const core::Effect& effect : effects.list()) {
      if (const auto* arm = std::get_if<core::Arm>(&effect))
        armed[std::string(arm->key.name)] = core::to_ms(arm->due);
      if (const auto* disarm = std::get_if<core::Disarm>(&effect))
        armed.erase(std::string(disarm->key.name));
    }
    Lines lines = lines_of(effects.list());
    effects.clear_list();
    arena.clear();
    return lines;
  }

  Processor processor;
  core::Arena arena;
  core::Effects effects{arena};
  core::Effects::Counters counters{};
  std::vector<core::Header> headers;
  std::optional<std::string_view> key = "k";
  int64_t offset = 0;
  std::map<std::string, int64_t> armed;
};

inline std::string create(std::string_view id, std::string_view expected,
                          std::string_view more = "") {
  std::string value = R"({"type":"EventGroupCollectorCreate","id":")";
  value.append(id).append("\",\"expected\":").append(expected).append(more).append("}");
  return value;
}

// `more` begins with a comma, as above.
inline std::string update(std::string_view group, std::string_view more) {
  std::string value = R"({"type":"EventGroupCollectorUpdate","id":")";
  return value.append(group).append("\"").append(more).append("}");
}

inline std::string cancel(std::string_view group, std::string_view more = "") {
  std::string value = R"({"type":"EventGroupCollectorCancel","id":")";
  return value.append(group).append("\"").append(more).append("}");
}

inline std::string done(std::string_view group, std::string_view entity,
                        std::string_view more = "") {
  std::string value = R"({"type":"EventGroupCollectorEntityDone","id":")";
  value.append(entity)
      .append("\",\"group\":\"")
      .append(group)
      .append("\"")
      .append(more)
      .append("}");
  return value;
}

}  // namespace muster::collector

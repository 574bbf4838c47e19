// Topics that events name (a group's handlers): whether a record may go there. They are looked up,
// never created; what is known of a topic is believed for a while. Blocking; the commit thread's.
#pragma once

#include "kafka/topic_lookup.h"

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

namespace muster::kafka {

bool is_regular_expression(const std::string& text);

class NamedTopics {
 public:
  // The settings' regular expression is one.
  explicit NamedTopics(const Settings& settings);

  // Why no record can go there, in words; empty: it can. Absent: stopped while the broker was asked.
  std::optional<std::string> obstacle(std::string_view name, const std::atomic<bool>& stop);

 private:
  struct Known {
    std::string obstacle;
    std::chrono::steady_clock::time_point until;
  };

  std::optional<std::string> look(const std::string& name, const std::atomic<bool>& stop);

  std::regex allowed_;
  TopicLookup lookup_;
  std::map<std::string, Known, std::less<>> known_;
};

}  // namespace muster::kafka

// What Kafka takes as the name of a topic.
#pragma once

#include <algorithm>
#include <string_view>

namespace muster::kafka {

constexpr size_t kTopicNameBytesMax = 249;

constexpr bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

constexpr bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= kTopicNameBytesMax && name != "." && name != ".." &&
         std::ranges::all_of(name, is_topic_character);
}

}  // namespace muster::kafka

#include "kafka/internal_names.h"

#include "base/hash.h"
#include "kafka/topic_name.h"

#include <algorithm>
#include <cstdio>

namespace muster::kafka {

std::string hex64(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::string group_in_names(const std::string& group) {
  if (group.find('.') == std::string::npos && std::ranges::all_of(group, is_topic_character))
    return group;
  std::string name = group;
  std::ranges::replace_if(
      name, [](char c) { return !is_topic_character(c); }, '_');
  return name + "-" + hex64(base::hash64(group));
}

TopicNames topic_names(const std::string& group, const std::string& input,
                       const std::optional<std::string>& output) {
  TopicNames names;
  names.input = input;
  names.output = output.value_or(input);
  names.dead_letter = input + "-dlq";
  const std::string ours = "muster." + group_in_names(group) + "." + input;
  names.repartition = ours + ".repartition";
  names.journal = ours + ".journal";
  return names;
}

std::string handled_topic(const std::string& dead_letter_topic) {
  return "muster." + dead_letter_topic + ".handled";
}

}  // namespace muster::kafka

// The names of muster's own topics, made of those that the user gives. Part of what lies in Kafka:
// never to be changed. Pure; any thread.
#pragma once

#include "kafka/settings.h"

#include <optional>
#include <string>

namespace muster::kafka {

// A consumer group as part of another name. A group may be called what a topic may not; the hash
// keeps the names of two such groups apart, and group "a.b" on topic "c" from group "a" on topic
// "b.c".
std::string group_in_names(const std::string& group);

// Of a collector of this group on this topic. Absent output: the input.
TopicNames topic_names(const std::string& group, const std::string& input,
                       const std::optional<std::string>& output);

// Where it is written down which dead letters somebody has dealt with.
std::string handled_topic(const std::string& dead_letter_topic);

// Sixteen digits.
std::string hex64(uint64_t number);

}  // namespace muster::kafka

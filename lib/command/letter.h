// A dead letter, taken apart again: the record as it was, and what was said about it
// (core/dead_letter.h). Views into the record; pure.
#pragma once

#include "core/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::command {

struct Source {
  std::string_view topic;
  int64_t partition = -1;  // negative: none in particular
  int64_t offset = -1;

  bool operator==(const Source&) const = default;
};

struct Letter {
  core::Partition partition{};  // in the dead-letter topic
  core::Offset offset{};
  std::optional<core::Time> time;  // the record's own
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<core::Header> headers;  // the record's own
  bool ours = false;                  // it has muster's headers; else the four below are empty
  std::string_view code;
  std::string_view message;
  Source source;
  std::optional<std::string_view> truncated;  // of how many bytes the value is the beginning
};

Letter take_apart(const core::Record& record);

// Where a letter goes when it is sent back.
struct Destination {
  std::string topic;                         // empty: nowhere
  std::optional<core::Partition> partition;  // absent: its key's
  std::string obstacle;                      // why nowhere

  bool operator==(const Destination&) const = default;
};

// To where it came from. An outcome that could not be delivered came from no topic: it goes to the
// one that it was for.
Destination destination(const Letter& letter);

// Letters of one lane are sent in the order of their sources.
uint64_t lane(const Letter& letter);

}  // namespace muster::command

// Which dead letters are meant. Plain data.
#pragma once

#include "command/command.h"
#include "command/letter.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace muster::command {

struct LetterFilter {
  using Range = std::pair<int64_t, int64_t>;  // both included

  std::vector<std::string> codes;  // empty: all
  std::optional<std::string> key;
  std::optional<std::string> source_topic;
  std::optional<Range> source_partition;
  std::optional<Range> source_offset;
  std::optional<Range> partition;  // in the dead-letter topic
  std::optional<Range> offset;
  Times times;  // of the record

  bool any() const;
  bool matches(const Letter& letter) const;
};

std::vector<config::OptionSpec> with_letter_filter(std::vector<config::OptionSpec> own);
LetterFilter letter_filter(config::Options& options, core::Time now);

}  // namespace muster::command

#include "command/letter_filter.h"

#include "command/text.h"

#include <algorithm>

namespace muster::command {
namespace {

bool in(const std::optional<LetterFilter::Range>& range, int64_t number) {
  return !range || (range->first <= number && number <= range->second);
}

std::optional<LetterFilter::Range> range(config::Options& options, const std::string& name) {
  const auto text = options.maybe_text(name);
  if (!text) return std::nullopt;
  const auto found = parse_range(*text);
  if (!found) options.wrong(name, "a number, or two with \"-\" between them");
  return found;
}

std::vector<std::string> list(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t from = 0; from <= text.size();) {
    const size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

}  // namespace

bool LetterFilter::any() const {
  return !codes.empty() || key || source_topic || source_partition || source_offset || partition ||
         offset || times.any();
}

bool LetterFilter::matches(const Letter& letter) const {
  if (!codes.empty() && std::ranges::find(codes, letter.code) == codes.end()) return false;
  if (key && letter.key != std::string_view(*key)) return false;
  if (source_topic && letter.source.topic != *source_topic) return false;
  if (!in(source_partition, letter.source.partition) || !in(source_offset, letter.source.offset))
    return false;
  if (!in(partition, core::raw(letter.partition)) || !in(offset, core::raw(letter.offset)))
    return false;
  return !times.any() || (letter.time && times.holds(*letter.time));
}

std::vector<config::OptionSpec> with_letter_filter(std::vector<config::OptionSpec> own) {
  std::vector<config::OptionSpec> specs = with_kafka(
      {{"dead-letter-topic", "where they are; default: the event topic's name with -dlq", "",
        "TOPIC"},
       {"code", "only these: json, field, orphan, unexpected, ...", "", "CODE,..."},
       {"key", "only records with this key", "", "KEY"},
       {"source-topic", "only records that came from this topic", "", "TOPIC"},
       {"source-partition", "only records that came from there", "", "N[-M]"},
       {"source-offset", "only records that lay there", "", "N[-M]"},
       {"partition", "only what lies in this partition of the dead-letter topic", "", "N[-M]"},
       {"offset", "only what lies at this offset of the dead-letter topic", "", "N[-M]"}});
  for (auto& spec : with_times(std::move(own))) specs.push_back(std::move(spec));
  return specs;
}

LetterFilter letter_filter(config::Options& options, core::Time now) {
  LetterFilter filter;
  filter.codes = list(options.maybe_text("code").value_or(""));
  filter.key = options.maybe_text("key");
  filter.source_topic = options.maybe_text("source-topic");
  filter.source_partition = range(options, "source-partition");
  filter.source_offset = range(options, "source-offset");
  filter.partition = range(options, "partition");
  filter.offset = range(options, "offset");
  filter.times = times(options, now);
  return filter;
}

}  // namespace muster::command

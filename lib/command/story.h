// What happened to one group, step by step, and why: collected while its partition's past is
// replayed. Pure; one thread.
#pragma once

#include "collector/decoder.h"
#include "command/json_writer.h"
#include "command/watched_processor.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::command {

struct StoryStep {
  core::BatchNumber n{};
  core::Time clock{};              // of the shard, before the record or at the timer
  std::optional<core::Time> time;  // the record's, or when the timer was due
  std::string source;              // "events/0/4711", "clock", "journal"
  std::string event;               // "EntityDone hotel"
  std::vector<std::string> decisions;
  std::vector<std::pair<std::string, std::string>> outputs;  // where to, value
  std::string state;                                         // of the group, after it
  bool exact = true;
};

class Story final : public Watcher {
 public:
  explicit Story(std::string group) : group_(std::move(group)) {}

  // Of the segment that is replayed next: up to this batch something may be missing.
  void begin(std::optional<core::BatchNumber> exact_from) {
    exact_from_ = exact_from.value_or(core::BatchNumber{UINT64_MAX});
    whole_ = false;
  }
  const std::vector<StoryStep>& steps() const { return steps_; }

  void before(std::string_view group, const collector::Processor& processor) override;
  void after(const Step& step, const collector::Processor& processor) override;
  void carried(std::string_view group, core::BatchNumber n) override;
  void forgotten(std::string_view group, core::BatchNumber n) override;

 private:
  StoryStep& add(core::BatchNumber n);
  std::string event(const Step& step);
  void explain(const Step& step, StoryStep& out) const;

  std::string group_;
  core::BatchNumber exact_from_{};
  bool whole_ = false;  // all of its present life is known, whatever is missing of others
  std::optional<core::Time> deadline_before_;  // absent: it was not open
  bool closed_before_ = false;
  collector::Decoder decoder_;
  std::vector<StoryStep> steps_;
};

// "open, 1 of 3 answered, until ...", "early, 2 events wait", "closed", or empty: not known.
std::string describe(const collector::Processor& processor, std::string_view group);
// Of an open group: what it expects and what it has.
void write_state(const collector::Processor& processor, std::string_view group, JsonWriter& json);
std::vector<std::string> missing_entities(const collector::Processor& processor,
                                          std::string_view group);

}  // namespace muster::command

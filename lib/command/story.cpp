#include "command/story.h"

#include "collector/counters.h"
#include "command/dead_letters.h"
#include "command/text.h"

#include <array>
#include <limits>

namespace muster::command {
namespace {

using collector::Counter;
using collector::GroupState;
using collector::OpenGroup;

const GroupState* state_of(const collector::Processor& processor, std::string_view group) {
  const auto slot = processor.find(group);
  return slot ? &processor.state(*slot) : nullptr;
}

const OpenGroup* open_group(const collector::Processor& processor, std::string_view group) {
  const GroupState* state = state_of(processor, group);
  return state == nullptr ? nullptr : std::get_if<OpenGroup>(state);
}

uint32_t answered(const OpenGroup& group) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < group.entity_count(); ++i) count += group.has_answer(i) ? 1 : 0;
  return count;
}

// In the words of a decision; empty: others say it, or why depends on what was before.
std::string_view words(Counter counter) {
  switch (counter) {
    case Counter::kGroupsCreated:
      return "the group opens";
    case Counter::kGroupsSuccess:
      return "Success";
    case Counter::kGroupsFailedError:
      return "Failure: an entity has failed";
    case Counter::kGroupsFailedTimeout:
      return "Failure: the time is over";
    case Counter::kGroupsFailedCancelled:
      return "Failure: cancelled";
    case Counter::kGroupsFailedUnreachable:
      return "Failure: the quorum is out of reach";
    case Counter::kGroupsFailedTooLarge:
      return "Failure: the outcome is too large";
    case Counter::kCreatesDuplicate:
      return "ignored: the same Create once more";
    case Counter::kCreatesLate:
      return "ignored: the group is closed";
    case Counter::kEntitiesDone:
      return "has its result";
    case Counter::kEntitiesFailed:
      return "has failed";
    case Counter::kEntitiesTimedOut:
      return "an entity's own time is over";
    case Counter::kEntitiesDuplicate:
      return "ignored: it has answered before, the first answer counts";
    case Counter::kEntitiesEarly:
      return "kept: its group's Create has not come";
    case Counter::kEntitiesUnexpected:
      return "ignored: the group does not expect it";
    case Counter::kUpdates:
      return "the group changes";
    case Counter::kEntitiesLate:
    case Counter::kUpdatesIgnored:
    case Counter::kCancelsIgnored:
    case Counter::kRecordsSkipped:
    case Counter::kRejectedFirst:
      break;
  }
  return "";
}

std::string text_of(const collector::Decoded& decoded) {
  if (std::holds_alternative<collector::Create>(decoded)) return "Create";
  if (const auto* done = std::get_if<collector::EntityDone>(&decoded))
    return "EntityDone " + printable(done->entity, 60) + (done->error.empty() ? "" : " (error)");
  if (std::holds_alternative<collector::Update>(decoded)) return "Update";
  if (std::holds_alternative<collector::Cancel>(decoded)) return "Cancel";
  return "record";
}

}  // namespace

std::string describe(const collector::Processor& processor, std::string_view group) {
  const GroupState* state = state_of(processor, group);
  if (state == nullptr) return "";
  if (const auto* early = std::get_if<std::unique_ptr<collector::EarlyGroup>>(state)) {
    return (*early)->orphan() ? "orphaned"
                              : "early, " + counted((*early)->kept().size(), "event") + " kept";
  }
  if (const auto* open = std::get_if<OpenGroup>(state)) {
    return "open, " + std::to_string(answered(*open)) + " of " +
           std::to_string(open->entity_count()) + ", until " + format_time(open->deadline());
  }
  return "closed";
}

std::vector<std::string> missing_entities(const collector::Processor& processor,
                                          std::string_view group) {
  std::vector<std::string> missing;
  const OpenGroup* open = open_group(processor, group);
  for (uint32_t i = 0; open != nullptr && i < open->entity_count(); ++i) {
    if (!open->has_answer(i)) missing.emplace_back(open->entity(i));
  }
  return missing;
}

void write_state(const collector::Processor& processor, std::string_view group, JsonWriter& json) {
  const std::string text = describe(processor, group);
  if (text.empty()) {
    json.null();
    return;
  }
  json.object().member("text", text);
  if (const OpenGroup* open = open_group(processor, group)) {
    json.member("deadline", format_time(open->deadline())).name("expected").array();
    for (uint32_t i = 0; i < open->entity_count(); ++i) {
      const char* answer = !open->has_answer(i)  ? "missing"
                           : open->has_failed(i) ? "failed"
                                                 : "done";
      json.object().member("id", open->entity(i)).member("answer", answer).end();
    }
    json.end();
  }
  json.end();
}

StoryStep& Story::add(core::BatchNumber n) {
  StoryStep& step = steps_.emplace_back();
  step.n = n;
  step.exact = whole_ || n > exact_from_;
  return step;
}

void Story::before(std::string_view group, const collector::Processor& processor) {
  if (group != group_) return;
  const GroupState* state = state_of(processor, group);
  const auto* open = state == nullptr ? nullptr : std::get_if<OpenGroup>(state);
  deadline_before_.reset();
  if (open != nullptr) deadline_before_ = open->deadline();
  closed_before_ = state != nullptr && std::holds_alternative<collector::ClosedGroup>(*state);
}

void Story::after(const Step& step, const collector::Processor& processor) {
  if (step.group != group_) return;
  StoryStep& out = add(step.n);
  out.clock = step.clock;
  out.time = step.record != nullptr ? step.record->time : step.due;
  out.source = "clock";
  if (step.record != nullptr) {
    out.source = place(
        {step.record->topic, core::raw(step.record->partition), core::raw(step.record->offset)});
  }
  out.event = event(step);
  explain(step, out);
  out.state = describe(processor, group_);
}

std::string Story::event(const Step& step) {
  if (step.record == nullptr) return "timer";
  // As the processor saw it: whatever it has taken fits into the widest limits.
  static const collector::Options widest = [] {
    collector::Options all;
    all.max_ttl = collector::kDurationMax;
    all.max_expected = collector::kExpectedMax;
    all.max_message_bytes = collector::kBytesMax;
    return all;
  }();
  return text_of(decoder_.decode(step.record->value, widest));
}

void Story::explain(const Step& step, StoryStep& out) const {
  for (size_t i = 0; i < collector::kCounters; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (step.counters[i] == 0) continue;
    std::string text(words(counter));
    if (counter == Counter::kEntitiesLate || counter == Counter::kUpdatesIgnored ||
        counter == Counter::kCancelsIgnored) {
      text = "ignored: without effect";
      if (closed_before_) text = "ignored: the group is closed";
      if (deadline_before_ && out.time > *deadline_before_)
        text = "ignored: its time is past the deadline " + format_time(*deadline_before_);
      else if (counter == Counter::kEntitiesLate && deadline_before_)
        text = "ignored: too late";
    }
    if (text.empty()) continue;
    if (step.counters[i] > 1) text += " (" + std::to_string(step.counters[i]) + ")";
    out.decisions.push_back(std::move(text));
  }
  for (const core::Effect& effect : step.effects) {
    if (const auto* reject = std::get_if<core::Reject>(&effect)) {
      out.decisions.push_back("dead letter " + std::string(reject->code) + ": " +
                              printable(reject->message, 200));
    } else if (const auto* produce = std::get_if<core::Produce>(&effect)) {
      std::string where = "output topic";
      if (produce->topic == core::TopicRole::kInput) where = "parent " + std::string(produce->key);
      if (produce->topic == core::TopicRole::kNamed) where = std::string(produce->topic_name);
      out.outputs.emplace_back(std::move(where), produce->value);
    }
  }
  if (out.decisions.empty()) out.decisions.emplace_back("no effect");
}

void Story::carried(std::string_view group, core::BatchNumber n) {
  if (group != group_) return;
  whole_ = true;
  StoryStep& step = add(n);
  step.source = "journal";
  step.event = "carried";
  step.decisions.emplace_back("its whole state was written down: from here on nothing is missing");
}

void Story::forgotten(std::string_view group, core::BatchNumber n) {
  if (group != group_) return;
  StoryStep& step = add(n);
  step.source = "clock";
  step.event = "forgotten";
  step.decisions.emplace_back("the id left memory; it may be used again");
  whole_ = true;
}

}  // namespace muster::command

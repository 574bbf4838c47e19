// How groups end: by what their policy says, by their timers, and what is put out then.
#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "collector/outcome.h"
#include "collector/processor.h"
#include "collector/targets.h"
#include "collector/ttl.h"

namespace muster::collector {
namespace {

using Early = std::unique_ptr<EarlyGroup>;

constexpr core::Header kContentType{"content-type", "application/json"};

// W3C Trace Context: who follows a request's trace finds the outcome in it.
bool traces(std::string_view header) { return header == "traceparent" || header == "tracestate"; }

}  // namespace

Processor::Applied Processor::settle(core::Slot slot, std::optional<uint32_t> entity,
                                     const Closing& closing, core::Effects& effects) {
  const auto& group = std::get<OpenGroup>(groups_.at(slot));
  Ending ending;
  ending.resolved = closing.resolved;
  switch (group.verdict()) {
    case Verdict::kOpen:
      return Applied::kChanged;
    case Verdict::kSuccess:
      break;
    case Verdict::kError:
      ending.code = FailureCode::kError;
      ending.entity = entity;
      // Nobody in particular has closed it, so the first in order speaks for all.
      for (uint32_t i = 0; group.head().policy.kind == Policy::Kind::kAllSettled || !ending.entity;
           ++i) {
        if (!group.has_answer(i) || !group.has_failed(i)) continue;
        ending.entity = i;
        break;
      }
      break;
    case Verdict::kUnreachable:
      ending.code = FailureCode::kUnreachable;
      ending.entity = entity;
      break;
  }
  close(slot, ending, closing, effects);
  return Applied::kClosed;
}

void Processor::close(core::Slot slot, const Ending& ending, const Closing& closing,
                      core::Effects& effects) {
  const auto& group = std::get<OpenGroup>(groups_.at(slot));
  put_out(group, ending, closing.record, effects);
  replace(slot,
          ClosedGroup(group.id(), std::max(closing.now + options_.closed_ttl, group.keep_until())));
}

void Processor::put_out(const OpenGroup& group, const Ending& ending, const core::Record* record,
                        core::Effects& effects) {
  read_headers_.clear();
  if (record != nullptr) record->headers.read(read_headers_);
  headers_.assign(1, kContentType);
  std::ranges::copy_if(read_headers_, std::back_inserter(headers_),
                       [](const core::Header& header) { return traces(header.name); });
  const OutcomeRules rules{options_.sender, options_.output_bytes_max};
  const auto code = write_outcome(group, ending, rules, outcome_);
  effects.produce(core::TopicRole::kOutput, group.id(), outcome_, headers_);
  effects.count(counter_of(code));
  effects.measure(ending.resolved - group.head().created);
  const OpenGroup::Head head = group.head();
  if (!head.handler.empty()) {
    if (const auto target = handler_target(head.handler, !code)) {
      write_for_handler(group, ending, code, rules, target->payload, outcome_);
      effects.produce_to(target->topic, group.id(), outcome_, headers_);
    }
  }
  if (!head.parent.empty()) {
    const ParentTarget parent = parent_target(head.parent);
    write_for_parent(group, ending, code, rules, parent, options_.max_message_bytes, outcome_);
    // The parent hears of it as of the time when it happened, however late that was found out.
    effects.produce(core::TopicRole::kInput, parent.group, outcome_, headers_, ending.resolved);
  }
}

// --- timers

void Processor::on_timer(core::Slot slot, core::Time due, core::Effects& effects) {
  const Weighing weighing(*this, slot);
  if (std::holds_alternative<OpenGroup>(groups_.at(slot))) {
    on_timer_open(slot, due, effects);
  } else {
    on_timer_early(slot, due, effects);
  }
}

void Processor::on_timer_open(core::Slot slot, core::Time due, core::Effects& effects) {
  Applied applied = time_out_entities(slot, due, effects);
  const auto* open = std::get_if<OpenGroup>(&groups_.at(slot));
  if (open != nullptr && due >= open->deadline()) {
    close(slot, {FailureCode::kTimeout, {}, {}, open->deadline()}, {due, due}, effects);
    applied = Applied::kClosed;
  }
  if (applied == Applied::kClosed) {
    effects.touch(key(slot));
    effects.forget(key(slot), std::get<ClosedGroup>(groups_.at(slot)).forget_from());
    return;
  }
  // The entity that the timer was for may have answered.
  if (applied == Applied::kChanged) effects.touch(key(slot));
  effects.arm(key(slot), std::get<OpenGroup>(groups_.at(slot)).next_deadline());
}

Processor::Applied Processor::time_out_entities(core::Slot slot, core::Time due,
                                                core::Effects& effects) {
  const auto& group = std::get<OpenGroup>(groups_.at(slot));
  Applied applied = Applied::kNothing;
  for (const auto& [deadline, number] : group.overdue(due)) {
    effects.count(Counter::kEntitiesTimedOut);
    const std::string error =
        "timed out after " + std::string(group.entity_ttl(number).text) + " seconds";
    std::get<OpenGroup>(groups_.at(slot)).set_error(number, error, options_.output_bytes_max);
    applied = settle(slot, number, {deadline, deadline}, effects);
    if (applied == Applied::kClosed) break;
  }
  return applied;
}

void Processor::on_timer_early(core::Slot slot, core::Time due, core::Effects& effects) {
  EarlyGroup& early = *std::get<Early>(groups_.at(slot));
  KeptRecord kept;
  const std::string message =
      "no Create of the group came within " + format_seconds(options_.early_ttl) + " seconds";
  for (const EarlyGroup::Kept& one : early.take_expired(due)) {
    CHECK(kept.read(one.bytes));
    reject(RejectCode::kOrphan, kept.record(), message, effects);
  }
  effects.touch(key(slot));
  if (early.orphan()) {
    effects.forget(key(slot), early.orphan_since());
  } else {
    effects.arm(key(slot), early.earliest());
  }
}

}  // namespace muster::collector

#include "collector/processor.h"

#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "collector/ttl.h"

namespace muster::collector {
namespace {

using Early = std::unique_ptr<EarlyGroup>;

// What was accepted once is accepted again when it is applied later, whatever the options are by
// then.
const Options& any_size() {
  static const Options options = [] {
    Options all;
    all.max_ttl = kDurationMax;
    all.max_expected = kExpectedMax;
    all.max_message_bytes = kBytesMax;
    return all;
  }();
  return options;
}

}  // namespace

Processor::Processor(Options options) : options_(std::move(options)) { CHECK(valid(options_)); }

bool Processor::configure(std::string_view options) { return decode(options, options_); }

std::optional<std::string_view> Processor::route(const core::Record& record) {
  routed_ = decoder_.decode(record.value, options_);
  return group_of(*routed_);
}

void Processor::on_record(const core::Record& record, core::Time now, core::Effects& effects) {
  const Decoded decoded = routed_ ? *routed_ : decoder_.decode(record.value, options_);
  routed_.reset();
  const Cause cause{record, now};
  if (const auto* create = std::get_if<Create>(&decoded)) {
    on_create(*create, cause, effects);
  } else if (const auto group = group_of(decoded)) {
    on_event(decoded, *group, cause, effects);
  } else if (const auto* rejected = std::get_if<Rejected>(&decoded)) {
    reject(rejected->code, record, rejected->message, effects);
  } else {
    effects.count(Counter::kRecordsSkipped);
  }
}

// --- Create

void Processor::on_create(const Create& create, const Cause& cause, core::Effects& effects) {
  const auto slot = groups_.find(create.id);
  if (slot && !std::holds_alternative<Early>(groups_.at(*slot))) {
    on_create_again(*slot, create, cause, effects);
  } else if (!outcome_fits(create.id, {options_.sender, options_.output_bytes_max})) {
    reject(RejectCode::kLimit, cause.record,
           "field \"id\" is too long: no outcome of the group would fit into " +
               std::to_string(options_.output_bytes_max) + " bytes",
           effects);
  } else {
    open_group(slot, create, cause, effects);
  }
}

void Processor::on_create_again(core::Slot slot, const Create& create, const Cause& cause,
                                core::Effects& effects) {
  const auto* open = std::get_if<OpenGroup>(&groups_.at(slot));
  if (open == nullptr) {
    effects.count(Counter::kCreatesLate);
  } else if (open->same_content(create)) {
    effects.count(Counter::kCreatesDuplicate);
  } else {
    reject(RejectCode::kConflict, cause.record, "the group is open with another content", effects);
  }
  seen(slot, cause.now, effects);
}

void Processor::open_group(std::optional<core::Slot> known, const Create& create,
                           const Cause& cause, core::Effects& effects) {
  effects.count(Counter::kGroupsCreated);
  OpenGroup group(create, {cause.record.time, cause.now, cause.now + create.ttl,
                           cause.now + options_.early_ttl});
  Early early;
  const size_t before = known ? weight(*known) : 0;
  if (known) {
    early = std::move(std::get<Early>(groups_.at(*known)));
    replace(*known, std::move(group));
  } else {
    known = groups_.add(std::move(group));
    ++open_;
  }
  const core::Slot slot = *known;
  const Weighing weighing(*this, slot, before);
  settle(slot, {}, {cause.record.time, cause.now, &cause.record}, effects);
  if (early != nullptr) apply_early(slot, *early, cause, effects);

  effects.touch(key(slot));
  if (const auto* open = std::get_if<OpenGroup>(&groups_.at(slot))) {
    effects.arm(key(slot), open->next_deadline());
    if (early != nullptr && early->orphan()) effects.forget(key(slot), kNever);
    return;
  }
  if (early != nullptr && !early->orphan()) effects.disarm(key(slot));
  effects.forget(key(slot), std::get<ClosedGroup>(groups_.at(slot)).forget_from());
}

// Early events act as if they came with the Create.
void Processor::apply_early(core::Slot slot, const EarlyGroup& early, const Cause& create,
                            core::Effects& effects) {
  KeptRecord kept;
  for (const EarlyGroup::Kept& one : early.kept()) {
    CHECK(kept.read(one.bytes));
    const Decoded event = decoder_.decode(kept.record().value, any_size());
    CHECK(group_of(event).has_value());
    if (auto* closed = std::get_if<ClosedGroup>(&groups_.at(slot))) {
      count_late(event, effects);
      static_cast<void>(closed->forget_from(one.expires));
      continue;
    }
    // It expires early-ttl after its time: until then the id is to be remembered.
    static_cast<void>(std::get<OpenGroup>(groups_.at(slot)).keep_until(one.expires));
    apply(slot, event, kept.record(), create, effects);
  }
}

// --- EntityDone, Update, Cancel

void Processor::on_event(const Decoded& event, std::string_view group, const Cause& cause,
                         core::Effects& effects) {
  const auto slot = groups_.find(group);
  if (!slot) {
    const core::Slot added = groups_.add(std::make_unique<EarlyGroup>(group));
    held_ += weight(added);
    keep_early(added, cause, effects);
  } else if (std::holds_alternative<OpenGroup>(groups_.at(*slot))) {
    on_event_open(*slot, event, cause, effects);
  } else if (std::holds_alternative<Early>(groups_.at(*slot))) {
    const bool was_orphan = std::get<Early>(groups_.at(*slot))->orphan();
    keep_early(*slot, cause, effects);
    if (was_orphan) effects.forget(key(*slot), kNever);
  } else {
    count_late(event, effects);
    seen(*slot, cause.now, effects);
  }
}

void Processor::count_late(const Decoded& event, core::Effects& effects) {
  if (std::holds_alternative<EntityDone>(event)) {
    effects.count(Counter::kEntitiesLate);
  } else if (std::holds_alternative<Update>(event)) {
    effects.count(Counter::kUpdatesIgnored);
  } else {
    effects.count(Counter::kCancelsIgnored);
  }
}

void Processor::keep_early(core::Slot slot, const Cause& cause, core::Effects& effects) {
  const Weighing weighing(*this, slot);
  EarlyGroup& early = *std::get<Early>(groups_.at(slot));
  const core::Time expires = cause.now + options_.early_ttl;
  const bool arm = early.orphan() || expires < early.earliest();
  if (!early.keep(cause.record, expires, options_.max_expected)) {
    reject(RejectCode::kLimit, cause.record, "too many events wait for this group's Create",
           effects);
    return;
  }
  effects.count(Counter::kEntitiesEarly);
  if (!MUSTER_PLANTED(kEarlyNotTouched)) effects.touch(key(slot));
  if (arm) effects.arm(key(slot), expires);
}

void Processor::on_event_open(core::Slot slot, const Decoded& event, const Cause& cause,
                              core::Effects& effects) {
  const Weighing weighing(*this, slot);
  const bool kept_longer =
      std::get<OpenGroup>(groups_.at(slot)).keep_until(cause.now + options_.early_ttl);
  const Applied applied = apply(slot, event, cause.record, cause, effects);
  if (applied == Applied::kNothing && !kept_longer) return;
  effects.touch(key(slot));
  if (applied == Applied::kClosed) {
    effects.disarm(key(slot));
    effects.forget(key(slot), std::get<ClosedGroup>(groups_.at(slot)).forget_from());
  } else if (applied == Applied::kChanged && std::holds_alternative<Update>(event)) {
    effects.arm(key(slot), std::get<OpenGroup>(groups_.at(slot)).next_deadline());
  }
}

Processor::Applied Processor::apply(core::Slot slot, const Decoded& event,
                                    const core::Record& record, const Cause& closing,
                                    core::Effects& effects) {
  if (record.time > std::get<OpenGroup>(groups_.at(slot)).deadline()) {
    if (MUSTER_PLANTED(kLateRecordFires)) {
      const core::Time deadline = std::get<OpenGroup>(groups_.at(slot)).deadline();
      close(slot, {FailureCode::kTimeout, {}, {}, deadline}, {deadline, closing.now}, effects);
      return Applied::kClosed;
    }
    count_late(event, effects);
    return Applied::kNothing;
  }
  if (const auto* done = std::get_if<EntityDone>(&event))
    return apply_done(slot, *done, record, closing, effects);
  if (const auto* update = std::get_if<Update>(&event))
    return apply_update(slot, *update, record, closing, effects);
  const auto& cancel = std::get<Cancel>(event);
  close(slot, {FailureCode::kCancelled, {}, cancel.reason, closing.record.time},
        {closing.record.time, closing.now, &closing.record}, effects);
  return Applied::kClosed;
}

Processor::Applied Processor::apply_done(core::Slot slot, const EntityDone& done,
                                         const core::Record& record, const Cause& closing,
                                         core::Effects& effects) {
  auto& group = std::get<OpenGroup>(groups_.at(slot));
  const auto entity = group.find(done.entity);
  if (!entity) {
    effects.count(Counter::kEntitiesUnexpected);
    reject(RejectCode::kUnexpected, record, "the group does not expect this entity", effects);
    return Applied::kNothing;
  }
  // First, so that it does not matter whether the entity's timer has fired yet.
  if (record.time > group.entity_ttl(*entity).deadline) {
    effects.count(Counter::kEntitiesLate);
    return Applied::kNothing;
  }
  if (group.has_answer(*entity)) {
    effects.count(Counter::kEntitiesDuplicate);
    return Applied::kNothing;
  }
  const Closing here{closing.record.time, closing.now, &closing.record};
  if (!done.error.empty()) {
    effects.count(Counter::kEntitiesFailed);
    group.set_error(*entity, done.error, options_.output_bytes_max);
    return settle(slot, entity, here, effects);
  }
  effects.count(Counter::kEntitiesDone);
  group.set_result(*entity, done.result, options_.output_bytes_max);
  return settle(slot, {}, here, effects);
}

Processor::Applied Processor::apply_update(core::Slot slot, const Update& update,
                                           const core::Record& record, const Cause& closing,
                                           core::Effects& effects) {
  const auto& group = std::get<OpenGroup>(groups_.at(slot));
  if (!group.changed_by(update)) {
    effects.count(Counter::kUpdatesIgnored);
    return Applied::kNothing;
  }
  auto updated = group.updated(update, closing.now, options_.max_expected);
  if (!updated) {
    reject(RejectCode::kLimit, record, "the group would expect too many ids", effects);
    return Applied::kNothing;
  }
  effects.count(Counter::kUpdates);
  replace(slot, std::move(*updated));
  return settle(slot, {}, {closing.record.time, closing.now, &closing.record}, effects);
}

// --- what all have in common

void Processor::seen(core::Slot slot, core::Time now, core::Effects& effects) {
  const core::Time until = now + options_.early_ttl;
  GroupState& state = groups_.at(slot);
  if (auto* open = std::get_if<OpenGroup>(&state)) {
    if (open->keep_until(until)) effects.touch(key(slot));
    return;
  }
  auto& closed = std::get<ClosedGroup>(state);
  if (!closed.forget_from(until)) return;
  effects.touch(key(slot));
  effects.forget(key(slot), until);
}

void Processor::reject(RejectCode code, const core::Record& record, std::string_view message,
                       core::Effects& effects) {
  effects.count(counter_of(code));
  effects.reject(record, collector::name(code), message);
}

bool Processor::is_early_event(std::string_view bytes, std::string_view group) {
  KeptRecord kept;
  if (!kept.read(bytes)) return false;
  const Decoded decoded = decoder_.decode(kept.record().value, any_size());
  return group_of(decoded) == group && !std::holds_alternative<Create>(decoded);
}

// --- the core's side

std::string_view Processor::name(core::Slot slot) const {
  return collector::name(groups_.at(slot));
}

void Processor::replace(core::Slot slot, GroupState state) {
  GroupState& old = groups_.at(slot);
  open_ += std::holds_alternative<OpenGroup>(state) ? 1 : 0;
  open_ -= std::holds_alternative<OpenGroup>(old) ? 1 : 0;
  old = std::move(state);
}

void Processor::drop(core::Slot slot) {
  open_ -= std::holds_alternative<OpenGroup>(groups_.at(slot)) ? 1 : 0;
  held_ -= weight(slot);
  groups_.erase(slot);
}

}  // namespace muster::collector

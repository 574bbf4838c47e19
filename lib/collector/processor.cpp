#include "collector/processor.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "collector/ttl.h"

namespace muster::collector {
namespace {

using Early = std::unique_ptr<EarlyGroup>;

constexpr core::Header kContentType{"content-type", "application/json"};

// W3C Trace Context: who follows a request's trace finds the outcome in it.
bool traces(std::string_view header) { return header == "traceparent" || header == "tracestate"; }

// What was accepted once is accepted again when it is applied later, whatever the options are by
// then.
const Options& any_size() {
  static const Options options = [] {
    Options all;
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
  if (const auto* done = std::get_if<EntityDone>(&*routed_)) return done->group;
  if (const auto* create = std::get_if<Create>(&*routed_)) return create->id;
  return std::nullopt;
}

void Processor::on_record(const core::Record& record, core::Time now, core::Effects& effects) {
  const Decoded decoded = routed_ ? *routed_ : decoder_.decode(record.value, options_);
  routed_.reset();
  const Cause cause{record, now};
  if (const auto* done = std::get_if<EntityDone>(&decoded)) {
    on_done(*done, cause, effects);
  } else if (const auto* create = std::get_if<Create>(&decoded)) {
    on_create(*create, cause, effects);
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
  OpenGroup group(create,
                  {cause.record.time, cause.now + create.ttl, cause.now + options_.early_ttl});
  Early early;
  if (known) {
    early = std::move(std::get<Early>(groups_.at(*known)));
    replace(*known, std::move(group));
  } else {
    known = groups_.add(std::move(group));
    ++open_;
  }
  const core::Slot slot = *known;
  if (std::get<OpenGroup>(groups_.at(slot)).complete()) {
    close(slot, {{}, {}, {}, cause.record.time}, cause.now, &cause.record, effects);
  }
  if (early != nullptr) apply_early(slot, *early, cause, effects);

  effects.touch(key(slot));
  if (const auto* open = std::get_if<OpenGroup>(&groups_.at(slot))) {
    effects.arm(key(slot), open->deadline());
    if (early != nullptr && early->orphan()) effects.forget(key(slot), kNever);
    return;
  }
  if (early != nullptr && !early->orphan()) effects.disarm(key(slot));
  effects.forget(key(slot), std::get<ClosedGroup>(groups_.at(slot)).forget_from());
}

void Processor::apply_early(core::Slot slot, const EarlyGroup& early, const Cause& create,
                            core::Effects& effects) {
  KeptRecord kept;
  for (const EarlyGroup::Kept& one : early.kept()) {
    CHECK(kept.read(one.bytes));
    auto* open = std::get_if<OpenGroup>(&groups_.at(slot));
    if (open == nullptr) {
      effects.count(Counter::kEntitiesLate);
      auto& closed = std::get<ClosedGroup>(groups_.at(slot));
      static_cast<void>(closed.forget_from(one.expires));
      continue;
    }
    // It expires early-ttl after its time: until then the id is to be remembered.
    static_cast<void>(open->keep_until(one.expires));
    const Decoded decoded = decoder_.decode(kept.record().value, any_size());
    const auto* done = std::get_if<EntityDone>(&decoded);
    CHECK(done != nullptr);
    apply_done(slot, *done, kept.record(), create, effects);
  }
}

// --- EntityDone

void Processor::on_done(const EntityDone& done, const Cause& cause, core::Effects& effects) {
  const auto slot = groups_.find(done.group);
  if (!slot) {
    GroupState early = std::make_unique<EarlyGroup>(done.group);
    keep_early(groups_.add(std::move(early)), cause, effects);
  } else if (std::holds_alternative<OpenGroup>(groups_.at(*slot))) {
    on_done_open(*slot, done, cause, effects);
  } else if (std::holds_alternative<Early>(groups_.at(*slot))) {
    const bool was_orphan = std::get<Early>(groups_.at(*slot))->orphan();
    keep_early(*slot, cause, effects);
    if (was_orphan) effects.forget(key(*slot), kNever);
  } else {
    effects.count(Counter::kEntitiesLate);
    seen(*slot, cause.now, effects);
  }
}

void Processor::keep_early(core::Slot slot, const Cause& cause, core::Effects& effects) {
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

void Processor::on_done_open(core::Slot slot, const EntityDone& done, const Cause& cause,
                             core::Effects& effects) {
  auto& group = std::get<OpenGroup>(groups_.at(slot));
  const bool kept_longer = group.keep_until(cause.now + options_.early_ttl);
  const Applied applied = apply_done(slot, done, cause.record, cause, effects);
  if (applied == Applied::kNothing && !kept_longer) return;
  effects.touch(key(slot));
  if (applied != Applied::kClosed) return;
  effects.disarm(key(slot));
  effects.forget(key(slot), std::get<ClosedGroup>(groups_.at(slot)).forget_from());
}

Processor::Applied Processor::apply_done(core::Slot slot, const EntityDone& done,
                                         const core::Record& record, const Cause& closing,
                                         core::Effects& effects) {
  auto& group = std::get<OpenGroup>(groups_.at(slot));
  if (record.time > group.deadline()) {
    if (MUSTER_PLANTED(kLateRecordFires)) {
      close(slot, {FailureCode::kTimeout, {}, {}, group.deadline()}, closing.now, nullptr, effects);
      return Applied::kClosed;
    }
    effects.count(Counter::kEntitiesLate);
    return Applied::kNothing;
  }
  const auto entity = group.find(done.entity);
  if (!entity) {
    effects.count(Counter::kEntitiesUnexpected);
    reject(RejectCode::kUnexpected, record, "the group does not expect this entity", effects);
    return Applied::kNothing;
  }
  if (group.has_result(*entity)) {
    effects.count(Counter::kEntitiesDuplicate);
    return Applied::kNothing;
  }
  if (!done.error.empty()) {
    effects.count(Counter::kEntitiesFailed);
    close(slot, {FailureCode::kError, entity, done.error, closing.record.time}, closing.now,
          &closing.record, effects);
    return Applied::kClosed;
  }
  effects.count(Counter::kEntitiesDone);
  group.set_result(*entity, done.result, options_.output_bytes_max);
  if (!group.complete()) return Applied::kResult;
  close(slot, {{}, {}, {}, closing.record.time}, closing.now, &closing.record, effects);
  return Applied::kClosed;
}

// --- what both have in common

void Processor::close(core::Slot slot, const Ending& ending, core::Time now,
                      const core::Record* closing, core::Effects& effects) {
  auto& group = std::get<OpenGroup>(groups_.at(slot));
  const auto code =
      write_outcome(group, ending, {options_.sender, options_.output_bytes_max}, outcome_);
  read_headers_.clear();
  if (closing != nullptr) closing->headers.read(read_headers_);
  headers_.assign(1, kContentType);
  std::ranges::copy_if(read_headers_, std::back_inserter(headers_),
                       [](const core::Header& header) { return traces(header.name); });
  effects.produce(core::TopicRole::kOutput, group.id(), outcome_, headers_);
  if (!code) {
    effects.count(Counter::kGroupsSuccess);
  } else {
    switch (*code) {
      case FailureCode::kError:
        effects.count(Counter::kGroupsFailedError);
        break;
      case FailureCode::kTimeout:
        effects.count(Counter::kGroupsFailedTimeout);
        break;
      case FailureCode::kTooLarge:
        effects.count(Counter::kGroupsFailedTooLarge);
        break;
    }
  }
  replace(slot, ClosedGroup(group.id(), std::max(now + options_.closed_ttl, group.keep_until())));
}

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

bool Processor::is_early_done(std::string_view bytes, std::string_view group) {
  KeptRecord kept;
  if (!kept.read(bytes)) return false;
  const Decoded decoded = decoder_.decode(kept.record().value, any_size());
  const auto* done = std::get_if<EntityDone>(&decoded);
  return done != nullptr && done->group == group;
}

// --- timers

void Processor::on_timer(core::Slot slot, core::Time due, core::Effects& effects) {
  GroupState& state = groups_.at(slot);
  if (auto* open = std::get_if<OpenGroup>(&state)) {
    CHECK(due == open->deadline());
    close(slot, {FailureCode::kTimeout, {}, {}, due}, due, nullptr, effects);
    effects.touch(key(slot));
    effects.forget(key(slot), std::get<ClosedGroup>(state).forget_from());
    return;
  }
  EarlyGroup& early = *std::get<Early>(state);
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
  groups_.erase(slot);
}

}  // namespace muster::collector

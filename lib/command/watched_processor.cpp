#include "command/watched_processor.h"

namespace muster::command {

std::optional<std::string_view> WatchedProcessor::route(const core::Record& record) {
  const auto group = inner_.route(record);
  group_ = group.value_or("");
  routed_ = true;
  return group;
}

void WatchedProcessor::on_record(const core::Record& record, core::Time now,
                                 core::Effects& effects) {
  // Where nothing is shared out the shard does not ask; the decoded record is kept either way.
  if (!std::exchange(routed_, false)) {
    static_cast<void>(route(record));
    routed_ = false;
  }
  watcher_.before(group_, inner_);
  inner_.on_record(record, now, effects);
  tell(&record, {}, effects);
}

void WatchedProcessor::on_timer(core::Slot slot, core::Time due, core::Effects& effects) {
  group_ = inner_.name(slot);
  watcher_.before(group_, inner_);
  inner_.on_timer(slot, due, effects);
  tell(nullptr, due, effects);
}

// The shard takes the list after each call, so all that is in it is this call's.
void WatchedProcessor::tell(const core::Record* record, core::Time due, core::Effects& effects) {
  const core::Effects::Counters counters = effects.take_counters();
  const core::Effects& list = effects;
  watcher_.after({current(), shard_->clock(), group_, record, due, counters, list.list()}, inner_);
}

bool WatchedProcessor::load(std::string_view key, std::string_view bytes, core::Effects& effects) {
  if (!inner_.load(key, bytes, effects)) return false;
  watcher_.carried(key, current());
  return true;
}

void WatchedProcessor::drop(core::Slot slot) {
  watcher_.forgotten(inner_.name(slot), current());
  inner_.drop(slot);
}

}  // namespace muster::command

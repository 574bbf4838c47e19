// The processor's groups as bytes: what the core writes down of an id and gives back. Versioned and
// canonical: the order in which results came, or how much memory they take, leaves no trace.
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "collector/processor.h"

namespace muster::collector {
namespace {

using Early = std::unique_ptr<EarlyGroup>;

constexpr uint8_t kVersion = 2;
enum class Kind : uint8_t { kEarly = 1, kOpen = 2, kClosed = 3 };

bool was_armed(const GroupState& state) {
  if (const auto* early = std::get_if<Early>(&state)) return !(*early)->orphan();
  return std::holds_alternative<OpenGroup>(state);
}

bool was_leaving(const GroupState& state) {
  if (const auto* early = std::get_if<Early>(&state)) return (*early)->orphan();
  return std::holds_alternative<ClosedGroup>(state);
}

}  // namespace

void Processor::save(core::Slot slot, std::string& out) const {
  const GroupState& state = groups_.at(slot);
  base::ByteWriter writer(out);
  writer.u8(kVersion);
  if (const auto* open = std::get_if<OpenGroup>(&state)) {
    writer.u8(static_cast<uint8_t>(Kind::kOpen));
    open->save(writer);
  } else if (const auto* closed = std::get_if<ClosedGroup>(&state)) {
    writer.u8(static_cast<uint8_t>(Kind::kClosed));
    writer.zigzag(core::to_ms(closed->forget_from()));
  } else {
    writer.u8(static_cast<uint8_t>(Kind::kEarly));
    std::get<Early>(state)->save(writer);
  }
}

bool Processor::load_state(std::string_view key, std::string_view bytes, GroupState& state) {
  base::ByteReader reader(bytes);
  if (reader.u8() != kVersion) return false;
  const uint8_t kind = reader.u8();
  if (kind == static_cast<uint8_t>(Kind::kOpen)) {
    auto group = OpenGroup::load(key, reader);
    if (!group) return false;
    state = std::move(*group);
  } else if (kind == static_cast<uint8_t>(Kind::kClosed)) {
    state = ClosedGroup(key, core::time_from_ms(reader.zigzag()));
  } else if (kind == static_cast<uint8_t>(Kind::kEarly)) {
    auto early = std::make_unique<EarlyGroup>(key);
    if (!early->load(reader)) return false;
    for (const EarlyGroup::Kept& one : early->kept()) {
      if (!is_early_event(one.bytes, key)) return false;
    }
    state = std::move(early);
  } else {
    return false;
  }
  return reader.at_end();
}

bool Processor::load(std::string_view key, std::string_view bytes, core::Effects& effects) {
  GroupState state;
  if (key.empty() || !load_state(key, bytes, state)) return false;
  const auto known = groups_.find(key);
  bool armed = false;
  bool leaving = false;
  const size_t before = known ? weight(*known) : 0;
  if (known) {
    armed = was_armed(groups_.at(*known));
    leaving = was_leaving(groups_.at(*known));
    replace(*known, std::move(state));
  } else {
    open_ += std::holds_alternative<OpenGroup>(state) ? 1 : 0;
    static_cast<void>(groups_.add(std::move(state)));
  }
  const core::Slot slot = groups_.find(key).value();
  held_ += weight(slot) - before;
  const core::Key own_key = this->key(slot);
  const GroupState& now = groups_.at(slot);
  if (armed && !was_armed(now)) effects.disarm(own_key);
  if (leaving && !was_leaving(now)) effects.forget(own_key, kNever);
  if (const auto* open = std::get_if<OpenGroup>(&now)) {
    effects.arm(own_key, open->next_deadline());
  } else if (const auto* closed = std::get_if<ClosedGroup>(&now)) {
    effects.forget(own_key, closed->forget_from());
  } else if (const EarlyGroup& early = *std::get<Early>(now); early.orphan()) {
    effects.forget(own_key, early.orphan_since());
  } else {
    effects.arm(own_key, early.earliest());
  }
  return true;
}

}  // namespace muster::collector

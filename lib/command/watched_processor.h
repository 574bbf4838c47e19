// The collector's processor, with somebody looking on: what came in, what followed. The state is
// the processor's own; a replay with it is the replay that a recovery does. One thread.
#pragma once

#include "collector/processor.h"
#include "core/shard.h"

#include <string>
#include <string_view>

namespace muster::command {

// One call of the processor: a record, or a timer. Views live during the call.
struct Step {
  core::BatchNumber n{};
  core::Time clock{};      // of the shard
  std::string_view group;  // empty: the record is about none
  const core::Record* record = nullptr;
  core::Time due{};  // of a timer
  const core::Effects::Counters& counters;
  std::span<const core::Effect> effects;
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  // The group is as it was before.
  virtual void before(std::string_view group, const collector::Processor& processor) = 0;
  virtual void after(const Step& step, const collector::Processor& processor) = 0;
  // It came whole out of the journal; it left memory.
  virtual void carried(std::string_view group, core::BatchNumber n) = 0;
  virtual void forgotten(std::string_view group, core::BatchNumber n) = 0;
};

class WatchedProcessor final : public core::Processor {
 public:
  explicit WatchedProcessor(Watcher& watcher) : watcher_(watcher), inner_(collector::Options{}) {}
  // Before anything else happens to it; the shard owns this and outlives it.
  void belongs_to(const core::Shard& shard) { shard_ = &shard; }
  const collector::Processor& inner() const { return inner_; }

  std::string options() const override { return inner_.options(); }
  [[nodiscard]] bool configure(std::string_view options) override {
    return inner_.configure(options);
  }
  std::optional<std::string_view> route(const core::Record& record) override;
  void on_record(const core::Record& record, core::Time now, core::Effects& effects) override;
  void on_timer(core::Slot slot, core::Time due, core::Effects& effects) override;
  void save(core::Slot slot, std::string& out) const override { inner_.save(slot, out); }
  [[nodiscard]] bool load(std::string_view key, std::string_view bytes,
                          core::Effects& effects) override;
  std::optional<core::Slot> find(std::string_view key) const override { return inner_.find(key); }
  std::string_view name(core::Slot slot) const override { return inner_.name(slot); }
  size_t held_bytes() const override { return inner_.held_bytes(); }
  void drop(core::Slot slot) override;

 private:
  core::BatchNumber current() const { return core::after(shard_->n()); }
  void tell(const core::Record* record, core::Time due, core::Effects& effects);

  Watcher& watcher_;
  collector::Processor inner_;
  const core::Shard* shard_ = nullptr;
  bool routed_ = false;  // the record that on_record gets next
  std::string group_;    // of the call
};

}  // namespace muster::command

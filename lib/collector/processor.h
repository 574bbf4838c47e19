// The collector as a deterministic state machine: groups of entities that succeed, fail or time
// out, once each (doc: the collector's page; PROTOCOL 1). See core/processor.h for the contract.
// One per shard, on its thread.
//
// Effects of one call come in this order: what goes out (Produce, Reject), then what the core is to
// know of the id (Touch, Arm or Disarm, Forget). A record that changes nothing and concerns nobody
// has none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/counters.h"
#include "collector/decoder.h"
#include "collector/early.h"
#include "collector/group.h"
#include "collector/group_table.h"
#include "collector/options.h"
#include "collector/outcome.h"
#include "core/processor.h"

namespace muster::collector {

// Forget from here on means: not at all. It takes back an earlier Forget, when an orphan comes to
// life again.
constexpr core::Time kNever = core::Time::max();

class Processor final : public core::Processor {
 public:
  // The options are valid().
  explicit Processor(Options options);

  std::string options() const override { return encode(options_); }
  [[nodiscard]] bool configure(std::string_view options) override;

  std::optional<std::string_view> route(const core::Record& record) override;
  void on_record(const core::Record& record, core::Time now, core::Effects& effects) override;
  void on_timer(core::Slot slot, core::Time due, core::Effects& effects) override;

  void save(core::Slot slot, std::string& out) const override;
  [[nodiscard]] bool load(std::string_view key, std::string_view bytes,
                          core::Effects& effects) override;

  size_t held_bytes() const override { return held_ + groups_.held_bytes(); }
  std::optional<core::Slot> find(std::string_view key) const override { return groups_.find(key); }
  std::string_view name(core::Slot slot) const override;
  void drop(core::Slot slot) override;

  size_t known() const { return groups_.size(); }
  const GroupState& state(core::Slot slot) const { return groups_.at(slot); }
  size_t open() const { return open_; }

 private:
  // An event's record and time.
  struct Cause {
    const core::Record& record;
    core::Time now;
  };

  void on_create(const Create& create, const Cause& cause, core::Effects& effects);
  void on_create_again(core::Slot slot, const Create& create, const Cause& cause,
                       core::Effects& effects);
  void open_group(std::optional<core::Slot> known, const Create& create, const Cause& cause,
                  core::Effects& effects);
  void apply_early(core::Slot slot, const EarlyGroup& early, const Cause& create,
                   core::Effects& effects);

  // Any event but a Create.
  void on_event(const Decoded& event, std::string_view group, const Cause& cause,
                core::Effects& effects);
  void keep_early(core::Slot slot, const Cause& cause, core::Effects& effects);
  void on_event_open(core::Slot slot, const Decoded& event, const Cause& cause,
                     core::Effects& effects);
  enum class Applied : uint8_t { kNothing, kChanged, kClosed };
  // An event of an open group. What may close it is `closing`: the event itself, or the Create.
  Applied apply(core::Slot slot, const Decoded& event, const core::Record& record,
                const Cause& closing, core::Effects& effects);
  Applied apply_done(core::Slot slot, const EntityDone& done, const core::Record& record,
                     const Cause& closing, core::Effects& effects);
  Applied apply_update(core::Slot slot, const Update& update, const core::Record& record,
                       const Cause& closing, core::Effects& effects);
  Applied apply_cancel(core::Slot slot, const Cancel& cancel, const core::Record& record,
                       const Cause& closing, core::Effects& effects);
  void count_late(const Decoded& event, core::Effects& effects);

  // What closes a group: when, and the record that did it; none: a timer.
  struct Closing {
    core::Time resolved;
    core::Time now;
    const core::Record* record = nullptr;
  };
  // Closes the group if its policy says so. `entity` is the one that has just failed, if one has.
  Applied settle(core::Slot slot, std::optional<uint32_t> entity, const Closing& closing,
                 core::Effects& effects);
  // Puts out the outcome; from then on the group is closed.
  void close(core::Slot slot, const Ending& ending, const Closing& closing, core::Effects& effects);
  void put_out(const OpenGroup& group, const Ending& ending, const core::Record* record,
               core::Effects& effects);
  // Entities whose own time is over at `due`.
  Applied time_out_entities(core::Slot slot, core::Time due, core::Effects& effects);
  void on_timer_open(core::Slot slot, core::Time due, core::Effects& effects);
  void on_timer_early(core::Slot slot, core::Time due, core::Effects& effects);
  // An event came for the id, which moves the time until which it is remembered.
  void seen(core::Slot slot, core::Time now, core::Effects& effects);
  void reject(RejectCode code, const core::Record& record, std::string_view message,
              core::Effects& effects);
  // The name as it lies in the group now: for the effects at the end of a call.
  core::Key key(core::Slot slot) const { return {name(slot), slot}; }
  bool load_state(std::string_view key, std::string_view bytes, GroupState& state);
  bool is_early_event(std::string_view bytes, std::string_view group);
  void replace(core::Slot slot, GroupState state);
  size_t weight(core::Slot slot) const { return collector::held_bytes(groups_.at(slot)); }

  // Keeps held_ right over whatever happens to an id as long as this lives.
  class Weighing {
   public:
    Weighing(Processor& processor, core::Slot slot, size_t before)
        : processor_(processor), slot_(slot), before_(before) {}
    Weighing(Processor& processor, core::Slot slot)
        : Weighing(processor, slot, processor.weight(slot)) {}
    ~Weighing() { processor_.held_ += processor_.weight(slot_) - before_; }
    Weighing(const Weighing&) = delete;
    Weighing& operator=(const Weighing&) = delete;

   private:
    Processor& processor_;
    core::Slot slot_;
    size_t before_;
  };

  Options options_;
  Decoder decoder_;
  std::optional<Decoded> routed_;  // of the record that on_record gets next
  GroupTable groups_;
  size_t open_ = 0;
  size_t held_ = 0;  // by the groups themselves
  std::string outcome_;
  std::vector<core::Header> headers_;
  std::vector<core::Header> read_headers_;
};

}  // namespace muster::collector

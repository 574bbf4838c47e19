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
#include "collector/early.h"
#include "collector/event.h"
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

  std::optional<core::Slot> find(std::string_view key) const override { return groups_.find(key); }
  std::string_view name(core::Slot slot) const override;
  void drop(core::Slot slot) override;

  size_t known() const { return groups_.size(); }
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

  void on_done(const EntityDone& done, const Cause& cause, core::Effects& effects);
  void keep_early(core::Slot slot, const Cause& cause, core::Effects& effects);
  void on_done_open(core::Slot slot, const EntityDone& done, const Cause& cause,
                    core::Effects& effects);
  enum class Applied : uint8_t { kNothing, kResult, kClosed };
  // A Done of an open group. The event that may close it is `closing`: the Done itself, or the
  // Create.
  Applied apply_done(core::Slot slot, const EntityDone& done, const core::Record& record,
                     const Cause& closing, core::Effects& effects);

  // Puts out the outcome; from then on the group is closed.
  // `closing`: the record that ends it, null for a timeout; what it says of its trace is passed on.
  void close(core::Slot slot, const Ending& ending, core::Time now, const core::Record* closing,
             core::Effects& effects);
  // An event came for the id, which moves the time until which it is remembered.
  void seen(core::Slot slot, core::Time now, core::Effects& effects);
  void reject(RejectCode code, const core::Record& record, std::string_view message,
              core::Effects& effects);
  // The name as it lies in the group now: for the effects at the end of a call.
  core::Key key(core::Slot slot) const { return {name(slot), slot}; }
  bool load_state(std::string_view key, std::string_view bytes, GroupState& state);
  bool is_early_done(std::string_view bytes, std::string_view group);
  void replace(core::Slot slot, GroupState state);

  Options options_;
  Decoder decoder_;
  std::optional<Decoded> routed_;  // of the record that on_record gets next
  GroupTable groups_;
  size_t open_ = 0;
  std::string outcome_;
  std::vector<core::Header> headers_;
  std::vector<core::Header> read_headers_;
};

}  // namespace muster::collector

// A processor that is given records until nothing is open any more, and everything that it may do
// under watch: its outputs are JSON and say what the records said, each group ends once, timers are
// armed as long as a group waits, and what is saved can be loaded.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/processor.h"
#include "core/arena.h"
#include "json_oracle.h"

namespace muster::fuzz {

// Small limits, so that small inputs reach them.
const collector::Options& small_options();

// Between records of an input; none of them may occur in JSON.
constexpr char kNext = '\x1e';       // a second later
constexpr char kNextLater = '\x1d';  // 20 s later; timers that are due by then fire before it
constexpr char kNextOld = '\x1c';    // the same, but the record's time is 20 s ago

class CollectorRun {
 public:
  // `bytes` is for one at a time.
  explicit CollectorRun(core::Arena& bytes);

  // False: refused.
  [[nodiscard]] bool load(std::string_view key, std::string_view saved);
  // `event` is what the record is decoded to.
  void record(char separator, std::string_view value, const collector::Decoded& event);
  // Fires all timers, and then nothing may be open. So it goes with a twin, too, that is made of
  // what is saved here, and it says the same.
  void finish();

 private:
  // Loads all that is alive in the other.
  void become(const CollectorRun& other);
  void fire_until(core::Time time);
  void note(const collector::Decoded& event);
  void say(const core::Effect& effect);
  void take();
  void check_output(const core::Produce& output);
  void check_outcome(const core::Produce& outcome);
  void check_members(const std::string& group, const boost::json::object& object,
                     std::string_view outcome) const;
  void check_answer_to_parent(const core::Produce& output);

  collector::Processor processor_;
  core::Arena& bytes_;
  core::Effects effects_;
  core::Time clock_;
  int64_t records_ = 0;
  std::string said_;  // all that went out
  std::map<std::string, core::Time, std::less<>> armed_;
  std::set<std::string, std::less<>> known_;   // ids that an effect has named
  std::set<std::string, std::less<>> ended_;   // groups with an outcome
  std::set<std::string, std::less<>> loaded_;  // what was said of these before is not known

  // What the records have said.
  using Answers = std::multimap<std::pair<std::string, std::string>, std::string>;
  std::multimap<std::string, std::string, std::less<>> payloads_;  // by group
  Answers errors_;                                                 // by group and entity
  Answers results_;
};

}  // namespace muster::fuzz

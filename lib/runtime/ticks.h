// The probe: when the clock of a shard may go to a time `at` that the wall has shown (doc/time.md).
// For each shard with something due a tick goes through these stages; questions go to the world one
// at a time, as actions:
//
//   asking the ends      of the own input log; with forwarding, of every partition's
//   applying             until the shard has read its log up to there
//   probing              with forwarding: until the group has committed every partition up to there,
//                        so that whatever waited in it for this shard has been forwarded
//   asking the ends      of the shard's two logs, which hold all that by now (records for it are
//                        forwarded to the one, or put out to the other)
//   applying             until the shard has read them too: the tick may be taken
//
// No I/O; the worker's thread.
#pragma once

#include "core/shard.h"
#include "runtime/ports.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace muster::runtime {

struct ReadEnds {
  uint64_t request = 0;
  Log log{};
  std::vector<core::Partition> partitions;

  bool operator==(const ReadEnds&) const = default;
};
struct ReadCommitted {
  uint64_t request = 0;
  std::vector<core::Partition> partitions;

  bool operator==(const ReadCommitted&) const = default;
};
using TickQuestion = std::variant<ReadEnds, ReadCommitted>;

class Ticks {
 public:
  // `partitions` of the input; forwarding: records of a shard may wait in any of them.
  Ticks(bool forwarding, int32_t partitions) : forwarding_(forwarding), partitions_(partitions) {}

  // Batches of this worker put out records to the input itself: a shard's own records may be on
  // their way to it although it has read its log. From now on all stages count, with one partition
  // too.
  void input_is_written();
  // The shard wants its clock to go to `at`. At most one tick per shard.
  void want(core::Partition partition, core::Time at);
  bool wanted(core::Partition partition) const { return ticks_.contains(partition); }
  // What to ask now, if anything. `ours`: the shard is live here, so its commits are told.
  std::optional<TickQuestion> question(core::Time wall,
                                       const std::function<bool(core::Partition)>& ours);
  void on(const EndsRead& answer);
  void on(const CommittedRead& answer);
  // The group has committed the input up to here.
  void committed(core::Partition partition, core::Offset next);

  // The tick that may be taken now.
  std::optional<core::Time> takeable(const core::Shard& shard, core::Time wall) const;
  void taken(core::Partition partition) { ticks_.erase(partition); }
  // A tick waits until this shard commits where it stands.
  bool waits_for(core::Partition partition) const;
  // When question() has something to ask again, if nothing else happens before.
  std::optional<core::Time> next_question_at() const;
  // All is void, answers on their way too.
  void reset();

  // Who is waited for, in words, if that has gone on for long; each minute once.
  std::optional<std::string> complaint(core::Time wall);

 private:
  using Ends = std::map<core::Partition, core::Offset>;
  struct Tick {
    core::Time at{};
    bool asked = false;                           // the ends are being asked
    std::shared_ptr<const Ends> ends;             // absent: to be asked, or being asked
    bool passed = false;                          // all partitions: nothing waits elsewhere
    std::optional<core::Offset> repartition_end;  // absent: to be asked
    std::optional<core::Offset> input_end;        // the own one again, after that
  };

  bool probing() const { return forwarding_ || written_; }
  bool passed(const Ends& ends, core::Partition partition) const;
  void see_who_has_passed();
  std::optional<TickQuestion> ask_ends();
  std::optional<TickQuestion> ask_ends_again(Log log);
  std::optional<TickQuestion> probe(core::Time wall,
                                    const std::function<bool(core::Partition)>& ours);

  bool forwarding_;
  bool written_ = false;
  int32_t partitions_;
  std::map<core::Partition, Tick> ticks_;
  std::map<core::Partition, core::Offset> committed_;
  uint64_t request_ = 0;
  std::optional<TickQuestion> asked_;
  bool again_ = false;                // it was one for ends of the second time
  std::optional<core::Time> probed_;  // when it was asked last what others have committed
  std::optional<core::Time> complained_;
  bool others_missing_ = false;  // partitions of others have not passed
};

}  // namespace muster::runtime

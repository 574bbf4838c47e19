// The worker: a state machine without I/O that runs the shards of one group member. Events of the
// world go in, actions come out; records are handed to it as the loop fetches them. It decides what
// is read, when a batch ends, when the clock may move, what a failure means. The loop
// (worker_loop.h) and the simulator run the same one.
//
// A seat is a partition that the group gave to this member:
//
//   locating ──> scanning ──> locating      no offsets are committed, but there is a journal
//      │
//      ├──> loading ──┐                     a checkpoint, if there are any; void: from the journal
//      ├──────────────┴──> replaying ──> live   outputs muted until the state is that of the last
//      │                                    commit
//      └────────────────> live              from nothing
//
//   any failed transaction: producer replaced, all seats locating again
//   revoked: the seats are gone; their shards are kept aside, and go on where they stood if the
//   partition comes back and nobody has committed in between
//
// A batch is one Kafka transaction over all live seats. While one commits, the next is built, round
// after round, until the commit is through or the batch is full: so it is as small as the delay
// allows when there is little to do, and as large as pays in a backlog.
#pragma once

#include "core/processor.h"
#include "core/shard.h"
#include "runtime/checkpoints.h"
#include "runtime/memory_limit.h"
#include "runtime/ports.h"
#include "runtime/recovery.h"
#include "runtime/refusals.h"
#include "runtime/ticks.h"
#include "runtime/worker_status.h"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace muster::runtime {

// --- actions: what the worker wants of the world, in order

struct OpenProducer {
  bool operator==(const OpenProducer&) const = default;
};
struct Locate {
  uint64_t request = 0;  // an answer to an older one is void: others may have committed since
  std::vector<core::Partition> partitions;

  bool operator==(const Locate&) const = default;
};
struct Assign {
  std::vector<StartAt> positions;

  bool operator==(const Assign&) const = default;
};
struct Unassign {
  bool operator==(const Unassign&) const = default;
};
struct StartReading {
  core::Partition partition{};
  Log log{};
  core::Offset from{};

  bool operator==(const StartReading&) const = default;
};
struct StopReading {
  core::Partition partition{};

  bool operator==(const StopReading&) const = default;
};
struct LoadCheckpoint {
  core::Partition partition{};

  bool operator==(const LoadCheckpoint&) const = default;
};
struct StopLoading {
  core::Partition partition{};

  bool operator==(const StopLoading&) const = default;
};
struct Trim {
  core::Partition partition{};
  Log log{};
  core::Offset needed_from{};

  bool operator==(const Trim&) const = default;
};
struct Commit {
  const core::Batch* batch = nullptr;

  bool operator==(const Commit&) const = default;
};
// A fact for the log, at most a few per life cycle.
struct Note {
  bool warning = false;
  std::string text;

  bool operator==(const Note&) const = default;
};
// Leave the group and end with this exit code.
struct Exit {
  int code = 0;
  std::string message;

  bool operator==(const Exit&) const = default;
};
using Action =
    std::variant<OpenProducer, Locate, Assign, Unassign, StartReading, StopReading, ReadEnds,
                 ReadCommitted, LoadCheckpoint, StopLoading, StorePart, Trim, Commit, Note, Exit>;

struct WorkerOptions {
  std::string transactional_id;
  std::string input_topic;  // as dead letters name it
  // Where ids live; absent: every record is at home where it arrives, and there is no repartition
  // topic.
  std::optional<core::Routing> routing;
  core::ShardLimits shard;
  size_t batch_records_max = 100'000;
  size_t batch_output_bytes_max = size_t{16} << 20;
  // In a backlog a batch grows for so long, also if it could go.
  core::Duration backlog_interval{100};
  // Positions that moved over records without effect are committed this often; with more than one
  // partition sooner, because the ticks of the others wait for it.
  core::Duration idle_commit = std::chrono::seconds(1);
  core::Duration idle_commit_forwarding = std::chrono::milliseconds(200);
  // How often what is not needed of an internal log is offered for deletion.
  core::Duration trim_interval = std::chrono::hours(1);
  // How often what has changed goes to the store of checkpoints; absent: there is none.
  std::optional<Checkpoints::Options> checkpoints;
  // How much it may hold; absent: as much as it takes.
  std::optional<MemoryLimit::Options> memory;
  // Go on where something that recovery needs is gone, with what is left, instead of stopping.
  bool accept_loss = false;
};

class Worker {
 public:
  using MakeProcessor = std::function<std::unique_ptr<core::Processor>()>;

  Worker(WorkerOptions options, MakeProcessor make_processor);

  void handle(const Event& event, core::Time wall);
  // To be called in every round of the loop: what is due by the clock.
  void on_time(core::Time wall);
  std::vector<Action> take_actions();

  // --- recovery, pulled by the loop
  struct ReplayWant {
    core::Partition partition{};
    Log log{};
  };
  std::vector<ReplayWant> replay_wants() const;
  // Returns how many records it has taken.
  size_t replay(const ReplayWant& want, const Fetched& fetched);
  // Partitions of which a checkpoint is being read.
  std::vector<core::Partition> loading() const;
  void load(core::Partition partition, const CheckpointPage& page, core::Time wall);

  // --- live, pulled by the loop: fetch of all logs of a live partition, read the wall, apply; then
  // end_round().
  // A batch can be built now: none waits for the commit in flight.
  bool can_build() const;
  // The partition's share of the batch can have another round. If not, its logs have to wait.
  bool extendable(core::Partition partition) const;
  bool committing() const { return in_flight_ != nullptr; }
  // In the order in which they are to be read in this round.
  std::vector<core::Partition> live_partitions();
  // Input logs of a partition.
  size_t logs() const { return options_.routing ? 2 : 1; }
  // How many more records the batch takes.
  size_t room() const;
  // Which of the records that are fetched are taken: some may have to wait in their log.
  core::Gate gate() const { return memory_ ? memory_->gate() : core::Gate::kOpen; }
  // One of each log. `wall`: read after all of them. Returns how many records of each were taken:
  // all, unless the gate is not open.
  using Taken = std::array<size_t, 2>;
  Taken apply(core::Partition partition, std::span<const Fetched> by_log, core::Time wall);
  // `backlog`: so much waits that a larger batch is worth a little delay.
  void end_round(core::Time wall, bool backlog = false);
  // Checkpoints of the live shards go on, a little. True: there is more to do at once.
  bool write_checkpoints(core::Time wall);

  // When on_time() has something to do again, if nothing else happens before.
  std::optional<core::Time> next_wakeup() const;
  // Has partitions, and all of them are live.
  bool ready() const;
  size_t seats() const { return seats_.size(); }
  const WorkerTotals& totals() const { return totals_; }
  Checkpoints::Totals checkpoint_totals() const;
  // In memory, about: what grows with ids and batches.
  size_t held_bytes() const;
  // For those who watch.
  WorkerStatus status(core::Time wall) const;
  // For tests and tools; absent if it is not live here.
  const core::Shard* shard(core::Partition partition) const;
  // The same: a slot means nothing in another life of the shard.
  std::optional<core::Time> live_since(core::Partition partition) const;

 private:
  struct Seat {
    SeatPhase state = SeatPhase::kLocating;
    std::unique_ptr<core::Shard> shard;
    std::optional<Recovery> recovery;
    StartFromJournal plan;                           // of kLoading, and what follows it
    std::optional<core::CheckpointHead> checkpoint;  // that is read, or was
    bool checkpoint_void = false;                    // what there is does not help
    int loads = 0;                                   // attempts
    Location location;
    core::Epoch fresh_epoch{};
    std::optional<Offsets> start_at;
    std::array<bool, 2> reading{};  // its input logs, for recovery
    core::Time ticked{};
    core::Time committed{};
    core::Time recovery_began{};
    core::Duration recovery_took{};
    core::Time live_since{};
    core::Time progress_said{};
    core::Time trimmed{};
    std::string loss;  // found once; believed when it is found again
  };

  void on(const Assigned& event, core::Time wall);
  void on(const Revoked& event, core::Time wall);
  void on(const ProducerOpened& event, core::Time wall);
  void on(const Located& event, core::Time wall);
  void on(const EndsRead& event, core::Time) { ticks_.on(event); }
  void on(const CommittedRead& event, core::Time) { ticks_.on(event); }
  void on(const Committed& event, core::Time wall);
  void on(const NotSent& event, core::Time wall);
  void on(const Failed& event, core::Time wall);
  void on(const CheckpointStored& event, core::Time wall);
  void on(const StopRequested& event, core::Time wall);

  void load_checkpoint(core::Partition partition, Seat& seat);
  void load_head(core::Partition partition, Seat& seat, const std::string& text);
  void loaded(core::Partition partition, Seat& seat);
  void checkpoint_is_void(core::Partition partition, Seat& seat, const std::string& why);
  void replay_from(core::Partition partition, Seat& seat, const StartFromJournal& plan);
  std::unique_ptr<core::Shard> make_shard(core::Partition partition) const;
  void say_progress(core::Time wall);
  SeatStatus status_of(core::Partition partition, const Seat& seat, core::Time wall) const;
  void count(core::Batch& batch, core::Time wall);
  bool all_committed() const;
  bool checkpoints_wait() const;
  void reset(Seat& seat);
  void reset_all();
  void locate();
  void locate_again(Seat& seat);
  void follow(core::Partition partition, Seat& seat, const StartPlan& plan);
  void go_live(Seat& seat, core::Time wall);
  void recovery_ended(core::Partition partition, Seat& seat, core::Time wall);
  void start_after_loss(core::Partition partition, Seat& seat, const std::string& what,
                        core::Time wall);
  void assign_when_known();
  void trim_logs(core::Time wall);
  void watch_memory(core::Time wall);
  void want_ticks(core::Time wall);
  void tell_what_was_applied();
  bool forwarding() const { return options_.routing && options_.routing->partitions > 1; }
  core::Duration idle_commit() const {
    return forwarding() ? options_.idle_commit_forwarding : options_.idle_commit;
  }
  void tell_what_is_written();
  bool commit_due(const Seat& seat, core::Time wall) const;
  bool full() const;
  bool worth_a_batch(core::Time wall);
  void seal(core::Time wall);
  bool resume_kept(Seat& seat, const StartPlan& plan);
  void keep_aside();
  void say_dead_letters(const core::Batch& batch, core::Time wall);
  void recycle(std::unique_ptr<core::Batch>& batch);
  void commit_if_free();
  void vacate_if_free();
  void exit_if_done();

  WorkerOptions options_;
  MakeProcessor make_processor_;
  Ticks ticks_;
  Refusals refusals_;
  std::optional<Checkpoints> checkpoints_;
  std::optional<MemoryLimit> memory_;
  std::map<core::Partition, Seat> seats_;
  std::vector<Action> actions_;

  bool producer_open_ = false;
  bool vacating_ = false;  // revoked: the seats go when no batch of theirs is in flight
  bool stopping_ = false;
  std::optional<core::Time> leaving_since_;  // stopping, and nothing but checkpoints is left to do
  bool left_in_haste_ = false;               // it took too long
  bool exited_ = false;
  bool assigned_ = false;      // positions were handed to the consumer
  bool spare_member_ = false;  // the group has no partition for it at present

  std::unique_ptr<core::Batch> building_;
  std::unique_ptr<core::Batch> sealed_;     // waits for the one in flight
  std::unique_ptr<core::Batch> in_flight_;  // lent to the commit thread
  std::unique_ptr<core::Batch> spare_;
  size_t first_ = 0;             // which live partition is read first, in turn
  size_t bytes_per_record_ = 1;  // of outputs, in the last batch that was sealed
  core::Time sealed_at_{};
  bool ticks_left_ = false;  // the last batch took as many timers as it can: there are more
  uint64_t locate_request_ = 0;
  std::map<core::Partition, std::unique_ptr<core::Shard>> kept_;  // of partitions that were ours
  std::map<std::string, core::Time> dead_letter_said_;            // by code

  WorkerTotals totals_;
};

}  // namespace muster::runtime

// Runs a worker on the calling thread: events in, actions out, records from the queues, sleep when
// nothing is left. In one round, in order:
//
//   1. what others posted, and the group's events     -> worker.handle
//   2. what is due by the clock                       -> worker.on_time
//   3. shards that recover: a portion of their checkpoints and logs -> worker.load, worker.replay
//   4. if a batch can be built: records of all live partitions -> worker.apply, worker.end_round
//   5. a portion of the checkpoints of live shards    -> worker.write_checkpoints
//   6. a slice of somebody's question, and what is on the board
//   7. the actions that all this led to
#pragma once

#include "runtime/mailbox.h"
#include "runtime/questions.h"
#include "runtime/status_board.h"
#include "runtime/wall_clock.h"
#include "runtime/worker.h"

#include <optional>
#include <span>
#include <string>

namespace muster::runtime {

struct Ports {
  Consumer& consumer;
  Reader& reader;
  Transactor& transactor;
  Lookup& lookup;
  CheckpointStore* checkpoints = nullptr;  // if the worker writes any
  StatusBoard* board = nullptr;            // if anybody watches
  Questions* questions = nullptr;          // the same
};

class WorkerLoop {
 public:
  WorkerLoop(Worker& worker, const Ports& ports, Mailbox& mailbox);

  // Until the worker exits; then the exit code.
  int run();

 private:
  bool round();
  bool load_round();
  bool replay_round();
  bool live_round();
  // How many records wait that the next batch can take.
  size_t waiting(std::span<const core::Partition> partitions) const;
  // At most `room` records of the partition's logs; false: there is nothing.
  bool take(core::Partition partition, size_t room);
  void execute_actions();
  void execute(const Action& action);
  void report();
  bool serve_watchers();
  core::Duration sleep_for();

  Worker& worker_;
  Ports ports_;
  Mailbox& mailbox_;
  WallClock clock_;
  std::optional<int> exit_code_;
  bool reported_ready_ = false;
  core::Time on_board_{};
};

}  // namespace muster::runtime

#include "runtime/worker_loop.h"

#include "base/log.h"

#include <algorithm>
#include <array>
#include <span>

namespace muster::runtime {
namespace {

constexpr core::Duration kBoardInterval{200};
// The group has to be served at least this often.
constexpr core::Duration kSleepMax{100};
// A backlog may grow while a batch commits, of which no queue tells.
constexpr core::Duration kSleepWhileCommittingMax{2};
constexpr size_t kReplayRecords = 10'000;
constexpr size_t kReplayEntries = 256;
// So many records waiting make it worth to build the next batch before the last has committed;
// fewer are as well read when it has, all at once.
constexpr size_t kWorthBuilding = 1'000;
constexpr size_t kBacklog = 10'000;
// Of one log in one round: a commit that is through is not kept waiting.
constexpr size_t kRoundRecords = 2'000;
// The same where memory is short: most of them have to be put back.
constexpr size_t kGatedRoundRecords = 64;
// The second log ends a partition's share of the batch: so both get more at a time.
constexpr size_t kLastRoundRecords = 10'000;

}  // namespace

WorkerLoop::WorkerLoop(Worker& worker, const Ports& ports, Mailbox& mailbox)
    : worker_(worker), ports_(ports), mailbox_(mailbox) {}

int WorkerLoop::run() {
  ports_.consumer.subscribe();
  while (!exit_code_) {
    const bool busy = round();
    if (!busy && !exit_code_) mailbox_.wait(sleep_for());
  }
  ports_.consumer.close();
  return *exit_code_;
}

core::Duration WorkerLoop::sleep_for() {
  const core::Time now = clock_.now();
  core::Duration sleep = worker_.committing() ? kSleepWhileCommittingMax : kSleepMax;
  if (const auto wakeup = worker_.next_wakeup()) sleep = std::min(sleep, *wakeup - now);
  return std::max(sleep, core::Duration{0});
}

bool WorkerLoop::round() {
  bool busy = false;
  for (const Event& event : mailbox_.take()) {
    worker_.handle(event, clock_.now());
    busy = true;
  }
  while (const auto event = ports_.consumer.poll()) {
    worker_.handle(*event, clock_.now());
    busy = true;
  }
  worker_.on_time(clock_.now());
  execute_actions();
  if (load_round()) busy = true;
  if (replay_round()) busy = true;
  if (live_round()) busy = true;
  if (worker_.write_checkpoints(clock_.now())) busy = true;
  if (serve_watchers()) busy = true;
  execute_actions();
  report();
  return busy;
}

bool WorkerLoop::load_round() {
  bool busy = false;
  for (const auto partition : worker_.loading()) {
    const auto page = ports_.checkpoints->fetch(partition);
    if (!page) continue;
    worker_.load(partition, *page, clock_.now());
    execute_actions();  // the next page may be of another attempt
    busy = true;
  }
  return busy;
}

bool WorkerLoop::replay_round() {
  bool busy = false;
  for (const auto& want : worker_.replay_wants()) {
    const size_t max = want.log == Log::kJournal ? kReplayEntries : kReplayRecords;
    const Fetched fetched = ports_.reader.fetch(want.partition, want.log, max);
    if (fetched.records.empty() && core::raw(fetched.next) < 0) continue;
    const size_t taken = worker_.replay(want, fetched);
    ports_.reader.consume(want.partition, want.log, taken);
    busy = true;
  }
  return busy;
}

bool WorkerLoop::live_round() {
  if (!worker_.can_build()) return false;
  const auto partitions = worker_.live_partitions();
  if (worker_.committing() && waiting(partitions) < kWorthBuilding) return false;
  bool busy = false;
  for (size_t i = 0; i < partitions.size(); ++i) {
    if (!worker_.extendable(partitions[i])) continue;
    // What is left of the batch, shared among the logs that are left.
    if (take(partitions[i], worker_.room() / (partitions.size() - i))) busy = true;
  }
  worker_.end_round(clock_.now(), waiting(partitions) >= kBacklog);
  return busy;
}

size_t WorkerLoop::waiting(std::span<const core::Partition> partitions) const {
  size_t queued = 0;
  for (const auto partition : partitions) {
    if (!worker_.extendable(partition)) continue;
    for (size_t log = 0; log < worker_.logs(); ++log)
      queued += ports_.consumer.queued(partition, static_cast<Log>(log));
  }
  return queued;
}

bool WorkerLoop::take(core::Partition partition, size_t room) {
  const bool last = worker_.logs() > 1 && ports_.consumer.queued(partition, Log::kRepartition) > 0;
  const bool gated = worker_.gate() != core::Gate::kOpen;
  const size_t max = gated ? kGatedRoundRecords : last ? kLastRoundRecords : kRoundRecords;
  std::array<Fetched, 2> fetched;
  bool any = false;
  for (size_t log = 0; log < worker_.logs(); ++log) {
    const size_t share = std::min(room / (worker_.logs() - log), max);
    if (share == 0) continue;
    fetched[log] = ports_.consumer.fetch(partition, static_cast<Log>(log), share);
    room -= fetched[log].records.size();
    any = any || !fetched[log].records.empty() || core::raw(fetched[log].next) >= 0;
  }
  if (!any) return false;
  // Read after the polls: no record in hand was written later than this.
  const auto taken =
      worker_.apply(partition, std::span(fetched).first(worker_.logs()), clock_.now());
  any = false;
  for (size_t log = 0; log < worker_.logs(); ++log) {
    const size_t refused = fetched[log].records.size() - taken[log];
    if (refused > 0) ports_.consumer.put_back(partition, static_cast<Log>(log), refused);
    any = any || taken[log] > 0 || (refused == 0 && core::raw(fetched[log].next) >= 0);
  }
  return any;
}

void WorkerLoop::execute_actions() {
  for (auto actions = worker_.take_actions(); !actions.empty(); actions = worker_.take_actions()) {
    for (const Action& action : actions) execute(action);
  }
}

void WorkerLoop::execute(const Action& action) {
  if (std::holds_alternative<OpenProducer>(action)) {
    ports_.transactor.open();
  } else if (const auto* locate = std::get_if<Locate>(&action)) {
    ports_.lookup.locate(locate->request, locate->partitions);
  } else if (const auto* assign = std::get_if<Assign>(&action)) {
    ports_.consumer.assign(assign->positions);
  } else if (std::holds_alternative<Unassign>(action)) {
    ports_.consumer.unassign();
  } else if (const auto* start = std::get_if<StartReading>(&action)) {
    ports_.reader.start(start->partition, start->log, start->from);
  } else if (const auto* stop = std::get_if<StopReading>(&action)) {
    ports_.reader.stop(stop->partition);
  } else if (const auto* ends = std::get_if<ReadEnds>(&action)) {
    ports_.lookup.read_ends(ends->request, ends->log, ends->partitions);
  } else if (const auto* committed = std::get_if<ReadCommitted>(&action)) {
    ports_.lookup.read_committed(committed->request, committed->partitions);
  } else if (const auto* load = std::get_if<LoadCheckpoint>(&action)) {
    ports_.checkpoints->load(load->partition);
  } else if (const auto* stop_loading = std::get_if<StopLoading>(&action)) {
    ports_.checkpoints->stop(stop_loading->partition);
  } else if (const auto* part = std::get_if<StorePart>(&action)) {
    ports_.checkpoints->store(part->request, *part->part);
  } else if (const auto* trim = std::get_if<Trim>(&action)) {
    ports_.lookup.trim(trim->partition, trim->log, trim->needed_from);
  } else if (const auto* commit = std::get_if<Commit>(&action)) {
    ports_.transactor.commit(*commit->batch, ports_.consumer.group_metadata());
  } else if (const auto* note = std::get_if<Note>(&action)) {
    note->warning ? base::log_warn(note->text) : base::log_info(note->text);
  } else if (const auto* exit = std::get_if<Exit>(&action)) {
    if (!exit->message.empty()) base::log_error(exit->message);
    exit_code_ = exit->code;
  }
}

bool WorkerLoop::serve_watchers() {
  const core::Time now = clock_.now();
  const bool busy = ports_.questions != nullptr && ports_.questions->answer_some(worker_, now);
  if (ports_.board == nullptr) return busy;
  if (worker_.ready() == reported_ready_ && now - on_board_ < kBoardInterval) return busy;
  on_board_ = now;
  WorkerStatus status = worker_.status(now);
  for (SeatStatus& seat : status.seats) {
    for (size_t log = 0; log < seat.next.size(); ++log) {
      const auto end = ports_.consumer.end_of(seat.partition, static_cast<Log>(log));
      if (end)
        seat.lag.push_back(std::max<int64_t>(0, core::raw(*end) - core::raw(seat.next[log])));
    }
  }
  ports_.board->put(std::move(status));
  return busy;
}

void WorkerLoop::report() {
  if (const auto step = clock_.step()) {
    base::log_warn("the wall clock was stepped by " + std::to_string(step->count()) +
                   " ms; deadlines keep to it, but never go back");
  }
  if (exit_code_ || worker_.ready() == reported_ready_) return;
  reported_ready_ = !reported_ready_;
  base::log_info(reported_ready_
                     ? "ready: consuming " + std::to_string(worker_.seats()) + " partitions"
                     : std::string("waiting: the partitions are being assigned or recovered"));
}

}  // namespace muster::runtime

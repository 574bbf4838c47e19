// A small Kafka in memory for one worker: input logs, journals and committed offsets as they are
// after settled transactions, and a process that runs the real Worker on it without threads or
// waiting. It has no faults of its own: a test holds back answers, gives other ones, or lets the
// process go and starts another (a crash).
#pragma once

#include "core/commit_metadata.h"
#include "core/journal_entry.h"
#include "runtime/worker.h"
#include "toy_processor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace muster::runtime::test {

struct Written {
  std::optional<int64_t> timestamp;
  std::string key;
  std::string value;
};

// Records as a reader gets them; the views live as long as the log.
struct Portion {
  std::vector<core::Record> records;
  core::Offset next{-1};

  Fetched fetched() { return {records, next}; }
};

// The entries lie at the offsets 0, 1, ...; one that is absent is a marker or was aborted.
class FakeLog {
 public:
  void add(Written written) { entries_.emplace_back(std::move(written)); }
  void add_gap() { entries_.emplace_back(std::nullopt); }
  void truncate_before(int64_t offset) { begin_ = offset; }
  LogEnds ends() const { return {core::Offset{begin_}, core::Offset{end()}}; }
  int64_t end() const { return static_cast<int64_t>(entries_.size()); }

  // At the end the position is told behind the gaps, before it only behind the last record; nothing
  // new: negative.
  Portion read(core::Partition partition, core::Offset from, size_t records_max) const {
    Portion portion;
    int64_t offset = std::max(core::raw(from), begin_);
    for (; offset < end() && portion.records.size() < records_max; ++offset) {
      const auto& written = entries_[static_cast<size_t>(offset)];
      if (!written) continue;
      core::Record record;
      record.topic = "in";
      record.partition = partition;
      record.offset = core::Offset{offset};
      if (written->timestamp) record.timestamp = core::time_from_ms(*written->timestamp);
      record.key = written->key;
      record.value = written->value;
      portion.records.push_back(record);
      portion.next = core::Offset{offset + 1};
    }
    if (offset == end() && offset > core::raw(from)) portion.next = core::Offset{offset};
    return portion;
  }

 private:
  std::deque<std::optional<Written>> entries_;
  int64_t begin_ = 0;
};

struct FakeKafka {
  std::map<core::Partition, FakeLog> input;
  std::map<core::Partition, FakeLog> journal;
  std::map<core::Partition, core::OffsetCommit> committed;
  std::vector<std::string> outputs;  // values, in order; a dead letter with '!' in front
  size_t transactions = 0;

  // The transaction of the batch, done and visible.
  Committed commit(const core::Batch& batch) {
    Committed answer;
    ++transactions;
    for (const core::Output& output : batch.outputs) {
      if (output.topic == core::TopicRole::kJournal) {
        FakeLog& log = journal[*output.partition];
        answer.journal_offsets.push_back(core::Offset{log.end()});
        log.add({{}, "", std::string(*output.value)});
        log.add_gap();
      } else {
        const bool dead = output.topic == core::TopicRole::kDeadLetter;
        outputs.push_back((dead ? "!" : "") + std::string(output.value.value_or("null")));
      }
    }
    for (const core::OffsetCommit& offset : batch.offsets) committed[offset.partition] = offset;
    return answer;
  }

  Location locate(core::Partition partition) {
    Location location;
    location.partition = partition;
    if (const auto found = committed.find(partition); found != committed.end()) {
      location.committed = found->second.next;
      location.metadata = found->second.metadata;
    }
    location.input = input[partition].ends();
    location.journal = journal[partition].ends();
    return location;
  }
};

inline std::unique_ptr<core::Processor> make_toy() {
  return std::make_unique<core::ToyProcessor>();
}

// One life of a worker. step() does what the loop does in a round, with every answer given at once
// unless it is held.
class Process {
 public:
  explicit Process(FakeKafka& kafka, WorkerOptions options = {"id", {}})
      : kafka_(kafka), worker(std::move(options), make_toy) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

 private:
  FakeKafka& kafka_;

 public:
  Worker worker;
  int64_t now_ms = 1'000;
  bool hold_commits = false;
  bool hold_ends = false;
  size_t portion_max = 1'000;     // records that a fetch gives at most
  std::optional<Commit> waiting;  // handed over and not answered
  std::optional<ReadEnds> asked;  // the same
  std::vector<Action> history;    // all actions so far

  core::Time now() const { return core::time_from_ms(now_ms); }
  void tell(const Event& event) {
    worker.handle(event, now());
    perform();
  }
  void start(std::vector<core::Partition> partitions = {core::Partition{0}}) {
    tell(Assigned{std::move(partitions)});
    run();
  }
  void answer_commit() {
    const Committed answer = kafka_.commit(*std::exchange(waiting, std::nullopt)->batch);
    tell(answer);
  }
  void fail_commit(Remedy remedy = Remedy::kAbortAndRebuild) {
    waiting.reset();
    tell(Failed{{remedy, "lost", 1}});
  }
  void answer_ends() {
    const ReadEnds question = *std::exchange(asked, std::nullopt);
    EndsRead answer{question.at, {}};
    for (const auto partition : question.partitions) {
      answer.ends.push_back({partition, core::Offset{kafka_.input[partition].end()}});
    }
    tell(answer);
  }

  // False: nothing was left to do.
  bool step() {
    const size_t before = history.size();
    worker.on_time(now());
    perform();
    if (exit_code()) return false;
    bool busy = replay_round();
    if (live_round()) busy = true;
    perform();
    return busy || history.size() != before;
  }
  void run() {
    for (int steps = 0; step(); ++steps) REQUIRE(steps < 10'000);
  }
  void run_at(int64_t ms) {
    now_ms = ms;
    run();
  }

  std::optional<int> exit_code() const {
    const auto found = std::ranges::find_if(
        history, [](const Action& a) { return std::holds_alternative<Exit>(a); });
    if (found == history.end()) return std::nullopt;
    return std::get<Exit>(*found).code;
  }
  // The number of the last question where to begin.
  uint64_t request() const { return request_; }
  template <typename T>
  size_t count() const {
    return static_cast<size_t>(std::ranges::count_if(
        history, [](const Action& a) { return std::holds_alternative<T>(a); }));
  }

 private:
  void perform() {
    for (auto actions = worker.take_actions(); !actions.empty(); actions = worker.take_actions()) {
      for (const Action& action : actions) {
        history.push_back(action);
        std::visit([this](const auto& a) { act(a); }, action);
      }
    }
  }
  void act(const OpenProducer&) { worker.handle(ProducerOpened{}, now()); }
  void act(const Locate& action) {
    request_ = action.request;
    Located answer{action.request, {}, {}};
    for (const auto partition : action.partitions) {
      answer.locations.push_back(kafka_.locate(partition));
      answer.random.push_back(++epoch_);
    }
    worker.handle(answer, now());
  }
  void act(const Assign& action) {
    positions_.clear();
    for (const StartAt& start : action.positions) positions_[start.partition] = start.offset;
  }
  void act(const Unassign&) { positions_.clear(); }
  void act(const StartReading& action) { reading_[{action.partition, action.log}] = action.from; }
  void act(const StopReading& action) {
    reading_.erase({action.partition, ReplayLog::kJournal});
    reading_.erase({action.partition, ReplayLog::kInput});
  }
  void act(const ReadEnds& action) {
    REQUIRE_FALSE(asked.has_value());
    asked = action;
    if (!hold_ends) answer_ends();
  }
  void act(const Commit& action) {
    REQUIRE_FALSE(waiting.has_value());  // one transaction at a time
    waiting = action;
    if (!hold_commits) answer_commit();
  }
  void act(const TrimJournal& action) {
    kafka_.journal[action.partition].truncate_before(core::raw(action.needed_from));
  }
  void act(const Note&) {}
  void act(const Exit&) {}

  bool replay_round() {
    bool busy = false;
    for (const auto& want : worker.replay_wants()) {
      REQUIRE(reading_.contains({want.partition, want.log}));
      core::Offset& position = reading_[{want.partition, want.log}];
      const FakeLog& log = want.log == ReplayLog::kJournal ? kafka_.journal[want.partition]
                                                           : kafka_.input[want.partition];
      Portion portion = log.read(want.partition, position, portion_max);
      if (portion.records.empty() && core::raw(portion.next) < 0) continue;
      const size_t taken = worker.replay(want, portion.fetched());
      position = taken == portion.records.size() ? portion.next : portion.records[taken].offset;
      busy = true;
    }
    return busy;
  }
  bool live_round() {
    if (!worker.can_build()) return false;
    bool busy = false;
    for (const auto partition : worker.live_partitions()) {
      const size_t room = std::min(worker.room(), portion_max);
      if (room == 0 || !positions_.contains(partition)) continue;
      Portion portion = kafka_.input[partition].read(partition, positions_[partition], room);
      if (core::raw(portion.next) < 0) continue;
      worker.apply(partition, portion.fetched(), now());
      positions_[partition] = portion.next;
      busy = true;
    }
    worker.end_round(now());
    return busy;
  }

  std::map<core::Partition, core::Offset> positions_;
  std::map<std::pair<core::Partition, ReplayLog>, core::Offset> reading_;
  uint64_t epoch_ = 1'000;
  uint64_t request_ = 0;
};

// --- how actions look in a test's report

inline std::ostream& operator<<(std::ostream& out, core::Partition p) {
  return out << core::raw(p);
}
inline std::ostream& operator<<(std::ostream& out, core::Offset o) { return out << core::raw(o); }

inline std::string text(const Action& action) {
  std::ostringstream out;
  if (std::holds_alternative<OpenProducer>(action)) out << "OpenProducer";
  if (const auto* a = std::get_if<Locate>(&action)) {
    out << "Locate #" << a->request;
    for (const auto p : a->partitions) out << ' ' << core::raw(p);
  }
  if (const auto* a = std::get_if<Assign>(&action)) {
    out << "Assign";
    for (const auto& p : a->positions)
      out << ' ' << core::raw(p.partition) << '@' << core::raw(p.offset);
  }
  if (std::holds_alternative<Unassign>(action)) out << "Unassign";
  if (const auto* a = std::get_if<StartReading>(&action)) {
    out << "StartReading " << core::raw(a->partition)
        << (a->log == ReplayLog::kJournal ? " journal @" : " input @") << core::raw(a->from);
  }
  if (const auto* a = std::get_if<StopReading>(&action))
    out << "StopReading " << core::raw(a->partition);
  if (const auto* a = std::get_if<ReadEnds>(&action)) {
    out << "ReadEnds at " << core::to_ms(a->at);
    for (const auto p : a->partitions) out << ' ' << core::raw(p);
  }
  if (const auto* a = std::get_if<TrimJournal>(&action)) {
    out << "TrimJournal " << core::raw(a->partition) << '@' << core::raw(a->needed_from);
  }
  if (const auto* a = std::get_if<Commit>(&action)) out << "Commit " << a->batch;
  if (const auto* a = std::get_if<Note>(&action))
    out << "Note " << (a->warning ? "! " : "") << a->text;
  if (const auto* a = std::get_if<Exit>(&action)) out << "Exit " << a->code << ' ' << a->message;
  return out.str();
}

}  // namespace muster::runtime::test

template <>
struct doctest::StringMaker<std::vector<muster::runtime::Action>> {
  static String convert(const std::vector<muster::runtime::Action>& actions) {
    std::string all = "[";
    for (const auto& action : actions) all += muster::runtime::test::text(action) + "; ";
    return (all + "]").c_str();
  }
};

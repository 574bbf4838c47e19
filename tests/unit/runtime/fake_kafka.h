// A small Kafka in memory: input logs, repartition logs, journals and committed offsets as they are
// after settled transactions, and a process that runs the real Worker on it without threads or
// waiting. It has no faults of its own: a test holds back answers, gives other ones, or lets the
// process go and starts another (a crash). Beside it a store of checkpoints, if the process has them.
#pragma once

#include "core/commit_metadata.h"
#include "core/journal_entry.h"
#include "fake_store.h"
#include "owned_headers.h"
#include "runtime/worker.h"
#include "toy_processor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace muster::runtime::test {

struct Written {
  std::optional<int64_t> timestamp;
  std::string key;
  std::string value;
  core::OwnedHeaders headers = {};
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
      record.headers = written->headers.lazy();
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
  using Offsets = std::map<core::Partition, core::OffsetCommit>;

  int32_t partitions = 1;  // that outputs to the input are spread over
  std::map<core::Partition, FakeLog> input;
  std::map<core::Partition, FakeLog> repartition;
  std::map<core::Partition, FakeLog> journal;
  Offsets committed;  // of the input
  Offsets committed_repartition;
  // Values, in order; a dead letter with '!' in front, one to a named topic with "<topic>: ".
  std::vector<std::string> outputs;
  size_t transactions = 0;
  FakeStore store;  // of checkpoints

  FakeLog& log(core::Partition partition, Log which) {
    if (which == Log::kInput) return input[partition];
    return which == Log::kRepartition ? repartition[partition] : journal[partition];
  }

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
      } else if (output.topic == core::TopicRole::kRepartition) {
        FakeLog& log = repartition[*output.partition];
        log.add({core::to_ms(*output.timestamp), std::string(*output.key),
                 std::string(*output.value), core::owned(output.headers)});
        log.add_gap();
      } else if (output.topic == core::TopicRole::kInput) {
        const core::Routing spread{core::Partitioner::kMurmur2, partitions};
        FakeLog& log = input[core::home_of(*output.key, spread)];
        log.add({core::to_ms(*output.timestamp), std::string(*output.key),
                 std::string(*output.value), core::owned(output.headers)});
        log.add_gap();
      } else if (!output.dropped) {
        std::string before = output.topic == core::TopicRole::kDeadLetter ? "!" : "";
        if (output.topic == core::TopicRole::kNamed) before = std::string(output.topic_name) + ": ";
        outputs.push_back(before + std::string(output.value.value_or("null")));
      }
    }
    for (const core::OffsetCommit& offset : batch.offsets) {
      (offset.log == 0 ? committed : committed_repartition)[offset.partition] = offset;
    }
    return answer;
  }

  Location locate(core::Partition partition, size_t logs) {
    Location location;
    location.partition = partition;
    for (size_t i = 0; i < logs; ++i) {
      InputLocation& at = location.inputs.emplace_back();
      const Offsets& offsets = i == 0 ? committed : committed_repartition;
      if (const auto found = offsets.find(partition); found != offsets.end()) {
        at.committed = found->second.next;
        at.metadata = found->second.metadata;
      }
      at.ends = log(partition, static_cast<Log>(i)).ends();
    }
    location.journal = journal[partition].ends();
    return location;
  }
};

inline WorkerOptions worker_options(std::optional<core::Routing> routing = {}) {
  WorkerOptions options;
  options.transactional_id = "id";
  options.input_topic = "in";
  options.routing = routing;
  return options;
}

inline std::unique_ptr<core::Processor> make_toy() {
  return std::make_unique<core::ToyProcessor>();
}

// One life of a worker. step() does what the loop does in a round, with every answer given at once
// unless it is held.
class Process {
 public:
  explicit Process(FakeKafka& kafka, WorkerOptions options = worker_options())
      : kafka_(kafka), worker(std::move(options), make_toy) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

 private:
  FakeKafka& kafka_;

 public:
  Worker worker;
  int64_t now_ms = 1'000;
  uint64_t epoch = 1'000;  // the last one that was drawn
  bool hold_commits = false;
  bool hold_ends = false;
  bool hold_committed = false;
  bool hold_parts = false;
  bool hold_pages = false;
  size_t portion_max = 1'000;                    // records that a fetch gives at most
  std::optional<Commit> waiting;                 // handed over and not answered
  std::optional<ReadEnds> asked;                 // the same
  std::optional<ReadCommitted> asked_committed;  // the same
  std::deque<StorePart> parts;                   // the same
  std::vector<Action> history;                   // all actions so far

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
  // The broker refuses these outputs of the batch.
  void refuse_commit(std::vector<Refusal> refusals) {
    waiting.reset();
    tell(Failed{{Remedy::kAbortAndRebuild, "refused", 1}, std::move(refusals)});
  }
  // Nothing was sent: these outputs have nowhere to go.
  void not_sent(std::vector<Refusal> refusals) {
    waiting.reset();
    tell(NotSent{std::move(refusals)});
  }
  void answer_ends() {
    const ReadEnds question = *std::exchange(asked, std::nullopt);
    EndsRead answer{question.request, {}};
    for (const auto partition : question.partitions) {
      answer.ends.push_back({partition, kafka_.log(partition, question.log).ends().end});
    }
    tell(answer);
  }
  void answer_committed() {
    const ReadCommitted question = *std::exchange(asked_committed, std::nullopt);
    CommittedRead answer{question.request, {}};
    for (const auto partition : question.partitions) {
      const auto found = kafka_.committed.find(partition);
      if (found != kafka_.committed.end())
        answer.offsets.push_back({partition, found->second.next});
    }
    tell(answer);
  }
  // The oldest part that waits; as the store does, or with this result and nothing written.
  void answer_part(std::optional<StoreResult> result = {}) {
    const StorePart part = parts.front();
    parts.pop_front();
    tell(result ? CheckpointStored{part.request, *result, "told by the test"}
                : kafka_.store.write(part.request, *part.part));
  }

  // False: nothing was left to do.
  bool step() {
    const size_t before = history.size();
    worker.on_time(now());
    perform();
    if (exit_code()) return false;
    bool busy = load_round();
    if (replay_round()) busy = true;
    if (live_round()) busy = true;
    if (worker.write_checkpoints(now())) busy = true;
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
      answer.locations.push_back(kafka_.locate(partition, worker.logs()));
      answer.random.push_back(++epoch);
    }
    worker.handle(answer, now());
  }
  void act(const Assign& action) {
    positions_.clear();
    for (const StartAt& start : action.positions)
      positions_[{start.partition, start.log}] = start.offset;
  }
  void act(const Unassign&) { positions_.clear(); }
  void act(const StartReading& action) { reading_[{action.partition, action.log}] = action.from; }
  void act(const StopReading& action) {
    std::erase_if(reading_, [&](const auto& r) { return r.first.first == action.partition; });
  }
  void act(const ReadEnds& action) {
    asked = action;
    if (!hold_ends) answer_ends();
  }
  void act(const Commit& action) {
    REQUIRE_FALSE(waiting.has_value());  // one transaction at a time
    waiting = action;
    if (!hold_commits) answer_commit();
  }
  void act(const ReadCommitted& action) {
    asked_committed = action;
    if (!hold_committed) answer_committed();
  }
  void act(const LoadCheckpoint& action) {
    loads_.erase(action.partition);
    loads_.try_emplace(action.partition, kafka_.store, action.partition);
  }
  void act(const StopLoading& action) { loads_.erase(action.partition); }
  void act(const StorePart& action) {
    parts.push_back(action);
    if (!hold_parts) answer_part();
  }
  void act(const Trim& action) {
    kafka_.log(action.partition, action.log).truncate_before(core::raw(action.needed_from));
  }
  void act(const Note&) {}
  void act(const Exit&) {}

  bool load_round() {
    bool busy = false;
    for (const auto partition : worker.loading()) {
      const auto page = hold_pages ? nullptr : loads_.at(partition).next();
      if (!page) continue;
      worker.load(partition, *page, now());
      perform();  // the next page may be of another attempt
      busy = true;
    }
    return busy;
  }
  bool replay_round() {
    bool busy = false;
    for (const auto& want : worker.replay_wants()) {
      REQUIRE(reading_.contains({want.partition, want.log}));
      core::Offset& position = reading_[{want.partition, want.log}];
      const FakeLog& log = kafka_.log(want.partition, want.log);
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
      if (!positions_.contains({partition, Log::kInput})) continue;
      if (!worker.extendable(partition)) continue;
      std::array<Portion, 2> portions;
      std::array<Fetched, 2> fetched;
      bool any = false;
      for (size_t i = 0; i < worker.logs(); ++i) {
        const size_t room = std::min(worker.room(), portion_max);
        if (room == 0) continue;
        const auto which = static_cast<Log>(i);
        core::Offset& position = positions_.at({partition, which});
        portions[i] = kafka_.log(partition, which).read(partition, position, room);
        fetched[i] = portions[i].fetched();
        if (core::raw(portions[i].next) < 0) continue;
        position = portions[i].next;
        any = true;
      }
      if (!any) continue;
      const auto taken = worker.apply(partition, std::span(fetched).first(worker.logs()), now());
      for (size_t i = 0; i < worker.logs(); ++i) {
        const auto& records = fetched[i].records;
        if (taken[i] < records.size())
          positions_.at({partition, static_cast<Log>(i)}) = records[taken[i]].offset;
        busy = busy || taken[i] > 0 || (records.empty() && core::raw(fetched[i].next) >= 0);
      }
    }
    worker.end_round(now());
    return busy;
  }

  std::map<std::pair<core::Partition, Log>, core::Offset> positions_;
  std::map<std::pair<core::Partition, Log>, core::Offset> reading_;
  std::map<core::Partition, FakeLoad> loads_;
  uint64_t request_ = 0;
};

// --- how actions look in a test's report

inline std::ostream& operator<<(std::ostream& out, core::Partition p) {
  return out << core::raw(p);
}
inline std::ostream& operator<<(std::ostream& out, core::Offset o) { return out << core::raw(o); }

inline const char* name(Log log) {
  if (log == Log::kJournal) return " journal";
  return log == Log::kInput ? " input" : " repartition";
}

inline std::string text(const Action& action) {
  std::ostringstream out;
  const auto list = [&out](const std::vector<core::Partition>& partitions) {
    for (const auto p : partitions) out << ' ' << core::raw(p);
  };
  if (std::holds_alternative<OpenProducer>(action)) out << "OpenProducer";
  if (const auto* a = std::get_if<Locate>(&action)) {
    out << "Locate #" << a->request;
    list(a->partitions);
  }
  if (const auto* a = std::get_if<Assign>(&action)) {
    out << "Assign";
    for (const auto& p : a->positions)
      out << ' ' << core::raw(p.partition) << name(p.log) << '@' << core::raw(p.offset);
  }
  if (std::holds_alternative<Unassign>(action)) out << "Unassign";
  if (const auto* a = std::get_if<StartReading>(&action)) {
    out << "StartReading " << core::raw(a->partition) << name(a->log) << " @" << core::raw(a->from);
  }
  if (const auto* a = std::get_if<StopReading>(&action))
    out << "StopReading " << core::raw(a->partition);
  if (const auto* a = std::get_if<ReadEnds>(&action)) {
    out << "ReadEnds #" << a->request << name(a->log);
    list(a->partitions);
  }
  if (const auto* a = std::get_if<ReadCommitted>(&action)) {
    out << "ReadCommitted #" << a->request;
    list(a->partitions);
  }
  if (const auto* a = std::get_if<LoadCheckpoint>(&action))
    out << "LoadCheckpoint " << core::raw(a->partition);
  if (const auto* a = std::get_if<StopLoading>(&action))
    out << "StopLoading " << core::raw(a->partition);
  if (const auto* a = std::get_if<StorePart>(&action)) out << "StorePart #" << a->request;
  if (const auto* a = std::get_if<Trim>(&action)) {
    out << "Trim " << core::raw(a->partition) << name(a->log) << '@' << core::raw(a->needed_from);
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

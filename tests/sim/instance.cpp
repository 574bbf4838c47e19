#include "instance.h"

#include "base/check.h"
#include "base/planted.h"

#include <algorithm>

namespace muster::sim {

using core::Partition;
using core::raw;
using runtime::ReplayLog;

namespace {

runtime::WorkerOptions worker_options(const Instance::Setup& setup) {
  runtime::WorkerOptions options;
  options.transactional_id = setup.transactional_id;
  options.shard = setup.limits;
  options.batch_records_max = setup.batch_records_max;
  options.trim_interval = setup.trim_interval;
  return options;
}

size_t index(Partition partition) { return static_cast<size_t>(raw(partition)); }

}  // namespace

Instance::Instance(Setup setup, Cluster& cluster, std::mt19937_64& random)
    : setup_(std::move(setup)),
      cluster_(cluster),
      random_(random),
      worker_(worker_options(setup_),
              [this] { return std::make_unique<collector::Processor>(setup_.options); }) {}

void Instance::round(int64_t wall_ms, int64_t now_ms) {
  if (exit_) return;
  wall_ms_ = std::max(wall_ms_, wall_ms);
  const core::Time wall = core::time_from_ms(wall_ms_);
  cluster_.heartbeat(setup_.name, now_ms);
  group(now_ms);
  // Entries older than the retention go, however little of them was needed later.
  for (; !trims_.empty() && trims_.front().first + kRetentionMs < wall_ms_; trims_.pop_front()) {
    const runtime::TrimJournal& trim = trims_.front().second;
    cluster_.journal[index(trim.partition)].truncate_before(raw(trim.needed_from));
  }
  for (uint32_t events = below(3); events > 0 && !inbox_.empty(); --events) {
    const runtime::Event event = std::move(inbox_.front());
    inbox_.pop_front();
    worker_.handle(event, wall);
  }
  worker_.on_time(wall);
  const auto act = [this] {
    for (auto actions = worker_.take_actions(); !actions.empty();
         actions = worker_.take_actions()) {
      for (const auto& action : actions) execute(action);
    }
  };
  act();
  if (exit_) return;
  replay_some();
  live_some(wall_ms_);
  act();
}

// --- the group

void Instance::group(int64_t now_ms) {
  if (!cluster_.is_member(setup_.name)) {
    if (generation_ >= 0) {  // thrown out: it learns of it now
      generation_ = -1;
      revoking_ = true;
      inbox_.push_back(runtime::Revoked{true});
    } else if (!revoking_) {
      cluster_.join(setup_.name, now_ms);
    }
    return;
  }
  if (cluster_.rebalancing()) {
    if (generation_ < 0 && !revoking_) cluster_.revoked(setup_.name);  // nothing in hand
    if (generation_ >= 0 && !revoking_) {
      revoking_ = true;
      generation_ = -1;
      inbox_.push_back(runtime::Revoked{false});
    }
    return;
  }
  if (generation_ == cluster_.generation() || revoking_) return;
  if (generation_ >= 0) {  // a generation was made without it: what it has is lost
    generation_ = -1;
    revoking_ = true;
    inbox_.push_back(runtime::Revoked{true});
    return;
  }
  generation_ = cluster_.generation();
  say("assigned in generation " + std::to_string(generation_));
  runtime::Assigned assigned;
  for (const int p : cluster_.assignment(setup_.name)) assigned.partitions.push_back(Partition{p});
  inbox_.push_back(std::move(assigned));
}

void Instance::execute(const runtime::Action& action) {
  if (std::holds_alternative<runtime::OpenProducer>(action)) {
    CHECK(!commit_);
    opening_ = true;
  } else if (const auto* locate = std::get_if<runtime::Locate>(&action)) {
    lookups_.push_back({true, locate->request, {}, locate->partitions, {}, false});
  } else if (const auto* assign = std::get_if<runtime::Assign>(&action)) {
    position_.clear();
    for (const auto& start : assign->positions) position_[start.partition] = raw(start.offset);
  } else if (std::holds_alternative<runtime::Unassign>(action)) {
    say("gives its partitions back");
    position_.clear();
    revoking_ = false;
    cluster_.revoked(setup_.name);
  } else if (const auto* start = std::get_if<runtime::StartReading>(&action)) {
    reading_[{start->partition, start->log}] = raw(start->from);
  } else if (const auto* stop = std::get_if<runtime::StopReading>(&action)) {
    reading_.erase({stop->partition, ReplayLog::kJournal});
    reading_.erase({stop->partition, ReplayLog::kInput});
  } else if (const auto* ends = std::get_if<runtime::ReadEnds>(&action)) {
    lookups_.push_back({false, 0, ends->at, ends->partitions, {}, false});
  } else if (const auto* trim = std::get_if<runtime::TrimJournal>(&action)) {
    trims_.push_back({wall_ms_, *trim});
  } else if (const auto* commit = std::get_if<runtime::Commit>(&action)) {
    CHECK(!commit_ && !opening_);
    commit_ = CommitJob{commit->batch, Stage::kBegin, generation_, {}};
  } else if (const auto* note = std::get_if<runtime::Note>(&action)) {
    say(note->text);
  } else if (const auto* exit = std::get_if<runtime::Exit>(&action)) {
    exit_ = *exit;
  }
}

// --- records

void Instance::replay_some() {
  for (const auto& want : worker_.replay_wants()) {
    const auto reading = reading_.find({want.partition, want.log});
    if (reading == reading_.end()) continue;
    const bool is_journal = want.log == ReplayLog::kJournal;
    const Log& log = is_journal ? cluster_.journal[index(want.partition)]
                                : cluster_.input[index(want.partition)];
    auto view =
        log.read(is_journal ? "journal" : "input", want.partition, reading->second, 1 + below(40));
    if (view.next < 0) continue;
    const runtime::Fetched fetched{view.records, core::Offset{view.next}};
    const size_t taken = worker_.replay(want, fetched);
    if (taken == view.records.size()) {
      reading->second = view.next;
    } else if (taken > 0) {
      reading->second = raw(view.records[taken - 1].offset) + 1;
    }
  }
}

void Instance::live_some(int64_t wall_ms) {
  if (!worker_.can_build()) return;
  if (worker_.committing() && below(2) == 0) return;
  for (const Partition partition : worker_.live_partitions()) {
    const auto position = position_.find(partition);
    if (position == position_.end() || worker_.room() == 0 || below(4) == 0) continue;
    auto view = cluster_.input[index(partition)].read(
        "input", partition, position->second, std::min<size_t>(worker_.room(), 1 + below(30)));
    if (view.next < 0) continue;
    position->second = view.next;
    worker_.apply(partition, {view.records, core::Offset{view.next}}, core::time_from_ms(wall_ms));
  }
  worker_.end_round(core::time_from_ms(wall_ms));
}

// --- the commit thread

void Instance::work(const Weather& weather, int64_t now_ms) {
  if (exit_) return;
  if (opening_) {
    if (const auto epoch = cluster_.init_producer(setup_.transactional_id)) {
      producer_epoch_ = *epoch;
      opening_ = false;
      inbox_.push_back(runtime::ProducerOpened{});
    }
  } else if (commit_) {
    commit_further(weather, now_ms);
  }
  if (!lookups_.empty()) lookup_further();
}

void Instance::say(const std::string& what) {
  notes_.push_back(std::to_string(wall_ms_) + " " + setup_.name + ": " + what);
}

void Instance::fail(const std::string& why) {
  say("commit fails: " + why);
  commit_.reset();
  // As the adapter does: what can be aborted is, before the producer goes.
  if (cluster_.current(setup_.transactional_id, producer_epoch_) &&
      cluster_.open_transaction(setup_.transactional_id)) {
    if (below(2) == 0) cluster_.end(setup_.transactional_id, producer_epoch_, false);
  }
  inbox_.push_back(runtime::Failed{{runtime::Remedy::kAbortAndRebuild, why, 1}});
}

void Instance::commit_further(const Weather& weather, int64_t now_ms) {
  CommitJob& job = *commit_;
  const std::string& id = setup_.transactional_id;
  switch (job.stage) {
    case Stage::kBegin:
      if (!cluster_.settled(id)) return;
      if (!cluster_.begin(id, producer_epoch_, now_ms)) return fail("fenced");
      job.stage = Stage::kProduce;
      return;
    case Stage::kProduce:
      if (!cluster_.current(id, producer_epoch_) || !cluster_.open_transaction(id))
        return fail("fenced");
      produce(now_ms);
      job.stage = Stage::kOffsets;
      return;
    case Stage::kOffsets: {
      std::map<int, CommittedOffset> offsets;
      for (const auto& commit : job.batch->offsets)
        offsets[raw(commit.partition)] = {raw(commit.next), commit.metadata};
      if (!cluster_.add_offsets(id, producer_epoch_, setup_.name, job.generation, offsets))
        return fail("refused offsets");
      job.stage = Stage::kEnd;
      return;
    }
    case Stage::kEnd: {
      const uint32_t dice = below(1000);
      if (dice < weather.lose_commit_request) return fail("commit timed out");
      if (dice < weather.lose_commit_request + weather.abort_commit) {
        cluster_.end(id, producer_epoch_, false);
        return fail("aborted");
      }
      const bool done = cluster_.end(id, producer_epoch_, true);
      if (!done) return fail("fenced");
      if (below(1000) < weather.lose_commit_answer) return fail("commit timed out, though done");
      for (const auto& offset : job.batch->offsets) {
        say("committed partition " + std::to_string(raw(offset.partition)) + " to " +
            std::to_string(raw(offset.next)) + " " + offset.metadata);
      }
      inbox_.push_back(runtime::Committed{std::move(job.journal_offsets)});
      commit_.reset();
      return;
    }
  }
}

void Instance::produce(int64_t now_ms) {
  CommitJob& job = *commit_;
  const TransactionPtr transaction = cluster_.open_transaction(setup_.transactional_id);
  size_t shard = 0;
  for (size_t i = 0; i < job.batch->outputs.size(); ++i) {
    const core::Output& output = job.batch->outputs[i];
    Entry entry{false, transaction, now_ms, std::nullopt, std::nullopt, now_ms};
    if (output.key) entry.key = std::string(*output.key);
    if (output.value) entry.value = std::string(*output.value);
    if (output.topic == core::TopicRole::kJournal) {
      CHECK(job.batch->shards[shard].journal_output == i);
      if (MUSTER_PLANTED(kJournalOutsideTransaction)) entry.transaction = nullptr;
      job.journal_offsets.push_back(core::Offset{
          cluster_.journal[index(job.batch->shards[shard].partition)].append(std::move(entry))});
      ++shard;
      continue;
    }
    const bool outcome = output.topic == core::TopicRole::kOutput;
    const Published published{output.partition ? raw(*output.partition) : -1, outcome,
                              entry.key.value_or(""), entry.value.value_or(""), now_ms};
    cluster_.published[cluster_.outputs.append(std::move(entry))] = published;
  }
}

// --- the lookup thread

void Instance::lookup_further() {
  LookupJob& job = lookups_.front();
  if (!job.locate) {
    runtime::EndsRead ends{job.at, {}};
    for (const Partition p : job.partitions) {
      const Log& log = cluster_.input[index(p)];
      ends.ends.push_back(
          {p, core::Offset{MUSTER_PLANTED(kEndIsLastStable) ? log.last_stable()
                                                            : log.high_watermark()}});
    }
    inbox_.push_back(std::move(ends));
    lookups_.pop_front();
    return;
  }
  if (!job.have_committed) {
    job.committed.clear();
    for (const Partition p : job.partitions) {
      const auto offsets = cluster_.committed(raw(p));
      if (!offsets.stable) return;  // asked again
      if (offsets.committed) job.committed[raw(p)] = *offsets.committed;
    }
    job.have_committed = true;
    return;
  }
  runtime::Located located;
  located.request = job.request;
  for (const Partition p : job.partitions) {
    runtime::Location location;
    location.partition = p;
    if (const auto offset = job.committed.find(raw(p)); offset != job.committed.end()) {
      location.committed = core::Offset{offset->second.offset};
      location.metadata = offset->second.metadata;
    }
    const Log& input = cluster_.input[index(p)];
    const Log& journal = cluster_.journal[index(p)];
    location.input = {core::Offset{input.begin()}, core::Offset{input.high_watermark()}};
    location.journal = {core::Offset{journal.begin()}, core::Offset{journal.high_watermark()}};
    say("located partition " + std::to_string(raw(p)) +
        (location.committed
             ? " at " + std::to_string(raw(*location.committed)) + " " + location.metadata
             : " nowhere"));
    located.locations.push_back(location);
    located.random.push_back(random_());
  }
  inbox_.push_back(std::move(located));
  lookups_.pop_front();
}

}  // namespace muster::sim

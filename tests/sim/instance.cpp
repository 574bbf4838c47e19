#include "instance.h"

#include "base/check.h"

#include <algorithm>
#include <array>

namespace muster::sim {

using core::Partition;
using core::raw;

namespace {

runtime::WorkerOptions worker_options(const Instance::Setup& setup) {
  runtime::WorkerOptions options;
  options.transactional_id = setup.transactional_id;
  options.input_topic = topic_name(runtime::Log::kInput);
  options.routing = setup.routing;
  options.shard = setup.limits;
  options.batch_records_max = setup.batch_records_max;
  options.trim_interval = setup.trim_interval;
  options.accept_loss = setup.accept_loss;
  options.checkpoints = setup.checkpoints;
  options.memory = setup.memory;
  return options;
}

}  // namespace

std::string_view topic_name(runtime::Log log) {
  constexpr std::array<std::string_view, 3> kNames = {"input", "repartition", "journal"};
  return kNames.at(static_cast<size_t>(log));
}

Counts& Counts::operator+=(const Counts& other) {
  batches += other.batches;
  failed_commits += other.failed_commits;
  forwarded += other.forwarded;
  refusals += other.refusals;
  resumed += other.resumed;
  fenced_writers += other.fenced_writers;
  accepted_losses += other.accepted_losses;
  checkpoints += other.checkpoints;
  checkpoints_loaded += other.checkpoints_loaded;
  checkpoints_void += other.checkpoints_void;
  held_back += other.held_back;
  return *this;
}

Instance::Instance(Setup setup, Cluster& cluster, Store& store, std::mt19937_64& random)
    : setup_(std::move(setup)),
      cluster_(cluster),
      store_(store),
      random_(random),
      worker_(worker_options(setup_),
              [this] { return std::make_unique<collector::Processor>(setup_.options); }) {}

Counts Instance::counts() const {
  Counts counts = counts_;
  counts.batches = worker_.totals().batches_committed;
  counts.failed_commits = worker_.totals().batches_failed;
  counts.checkpoints = worker_.checkpoint_totals().checkpoints;
  return counts;
}

std::vector<runtime::Log> Instance::input_logs() const {
  if (!setup_.routing) return {runtime::Log::kInput};
  return {runtime::Log::kInput, runtime::Log::kRepartition};
}

void Instance::say(const std::string& what) {
  notes_.push_back(std::to_string(wall_ms_) + " " + setup_.name + ": " + what);
}

void Instance::round(int64_t wall_ms, int64_t now_ms) {
  if (exit_) return;
  wall_ms_ = std::max(wall_ms_, wall_ms);
  const core::Time wall = core::time_from_ms(wall_ms_);
  cluster_.heartbeat(setup_.name, now_ms);
  group(now_ms);
  trim();
  for (uint32_t events = below(3); events > 0 && !inbox_.empty(); --events) {
    const runtime::Event event = std::move(inbox_.front());
    inbox_.pop_front();
    handle(event, wall);
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
  load_some();
  act();
  replay_some();
  live_some();
  worker_.write_checkpoints(wall);
  act();
}

void Instance::handle(const runtime::Event& event, core::Time wall) {
  const auto* located = std::get_if<runtime::Located>(&event);
  const auto live = [this](Partition p) { return worker_.shard(p) != nullptr; };
  std::vector<Partition> was_not_live;
  if (located != nullptr) {
    for (const auto& location : located->locations) {
      if (!live(location.partition)) was_not_live.push_back(location.partition);
    }
  }
  worker_.handle(event, wall);
  // Nothing was read for it in between, and it does not begin from nothing: it was kept.
  counts_.resumed += static_cast<uint64_t>(std::ranges::count_if(
      was_not_live, [&](Partition p) { return live(p) && raw(worker_.shard(p)->n()) > 0; }));
}

// Entries older than the retention go, however little of them was needed later.
void Instance::trim() {
  for (; !trims_.empty() && trims_.front().first + kRetentionMs < wall_ms_; trims_.pop_front()) {
    const runtime::Trim& trim = trims_.front().second;
    cluster_.log(trim.log, raw(trim.partition)).truncate_before(raw(trim.needed_from));
  }
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
    lookups_.push_back({*locate, {}, false});
  } else if (const auto* assign = std::get_if<runtime::Assign>(&action)) {
    position_.clear();
    for (const auto& start : assign->positions)
      position_[{start.partition, start.log}] = raw(start.offset);
  } else if (std::holds_alternative<runtime::Unassign>(action)) {
    say("gives its partitions back");
    position_.clear();
    revoking_ = false;
    cluster_.revoked(setup_.name);
  } else if (const auto* start = std::get_if<runtime::StartReading>(&action)) {
    reading_[{start->partition, start->log}] = raw(start->from);
  } else if (const auto* stop = std::get_if<runtime::StopReading>(&action)) {
    std::erase_if(reading_, [&](const auto& r) { return r.first.first == stop->partition; });
  } else if (const auto* ends = std::get_if<runtime::ReadEnds>(&action)) {
    lookups_.push_back({*ends, {}, false});
  } else if (const auto* committed = std::get_if<runtime::ReadCommitted>(&action)) {
    lookups_.push_back({*committed, {}, false});
  } else if (const auto* load = std::get_if<runtime::LoadCheckpoint>(&action)) {
    stop_loading(load->partition);
    store_jobs_.push_back(LoadJob{load->partition, {}, 0, {}});
  } else if (const auto* stop_load = std::get_if<runtime::StopLoading>(&action)) {
    stop_loading(stop_load->partition);
  } else if (const auto* part = std::get_if<runtime::StorePart>(&action)) {
    store_jobs_.push_back(StoreJob{*part});
  } else if (const auto* trim = std::get_if<runtime::Trim>(&action)) {
    trims_.push_back({wall_ms_, *trim});
  } else if (const auto* commit = std::get_if<runtime::Commit>(&action)) {
    CHECK(!commit_ && !opening_);
    commit_ = CommitJob{commit->batch, Stage::kBegin, generation_, {}};
  } else if (const auto* note = std::get_if<runtime::Note>(&action)) {
    execute(*note);
  } else if (const auto* exit = std::get_if<runtime::Exit>(&action)) {
    exit_ = *exit;
  }
}

void Instance::execute(const runtime::Note& note) {
  const auto says = [&note](const char* what) { return note.text.find(what) != std::string::npos; };
  if (says("Accepted: ")) ++counts_.accepted_losses;
  if (says("ids from a checkpoint")) ++counts_.checkpoints_loaded;
  if (says("no checkpoint (")) ++counts_.checkpoints_void;
  if (!says("is missing)") && !says("are missing)") && !says("is damaged)")) return say(note.text);
  // Unless somebody has written while it was read.
  const bool changed = std::ranges::any_of(
      heads_read_, [this](const auto& read) { return store_.of(read.first).head != read.second; });
  if (!store_.damaged && !changed)
    faults_.push_back("a checkpoint does not hold what it says: " + note.text);
  say(note.text);
}

// --- records

void Instance::load_some() {
  for (const Partition partition : worker_.loading()) {
    auto& pages = pages_[partition];
    if (pages.empty()) continue;
    const auto page = std::move(pages.front());
    pages.pop_front();
    worker_.load(partition, *page, core::time_from_ms(wall_ms_));
  }
}

void Instance::replay_some() {
  for (const auto& want : worker_.replay_wants()) {
    const auto reading = reading_.find({want.partition, want.log});
    if (reading == reading_.end()) continue;
    auto view = cluster_.log(want.log, raw(want.partition))
                    .read(topic_name(want.log), want.partition, reading->second, 1 + below(40));
    if (view.next < 0) continue;
    const size_t records = view.records.size();
    std::vector<int64_t> behind;  // what was forwarded is shown with its original offset afterwards
    for (const core::Record& record : view.records) behind.push_back(raw(record.offset) + 1);
    const size_t taken = worker_.replay(want, {view.records, core::Offset{view.next}});
    if (taken == records) {
      reading->second = view.next;
    } else if (taken > 0) {
      reading->second = behind[taken - 1];
    }
  }
}

void Instance::live_some() {
  if (!worker_.can_build()) return;
  if (worker_.committing() && below(2) == 0) return;
  for (const Partition partition : worker_.live_partitions()) {
    if (!worker_.extendable(partition)) continue;
    if (below(100) >= setup_.reading_speed->at(static_cast<size_t>(raw(partition)))) continue;
    std::vector<Log::View> views;
    if (!fetch_some(partition, views)) continue;
    std::vector<runtime::Fetched> fetched;
    for (auto& view : views) fetched.push_back({view.records, core::Offset{view.next}});
    std::vector<std::vector<int64_t>> offsets;  // forwarding shows others
    for (const auto& view : views) {
      auto& of_log = offsets.emplace_back();
      for (const core::Record& record : view.records) of_log.push_back(raw(record.offset));
    }
    const auto taken = worker_.apply(partition, fetched, core::time_from_ms(wall_ms_));
    for (size_t log = 0; log < views.size(); ++log) {
      if (taken[log] == offsets[log].size()) continue;
      position_[{partition, static_cast<runtime::Log>(log)}] = offsets[log][taken[log]];
      ++counts_.held_back;
    }
  }
  worker_.end_round(core::time_from_ms(wall_ms_), /*backlog=*/below(4) == 0);
}

// A small portion of each input log of the partition, or nothing of one. False: of none.
bool Instance::fetch_some(Partition partition, std::vector<Log::View>& views) {
  size_t room = worker_.room();
  bool any = false;
  for (const runtime::Log log : input_logs()) {
    auto& view = views.emplace_back();
    const auto position = position_.find({partition, log});
    if (position == position_.end() || room == 0 || below(5) == 0) continue;
    view = cluster_.log(log, raw(partition))
               .read(topic_name(log), partition, position->second,
                     std::min<size_t>(room, 1 + below(30)));
    if (view.next < 0) continue;
    position->second = view.next;
    room -= view.records.size();
    any = true;
  }
  return any;
}

}  // namespace muster::sim

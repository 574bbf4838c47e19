#include "redis/checkpoint_thread.h"

#include "base/log.h"

#include <utility>

namespace muster::redis {
namespace {

// So much is read ahead of the worker, per partition, and what one step brings on top.
constexpr size_t kAheadBytesMax = size_t{4} << 20;
constexpr size_t kEntryBytes = sizeof(core::Carried);

size_t bytes_of(const runtime::CheckpointPage& page) {
  return page.head.size() + page.closed.size() + page.bytes.bytes_used() +
         page.entries.size() * kEntryBytes;
}

PagePtr failed_page(std::string message) {
  auto page = std::make_unique<runtime::CheckpointPage>();
  page->kind = runtime::CheckpointPage::Kind::kFailed;
  page->message = std::move(message);
  return page;
}

}  // namespace

CheckpointThread::CheckpointThread(Settings settings, runtime::Mailbox& mailbox)
    : settings_(std::move(settings)),
      mailbox_(mailbox),
      link_(settings_, interrupter_, counters_.connected) {
  thread_ = std::thread([this] { run(); });
}

CheckpointThread::~CheckpointThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  interrupter_.interrupt();
  thread_.join();
}

void CheckpointThread::store(uint64_t request, const core::CheckpointPart& part) {
  {
    const std::lock_guard lock(mutex_);
    stores_.push_back({request, &part});
  }
  changed_.notify_one();
}

void CheckpointThread::load(core::Partition partition) {
  {
    const std::lock_guard lock(mutex_);
    Load& load = loads_[partition] = {};
    load.number = ++loads_begun_;
    load.asked_at = Link::Clock::now();
    load.reader = std::make_unique<CheckpointReader>(keys_of(settings_, partition));
  }
  changed_.notify_one();
}

PagePtr CheckpointThread::fetch(core::Partition partition) {
  PagePtr page;
  {
    const std::lock_guard lock(mutex_);
    const auto found = loads_.find(partition);
    if (found == loads_.end() || found->second.pages.empty()) return nullptr;
    Load& load = found->second;
    page = std::move(load.pages.front());
    load.pages.pop_front();
    load.bytes -= bytes_of(*page);
    if (load.ended && load.pages.empty()) loads_.erase(found);
  }
  changed_.notify_one();
  return page;
}

void CheckpointThread::stop(core::Partition partition) {
  const std::lock_guard lock(mutex_);
  loads_.erase(partition);
}

void CheckpointThread::run() {
  block_sigpipe_in_this_thread();
  while (true) {
    Work work = next();
    if (!work.store && !work.step) return;
    if (work.store) answer(*work.store);
    if (work.step) take(std::move(*work.step));
  }
}

CheckpointThread::Work CheckpointThread::next() {
  Work work;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (!stores_.empty()) {
      work.store = stores_.front();
      stores_.pop_front();
    }
    work.step = next_step();
    if (work.store || work.step) return work;
    changed_.wait(lock);
  }
  return {};
}

// Of the partitions whose worker has not enough to do, the next in turn.
std::optional<CheckpointThread::Step> CheckpointThread::next_step() {
  auto next = loads_.upper_bound(last_step_);
  for (size_t i = 0; i < loads_.size(); ++i, ++next) {
    if (next == loads_.end()) next = loads_.begin();
    auto& [partition, load] = *next;
    if (!load.reader || load.bytes >= kAheadBytesMax) continue;
    last_step_ = partition;
    return Step{partition, load.number, load.asked_at, std::move(load.reader)};
  }
  return std::nullopt;
}

// --- storing

void CheckpointThread::answer(const StoreJob& job) {
  const StoreAnswer answer = try_store(*job.part);
  say_refusal(answer);
  switch (answer.result) {
    case runtime::StoreResult::kDone:
      ++counters_.parts_written;
      break;
    case runtime::StoreResult::kOtherHead:
    case runtime::StoreResult::kNewerHead:
      ++counters_.parts_outdated;
      break;
    case runtime::StoreResult::kNotSent:
    case runtime::StoreResult::kUnknown:
      ++counters_.parts_failed;
      break;
  }
  mailbox_.post(runtime::CheckpointStored{job.request, answer.result, answer.message});
}

StoreAnswer CheckpointThread::try_store(const core::CheckpointPart& part) {
  bool idle = link_.connection() != nullptr;
  while (true) {
    Connection* connection = link_.open_after_pause();
    if (connection == nullptr) return {runtime::StoreResult::kNotSent, link_.problem()};
    const uint64_t bytes_before = connection->bytes_appended();
    const StoreAnswer answer = write_part(*connection, settings_, part);
    if (answer.result == runtime::StoreResult::kDone)
      counters_.bytes_written += connection->bytes_appended() - bytes_before;
    const bool stale =
        idle && connection->closed_by_server() && answer.result == runtime::StoreResult::kNotSent;
    if (!stale) {
      link_.used();
      return answer;
    }
    link_.drop();
    idle = false;
  }
}

void CheckpointThread::say_refusal(const StoreAnswer& answer) {
  const bool done = answer.result == runtime::StoreResult::kDone;
  if (!answer.refused && !done) return;
  const std::string refusal = done ? "" : answer.message;
  if (refusal == said_refusal_) return;
  const std::string redis = "Redis at " + settings_.url.address();
  if (done) {
    base::log_info(redis + " takes checkpoints again");
  } else {
    base::log_warn(redis + " takes no checkpoints: " + refusal);
  }
  said_refusal_ = refusal;
}

// --- loading

void CheckpointThread::take(Step step) {
  std::vector<PagePtr> pages = try_step(step);
  deliver(std::move(step), std::move(pages));
}

std::vector<PagePtr> CheckpointThread::try_step(Step& step) {
  bool idle = link_.connection() != nullptr;
  while (true) {
    // One attempt is enough for all who have asked before it failed.
    Connection* connection = link_.connection();
    if (connection == nullptr && !link_.failed_since(step.asked_at)) connection = link_.open_now();
    std::vector<PagePtr> pages;
    if (connection == nullptr) {
      pages.push_back(failed_page(link_.problem()));
      step.reader.reset();
      return pages;
    }
    const bool first = !step.reader->begun();
    pages = step.reader->step(*connection);
    const bool stale = idle && first && connection->closed_by_server();
    if (!stale) {
      link_.used();
      if (step.reader->ended()) step.reader.reset();
      return pages;
    }
    link_.drop();
    step.reader = std::make_unique<CheckpointReader>(keys_of(settings_, step.partition));
    idle = false;
  }
}

void CheckpointThread::count(const runtime::CheckpointPage& page) {
  counters_.entries_read += page.entries.size();
  if (page.kind == runtime::CheckpointPage::Kind::kFailed) ++counters_.loads_failed;
}

void CheckpointThread::deliver(Step step, std::vector<PagePtr> pages) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = loads_.find(step.partition);
    // Nobody wants it any more, or it was begun anew.
    if (found == loads_.end() || found->second.number != step.number) return;
    Load& load = found->second;
    load.reader = std::move(step.reader);
    load.ended = load.reader == nullptr;
    for (PagePtr& page : pages) {
      count(*page);
      load.bytes += bytes_of(*page);
      load.pages.push_back(std::move(page));
    }
  }
  if (!pages.empty()) mailbox_.wake();
}

}  // namespace muster::redis

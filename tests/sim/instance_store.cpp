// What the thread that talks to the store of checkpoints does.
#include "instance.h"

#include <algorithm>

namespace muster::sim {

using core::Partition;
using runtime::CheckpointPage;
using runtime::StoreResult;

void Instance::store_further(const Weather& weather) {
  auto& job = store_jobs_.front();
  if (auto* load = std::get_if<LoadJob>(&job)) {
    if (load_further(*load)) return;
  } else {
    const runtime::StorePart& part = std::get<StoreJob>(job).part;
    const StoreResult result = store(*part.part, weather);
    inbox_.push_back(runtime::CheckpointStored{part.request, result, "the store is away"});
  }
  store_jobs_.pop_front();
}

StoreResult Instance::store(const core::CheckpointPart& part, const Weather& weather) {
  if (!store_.reachable) return below(4) == 0 ? StoreResult::kUnknown : StoreResult::kNotSent;
  const uint32_t dice = below(1000);
  if (dice < weather.lose_store_request) return StoreResult::kUnknown;
  if (dice < weather.lose_store_request + weather.delay_store_request) {
    store_.write_later(part);
    return StoreResult::kUnknown;
  }
  const StoreResult result = store_.write(part);
  return below(1000) < weather.lose_store_answer ? StoreResult::kUnknown : result;
}

// Piece by piece, as others may go on writing.
bool Instance::load_further(LoadJob& job) {
  const Store::Kept& kept = store_.of(job.partition);
  if (!store_.reachable) {
    CheckpointPage page;
    page.kind = CheckpointPage::Kind::kFailed;
    page.message = "the store is away";
    return send_page(job.partition, std::move(page));
  }
  CheckpointPage page;
  if (!job.head) {
    job.head = kept.head;
    heads_read_[job.partition] = kept.head;
    page.kind = CheckpointPage::Kind::kHead;
    page.head = kept.head;
    send_page(job.partition, std::move(page));
    return !kept.head.empty();
  }
  const auto head = core::decode_checkpoint_head(*job.head);
  if (head && job.closed_read < head->closed.size()) {
    page.kind = CheckpointPage::Kind::kClosed;
    page.closed_number = head->closed[job.closed_read++];
    const auto closed = kept.closed.find(page.closed_number);
    if (closed == kept.closed.end()) return true;
    page.closed = closed->second;
    return send_page(job.partition, std::move(page));
  }
  auto entry =
      job.entries_read ? kept.entries.upper_bound(*job.entries_read) : kept.entries.begin();
  if (entry == kept.entries.end()) {
    page.kind =
        kept.head == *job.head ? CheckpointPage::Kind::kEnd : CheckpointPage::Kind::kChanged;
    return send_page(job.partition, std::move(page));
  }
  page.kind = CheckpointPage::Kind::kEntries;
  for (uint32_t n = 1 + below(20); n > 0 && entry != kept.entries.end(); --n, ++entry) {
    page.entries.push_back({page.bytes.copy(entry->first), page.bytes.copy(entry->second)});
    job.entries_read = entry->first;
  }
  return send_page(job.partition, std::move(page));
}

// Returns whether more pages follow.
bool Instance::send_page(Partition partition, CheckpointPage page) {
  const auto kind = page.kind;
  pages_[partition].push_back(std::make_unique<CheckpointPage>(std::move(page)));
  return kind == CheckpointPage::Kind::kClosed || kind == CheckpointPage::Kind::kEntries;
}

void Instance::stop_loading(Partition partition) {
  pages_.erase(partition);
  std::erase_if(store_jobs_, [partition](const auto& job) {
    const auto* load = std::get_if<LoadJob>(&job);
    return load != nullptr && load->partition == partition;
  });
}

}  // namespace muster::sim

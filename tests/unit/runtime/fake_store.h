// A store of checkpoints in memory, as the worker sees one through its port: it takes parts, and gives
// pages one at a time.
#pragma once

#include "kept_checkpoint.h"
#include "runtime/checkpoint_store.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace muster::runtime::test {

struct FakeStore {
  std::map<core::Partition, core::KeptCheckpoint> kept;
  bool away = false;
  size_t page_entries_max = 2;

  CheckpointStored write(uint64_t request, const core::CheckpointPart& part) {
    using Answer = core::KeptCheckpoint::Answer;
    if (away) return {request, StoreResult::kNotSent, "the store is away"};
    const Answer answer = kept[part.partition].write(part);
    if (answer == Answer::kWritten) return {request, StoreResult::kDone, ""};
    return {request,
            answer == Answer::kOtherHead ? StoreResult::kOtherHead : StoreResult::kNewerHead, ""};
  }
  std::string head(core::Partition partition) const {
    const auto found = kept.find(partition);
    return found == kept.end() ? "" : found->second.head;
  }
};

// One reading of a checkpoint: all that was there when it began, but the last page knows whether the
// head is still the same.
class FakeLoad {
 public:
  FakeLoad(FakeStore& store, core::Partition partition) : store_(store), partition_(partition) {
    const core::KeptCheckpoint kept = store.kept[partition];
    head_ = kept.head;
    add(CheckpointPage::Kind::kHead).head = kept.head;
    if (kept.head.empty()) return;
    if (const auto head = kept.decoded_head()) {
      for (const uint64_t number : head->closed) {
        const auto closed = kept.closed.find(number);
        if (closed == kept.closed.end()) continue;
        CheckpointPage& page = add(CheckpointPage::Kind::kClosed);
        page.closed_number = number;
        page.closed = closed->second;
      }
    }
    for (auto entry = kept.entries.begin(); entry != kept.entries.end();) {
      CheckpointPage& page = add(CheckpointPage::Kind::kEntries);
      for (; entry != kept.entries.end() && page.entries.size() < store.page_entries_max; ++entry)
        page.entries.push_back({page.bytes.copy(entry->first), page.bytes.copy(entry->second)});
    }
    add(CheckpointPage::Kind::kEnd);
  }

  // Null: nothing follows.
  std::unique_ptr<CheckpointPage> next() {
    if (pages_.empty()) return nullptr;
    auto page = std::move(pages_.front());
    pages_.pop_front();
    if (store_.away) {
      page->kind = CheckpointPage::Kind::kFailed;
      page->message = "the store is away";
      pages_.clear();
    } else if (page->kind == CheckpointPage::Kind::kEnd && store_.head(partition_) != head_) {
      page->kind = CheckpointPage::Kind::kChanged;
    }
    return page;
  }

 private:
  CheckpointPage& add(CheckpointPage::Kind kind) {
    pages_.push_back(std::make_unique<CheckpointPage>());
    pages_.back()->kind = kind;
    return *pages_.back();
  }

  FakeStore& store_;
  core::Partition partition_;
  std::string head_;
  std::deque<std::unique_ptr<CheckpointPage>> pages_;
};

}  // namespace muster::runtime::test

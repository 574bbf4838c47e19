#include "store.h"

#include <algorithm>

namespace muster::sim {

using runtime::StoreResult;

StoreResult Store::write(const core::CheckpointPart& part) {
  Kept& kept = kept_[part.partition];
  const auto there = core::decode_checkpoint_head(kept.head);
  if (there && there->epoch == part.epoch && there->n > part.n) return StoreResult::kNewerHead;
  if (part.builds_on.empty()) {
    kept = {};
  } else if (std::ranges::find(part.builds_on, kept.head) == part.builds_on.end()) {
    return StoreResult::kOtherHead;
  }
  for (const auto name : part.entries_left) kept.entries.erase(std::string(name));
  for (const core::Carried& entry : part.entries)
    kept.entries[std::string(entry.key)] = std::string(entry.state);
  for (const uint64_t number : part.closed_left) kept.closed.erase(number);
  if (part.closed_number) kept.closed[*part.closed_number] = part.closed;
  kept.head = part.head;
  return StoreResult::kDone;
}

void Store::write_later(const core::CheckpointPart& part) {
  auto late = std::make_unique<core::CheckpointPart>();
  late->partition = part.partition;
  late->builds_on = part.builds_on;
  late->head = part.head;
  late->epoch = part.epoch;
  late->n = part.n;
  for (const auto name : part.entries_left) late->entries_left.push_back(late->bytes.copy(name));
  for (const core::Carried& entry : part.entries)
    late->entries.push_back({late->bytes.copy(entry.key), late->bytes.copy(entry.state)});
  late->closed_left = part.closed_left;
  late->closed_number = part.closed_number;
  late->closed = part.closed;
  late_.push_back(std::move(late));
}

void Store::write_some_late(std::mt19937_64& random) {
  if (late_.empty()) return;
  const auto one = late_.begin() + static_cast<std::ptrdiff_t>(random() % late_.size());
  write(**one);
  late_.erase(one);
}

void Store::damage(std::mt19937_64& random) {
  const auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  if (kept_.empty()) return;
  damaged = true;
  Kept& kept = std::next(kept_.begin(), static_cast<std::ptrdiff_t>(below(kept_.size())))->second;
  std::string* bytes = &kept.head;
  const size_t which = below(4);
  if (which == 0 && !kept.entries.empty()) {
    auto entry = kept.entries.begin();
    std::advance(entry, below(kept.entries.size()));
    if (below(2) == 0) {
      kept.entries.erase(entry);
      return;
    }
    bytes = &entry->second;
  } else if (which == 1 && !kept.closed.empty()) {
    auto closed = kept.closed.begin();
    std::advance(closed, below(kept.closed.size()));
    if (below(2) == 0) {
      kept.closed.erase(closed);
      return;
    }
    bytes = &closed->second;
  } else if (which == 2) {
    kept.entries.clear();
    return;
  }
  if (!bytes->empty()) bytes->at(below(bytes->size())) ^= static_cast<char>(1 + below(255));
}

}  // namespace muster::sim

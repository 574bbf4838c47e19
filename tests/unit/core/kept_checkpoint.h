// What a store keeps of one checkpoint, and what it does with a part: all of it, or nothing.
#pragma once

#include "core/checkpoint.h"
#include "core/shard.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace muster::core {

struct KeptCheckpoint {
  enum class Answer { kWritten, kOtherHead, kNewerHead };

  std::string head;  // none: there is no checkpoint
  std::map<std::string, std::string> entries;
  std::map<uint64_t, std::string> closed;

  bool operator==(const KeptCheckpoint&) const = default;

  Answer write(const CheckpointPart& part) {
    const auto there = decode_checkpoint_head(head);
    if (there && there->epoch == part.epoch && there->n > part.n) return Answer::kNewerHead;
    if (part.builds_on.empty()) {
      *this = {};
    } else if (std::ranges::find(part.builds_on, head) == part.builds_on.end()) {
      return Answer::kOtherHead;
    }
    for (const auto name : part.entries_left) entries.erase(std::string(name));
    for (const Carried& entry : part.entries)
      entries[std::string(entry.key)] = std::string(entry.state);
    for (const uint64_t number : part.closed_left) closed.erase(number);
    if (part.closed_number) closed[*part.closed_number] = part.closed;
    head = part.head;
    return Answer::kWritten;
  }

  std::optional<CheckpointHead> decoded_head() const { return decode_checkpoint_head(head); }
  // To another one that can be read.
  void change_head(const std::function<void(CheckpointHead&)>& change) {
    CheckpointHead changed = decoded_head().value();
    change(changed);
    head = encode(changed);
  }
  // Into an empty shard, as a worker does it that knows that nothing of the journal is needed before
  // `needed_from`. False: void.
  [[nodiscard]] bool load(Shard& shard, Offset needed_from = {}) const {
    auto decoded = decoded_head();
    if (decoded) decoded->needed_journal = std::max(decoded->needed_journal, needed_from);
    if (!decoded || !shard.load_begin(*decoded, head)) return false;
    for (const uint64_t number : decoded->closed) {
      const auto found = closed.find(number);
      if (found != closed.end() && !shard.load_closed(number, found->second)) return false;
    }
    for (const auto& [name, value] : entries) {
      const Carried entry{name, value};
      if (!shard.load_entries({&entry, 1})) return false;
    }
    return shard.load_end();
  }
};

}  // namespace muster::core

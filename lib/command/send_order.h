// In which order dead letters are sent back while they are read in the order of their topic: those
// of one lane (one key) as their sources lay in the log. A letter that has to wait for one that is
// read later is held. Pure; one thread.
#pragma once

#include "core/types.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace muster::command {

class SendOrder {
 public:
  struct Item {
    uint64_t lane = 0;
    int64_t source = 0;     // its offset there
    core::Offset offset{};  // in the dead-letter topic
    core::Offset end{};     // of the next record there
  };

  void add(const Item& item) { items_.push_back(item); }
  // All are known.
  void close();
  const std::vector<Item>& items() const { return items_; }

  // This one was read: which can go now, in order; perhaps none, perhaps some that were held. An
  // offset that was not added: none.
  std::vector<Item> read(core::Offset offset);

 private:
  struct Place {
    size_t item = 0;
    bool read = false;
  };

  std::vector<Item> items_;                       // by lane, then by source
  std::unordered_map<int64_t, Place> by_offset_;  // in the dead-letter topic
  std::unordered_map<uint64_t, size_t> next_;     // of a lane: the item that goes next
};

}  // namespace muster::command

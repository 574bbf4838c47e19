#include "command/send_order.h"

#include "base/check.h"

#include <algorithm>
#include <tuple>

namespace muster::command {

void SendOrder::close() {
  std::ranges::sort(items_, {}, [](const Item& item) {
    return std::tuple(item.lane, item.source, core::raw(item.offset));
  });
  for (size_t i = 0; i < items_.size(); ++i) {
    by_offset_.emplace(core::raw(items_[i].offset), Place{i, false});
    next_.try_emplace(items_[i].lane, i);
  }
}

std::vector<SendOrder::Item> SendOrder::read(core::Offset offset) {
  std::vector<Item> ready;
  const auto found = by_offset_.find(core::raw(offset));
  if (found == by_offset_.end()) return ready;
  found->second.read = true;
  const uint64_t lane = items_[found->second.item].lane;
  size_t& next = next_.at(lane);
  while (next < items_.size() && items_[next].lane == lane &&
         by_offset_.at(core::raw(items_[next].offset)).read) {
    ready.push_back(items_[next++]);
  }
  return ready;
}

}  // namespace muster::command

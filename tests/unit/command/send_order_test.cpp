#include "command/send_order.h"

#include <doctest/doctest.h>

using namespace muster;
using command::SendOrder;
using core::Offset;

namespace {

std::vector<int64_t> read(SendOrder& order, int64_t offset) {
  std::vector<int64_t> offsets;
  for (const auto& item : order.read(Offset{offset})) offsets.push_back(core::raw(item.offset));
  return offsets;
}

using Offsets = std::vector<int64_t>;

}  // namespace

TEST_CASE("a letter waits for one of its key whose source lay before its own") {
  SendOrder order;
  order.add({1, 20, Offset{0}, Offset{1}});
  order.add({2, 5, Offset{1}, Offset{2}});
  order.add({1, 30, Offset{2}, Offset{3}});
  order.add({1, 10, Offset{3}, Offset{4}});
  order.add({1, 40, Offset{4}, Offset{5}});
  order.close();
  CHECK(read(order, 0) == Offsets{});
  CHECK(read(order, 1) == Offsets{1});  // another key waits for nobody
  CHECK(read(order, 2) == Offsets{});
  CHECK(read(order, 3) == Offsets{3, 0, 2});
  CHECK(read(order, 4) == Offsets{4});
}

TEST_CASE("two letters of one source go in the order in which they were written") {
  SendOrder order;
  order.add({1, 20, Offset{7}, Offset{8}});
  order.add({1, 20, Offset{4}, Offset{5}});
  order.close();
  CHECK(read(order, 4) == Offsets{4});
  CHECK(read(order, 5) == Offsets{});  // nobody asked for that one
  CHECK(read(order, 7) == Offsets{7});
}

// One walk over the groups of this process, partition by partition, slot by slot. A cursor says where
// the next request goes on: groups that are there all the while come up exactly once. Made on the
// server's thread, moved on by the workers'; only one of them at a time.
#pragma once

#include "admin/context.h"
#include "admin/groups.h"
#include "collector/view.h"
#include "http/message.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::admin {

// Opaque to clients. `life`: a slot means nothing in another life of the shard.
struct Cursor {
  core::Partition partition{};
  int64_t life = 0;  // 0: from the partition's beginning
  uint32_t slot = 0;

  bool operator==(const Cursor&) const = default;
};
std::string encode(const Cursor& cursor);
std::optional<Cursor> decode_cursor(std::string_view text);

struct ListQuery {
  collector::GroupFilter filter;
  size_t limit = kLimitDefault;
  std::optional<Cursor> cursor;
};
// Absent, and `wrong` says why.
std::optional<ListQuery> read_query(const http::Request& request, core::Time now,
                                    std::string& wrong);

void add_group_list(http::Router& router, const Context& context);

}  // namespace muster::admin

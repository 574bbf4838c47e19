// A worker that died in a transaction blocks its successors: the offsets that it was about to commit
// cannot be read, and nobody reads past what it wrote, until the broker times the transaction out
// (10 s, and up to 10 s more). But it has written its transactional id beside the offsets it
// committed last, and whoever opens a producer under that id ends what is open there. So a successor
// does, if the writer is not in the group any more. Blocking; the lookup thread's.
#pragma once

#include "kafka/handles.h"
#include "kafka/settings.h"

#include <optional>
#include <set>
#include <string>

namespace muster::kafka {

class DeadWriters {
 public:
  explicit DeadWriters(const Settings& settings) : settings_(settings) {}

  // `committed`: offsets with their metadata. A writer that is alive is left alone; what cannot be
  // found out or done is only said: the broker's timeout does it then.
  void fence(rd_kafka_s* client, const rd_kafka_topic_partition_list_s& committed);

 private:
  // The transactional ids of the group's members, as their client ids say (member_name.h).
  std::optional<std::set<std::string>> members(rd_kafka_s* client) const;
  void fence_one(const std::string& transactional_id) const;

  Settings settings_;
};

}  // namespace muster::kafka

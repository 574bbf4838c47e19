#include "kafka/dead_writers.h"

#include "base/log.h"
#include "core/commit_metadata.h"
#include "kafka/client.h"
#include "kafka/member_name.h"

#include <librdkafka/rdkafka.h>

namespace muster::kafka {
namespace {

constexpr int kCallTimeoutMs = 5'000;

}  // namespace

void DeadWriters::fence(rd_kafka_s* client, const rd_kafka_topic_partition_list_s& committed) {
  std::set<std::string> writers;
  for (int i = 0; i < committed.cnt; ++i) {
    const auto& entry = committed.elems[i];
    if (entry.metadata == nullptr) continue;
    const auto metadata = core::decode_commit_metadata(
        {static_cast<const char*>(entry.metadata), entry.metadata_size});
    if (metadata && metadata->transactional_id != settings_.transactional_id)
      writers.insert(metadata->transactional_id);
  }
  if (writers.empty()) return;
  const auto alive = members(client);
  if (!alive) return;
  for (const std::string& writer : writers) {
    if (!alive->contains(writer)) fence_one(writer);
  }
}

std::optional<std::set<std::string>> DeadWriters::members(rd_kafka_s* client) const {
  const QueueHandle queue(rd_kafka_queue_new(client));
  const char* group = settings_.group.c_str();
  rd_kafka_DescribeConsumerGroups(client, &group, 1, nullptr, queue.get());
  const EventHandle event(rd_kafka_queue_poll(queue.get(), kCallTimeoutMs));
  if (!event || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    log_complaint("members", std::string("cannot see who is in group ") + group + ": " +
                                 (event ? rd_kafka_event_error_string(event.get()) : "no answer"));
    return std::nullopt;
  }
  size_t count = 0;
  const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  std::set<std::string> ids;
  for (size_t i = 0; i < count; ++i) {
    if (rd_kafka_ConsumerGroupDescription_error(groups[i]) != nullptr) return std::nullopt;
    const size_t members = rd_kafka_ConsumerGroupDescription_member_count(groups[i]);
    for (size_t m = 0; m < members; ++m) {
      ids.insert(read_member_name(rd_kafka_MemberDescription_client_id(
                                      rd_kafka_ConsumerGroupDescription_member(groups[i], m)))
                     .transactional_id);
    }
  }
  return ids;
}

void DeadWriters::fence_one(const std::string& transactional_id) const {
  Settings dead = settings_;
  dead.transactional_id = transactional_id;
  const MadeClient made =
      make_client(make_conf(dead, ClientRole::kProducer), ClientRole::kProducer);
  if (!made.client) return;
  const ErrorHandle error(rd_kafka_init_transactions(made.client.get(), kCallTimeoutMs));
  if (error) {
    log_complaint("fence", "cannot end what " + transactional_id +
                               " left open: " + rd_kafka_error_string(error.get()));
    return;
  }
  base::log_info("ended what " + transactional_id + " left open: it is not in the group any more");
}

}  // namespace muster::kafka

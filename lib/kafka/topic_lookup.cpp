#include "kafka/topic_lookup.h"

#include <librdkafka/rdkafka.h>

namespace muster::kafka {

std::optional<bool> TopicLookup::exists(const std::string& name, int timeout_ms) {
  if (!client_) {
    client_ = make_client(make_conf(settings_, ClientRole::kAdmin), ClientRole::kAdmin).client;
    if (!client_) return std::nullopt;
  }
  const TopicHandle topic(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
  if (!topic) return false;  // no legal name
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(client_.get(), 0, topic.get(), &metadata, timeout_ms);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  const auto topic_code =
      metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  rd_kafka_metadata_destroy(metadata);
  if (topic_code == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  if (topic_code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
      topic_code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
      topic_code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
    return false;
  }
  return std::nullopt;
}

}  // namespace muster::kafka

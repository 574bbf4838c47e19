#include "kafka/topic_lookup.h"

#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

namespace muster::kafka {

TopicLookup::Found TopicLookup::look(const std::string& name, int timeout_ms) {
  if (!client_) {
    client_ = make_client(make_conf(settings_, ClientRole::kAdmin), ClientRole::kAdmin).client;
    if (!client_) return Found::kUnknown;
  }
  const TopicHandle topic(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
  if (!topic) return Found::kMissing;  // no legal name
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(client_.get(), 0, topic.get(), &metadata, timeout_ms);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return Found::kUnknown;
  const auto topic_code =
      metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  rd_kafka_metadata_destroy(metadata);
  switch (topic_code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Found::kThere;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return Found::kMissing;
    default:  // an open set
      return worth_asking_again(topic_code) ? Found::kUnknown : Found::kDenied;
  }
}

}  // namespace muster::kafka

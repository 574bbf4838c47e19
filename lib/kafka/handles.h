// Owners of librdkafka's C handles. The C header stays in the .cpp files. Destruction order
// matters: queues and topic objects go before the client that they belong to, so they are declared
// after it.
#pragma once

#include <memory>

struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;
struct rd_kafka_error_s;
struct rd_kafka_consumer_group_metadata_s;
struct rd_kafka_op_s;  // what the library calls an event

namespace muster::kafka {

// Closes nothing by itself: a consumer leaves its group by its own close().
struct DestroyClient {
  void operator()(rd_kafka_s* client) const;
};
struct DestroyConf {
  void operator()(rd_kafka_conf_s* conf) const;
};
struct DestroyQueue {
  void operator()(rd_kafka_queue_s* queue) const;
};
struct DestroyTopic {
  void operator()(rd_kafka_topic_s* topic) const;
};
struct DestroyPartitionList {
  void operator()(rd_kafka_topic_partition_list_s* list) const;
};
struct DestroyError {
  void operator()(rd_kafka_error_s* error) const;
};
struct DestroyEvent {
  void operator()(rd_kafka_op_s* event) const;
};
struct DestroyGroupMetadata {
  void operator()(rd_kafka_consumer_group_metadata_s* metadata) const;
};

using ClientHandle = std::unique_ptr<rd_kafka_s, DestroyClient>;
using ConfHandle = std::unique_ptr<rd_kafka_conf_s, DestroyConf>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_s, DestroyQueue>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_s, DestroyTopic>;
using PartitionListHandle = std::unique_ptr<rd_kafka_topic_partition_list_s, DestroyPartitionList>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_s, DestroyError>;
using EventHandle = std::unique_ptr<rd_kafka_op_s, DestroyEvent>;
using GroupMetadataHandle =
    std::unique_ptr<rd_kafka_consumer_group_metadata_s, DestroyGroupMetadata>;

}  // namespace muster::kafka

#include "kafka/handles.h"

#include <librdkafka/rdkafka.h>

namespace muster::kafka {

void DestroyClient::operator()(rd_kafka_s* client) const { rd_kafka_destroy(client); }
void DestroyConf::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }
void DestroyQueue::operator()(rd_kafka_queue_s* queue) const { rd_kafka_queue_destroy(queue); }
void DestroyTopic::operator()(rd_kafka_topic_s* topic) const { rd_kafka_topic_destroy(topic); }
void DestroyPartitionList::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}
void DestroyError::operator()(rd_kafka_error_s* error) const { rd_kafka_error_destroy(error); }
void DestroyEvent::operator()(rd_kafka_op_s* event) const { rd_kafka_event_destroy(event); }
void DestroyGroupMetadata::operator()(rd_kafka_consumer_group_metadata_s* metadata) const {
  rd_kafka_consumer_group_metadata_destroy(metadata);
}

}  // namespace muster::kafka

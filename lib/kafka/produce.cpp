#include "kafka/produce.h"

#include <librdkafka/rdkafka.h>

#include <array>

namespace muster::kafka {

ErrorHandle produce(rd_kafka_s* producer, rd_kafka_topic_s* topic, const core::Output& output,
                    Bytes bytes, void* opaque, const std::atomic<bool>* stop) {
  std::array<rd_kafka_vu_t, 8> args{};
  size_t count = 0;
  const auto add = [&args, &count ](rd_kafka_vtype_t type) -> auto& {
    args[count].vtype = type;
    return args[count++].u;
  };
  add(RD_KAFKA_VTYPE_RKT).rkt = topic;
  add(RD_KAFKA_VTYPE_PARTITION).i32 =
      output.partition ? core::raw(*output.partition) : RD_KAFKA_PARTITION_UA;
  add(RD_KAFKA_VTYPE_MSGFLAGS).i = bytes == Bytes::kCopied ? RD_KAFKA_MSG_F_COPY : 0;
  add(RD_KAFKA_VTYPE_OPAQUE).ptr = opaque;
  if (output.value) {
    auto& value = add(RD_KAFKA_VTYPE_VALUE).mem;
    value.ptr = const_cast<char*>(output.value->data());
    value.size = output.value->size();
  }
  if (output.key) {
    auto& key = add(RD_KAFKA_VTYPE_KEY).mem;
    key.ptr = const_cast<char*>(output.key->data());
    key.size = output.key->size();
  }
  if (output.timestamp) add(RD_KAFKA_VTYPE_TIMESTAMP).i64 = core::to_ms(*output.timestamp);
  rd_kafka_headers_t* headers = nullptr;
  if (!output.headers.empty()) {
    headers = rd_kafka_headers_new(output.headers.size());
    for (const core::Header& header : output.headers) {
      rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                          header.value ? header.value->data() : nullptr,
                          header.value ? static_cast<ssize_t>(header.value->size()) : 0);
    }
    add(RD_KAFKA_VTYPE_HEADERS).headers = headers;
  }
  while (true) {
    ErrorHandle error(rd_kafka_produceva(producer, args.data(), count));
    if (!error) return error;
    const bool full = rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (!full || (stop != nullptr && *stop)) {
      if (headers != nullptr) rd_kafka_headers_destroy(headers);
      return error;
    }
    rd_kafka_poll(producer, 10);
  }
}

}  // namespace muster::kafka

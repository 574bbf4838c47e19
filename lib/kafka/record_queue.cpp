#include "kafka/record_queue.h"

#include "base/check.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>

namespace muster::kafka {
namespace {

void read_headers(const void* source, std::vector<core::Header>& out) {
  rd_kafka_headers_t* headers = nullptr;
  const auto* message = static_cast<const rd_kafka_message_t*>(source);
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    core::Header header{name, std::nullopt};
    if (value != nullptr) header.value = std::string_view(static_cast<const char*>(value), size);
    out.push_back(header);
  }
}

core::Record to_record(const rd_kafka_message_t& message) {
  core::Record record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = core::Partition{message.partition};
  record.offset = core::Offset{message.offset};
  rd_kafka_timestamp_type_t type{};
  const int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp >= 0)
    record.timestamp = core::time_from_ms(timestamp);
  if (message.key != nullptr)
    record.key = std::string_view(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) {
    record.value = std::string_view(static_cast<const char*>(message.payload), message.len);
  }
  record.headers = core::LazyHeaders(&message, read_headers);
  return record;
}

}  // namespace

RecordQueue::RecordQueue(QueueHandle queue, int wake_fd, OnError on_error)
    : queue_(std::move(queue)), on_error_(std::move(on_error)) {
  const uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue_.get(), wake_fd, &one, sizeof one);
}

RecordQueue::~RecordQueue() {
  drop_messages();
  rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
}

void RecordQueue::drop_messages() {
  for (auto* message : messages_) rd_kafka_message_destroy(message);
  messages_.clear();
  records_.clear();
  consumed_ = 0;
  end_ = core::Offset{-1};
}

void RecordQueue::refill(size_t records_max) {
  drop_messages();
  messages_.resize(records_max);
  const ssize_t count =
      rd_kafka_consume_batch_queue(queue_.get(), 0, messages_.data(), records_max);
  messages_.resize(count > 0 ? static_cast<size_t>(count) : 0);
  for (const auto* message : messages_) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      records_.push_back(to_record(*message));
      end_ = core::Offset{-1};
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      end_ = core::Offset{message->offset};
    } else {
      on_error_(message->err, rd_kafka_message_errstr(message));
    }
  }
}

runtime::Fetched RecordQueue::fetch(size_t records_max) {
  CHECK(records_max > 0);
  if (consumed_ == records_.size()) refill(records_max);
  const size_t count = std::min(records_max, records_.size() - consumed_);
  runtime::Fetched fetched;
  fetched.records = std::span(records_).subspan(consumed_, count);
  const bool to_the_end = consumed_ + count == records_.size();
  if (to_the_end && core::raw(end_) >= 0) {
    fetched.next = end_;
  } else if (count > 0) {
    fetched.next = core::after(fetched.records.back().offset);
  }
  return fetched;
}

void RecordQueue::consume(size_t records) {
  CHECK(consumed_ + records <= records_.size());
  consumed_ += records;
}

void RecordQueue::put_back(size_t records) {
  CHECK(records <= consumed_);
  consumed_ -= records;
}

size_t RecordQueue::queued() const { return rd_kafka_queue_length(queue_.get()); }

}  // namespace muster::kafka

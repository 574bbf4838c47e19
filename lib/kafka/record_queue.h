// One partition's queue of fetched messages, as records. Messages are kept until they are consumed,
// so the records' views stay valid until then. Loop thread.
#pragma once

#include "kafka/handles.h"
#include "runtime/ports.h"

#include <functional>
#include <string>
#include <vector>

namespace muster::kafka {

class RecordQueue {
 public:
  // A message in the queue that is an error, not a record (the end of the partition is neither).
  using OnError = std::function<void(int error_code, const std::string& text)>;

  // `wake_fd` gets eight bytes when the empty queue gets an element.
  RecordQueue(QueueHandle queue, int wake_fd, OnError on_error);
  ~RecordQueue();
  RecordQueue(const RecordQueue&) = delete;
  RecordQueue& operator=(const RecordQueue&) = delete;

  runtime::Fetched fetch(size_t records_max);
  void consume(size_t records);
  // Of what was consumed since the last fetch, the last so many.
  void put_back(size_t records);
  size_t queued() const;
  rd_kafka_queue_s* handle() const { return queue_.get(); }

 private:
  void drop_messages();
  void refill(size_t records_max);

  QueueHandle queue_;
  OnError on_error_;
  std::vector<rd_kafka_message_s*> messages_;
  std::vector<core::Record> records_;
  size_t consumed_ = 0;
  core::Offset end_{-1};  // the end of the partition was met behind the last record, here
};

}  // namespace muster::kafka

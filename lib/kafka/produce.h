// Hands one output over to a producer. Thread: the producer's owner.
#pragma once

#include "core/batch.h"
#include "kafka/handles.h"

#include <atomic>

namespace muster::kafka {

// Who keeps the bytes of key and value until the delivery report.
enum class Bytes { kLent, kCopied };

// Null: it was handed over, and `opaque` comes with its delivery report. While the producer's queue is
// full its reports are served, until `stop`, if there is one.
[[nodiscard]] ErrorHandle produce(rd_kafka_s* producer, rd_kafka_topic_s* topic,
                                  const core::Output& output, Bytes bytes, void* opaque,
                                  const std::atomic<bool>* stop = nullptr);

}  // namespace muster::kafka

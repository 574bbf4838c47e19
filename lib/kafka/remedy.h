// The one place where librdkafka's errors are sorted, by what the caller must do.
#pragma once

#include "runtime/ports.h"

#include <string>

struct rd_kafka_error_s;

namespace muster::kafka {

// Of a transactional call. `what` was being done, e.g. "commit".
runtime::Failure classify_transactional(const rd_kafka_error_s* error, const std::string& what);
// Of a consumer, as its error code.
runtime::Failure classify_consumer(int error_code, const std::string& text,
                                   const std::string& instance);
// Of an output: the broker will never take it, or another that was sent in the same request.
bool refused_for_good(int error_code);
// Whether a question (offsets, metadata) may succeed when it is asked again.
bool worth_asking_again(int error_code);

}  // namespace muster::kafka

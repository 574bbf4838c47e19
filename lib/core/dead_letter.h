// A rejected record as it goes to the dead-letter topic: unchanged, with its headers, and with
// headers that say where it lay and what is wrong with it (the names are Kafka Connect's, KIP-298,
// so that existing tools read them).
#pragma once

#include "core/batch.h"

namespace muster::core {

// What the topic takes: a larger record goes as its first kTruncatedBytes with the header
// muster.truncated.
constexpr size_t kTruncatedBytes = size_t{64} << 10;

// `rejected` lies in `bytes`; so does the output. A timestamp later than `now` is not kept: brokers
// refuse timestamps from the future (KIP-1030), and one refused record would hold up the batch.
Output dead_letter(const Reject& rejected, Time now, size_t record_bytes_max, Arena& bytes);

}  // namespace muster::core

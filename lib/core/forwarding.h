// A record that arrived in a partition which is not its id's home goes to the home's partition of
// the repartition topic, in the transaction of the batch that read it. What it was is said in four
// headers behind its own, and everything later shows only that:
//
//   muster.origin.topic       muster.origin.partition
//   muster.origin.offset      muster.origin.timestamp    milliseconds; null: it had none
//
// The copy's own timestamp is the record's time as the forwarding batch saw it: never ahead of that
// batch's clock, so the broker takes it, and a wait in the repartition topic makes nobody late.
#pragma once

#include "core/batch.h"
#include "core/record.h"

namespace muster::core {

// `record.time` is set. Everything is copied into `bytes`.
Output forward(const Record& record, Partition home, Arena& bytes);

// Makes a record of the repartition topic what it was before; `headers` gets its own headers and
// has to live as long as the record. False: nobody forwarded this, the record is as it was.
[[nodiscard]] bool restore(Record& record, std::vector<Header>& headers);

// Takes the four off again.
void strip_origin(std::vector<Header>& headers);

}  // namespace muster::core

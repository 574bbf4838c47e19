// What Linux says about this process, under the names that all Prometheus clients use.
#pragma once

#include "metrics/exposition.h"

#include <vector>

namespace muster::admin {

void append_process_metrics(std::vector<metrics::Family>& families);

}  // namespace muster::admin

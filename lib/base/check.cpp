#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace muster::base {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "muster: bug: CHECK(%s) failed at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace muster::base

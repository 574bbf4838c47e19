#include "base/result.h"

#include <doctest/doctest.h>

#include <string>

using muster::base::Error;
using muster::base::Result;

TEST_CASE("a result is a value or what is wrong with it") {
  const Result<int> good = 7;
  const Result<int> bad = Error{"field", "no id"};
  CHECK(good.ok());
  CHECK(good.value() == 7);
  CHECK_FALSE(bad.ok());
  CHECK(bad.error() == Error{"field", "no id"});
}

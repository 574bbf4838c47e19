// Result<T>: a value, or what is wrong with the input in words and a code. Used where bad input is
// data (decoders, options). It never carries a failure of the world or a bug.
#pragma once

#include "base/check.h"

#include <string>
#include <utility>
#include <variant>

namespace muster::base {

struct Error {
  std::string code;     // short and stable, e.g. "json"; users match on it
  std::string message;  // one sentence for a person

  bool operator==(const Error&) const = default;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  T& value() {
    CHECK(ok());
    return std::get<T>(state_);
  }
  const T& value() const {
    CHECK(ok());
    return std::get<T>(state_);
  }
  const Error& error() const {
    CHECK(!ok());
    return std::get<Error>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

}  // namespace muster::base

// What should have been published beside what was: equal ones cancel each other out as they come,
// in whatever order, and what is left over differs. Pure; one thread.
#pragma once

#include "core/record.h"
#include "core/types.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace muster::command {

struct Difference {
  enum class Kind { kMissing, kExtra, kDifferent };
  Kind kind{};
  std::string key;
  std::string expected;         // the value; empty: extra
  std::string published;        // empty: missing
  core::BatchNumber n{};        // that should have published it
  core::Partition partition{};  // where it was published
  core::Offset offset{};
};
std::string_view name(Difference::Kind kind);

class Comparison {
 public:
  void expect(core::BatchNumber n, std::string_view key, std::string_view value,
              const std::vector<core::Header>& headers);
  // `inside`: it can only be of the range; another one may be of a batch just before or behind it,
  // and is no difference if nothing equals it.
  void publish(const core::Record& record, bool inside);

  uint64_t same() const { return same_; }
  // How many wait for what was published to be read.
  size_t waiting() const { return waiting_; }
  // What is left, by key.
  std::vector<Difference> differences() const;

 private:
  struct One {
    std::string value;
    std::string headers;
    core::BatchNumber n{};
    core::Partition partition{};
    core::Offset offset{};
    bool inside = true;

    bool same(const One& other) const { return value == other.value && headers == other.headers; }
  };
  struct Pair {
    std::vector<One> expected;
    std::vector<One> published;
  };
  void match(const std::string& key, One one, std::vector<One> Pair::*own,
             std::vector<One> Pair::*other);

  std::unordered_map<std::string, Pair> left_;
  uint64_t same_ = 0;
  size_t waiting_ = 0;
};

// A record's value is an outcome of the collector's.
bool is_outcome(std::string_view value);

}  // namespace muster::command

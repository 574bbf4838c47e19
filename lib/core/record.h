// One record of an input log, as a view: valid only during the call that it is handed to. Topic,
// partition, offset and timestamp are the original ones, also when the record was forwarded.
#pragma once

#include "core/types.h"

#include <optional>
#include <string_view>
#include <vector>

namespace muster::core {

struct Header {
  std::string_view name;
  std::optional<std::string_view> value;

  bool operator==(const Header&) const = default;
};

// Headers are read only when somebody asks: most records' never are, and reading them costs an
// allocation.
class LazyHeaders {
 public:
  using Read = void (*)(const void* source, std::vector<Header>& out);

  LazyHeaders() = default;
  LazyHeaders(const void* from, Read reader) : source_(from), read_(reader) {}
  // Over headers that the caller keeps alive.
  explicit LazyHeaders(const std::vector<Header>& headers)
      : source_(&headers), read_([](const void* source, std::vector<Header>& out) {
          out = *static_cast<const std::vector<Header>*>(source);
        }) {}

  // Appends nothing that was in `out` before; views live as long as the record.
  void read(std::vector<Header>& out) const {
    out.clear();
    if (read_ != nullptr) read_(source_, out);
  }

 private:
  const void* source_ = nullptr;
  Read read_ = nullptr;
};

struct Record {
  std::string_view topic;
  Partition partition{};
  Offset offset{};
  std::optional<Time> timestamp;  // as it lies in the log; absent: the producer gave none
  Time time{};  // the record time that counts: min(timestamp, the batch's wall clock)
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // absent: a tombstone
  LazyHeaders headers;
};

}  // namespace muster::core

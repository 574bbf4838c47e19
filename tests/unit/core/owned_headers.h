// Headers that a test's record keeps for itself, and those by which a forwarded record says what it
// was (core/forwarding.h), written by hand.
#pragma once

#include "core/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace muster::core {

struct OwnedHeaders {
  std::vector<std::pair<std::string, std::optional<std::string>>> list;

  // Valid as long as this stays where it is.
  LazyHeaders lazy() const {
    return {&list, [](const void* source, std::vector<Header>& out) {
              for (const auto& [name, value] : *static_cast<const decltype(list)*>(source))
                out.push_back({name, value});
            }};
  }
};

inline OwnedHeaders owned(const std::vector<Header>& views) {
  OwnedHeaders headers;
  for (const Header& view : views) {
    headers.list.emplace_back(view.name, std::nullopt);
    if (view.value) headers.list.back().second = std::string(*view.value);
  }
  return headers;
}

inline OwnedHeaders origin(const std::string& topic, int32_t partition, int64_t offset,
                           std::optional<int64_t> timestamp) {
  OwnedHeaders headers;
  headers.list = {{"muster.origin.topic", topic},
                  {"muster.origin.partition", std::to_string(partition)},
                  {"muster.origin.offset", std::to_string(offset)},
                  {"muster.origin.timestamp", std::nullopt}};
  if (timestamp) headers.list.back().second = std::to_string(*timestamp);
  return headers;
}

}  // namespace muster::core

// What is committed beside a shard's offsets, so that a successor knows which batch they belong to
// and where to begin. ASCII, under 200 bytes (Kafka limits it to 4096 characters and keeps only
// UTF-8):
//
//   m1 <epoch, 16 hex> <n> <origin> <journal offset> <transactional id>
//
// An empty or foreign text is not an error but a fact: the offsets are another program's, or an
// operator's reset.
#pragma once

#include "core/types.h"

#include <optional>
#include <string>
#include <string_view>

namespace muster::core {

struct CommitMetadata {
  Epoch epoch{};
  BatchNumber n{};               // the last batch that the offsets cover
  BatchNumber origin{};          // the oldest batch that recovery needs
  Offset journal_offset{};       // of the origin's entry, or before it
  std::string transactional_id;  // the writer's: a survivor can fence it at once

  bool operator==(const CommitMetadata&) const = default;
};

constexpr size_t kTransactionalIdBytesMax = 100;

std::string encode(const CommitMetadata& metadata);
[[nodiscard]] std::optional<CommitMetadata> decode_commit_metadata(std::string_view text);

}  // namespace muster::core

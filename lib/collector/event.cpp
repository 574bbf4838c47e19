#include "collector/event.h"

namespace muster::collector {

std::string_view name(RejectCode code) {
  switch (code) {
    case RejectCode::kJson:
      return "json";
    case RejectCode::kTombstone:
      return "tombstone";
    case RejectCode::kType:
      return "type";
    case RejectCode::kField:
      return "field";
    case RejectCode::kLimit:
      return "limit";
    case RejectCode::kTtl:
      return "ttl";
    case RejectCode::kConflict:
      return "conflict";
    case RejectCode::kUnexpected:
      return "unexpected";
    case RejectCode::kOrphan:
      return "orphan";
  }
  __builtin_unreachable();
}

std::optional<std::string_view> group_of(const Decoded& decoded) {
  if (const auto* done = std::get_if<EntityDone>(&decoded)) return done->group;
  if (const auto* create = std::get_if<Create>(&decoded)) return create->id;
  if (const auto* update = std::get_if<Update>(&decoded)) return update->group;
  if (const auto* cancel = std::get_if<Cancel>(&decoded)) return cancel->group;
  return std::nullopt;
}

}  // namespace muster::collector

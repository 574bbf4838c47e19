// An input taken apart into records, and events as texts that can be compared.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "collector/event.h"
#include "collector_run.h"

namespace muster::fuzz {

inline bool is_separator(char byte) {
  return byte == kNext || byte == kNextLater || byte == kNextOld;
}

// Calls take(separator in front, record) for each.
inline void for_each_record(std::string_view input,
                            const std::function<void(char, std::string_view)>& take) {
  char separator = kNext;
  for (;;) {
    const auto end = std::ranges::find_if(input, is_separator);
    const auto size = static_cast<size_t>(end - input.begin());
    take(separator, input.substr(0, size));
    if (end == input.end()) return;
    separator = *end;
    input.remove_prefix(size + 1);
  }
}

struct EventWriter {
  base::ByteWriter writer;

  void ids(std::span<const collector::ExpectedId> ids) {
    writer.varint(ids.size());
    for (const auto& id : ids) {
      writer.string(id.id);
      writer.string(id.ttl_text);
      writer.zigzag(id.ttl.count());
    }
  }
  void operator()(const collector::Create& create) {
    for (const auto text :
         {create.id, create.ttl_text, create.payload, create.handler, create.parent})
      writer.string(text);
    ids(create.expected);
    writer.zigzag(create.ttl.count());
    writer.u8(static_cast<uint8_t>(create.policy.kind));
    writer.varint(create.policy.count);
    writer.fixed64(create.content_hash);
  }
  void operator()(const collector::EntityDone& done) {
    for (const auto text : {done.entity, done.group, done.result, done.error}) writer.string(text);
  }
  void operator()(const collector::Update& update) {
    writer.string(update.group);
    ids(update.add);
    ids(update.remove);
    writer.zigzag(update.ttl ? update.ttl->count() : -1);
    writer.string(update.ttl_text);
  }
  void operator()(const collector::Cancel& cancel) {
    writer.string(cancel.group);
    writer.string(cancel.reason);
  }
  void operator()(const collector::Skipped&) {}
  void operator()(const collector::Rejected& rejected) {
    writer.u8(static_cast<uint8_t>(rejected.code));
    writer.string(rejected.message);
  }
};

inline std::string to_text(const collector::Decoded& event) {
  std::string text;
  text.push_back(static_cast<char>(event.index()));
  std::visit(EventWriter{base::ByteWriter(text)}, event);
  return text;
}

}  // namespace muster::fuzz

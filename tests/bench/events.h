// The records that the benches send: a Create with three expected ids and their Dones, padded to a
// size. An average record is 222 B, an outcome 330 B (DESIGN 7's were): senders and descriptions
// are what an outcome leaves out.
#pragma once

#include "base/check.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>

namespace muster::bench {

constexpr size_t kCreateBytes = 282;
constexpr size_t kDoneBytes = 202;
constexpr size_t kPayloadBytes = 100;
constexpr const char* kEntities[] = {"flight", "hotel", "car"};
constexpr size_t kDones = std::size(kEntities);

// The name of a group's entity, where a group has so many.
inline std::string entity_name(size_t entities, size_t number) {
  if (entities == kDones) return kEntities[number];
  char text[32];
  std::snprintf(text, sizeof text, "entity-%05zu", number);
  return text;
}

// `head` and `tail` with so many x between them that the whole has its size.
inline void pad(std::string& head, std::string_view tail, size_t bytes) {
  CHECK(head.size() + tail.size() <= bytes);
  head.append(bytes - head.size() - tail.size(), 'x');
  head.append(tail);
}

struct CreateShape {
  std::string_view ttl = "86400";
  std::string_view note = {};  // what the description begins with
  size_t payload_bytes = kPayloadBytes;
  size_t bytes = kCreateBytes;
  size_t entities = kDones;
};

// Both overwrite `value`.
inline void write_create(std::string& value, std::string_view id, const CreateShape& shape) {
  std::string payload = R"({"customer":"Ada","text":")";
  pad(payload, "\"}", shape.payload_bytes);
  value = R"({"type":"EventGroupCollectorCreate","id":")";
  value.append(id).append(R"(","expected":[)");
  for (size_t i = 0; i < shape.entities; ++i) {
    value.append(i == 0 ? "\"" : ",\"").append(entity_name(shape.entities, i)).append("\"");
  }
  value.append(R"(],"ttl":)").append(shape.ttl);
  value.append(R"(,"payload":)").append(payload);
  value.append(R"(,"description":")").append(shape.note);
  pad(value, "\"}", shape.bytes);
}

// `step` from 1 on: the group's first Done, its second ... A group begins with any of its entities.
struct DoneShape {
  uint64_t group = 0;
  size_t step = 1;
  std::string_view note = {};  // what the sender begins with
  size_t entities = kDones;
};

inline void write_done(std::string& value, std::string_view id, const DoneShape& shape) {
  value = R"({"type":"EventGroupCollectorEntityDone","id":")";
  value.append(entity_name(shape.entities, (shape.group + shape.step) % shape.entities));
  value.append(R"(","group":")").append(id);
  value.append(R"(","result":{"seat":)").append(std::to_string(shape.group % 1000));
  value.append(R"(},"sender":")").append(shape.note);
  pad(value, "\"}", kDoneBytes);
}

}  // namespace muster::bench

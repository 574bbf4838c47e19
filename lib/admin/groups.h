// GET /groups and GET /groups/{id}. What the worker keeps is read on its thread, a slice at a time;
// one request looks at kSlotsMax groups at most and gives a cursor to go on with.
#pragma once

#include "admin/context.h"
#include "collector/view.h"
#include "http/router.h"

#include <functional>
#include <optional>
#include <string>

namespace muster::admin {

constexpr size_t kLimitDefault = 50;
constexpr size_t kLimitMax = 1'000;
constexpr uint32_t kSlotsPerSlice = 2'000;
constexpr uint32_t kSlotsMax = 200'000;

void add_groups(http::Router& router, const Context& context);

// What is known of a group: on the worker's thread, or an answer for the client if it is not known
// here. `found` is called once: with the phase, if there is such a group.
struct Lookup {
  std::optional<http::Response> answer;  // it cannot be said here
  core::Partition partition{};
  std::optional<collector::Phase> phase;  // absent: unknown, or forgotten
  std::string json;                       // everything about it, an object
};
void look_up(const Context& context, const std::string& id,
             std::function<void(const Lookup&)> found);

// RFC 3339 in UTC, or seconds from `now` on.
std::optional<core::Time> parse_time(std::string_view text, core::Time now);

}  // namespace muster::admin

#include "admin/group_list.h"

#include "admin/partitions.h"
#include "base/json_text.h"
#include "collector/processor.h"
#include "http/router.h"
#include "runtime/worker.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace muster::admin {
namespace {

using core::raw;

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

core::Time wall_now() {
  return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
}

// Shared: it goes from thread to thread with the question that it asks next.
class Walk : public std::enable_shared_from_this<Walk> {
 public:
  Walk(const Context& context, ListQuery query, http::Reply reply)
      : context_(context), query_(std::move(query)), reply_(std::move(reply)) {}

  void begin() {
    if (query_.cursor) at_ = *query_.cursor;
    ask();
  }

 private:
  // Asks the worker of the first partition from at_ on that is live here.
  void ask() {
    const auto all = all_held(context_);
    const auto next = std::ranges::find_if(all, [this](const Held& one) {
      return one.seat.partition >= at_.partition && one.seat.phase == runtime::SeatPhase::kLive;
    });
    if (next == all.end()) return finish(std::nullopt);
    if (next->seat.partition != at_.partition) at_ = {next->seat.partition, 0, 0};
    const bool taken = next->worker->questions->ask(
        [self = shared_from_this()](const runtime::Worker& worker, core::Time now) {
          return self->slice(worker, now);
        });
    if (!taken) reply_(http::problem(503, "busy", "too many questions wait already; try again"));
  }

  // True: nothing more is wanted of this worker for now.
  bool slice(const runtime::Worker& worker, core::Time now) {
    const core::Shard* shard = worker.shard(at_.partition);
    const auto life = worker.live_since(at_.partition);
    const auto* processor =
        shard == nullptr ? nullptr : dynamic_cast<const collector::Processor*>(&shard->processor());
    const bool other_life = at_.life != 0 && life && at_.life != core::to_ms(*life);
    if (processor == nullptr || !life || other_life) {
      reply_(http::problem(410, "cursor-expired",
                           "the partition was given away or recovered meanwhile; begin anew "
                           "without the cursor",
                           "\"partition\":" + std::to_string(raw(at_.partition))));
      return true;
    }
    at_.life = core::to_ms(*life);
    const uint32_t slots = static_cast<uint32_t>(processor->slots());
    const uint32_t end = std::min(slots, at_.slot + kSlotsPerSlice);
    const size_t found_max = std::min(query_.limit, found_ + kFoundPerSlice);
    for (; at_.slot < end && found_ < found_max; ++at_.slot, ++examined_)
      take(processor->state(core::Slot{at_.slot}), now);
    const bool enough =
        found_ >= query_.limit || examined_ >= kSlotsMax || groups_.size() > kBytesMax;
    if (at_.slot < slots) {
      if (enough) finish(at_);
      return enough;
    }
    at_ = {core::Partition{raw(at_.partition) + 1}, 0, 0};
    if (enough) {
      finish(more_behind() ? std::optional(at_) : std::nullopt);
    } else {
      ask();
    }
    return true;
  }

  bool more_behind() const {
    return std::ranges::any_of(all_held(context_), [this](const Held& one) {
      return one.seat.partition >= at_.partition;
    });
  }

  void take(const collector::GroupState& state, core::Time now) {
    if (!collector::matches(state, query_.filter)) return;
    groups_ += found_ == 0 ? "{" : ",{";
    collector::append_summary(groups_, state, now);
    groups_ += ",\"partition\":" + std::to_string(raw(at_.partition)) + "}";
    ++found_;
  }

  void finish(std::optional<Cursor> next) {
    find_owners(context_, [self = shared_from_this(), next](const runtime::Owners& owners) {
      self->answer(next, owners);
    });
  }

  // What is not ours is said in every answer: nobody takes a part for the whole.
  void answer(std::optional<Cursor> next, const runtime::Owners& owners) {
    std::string here;
    std::string recovering_here;
    for (const Held& one : all_held(context_)) {
      const bool live = one.seat.phase == runtime::SeatPhase::kLive;
      std::string& list = live ? here : recovering_here;
      if (!list.empty()) list += ',';
      if (live) {
        list += std::to_string(raw(one.seat.partition));
      } else {
        list += '{';
        append_seat(list, one.seat);
        list += '}';
      }
    }
    const std::string rest =
        "\"recovering\":[" + recovering_here + "],\"elsewhere\":" + others_json(context_, owners);
    if (here.empty() && !recovering_here.empty())
      return reply_(
          http::problem(503, "recovering", "the partitions here are being recovered", rest));
    if (here.empty())
      return reply_(http::problem(421, "elsewhere", "this instance has no partition", rest));
    std::string body = "{\"groups\":[" + groups_ + "]";
    body += ",\"cursor\":" + (next ? base::json_string(encode(*next)) : std::string("null"));
    body += ",\"examined\":" + std::to_string(examined_);
    body += ",\"here\":[" + here + "]," + rest;
    if (!owners.error.empty()) body += ",\"elsewhereUnknown\":" + base::json_string(owners.error);
    reply_({200, "application/json", body + "}\n"});
  }

  static constexpr size_t kBytesMax = size_t{4} << 20;
  static constexpr size_t kFoundPerSlice = 50;  // a large group takes ten microseconds to count

  const Context& context_;
  const ListQuery query_;
  const http::Reply reply_;
  Cursor at_;
  std::string groups_;
  size_t found_ = 0;
  uint32_t examined_ = 0;
};

}  // namespace

std::string encode(const Cursor& cursor) {
  return std::to_string(raw(cursor.partition)) + "." + std::to_string(cursor.life) + "." +
         std::to_string(cursor.slot);
}

std::optional<Cursor> decode_cursor(std::string_view text) {
  const size_t first = text.find('.');
  const size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto partition = parse_number<int32_t>(text.substr(0, first));
  const auto life = parse_number<int64_t>(text.substr(first + 1, second - first - 1));
  const auto slot = parse_number<uint32_t>(text.substr(second + 1));
  if (!partition || !life || !slot || *partition < 0 || *life < 0) return std::nullopt;
  return Cursor{core::Partition{*partition}, *life, *slot};
}

std::optional<ListQuery> read_query(const http::Request& request, core::Time now,
                                    std::string& wrong) {
  ListQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "state") {
      query.filter.phase = collector::phase_named(value);
      if (!query.filter.phase && value != "any") wrong = "state: early, open, closed or any";
    } else if (name == "before") {
      query.filter.due_before = parse_time(value, now);
      if (!query.filter.due_before)
        wrong = "before: seconds from now on, or a time like 2026-07-17T23:38:21Z";
    } else if (name == "prefix") {
      query.filter.prefix = value;
    } else if (name == "limit") {
      const auto limit = parse_number<size_t>(value);
      if (!limit || *limit < 1 || *limit > kLimitMax)
        wrong = "limit: a number from 1 to " + std::to_string(kLimitMax);
      query.limit = limit.value_or(kLimitDefault);
    } else if (name == "cursor") {
      query.cursor = decode_cursor(value);
      if (!query.cursor) wrong = "cursor: as an answer before has given it";
    } else {
      wrong = "state, before, prefix, limit and cursor are known, not " + name;
    }
    if (!wrong.empty()) return std::nullopt;
  }
  return query;
}

void add_group_list(http::Router& router, const Context& context) {
  router.add("GET", "/groups", [&context](const http::Request& request, const http::Reply& reply) {
    std::string wrong;
    auto query = read_query(request, wall_now(), wrong);
    if (!query) return reply(http::problem(400, "query", wrong));
    std::make_shared<Walk>(context, std::move(*query), reply)->begin();
  });
}

}  // namespace muster::admin

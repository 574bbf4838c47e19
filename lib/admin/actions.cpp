#include "admin/actions.h"

#include "admin/groups.h"
#include "base/json_text.h"
#include "collector/decoder.h"
#include "http/bearer.h"

namespace muster::admin {
namespace {

using core::raw;

constexpr std::string_view kCancel = "EventGroupCollectorCancel";
constexpr std::string_view kUpdate = "EventGroupCollectorUpdate";

http::Response starting() {
  return http::problem(503, "starting", "the topics have not been seen yet; try again");
}

void send(const Context& context, core::Partition partition, std::string key, std::string value,
          const http::Reply& reply) {
  if (context.kafka == nullptr)
    return reply(http::problem(503, "no-kafka", "there is no connection to Kafka"));
  context.kafka->send(
      {partition, std::move(key), std::move(value)},
      [&context, partition, reply](const runtime::SentEvent& sent) {
        const std::string place = "\"topic\":" + base::json_string(context.topic) +
                                  ",\"partition\":" + std::to_string(raw(partition));
        if (sent.error.empty()) {
          reply({202, "application/json",
                 "{" + place + ",\"offset\":" + std::to_string(raw(sent.offset)) + "}\n"});
        } else if (sent.refused) {
          reply(http::problem(422, "refused", "Kafka refuses the event: " + sent.error, place));
        } else {
          const std::string fate =
              sent.uncertain ? "the event may be in the log all the same: look before you repeat it"
                             : "the event is not in the log";
          reply(http::problem(504, sent.uncertain ? "uncertain" : "not-sent",
                              sent.error + "; " + fate, place));
        }
      });
}

// The members of an object whose values are texts or numbers; nothing else is taken.
struct Wish {
  std::string name;
  std::string raw;   // a number, or the text with its quotes
  std::string text;  // of a text
};
std::optional<std::vector<Wish>> read_wishes(const std::string& body) {
  std::vector<Wish> wishes;
  if (body.empty()) return wishes;
  if (!collector::is_json(body)) return std::nullopt;
  std::string_view object = body;
  while (!object.empty() && object.front() != '{') {
    if (object.front() != ' ' && object.front() != '\n' && object.front() != '\t' &&
        object.front() != '\r') {
      return std::nullopt;
    }
    object.remove_prefix(1);
  }
  collector::for_each_member(object, [&wishes](std::string_view name, std::string_view value) {
    Wish wish{std::string(name), std::string(value), ""};
    if (value.starts_with('"')) {
      static_cast<void>(collector::unescape(value.substr(1, value.size() - 2), wish.text));
    }
    wishes.push_back(std::move(wish));
  });
  return wishes;
}

// What our own events look like is what anybody's are checked for: one place decides.
struct Checked {
  std::optional<http::Response> wrong;
  std::string group;
};
Checked check(const Context& context, const std::string& value) {
  collector::Decoder decoder;
  const collector::Decoded decoded = decoder.decode(value, context.collector);
  if (const auto* rejected = std::get_if<collector::Rejected>(&decoded)) {
    return {http::problem(422, name(rejected->code), rejected->message), ""};
  }
  const auto group = collector::group_of(decoded);
  if (!group) {
    return {http::problem(422, "type",
                          "\"type\" is not that of an event that the collector takes; "
                          "/schemas/ has them all"),
            ""};
  }
  return {std::nullopt, std::string(*group)};
}

void send_checked(const Context& context, std::string value, const http::Reply& reply) {
  const auto routing = context.routing();
  if (!routing) return reply(starting());
  Checked checked = check(context, value);
  if (checked.wrong) return reply(std::move(*checked.wrong));
  const core::Partition home = core::home_of(checked.group, *routing);
  send(context, home, std::move(checked.group), std::move(value), reply);
}

// Only of a group that is open here: what is sent for another one would end as a dead letter, and
// nobody would know why.
void change_open_group(const Context& context, const std::string& id, std::string event,
                       const http::Reply& reply) {
  if (!context.routing()) return reply(starting());
  if (Checked checked = check(context, event); checked.wrong)
    return reply(std::move(*checked.wrong));
  look_up(context, id, [&context, event = std::move(event), reply](const Lookup& lookup) {
    if (lookup.answer) return reply(*lookup.answer);
    const std::string where = "\"partition\":" + std::to_string(raw(lookup.partition));
    if (!lookup.phase)
      return reply(http::problem(404, "no-group", "no such group is open or remembered", where));
    if (*lookup.phase != collector::Phase::kOpen) {
      return reply(http::problem(409, "not-open",
                                 "the group is not open, but " + std::string(name(*lookup.phase)),
                                 where + ",\"state\":" + base::json_string(name(*lookup.phase))));
    }
    send_checked(context, event, reply);
  });
}

void cancel(const Context& context, const http::Request& request, const http::Reply& reply) {
  const auto wishes = read_wishes(request.body);
  std::string event = "{\"type\":" + base::json_string(kCancel) +
                      ",\"id\":" + base::json_string(request.captures[0]);
  for (const Wish& wish : wishes.value_or(std::vector<Wish>{{"?", "", ""}})) {
    if (wish.name != "reason" || !wish.raw.starts_with('"'))
      return reply(http::problem(400, "body", R"(expected {"reason":"..."}, or nothing)"));
    event += ",\"reason\":" + wish.raw;
  }
  change_open_group(context, request.captures[0], event + "}", reply);
}

void extend(const Context& context, const http::Request& request, const http::Reply& reply) {
  const auto wishes = read_wishes(request.body);
  if (!wishes || wishes->size() != 1 || wishes->front().name != "ttl" ||
      wishes->front().raw.find_first_not_of("0123456789.eE+") != std::string::npos) {
    return reply(
        http::problem(400, "body", R"(expected {"ttl":SECONDS}, which counts from now on)"));
  }
  change_open_group(context, request.captures[0],
                    "{\"type\":" + base::json_string(kUpdate) +
                        ",\"id\":" + base::json_string(request.captures[0]) +
                        ",\"ttl\":" + wishes->front().raw + "}",
                    reply);
}

}  // namespace

void add_actions(http::Router& router, const Context& context) {
  const auto add = [&router, &context](std::string_view path, auto act) {
    router.add("POST", path,
               [&context, act](const http::Request& request, const http::Reply& reply) {
                 if (auto refused = http::refusal(request, context.token))
                   return reply(std::move(*refused));
                 act(context, request, reply);
               });
  };
  add("/groups/{id}/cancel", cancel);
  add("/groups/{id}/extend", extend);
  add("/events", [](const Context& c, const http::Request& request, const http::Reply& reply) {
    send_checked(c, request.body, reply);
  });
}

}  // namespace muster::admin

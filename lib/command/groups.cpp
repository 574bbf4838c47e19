#include "command/groups.h"

#include "command/admin_client.h"
#include "command/json_reader.h"
#include "command/json_writer.h"
#include "command/text.h"
#include "http/client.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace muster::command {
namespace {

constexpr int64_t kLimitMax = 10'000'000;
constexpr int64_t kPageMax = 1'000;
constexpr size_t kIdCharactersMax = 60;

std::string answered(std::string_view group) {
  const std::string expected = json_text_of(group, "expected");
  if (expected.empty()) return "-";
  const std::string failed = json_text_of(group, "failed");
  std::string text = json_text_of(group, "done") + " of " + expected;
  if (!failed.empty() && failed != "0") text += ", " + failed + " failed";
  return text;
}

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

// The word for what is missing, said once; it makes the answer incomplete.
int say_missing(const std::vector<std::string>& missing, const Console& console) {
  for (const std::string& one : missing) console.note("not all: " + one);
  return missing.empty() ? kDone : kNo;
}

void write_missing(const std::vector<std::string>& missing, JsonWriter& json) {
  json.name("missing").array();
  for (const std::string& one : missing) json.text(one);
  json.end();
}

struct ListWish {
  std::string query;  // without limit and cursor
  size_t limit = 0;
};

// Where groups are within an instance's answers; pages until there are no more.
std::vector<std::string> collect(AdminClient& client, const ListWish& wish,
                                 const std::function<bool(std::string_view)>& take) {
  const std::string target =
      "/groups?limit=" +
      std::to_string(std::min<int64_t>(kPageMax, static_cast<int64_t>(wish.limit))) + wish.query;
  bool enough = false;
  return client.ask_all(target, [&](const AdminAddress& address, const AdminClient::Answer& first) {
    AdminClient::Answer answer = first;
    while (!enough) {
      for (const auto group : json_elements(json_member(answer.body, "groups").value_or(""))) {
        enough = enough || !take(group);
      }
      const std::string cursor = json_text_of(answer.body, "cursor");
      if (cursor.empty() || enough) return;
      answer =
          client.ask_one(address, {"GET", target + "&cursor=" + http::percent_encoded(cursor), ""});
      if (answer.status != 200) throw std::runtime_error(answer.from + ": " + problem_of(answer));
    }
  });
}

int list(Context& context) {
  config::Options& options = context.options;
  AdminClient client(options, context.console);
  ListWish wish;
  wish.query = "&state=" + options.one_of("state", {"open", "early", "closed", "any"});
  for (const char* name : {"before", "prefix"}) {
    if (const auto text = options.maybe_text(name))
      wish.query += "&" + std::string(name) + "=" + http::percent_encoded(*text);
  }
  wish.limit = static_cast<size_t>(options.integer("limit", 1, kLimitMax));
  if (!options.errors().empty()) return kUsage;
  const Console& console = context.console;
  Table table({"GROUP", "STATE", "ANSWERED", "AGE", "REMAINING", "DEADLINE", "PARTITION"});
  JsonWriter json;
  json.object().name("groups").array();
  size_t shown = 0;
  bool more = false;
  const auto missing = collect(client, wish, [&](std::string_view group) {
    more = shown == wish.limit;
    if (more) return false;
    ++shown;
    json.raw(group);
    table.add({printable(json_text_of(group, "id"), kIdCharactersMax), json_text_of(group, "state"),
               answered(group), or_dash(json_text_of(group, "age")),
               or_dash(json_text_of(group, "remaining")), or_dash(json_text_of(group, "deadline")),
               json_text_of(group, "partition")});
    return true;
  });
  json.end();
  write_missing(missing, json);
  if (console.json()) {
    console.line(json.end().take());
  } else if (!table.empty()) {
    table.print(console);
  }
  console.note(counted(shown, "group") + (more ? ", and more: --limit N shows them" : ""));
  return say_missing(missing, console);
}

// What is asked of one group.
std::string group_target(config::Options& options, std::string_view action) {
  const std::string id = options.text("group");
  if (id.empty()) options.add_error("--group: expected the group's id");
  return "/groups/" + http::percent_encoded(id) + std::string(action);
}

// Not there, or not any more; or the request is refused.
int refused(const AdminClient::Answer& answer, const Console& console) {
  if (answer.status != 404 && answer.status != 409)
    throw std::runtime_error(answer.from + ": " + problem_of(answer));
  console.note(problem_of(answer));
  return kNo;
}

int get(Context& context) {
  AdminClient client(context.options, context.console);
  const std::string target = group_target(context.options, "");
  if (!context.options.errors().empty()) return kUsage;
  const auto answer = client.ask({"GET", target, ""});
  if (answer.status != 200) return refused(answer, context.console);
  if (context.console.json()) {
    std::string_view body = answer.body;
    while (body.ends_with('\n')) body.remove_suffix(1);
    context.console.line(body);
    return kDone;
  }
  size_t width = 0;
  const auto members = json_members(answer.body);
  for (const auto& [name, value] : members) width = std::max(width, name.size());
  for (const auto& [name, value] : members) {
    context.console.line(name + std::string(width - name.size() + 2, ' ') +
                         printable(json_text(value), SIZE_MAX));
  }
  return kDone;
}

int change(Context& context, const std::string& target, std::string body) {
  AdminClient client(context.options, context.console);
  if (!context.options.errors().empty()) return kUsage;
  const auto answer = client.ask({"POST", target, std::move(body)});
  if (answer.status != 202) return refused(answer, context.console);
  if (context.console.json()) {
    std::string_view sent = answer.body;
    while (sent.ends_with('\n')) sent.remove_suffix(1);
    context.console.line(sent);
  } else {
    context.console.line("sent: it lies in " + json_text_of(answer.body, "topic") + "/" +
                         json_text_of(answer.body, "partition") + "/" +
                         json_text_of(answer.body, "offset"));
  }
  return kDone;
}

int cancel(Context& context) {
  const std::string target = group_target(context.options, "/cancel");
  JsonWriter body;
  body.object();
  if (const auto reason = context.options.maybe_text("reason")) body.member("reason", *reason);
  return change(context, target, body.end().take());
}

int extend(Context& context) {
  const std::string target = group_target(context.options, "/extend");
  // The server says what is too long; here it is only to be a number.
  const int64_t ttl_ms = context.options.seconds_as_ms("ttl", 1, int64_t{1} << 50);
  if (!context.options.maybe_text("ttl")) context.options.add_error("--ttl: expected seconds");
  JsonWriter body;
  std::string fraction = std::to_string(ttl_ms % 1000);
  body.object().name("ttl").raw(std::to_string(ttl_ms / 1000) + "." +
                                std::string(3 - fraction.size(), '0') + fraction);
  return change(context, target, body.end().take());
}

int partitions(Context& context) {
  AdminClient client(context.options, context.console);
  if (!context.options.errors().empty()) return kUsage;
  const Console& console = context.console;
  std::vector<std::pair<int64_t, std::vector<std::string>>> rows;
  JsonWriter json;
  json.object().name("partitions").array();
  const auto missing =
      client.ask_all("/partitions", [&](const AdminAddress&, const AdminClient::Answer& answer) {
        for (const auto seat : json_elements(json_member(answer.body, "here").value_or(""))) {
          json.object().member("instance", answer.from);
          for (const auto& [name, value] : json_members(seat)) json.name(name).raw(value);
          json.end();
          const std::string number = json_text_of(seat, "partition");
          rows.push_back({std::atoll(number.c_str()),
                          {number, json_text_of(seat, "state"), or_dash(json_text_of(seat, "open")),
                           or_dash(json_text_of(seat, "lag")), or_dash(json_text_of(seat, "clock")),
                           or_dash(json_text_of(seat, "nextDeadline")), answer.from}});
        }
      });
  json.end();
  write_missing(missing, json);
  if (console.json()) {
    console.line(json.end().take());
  } else {
    std::ranges::sort(rows);
    Table table({"PARTITION", "STATE", "OPEN", "LAG", "CLOCK", "NEXT DEADLINE", "INSTANCE"});
    for (auto& [number, row] : rows) table.add(std::move(row));
    table.print(console);
  }
  return say_missing(missing, console);
}

}  // namespace

std::vector<Command> group_commands() {
  const config::OptionSpec group{"group", "the group's id", "", "ID"};
  return {
      {"groups list", "lists the groups that are open, of all running collectors",
       with_admin(
           {{"state", "open, early, closed or any", "open", "STATE"},
            {"before", "only what times out before: seconds from now, or a time", "", "TIME"},
            {"prefix", "only ids that begin so", "", "TEXT"},
            {"limit", "show so many at most", "100", "N"}}),
       list},
      {"groups get", "shows one: what it expects, has and misses", with_admin({group}), get},
      {"groups cancel", "ends an open one with a Failure, code cancelled",
       with_admin({group, {"reason", "goes into the outcome", "", "TEXT"}}), cancel},
      {"groups extend", "gives an open one so many seconds from now on",
       with_admin({group, {"ttl", "seconds", "", "SECONDS"}}), extend},
      {"partitions", "says which collector has which partition, and how it stands", with_admin({}),
       partitions},
  };
}

}  // namespace muster::command

#include "command/dead_letters.h"

#include "command/letter_filter.h"
#include "command/letter_log.h"
#include "command/text.h"
#include "kafka/topic_name.h"

#include <map>

namespace muster::command {
namespace {

constexpr size_t kKeyCharactersMax = 40;
constexpr size_t kMessageCharactersMax = 100;
constexpr int64_t kLimitMax = 1'000'000'000;

std::string time_text(const Letter& letter) {
  return letter.time ? format_time(*letter.time) : "-";
}

void write_json(const Letter& letter, bool handled, bool whole, JsonWriter& json) {
  json.object().member("partition", raw(letter.partition)).member("offset", raw(letter.offset));
  if (letter.time) json.member("time", format_time(*letter.time));
  json.name("code")
      .text(printable(letter.code, SIZE_MAX))
      .name("message")
      .text(printable(letter.message, SIZE_MAX));
  json.name("source").object().bytes("topic", letter.source.topic);
  json.member("partition", letter.source.partition).member("offset", letter.source.offset).end();
  if (letter.key) {
    json.bytes("key", *letter.key);
  } else {
    json.name("key").null();
  }
  json.name("handled").boolean(handled);
  if (letter.truncated) json.member("truncated", *letter.truncated);
  if (whole) {
    json.name("headers").array();
    for (const core::Header& header : letter.headers) {
      json.object().bytes("name", header.name);
      if (header.value) {
        json.bytes("value", *header.value);
      } else {
        json.name("value").null();
      }
      json.end();
    }
    json.end();
    if (letter.value) {
      json.bytes("value", *letter.value);
    } else {
      json.name("value").null();
    }
  }
  json.end();
}

// One letter, a fact per line.
void write_text(const std::string& topic, const Letter& letter, bool handled,
                const Console& console) {
  const auto text = [](const std::optional<std::string_view>& bytes) {
    return bytes ? printable(*bytes, SIZE_MAX) : std::string("(none)");
  };
  console.line(topic + " partition " + std::to_string(raw(letter.partition)) + " offset " +
               std::to_string(raw(letter.offset)) + (handled ? "  (handled)" : ""));
  console.line("  code     " + std::string(letter.ours ? letter.code : "(not muster's)"));
  console.line("  why      " + printable(letter.message, SIZE_MAX));
  console.line("  from     " + place(letter.source));
  console.line("  time     " + time_text(letter));
  console.line("  key      " + text(letter.key));
  for (const core::Header& header : letter.headers)
    console.line("  header   " + printable(header.name, SIZE_MAX) + ": " + text(header.value));
  if (letter.truncated)
    console.line("  cut      of " + printable(*letter.truncated, 20) + " bytes only the first " +
                 std::to_string(letter.value.value_or("").size()) + " were kept");
  console.line("  value    " + text(letter.value));
}

std::string summary(const std::map<std::string, uint64_t>& codes, uint64_t handled) {
  uint64_t all = 0;
  std::string parts;
  for (const auto& [code, count] : codes) {
    all += count;
    parts += (parts.empty() ? "" : ", ") + (code.empty() ? "not muster's" : code) + " " +
             std::to_string(count);
  }
  std::string text = counted(all, "dead letter");
  if (!parts.empty()) text += ": " + parts;
  if (handled > 0) text += "; " + std::to_string(handled) + " sent back or dropped before";
  return text;
}

struct Listing {
  LetterFilter filter;
  bool show_handled = false;
  size_t limit = 0;
};

// Calls show(letter, handled) for those within the limit. Returns how many matched.
template <typename Show>
uint64_t scan(LetterLog& log, const Listing& listing, const Console& console, const Show& show) {
  const auto handled = log.read_handled();
  std::map<std::string, uint64_t> codes;
  uint64_t matched = 0;
  uint64_t handled_count = 0;
  for (const LetterLog::Stretch& stretch : log.stretches()) {
    log.read(stretch, [&](const Letter& letter) {
      if (!listing.filter.matches(letter)) return;
      const bool done = handled.at(letter.partition).contains(letter.offset);
      if (done) ++handled_count;
      if (done && !listing.show_handled) return;
      ++codes[std::string(letter.code)];
      if (matched++ < listing.limit) show(letter, done);
    });
  }
  console.note(summary(codes, handled_count));
  if (matched > listing.limit)
    console.note("shown are the first " + std::to_string(listing.limit) + ": --limit N shows more");
  return matched;
}

Listing read_listing(Context& context) {
  Listing listing;
  listing.filter = letter_filter(context.options, context.now);
  listing.show_handled = context.options.on("handled");
  listing.limit = static_cast<size_t>(context.options.integer("limit", 1, kLimitMax));
  return listing;
}

int list(Context& context) {
  const kafka::Settings settings = kafka_settings(context.options);
  const std::string topic = dead_letter_topic(context.options, settings);
  const Listing listing = read_listing(context);
  if (!context.options.errors().empty()) return kUsage;
  const Console& console = context.console;
  LetterLog log(settings, topic, console);
  Table table({"PARTITION", "OFFSET", "TIME", "CODE", "KEY", "FROM", "WHY"});
  JsonWriter json;
  json.object().name("dead_letters").array();
  const uint64_t matched = scan(log, listing, console, [&](const Letter& letter, bool handled) {
    if (console.json()) return write_json(letter, handled, false, json);
    table.add({std::to_string(raw(letter.partition)), std::to_string(raw(letter.offset)),
               time_text(letter), std::string(letter.ours ? letter.code : "-"),
               letter.key ? printable(*letter.key, kKeyCharactersMax) : "-", place(letter.source),
               (handled ? "(handled) " : "") + printable(letter.message, kMessageCharactersMax)});
  });
  json.end().member("matched", static_cast<int64_t>(matched)).end();
  if (console.json()) {
    console.line(json.take());
  } else if (!table.empty()) {
    table.print(console);
  }
  return kDone;
}

int show(Context& context) {
  const kafka::Settings settings = kafka_settings(context.options);
  const std::string topic = dead_letter_topic(context.options, settings);
  Listing listing = read_listing(context);
  if (!context.options.errors().empty()) return kUsage;
  const Console& console = context.console;
  LetterLog log(settings, topic, console);
  // Who names a place means what lies there.
  listing.show_handled = listing.show_handled || listing.filter.offset;
  JsonWriter json;
  json.object().name("dead_letters").array();
  const uint64_t matched = scan(log, listing, console, [&](const Letter& letter, bool handled) {
    if (console.json()) return write_json(letter, handled, true, json);
    write_text(topic, letter, handled, console);
  });
  json.end().member("matched", static_cast<int64_t>(matched)).end();
  if (console.json()) console.line(json.take());
  return matched > 0 ? kDone : kNo;
}

config::OptionSpec limit(const std::string& by_default) {
  return {"limit", "show so many at most", by_default, "N"};
}

}  // namespace

std::string place(const Source& source) {
  if (source.topic.empty()) return "-";
  std::string text = printable(source.topic, SIZE_MAX);
  if (source.partition >= 0)
    text += "/" + std::to_string(source.partition) + "/" + std::to_string(source.offset);
  return text;
}

std::string dead_letter_topic(config::Options& options, const kafka::Settings& settings) {
  const auto given = options.maybe_text("dead-letter-topic");
  if (given && !kafka::is_topic_name(*given)) options.wrong("dead-letter-topic", "a topic's name");
  return given.value_or(settings.topics.dead_letter);
}

std::vector<Command> dead_letter_commands() {
  const config::OptionSpec handled{"handled", "also what was sent back or dropped before", "", ""};
  return {
      {"dead-letters list", "lists what the collector could not take",
       with_letter_filter({handled, limit("100")}), list},
      {"dead-letters show", "shows it whole, with why, headers and value",
       with_letter_filter({handled, limit("10")}), show},
      {"dead-letters redrive", "sends it back to where it came from, once, in the order of its key",
       with_letter_filter(
           {{"dry-run", "only say what would be sent", "", ""},
            {"new-time", "with the present time; else with the time that the record had", "", ""},
            {"partitioner", "where an undelivered outcome's key lives: murmur2 or crc32", "murmur2",
             "NAME"},
            {"batch", "so many in one transaction", "1000", "N"}}),
       redrive},
      {"dead-letters drop", "marks it as dealt with: it is neither listed nor sent any more",
       with_letter_filter({{"dry-run", "only say what would be dropped", "", ""},
                           {"all", "all there is; else a filter is asked for", "", ""}}),
       drop},
  };
}

}  // namespace muster::command

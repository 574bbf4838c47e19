// muster dead-letters redrive and drop. Twice over the topic: first to learn what is meant and
// whether it can be sent, then to send it. Each transaction holds some records and, behind them,
// what is dealt with now; whoever is killed and runs again begins with what that says.
#include "command/dead_letters.h"
#include "command/letter_filter.h"
#include "command/letter_log.h"
#include "command/send_order.h"
#include "command/text.h"
#include "kafka/internal_names.h"
#include "kafka/tool_producer.h"
#include "kafka/topic_name.h"
#include "kafka/topics.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>

namespace muster::command {
namespace {

constexpr size_t kBatchBytesMax = size_t{4} << 20;
constexpr size_t kKeyCharactersMax = 40;

struct Wishes {
  LetterFilter filter;
  bool dry_run = false;
  bool new_time = false;
  size_t batch = 1'000;
};

// A letter's record in memory of its own, as it is sent.
struct Kept {
  std::unique_ptr<std::string> bytes;  // the views below point into it
  core::Output record;
};

Kept keep(const Letter& letter, const std::string& topic, std::optional<core::Partition> partition,
          bool new_time) {
  Kept kept{std::make_unique<std::string>(), {}};
  size_t size = topic.size();
  for (const auto& part : {letter.key, letter.value}) size += part.value_or("").size();
  for (const core::Header& header : letter.headers)
    size += header.name.size() + header.value.value_or("").size();
  kept.bytes->reserve(size + 1);  // it must not move
  const auto copy = [&bytes = *kept.bytes](std::string_view text) {
    const size_t at = bytes.size();
    bytes += text;
    return std::string_view(bytes.data() + at, text.size());
  };
  core::Output& record = kept.record;
  record.topic = core::TopicRole::kNamed;
  record.topic_name = copy(topic);
  record.partition = partition;
  if (letter.key) record.key = copy(*letter.key);
  if (letter.value) record.value = copy(*letter.value);
  if (!new_time) record.timestamp = letter.time;
  for (const core::Header& header : letter.headers) {
    core::Header& own = record.headers.emplace_back(core::Header{copy(header.name), std::nullopt});
    if (header.value) own.value = copy(*header.value);
  }
  return kept;
}

// What is meant of one partition.
struct Selected {
  LetterLog::Stretch stretch;
  Handled handled;  // before
  SendOrder order;
  std::map<int64_t, Destination> destinations;  // by offset
};

struct Skipped {
  core::Partition partition{};
  core::Offset offset{};
  std::string obstacle;
};

// Offsets without a record belong to the record before them.
void add_gap(Handled& handled, std::optional<core::Offset> before, core::Offset next) {
  const core::Offset from = before ? core::after(*before) : core::Offset{0};
  if (!before || handled.contains(*before)) handled.add(from, next);
}

class Redrive {
 public:
  Redrive(Context& context, const kafka::Settings& settings, const std::string& topic,
          Wishes wishes, bool send)
      : console_(context.console),
        settings_(settings),
        wishes_(std::move(wishes)),
        send_(send),
        handled_topic_(kafka::handled_topic(topic)),
        log_(settings, topic, console_) {}

  int run();

 private:
  void open();
  void select(const LetterLog::Stretch& stretch, Handled handled);
  void check_room(const Selected& selected) const;
  void check_destinations();
  void say_plan();
  void deal_with(Selected& selected);
  void transact(Selected& selected, std::vector<Kept>& letters, size_t& bytes);
  int report();

  const Console& console_;
  kafka::Settings settings_;
  Wishes wishes_;
  bool send_;
  std::string handled_topic_;
  LetterLog log_;
  std::optional<kafka::ToolProducer> producer_;
  std::vector<Selected> selected_;
  std::vector<Skipped> skipped_;
  std::map<std::string, uint64_t> counts_;  // by destination
  uint64_t planned_ = 0;
  uint64_t done_ = 0;
};

// The producer comes first: from then on nobody else deals with letters of this topic, and what a
// predecessor had under way has happened, or not.
void Redrive::open() {
  if (!kafka::is_topic_name(handled_topic_))
    throw std::runtime_error("the dead-letter topic's name is too long for the topic " +
                             handled_topic_);
  if (!kafka::find_topics(settings_, {handled_topic_}).contains(handled_topic_))
    kafka::make_compacted_topic(settings_, handled_topic_);
  kafka::Settings settings = settings_;
  settings.transactional_id = handled_topic_;
  producer_.emplace(settings);
}

void Redrive::select(const LetterLog::Stretch& stretch, Handled handled) {
  Selected selected;
  selected.stretch = stretch;
  selected.handled = std::move(handled);
  std::optional<core::Offset> before;
  std::optional<SendOrder::Item> item;  // whose end is not known yet
  const auto end_at = [&](core::Offset next) {
    add_gap(selected.handled, before, next);
    if (!item) return;
    item->end = next;
    selected.order.add(*item);
    item.reset();
  };
  log_.read(stretch, [&](const Letter& letter) {
    end_at(letter.offset);
    before = letter.offset;
    if (selected.handled.contains(letter.offset) || !wishes_.filter.matches(letter)) return;
    Destination to = destination(letter);
    if (send_ && to.topic.empty())
      return skipped_.push_back({letter.partition, letter.offset, std::move(to.obstacle)});
    item = SendOrder::Item{lane(letter), letter.source.offset, letter.offset, {}};
    selected.destinations.emplace(raw(letter.offset), std::move(to));
  });
  end_at(stretch.end);
  selected.order.close();
  check_room(selected);
  planned_ += selected.order.items().size();
  selected_.push_back(std::move(selected));
}

void Redrive::check_room(const Selected& selected) const {
  Handled after = selected.handled;
  for (const auto& item : selected.order.items()) after.add(item.offset, item.end);
  if (after.encode().size() <= Handled::kBytesMax) return;
  throw std::runtime_error("partition " + std::to_string(raw(selected.stretch.partition)) + " of " +
                           log_.topic() + ": it would be dealt with in " +
                           std::to_string(after.ranges()) +
                           " pieces, more than can be remembered. Take --offset with fewer, or "
                           "drop those between them");
}

// Before anything is sent: a topic that is gone would stop us in the middle.
void Redrive::check_destinations() {
  std::set<std::string> names;
  for (const Selected& selected : selected_) {
    for (const auto& [offset, to] : selected.destinations) names.insert(to.topic);
  }
  const auto found = kafka::find_topics(settings_, {names.begin(), names.end()});
  for (const Selected& selected : selected_) {
    for (const auto& [offset, to] : selected.destinations) {
      const auto topic = found.find(to.topic);
      if (topic != found.end() && (!to.partition || raw(*to.partition) < topic->second)) continue;
      const std::string partition =
          topic == found.end() ? "" : " partition " + std::to_string(raw(*to.partition)) + " of";
      throw std::runtime_error("partition " + std::to_string(raw(selected.stretch.partition)) +
                               " offset " + std::to_string(offset) + " would go to" + partition +
                               " topic " + to.topic +
                               ", which does not exist. Nothing was sent. Make it, or leave these "
                               "out by --code, --source-topic or --offset");
    }
  }
}

void Redrive::say_plan() {
  Table table({"PARTITION", "OFFSET", "CODE", "KEY", "TO"});
  JsonWriter json;
  json.object().name("dead_letters").array();
  for (Selected& selected : selected_) {
    std::map<int64_t, std::vector<std::string>> rows;
    log_.read(selected.stretch, [&](const Letter& letter) {
      const auto to = selected.destinations.find(raw(letter.offset));
      if (to == selected.destinations.end()) return;
      std::string where = "-";
      if (send_) where = to->second.topic;
      if (send_ && to->second.partition) where += "/" + std::to_string(raw(*to->second.partition));
      rows[raw(letter.offset)] = {std::to_string(raw(letter.partition)),
                                  std::to_string(raw(letter.offset)), std::string(letter.code),
                                  letter.key ? printable(*letter.key, kKeyCharactersMax) : "-",
                                  where};
      for (const auto& item : selected.order.read(letter.offset)) {
        const auto& row = rows.at(raw(item.offset));
        table.add(row);
        json.object().member("partition", raw(letter.partition)).member("offset", raw(item.offset));
        json.member("code", row[2]).member("to", row[4]).end();
        rows.erase(raw(item.offset));
      }
    });
  }
  json.end().end();
  if (console_.json()) {
    console_.line(json.take());
  } else if (!table.empty()) {
    table.print(console_);
  }
  console_.note(counted(planned_, "dead letter") + " would be " + (send_ ? "sent" : "dropped"));
}

void Redrive::deal_with(Selected& selected) {
  std::map<int64_t, Kept> waiting;
  std::vector<Kept> letters;
  size_t bytes = 0;
  size_t in_batch = 0;
  log_.read(selected.stretch, [&](const Letter& letter) {
    const auto to = selected.destinations.find(raw(letter.offset));
    if (to == selected.destinations.end()) return;
    if (send_)
      waiting.emplace(raw(letter.offset),
                      keep(letter, to->second.topic, to->second.partition, wishes_.new_time));
    for (const auto& item : selected.order.read(letter.offset)) {
      selected.handled.add(item.offset, item.end);
      ++in_batch;
      if (send_) {
        auto kept = waiting.extract(raw(item.offset));
        bytes += kept.mapped().bytes->size();
        letters.push_back(std::move(kept.mapped()));
      }
      const Destination& there = selected.destinations.at(raw(item.offset));
      ++counts_[there.topic + (there.partition ? "/" + std::to_string(raw(*there.partition)) : "")];
      if (send_ && (in_batch >= wishes_.batch || bytes >= kBatchBytesMax)) {
        transact(selected, letters, bytes);
        in_batch = 0;
      }
      ++done_;
    }
  });
  if (in_batch > 0) transact(selected, letters, bytes);
}

void Redrive::transact(Selected& selected, std::vector<Kept>& letters, size_t& bytes) {
  const std::string text = selected.handled.encode();
  const std::string key = std::to_string(raw(selected.stretch.partition));
  if (text.size() > Handled::kBytesMax)
    throw std::runtime_error("more pieces than can be remembered; run it again to go on");
  std::vector<core::Output> records;
  for (Kept& letter : letters) records.push_back(std::move(letter.record));
  records.push_back(LetterLog::handled_record(handled_topic_, key, text));
  try {
    producer_->send(records);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string(error.what()) +
                             ". What was committed before that is remembered: run the command "
                             "again to go on");
  }
  letters.clear();
  bytes = 0;
}

int Redrive::report() {
  const uint64_t left = planned_ - done_;
  if (console_.json()) {
    JsonWriter json;
    json.object().member(send_ ? "sent" : "dropped", static_cast<int64_t>(done_));
    if (send_) {
      json.name("to").object();
      for (const auto& [to, count] : counts_) json.member(to, static_cast<int64_t>(count));
      json.end().name("skipped").array();
      for (const Skipped& one : skipped_) {
        json.object().member("partition", raw(one.partition)).member("offset", raw(one.offset));
        json.member("why", one.obstacle).end();
      }
      json.end();
    }
    console_.line(json.end().take());
  } else {
    console_.line(counted(done_, "dead letter") + (send_ ? " sent" : " dropped"));
    for (const auto& [to, count] : counts_) {
      if (send_) console_.line("  " + std::to_string(count) + " to " + to);
    }
  }
  if (left > 0) console_.note(std::to_string(left) + " are gone meanwhile");
  return left > 0 || !skipped_.empty() ? kNo : kDone;
}

int Redrive::run() {
  if (!wishes_.dry_run) open();
  auto handled = log_.read_handled();
  for (const LetterLog::Stretch& stretch : log_.stretches())
    select(stretch, std::move(handled.at(stretch.partition)));
  if (send_) check_destinations();
  for (const Skipped& one : skipped_) {
    console_.note("cannot be sent: partition " + std::to_string(raw(one.partition)) + " offset " +
                  std::to_string(raw(one.offset)) + ": " + one.obstacle);
  }
  if (wishes_.dry_run) {
    say_plan();
    return skipped_.empty() ? kDone : kNo;
  }
  for (Selected& selected : selected_) deal_with(selected);
  return report();
}

int run(Context& context, bool send) {
  kafka::Settings settings = kafka_settings(context.options);
  const std::string topic = dead_letter_topic(context.options, settings);
  Wishes wishes;
  wishes.filter = letter_filter(context.options, context.now);
  wishes.dry_run = context.options.on("dry-run");
  if (send) {
    wishes.new_time = context.options.on("new-time");
    wishes.batch = static_cast<size_t>(context.options.integer("batch", 1, 100'000));
    settings.partitioner = context.options.one_of("partitioner", {"murmur2", "crc32"});
  } else if (!context.options.on("all") && !wishes.filter.any()) {
    context.options.add_error("drop: say which by --code, --key, --offset, ..., or --all");
  }
  if (!context.options.errors().empty()) return kUsage;
  return Redrive(context, settings, topic, std::move(wishes), send).run();
}

}  // namespace

int redrive(Context& context) { return run(context, true); }
int drop(Context& context) { return run(context, false); }

}  // namespace muster::command

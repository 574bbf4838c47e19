// muster verify: replays partitions with their outputs on, and compares the outcomes with those
// that readers of committed records see in the output topic.
#include "command/comparison.h"
#include "command/json_writer.h"
#include "command/letter_log.h"
#include "command/partition_past.h"
#include "command/replay.h"
#include "command/text.h"
#include "kafka/topic_name.h"
#include "kafka/topics.h"

#include <set>
#include <stdexcept>

namespace muster::command {
namespace {

constexpr int32_t kPartitionsMax = 1'000'000;
constexpr size_t kRecordsPerFetch = 1'000;
// So many outcomes wait in memory before what was published is read further.
constexpr size_t kWaitingMax = 10'000;
// From the first output of a transaction to its last.
constexpr core::Duration kTransactionMax = std::chrono::minutes(1);
constexpr size_t kDifferencesShownMax = 1'000;
constexpr size_t kValueCharactersMax = 120;

// Takes the outcomes of one segment out of its replay.
class Expected final : public Watcher {
 public:
  Expected(const std::string& output_topic, core::BatchNumber after, Comparison& comparison)
      : output_topic_(output_topic), after_(after), comparison_(comparison) {}

  void before(std::string_view, const collector::Processor&) override {}
  void after(const Step& step, const collector::Processor&) override {
    if (step.n <= after_) return;
    for (const core::Effect& effect : step.effects) {
      const auto* produce = std::get_if<core::Produce>(&effect);
      if (produce == nullptr) continue;
      const bool named = produce->topic == core::TopicRole::kNamed;
      if (produce->topic != core::TopicRole::kOutput &&
          !(named && produce->topic_name == output_topic_)) {
        continue;
      }
      comparison_.expect(step.n, produce->key, produce->value, produce->headers);
    }
  }
  void carried(std::string_view, core::BatchNumber) override {}
  void forgotten(std::string_view, core::BatchNumber) override {}

 private:
  const std::string& output_topic_;
  core::BatchNumber after_;
  Comparison& comparison_;
};

// The output topic's outcomes whose home is the partition, from about a time on, to the end that it
// has now.
class Published {
 public:
  struct Range {
    core::Routing routing;
    core::Partition home{};
    core::Time read_from{};  // whatever is of the range was written later
    core::Time after{};      // what was written between these two
    core::Time before{};     // can be of nothing else
  };

  Published(const kafka::Settings& settings, int32_t output_partitions, const Range& range)
      : survey_(settings), topic_(settings.topics.output), range_(range) {
    for (int32_t i = 0; i < output_partitions; ++i) {
      // Where both topics have as many partitions, home is the same in both.
      if (output_partitions == range.routing.partitions && i != core::raw(range.home)) continue;
      const kafka::TopicPartition log{topic_, core::Partition{i}};
      const core::Offset end = survey_.ends(log).end;
      const auto from = survey_.at_time(log, range.read_from);
      if (from && *from < end) sources_.push_back({log, *from, end, nullptr});
    }
  }

  // False: all was read.
  bool read_some(Comparison& comparison) {
    if (sources_.empty()) return false;
    Source& source = sources_.back();
    if (!source.cursor)
      source.cursor = std::make_unique<kafka::LogCursor>(survey_.client(), source.log, source.next);
    const runtime::Fetched fetched = source.cursor->fetch(kRecordsPerFetch);
    for (const core::Record& record : fetched.records) {
      if (record.offset >= source.end) break;
      take(record, comparison);
    }
    source.next = std::max(source.next, fetched.next);
    source.cursor->consume(fetched.records.size());
    if (source.next >= source.end) sources_.pop_back();
    return true;
  }

 private:
  struct Source {
    kafka::TopicPartition log;
    core::Offset next{};
    core::Offset end{};
    std::unique_ptr<kafka::LogCursor> cursor;
  };

  void take(const core::Record& record, Comparison& comparison) {
    if (!record.key || !record.value || !is_outcome(*record.value)) return;
    if (core::home_of(*record.key, range_.routing) != range_.home) return;
    const core::Time time = record.timestamp.value_or(range_.after);
    comparison.publish(record, range_.after < time && time < range_.before);
  }

  kafka::LogSurvey survey_;
  std::string topic_;
  Range range_;
  std::vector<Source> sources_;
};

struct Verified {
  core::Partition partition{};
  Segment segment;
  bool compared = false;  // some of it was exact
  uint64_t same = 0;
  std::vector<Difference> differences;
  uint64_t undelivered = 0;
};

class Verify {
 public:
  Verify(const Context& context, const kafka::Settings& settings, const Times& window)
      : console_(context.console), settings_(settings), window_(window) {}

  int run(std::optional<core::Partition> only);

 private:
  void verify(core::Partition partition);
  Verified compare(PartitionPast& past, core::Partition partition, const Segment& segment);
  void read_undelivered();
  void set_aside_undelivered(Verified& verified);
  void print() const;
  void print_json() const;
  void say_what_was_left_out() const;

  const Console& console_;
  kafka::Settings settings_;
  Times window_;
  int32_t output_partitions_ = 0;
  std::optional<std::set<std::pair<std::string, std::string>>> undelivered_;  // key, value
  std::vector<Verified> verified_;
};

Verified Verify::compare(PartitionPast& past, core::Partition partition, const Segment& segment) {
  Verified verified;
  verified.partition = partition;
  verified.segment = segment;
  if (!segment.exact_from || !segment.routing) return verified;
  // What comes after this batch is compared.
  core::BatchNumber after = *segment.exact_from;
  core::Time since = segment.exact_since;
  // An epoch's first batch was written before its entry was, nobody knows how long; what lies there
  // may be of the epoch before as well.
  core::Time read_from = since - (core::raw(after) == 0 ? kTransactionMax : core::Duration(1));
  if (segment.asked_after && *segment.asked_after > after) {
    after = *segment.asked_after;
    since = segment.asked_since;
    read_from = since - core::Duration(1);
  }
  Comparison comparison;
  Expected expected(settings_.topics.output, after, comparison);
  Published published(settings_, output_partitions_,
                      {*segment.routing, partition, read_from, since, segment.written_last});
  static_cast<void>(past.replay(segment, expected, [&] {
    while (comparison.waiting() > kWaitingMax && published.read_some(comparison)) {
    }
  }));
  while (published.read_some(comparison)) {
  }
  verified.compared = segment.last > after;
  verified.same = comparison.same();
  verified.differences = comparison.differences();
  set_aside_undelivered(verified);
  return verified;
}

// The broker may have refused an outcome for good: then it lies in the dead-letter topic.
void Verify::read_undelivered() {
  undelivered_.emplace();
  if (!kafka::find_topics(settings_, {settings_.topics.dead_letter})
           .contains(settings_.topics.dead_letter)) {
    return;
  }
  LetterLog letters(settings_, settings_.topics.dead_letter, console_);
  for (const auto& stretch : letters.stretches()) {
    letters.read(stretch, [&](const Letter& letter) {
      if (letter.code == "undeliverable" || letter.code == "no-such-topic")
        undelivered_->emplace(letter.key.value_or(""), letter.value.value_or(""));
    });
  }
}

void Verify::set_aside_undelivered(Verified& verified) {
  if (verified.differences.empty()) return;
  if (!undelivered_) read_undelivered();
  verified.undelivered = std::erase_if(verified.differences, [&](const Difference& difference) {
    return difference.kind == Difference::Kind::kMissing &&
           undelivered_->contains({difference.key, difference.expected});
  });
}

void Verify::verify(core::Partition partition) {
  PartitionPast past(settings_, partition, window_, console_);
  for (const Segment& segment : past.segments())
    verified_.push_back(compare(past, partition, segment));
}

void Verify::print() const {
  Table table({"PARTITION", "FROM", "TO", "BATCHES", "EQUAL", "UNDELIVERED", "DIFFERENT"});
  for (const Verified& one : verified_) {
    table.add({std::to_string(raw(one.partition)), format_time(one.segment.written_first),
               format_time(one.segment.written_last), std::to_string(one.segment.batches),
               std::to_string(one.same), std::to_string(one.undelivered),
               std::to_string(one.differences.size())});
  }
  table.print(console_);
  size_t shown = 0;
  for (const Verified& one : verified_) {
    for (const Difference& difference : one.differences) {
      if (shown++ == kDifferencesShownMax) return console_.line("... and more");
      console_.line("");
      console_.line(std::string(name(difference.kind)) + ": group " +
                    printable(difference.key, 100) + ", partition " +
                    std::to_string(raw(one.partition)));
      if (difference.kind != Difference::Kind::kExtra)
        console_.line("  batch " + std::to_string(raw(difference.n)) + " decides   " +
                      printable(difference.expected, kValueCharactersMax));
      if (difference.kind != Difference::Kind::kMissing)
        console_.line("  published at " + std::to_string(raw(difference.partition)) + "/" +
                      std::to_string(raw(difference.offset)) + "   " +
                      printable(difference.published, kValueCharactersMax));
    }
  }
}

void Verify::print_json() const {
  JsonWriter json;
  json.object().name("verified").array();
  for (const Verified& one : verified_) {
    json.object().member("partition", raw(one.partition));
    json.member("from", format_time(one.segment.written_first));
    json.member("to", format_time(one.segment.written_last));
    json.member("first_batch", static_cast<int64_t>(raw(one.segment.first)));
    json.member("last_batch", static_cast<int64_t>(raw(one.segment.last)));
    json.name("compared").boolean(one.compared);
    if (one.segment.exact_from)
      json.member("compared_after_batch", static_cast<int64_t>(raw(*one.segment.exact_from)));
    json.member("equal", static_cast<int64_t>(one.same));
    json.member("undelivered", static_cast<int64_t>(one.undelivered)).name("differences").array();
    for (const Difference& difference : one.differences) {
      json.object().member("kind", name(difference.kind)).bytes("group", difference.key);
      if (difference.kind != Difference::Kind::kExtra) {
        json.member("batch", static_cast<int64_t>(raw(difference.n)));
        json.bytes("expected", difference.expected);
      }
      if (difference.kind != Difference::Kind::kMissing) {
        json.member("output_partition", raw(difference.partition));
        json.member("output_offset", raw(difference.offset));
        json.bytes("published", difference.published);
      }
      json.end();
    }
    json.end().end();
  }
  console_.line(json.end().end().take());
}

void Verify::say_what_was_left_out() const {
  for (const Verified& one : verified_) {
    const Segment& segment = one.segment;
    if (segment.exact_from == core::BatchNumber{0}) continue;
    const std::string partition = "partition " + std::to_string(raw(one.partition)) + ": ";
    if (one.compared) {
      console_.note(partition + "compared from " + format_time(segment.exact_since) +
                    " on; before that something may be missing (" + segment.cut + ")");
    } else {
      console_.note(partition + "batches " + std::to_string(raw(segment.first)) + " to " +
                    std::to_string(raw(segment.last)) +
                    " could not be compared: groups that were open all that time began earlier (" +
                    segment.cut + ")");
    }
  }
}

int Verify::run(std::optional<core::Partition> only) {
  const auto& topics = settings_.topics;
  const std::vector<std::string> needed = {topics.input, topics.repartition, topics.journal,
                                           topics.output};
  const auto found = kafka::find_topics(settings_, needed);
  for (const std::string& topic : needed) {
    if (!found.contains(topic)) throw std::runtime_error("topic " + topic + " does not exist");
  }
  output_partitions_ = found.at(topics.output);
  const int32_t partitions = found.at(topics.journal);
  if (only && raw(*only) >= partitions)
    throw std::runtime_error("the journal has only " +
                             counted(static_cast<uint64_t>(partitions), "partition"));
  for (int32_t i = 0; i < partitions; ++i) {
    if (!only || raw(*only) == i) verify(core::Partition{i});
  }
  if (console_.json()) {
    print_json();
  } else if (!verified_.empty()) {
    print();
  }
  say_what_was_left_out();
  uint64_t same = 0;
  uint64_t differences = 0;
  for (const Verified& one : verified_) {
    same += one.same;
    differences += one.differences.size();
  }
  console_.note(counted(same, "outcome") + " equal, " + counted(differences, "difference"));
  return differences > 0 ? kNo : kDone;
}

}  // namespace

std::vector<config::OptionSpec> verify_specs() {
  return with_kafka(with_times(
      {{"output-topic", "the topic with the outcomes; default: the event topic", "", "TOPIC"},
       {"partition", "only this one", "", "N"}}));
}

int verify(Context& context) {
  config::Options& options = context.options;
  kafka::Settings settings = kafka_settings(options);
  settings.topics.output = options.maybe_text("output-topic").value_or(settings.topics.input);
  if (!kafka::is_topic_name(settings.topics.output))
    options.wrong("output-topic", "a topic's name");
  std::optional<core::Partition> only;
  if (options.maybe_text("partition"))
    only = core::Partition{static_cast<int32_t>(options.integer("partition", 0, kPartitionsMax))};
  const Times window = times(options, context.now);
  if (!options.errors().empty()) return kUsage;
  return Verify(context, settings, window).run(only);
}

}  // namespace muster::command

#include "command/replay.h"

#include "command/json_writer.h"
#include "command/partition_past.h"
#include "command/story.h"
#include "command/text.h"
#include "kafka/topics.h"

#include <limits>
#include <stdexcept>

namespace muster::command {
namespace {

constexpr int32_t kPartitionsMax = 1'000'000;

struct Question {
  std::string group;
  std::optional<core::Partition> partition;  // absent: the group's home
  core::Partitioner partitioner{};
  Times window;
  bool values = false;
};

// A stretch of the past, told.
struct Told {
  Segment segment;
  size_t first_step = 0;
};

class GroupReplay {
 public:
  GroupReplay(const Context& context, const kafka::Settings& settings, Question question)
      : console_(context.console),
        settings_(settings),
        question_(std::move(question)),
        story_(question_.group) {}

  int run();

 private:
  core::Partition home(const core::Routing& routing) const {
    return core::home_of(question_.group, routing);
  }
  void open_past();
  void say_missing() const;
  void print() const;
  void print_json();
  void write_step(const StoryStep& step, JsonWriter& json) const;

  const Console& console_;
  kafka::Settings settings_;
  Question question_;
  core::Partition partition_{};
  std::optional<PartitionPast> past_;
  Story story_;
  std::vector<Told> told_;
  std::unique_ptr<core::Shard> last_;
  const collector::Processor* processor_ = nullptr;  // of last_
};

// The journal knows under which partitioner the collector ran; the option is only where we begin to
// look.
void GroupReplay::open_past() {
  const auto found = kafka::find_topics(
      settings_, {settings_.topics.input, settings_.topics.journal, settings_.topics.repartition});
  for (const std::string& topic :
       {settings_.topics.input, settings_.topics.journal, settings_.topics.repartition}) {
    if (!found.contains(topic))
      throw std::runtime_error("topic " + topic + " does not exist: is this the collector's " +
                               "--event-topic and --consumer-group?");
  }
  const int32_t partitions = found.at(settings_.topics.input);
  partition_ = question_.partition.value_or(home({question_.partitioner, partitions}));
  if (core::raw(partition_) >= partitions)
    throw std::runtime_error("topic " + settings_.topics.input + " has only " +
                             counted(static_cast<uint64_t>(partitions), "partition"));
  past_.emplace(settings_, partition_, question_.window, console_);
  if (past_->empty() || question_.partition) return;
  const auto routing = past_->segments().back().routing;
  if (!routing || home(*routing) == partition_) return;
  partition_ = home(*routing);
  past_.emplace(settings_, partition_, question_.window, console_);
}

void GroupReplay::say_missing() const {
  for (const Told& told : told_) {
    const Segment& segment = told.segment;
    if (segment.exact_from == core::BatchNumber{0}) continue;
    console_.note("Missing: batches before " + std::to_string(raw(segment.first)) + " (" +
                  format_time(segment.written_first) + "): " + segment.cut);
    if (segment.exact_from) {
      console_.note("         Steps up to batch " + std::to_string(raw(*segment.exact_from)) +
                    " (" + format_time(segment.exact_since) +
                    ") may lack what came before; they are marked with ?");
    } else {
      console_.note("         All steps may lack what came before; they are marked with ?");
    }
  }
}

void GroupReplay::print() const {
  Table table({"BATCH", "TIME", "FROM", "EVENT", "WHAT FOLLOWED", "STATE"});
  for (const StoryStep& step : story_.steps()) {
    std::string decisions;
    for (const std::string& one : step.decisions)
      decisions += (decisions.empty() ? "" : "; ") + one;
    table.add({std::to_string(raw(step.n)) + (step.exact ? "" : "?"),
               step.time ? format_time(*step.time) : "-", step.source, step.event, decisions,
               step.state});
    for (const auto& [where, value] : step.outputs) {
      if (question_.values)
        table.add_line("       -> " + where + ": " + printable(value, SIZE_MAX));
    }
  }
  table.print(console_);
  const std::string state = describe(*processor_, question_.group);
  console_.line("");
  console_.line("At " + format_time(last_->clock()) + " by the partition's clock the group is " +
                (state.empty() ? "not known" : state));
  std::string missing;
  for (const std::string& entity : missing_entities(*processor_, question_.group))
    missing += (missing.empty() ? "" : ", ") + printable(entity, 60);
  if (!missing.empty()) console_.line("It waits for: " + missing);
}

void GroupReplay::write_step(const StoryStep& step, JsonWriter& json) const {
  json.object().member("batch", static_cast<int64_t>(raw(step.n)));
  if (step.time) json.member("time", format_time(*step.time));
  if (step.clock != core::Time{}) json.member("clock", format_time(step.clock));
  json.member("from", step.source).member("event", step.event).name("decisions").array();
  for (const std::string& one : step.decisions) json.text(one);
  json.end().name("outputs").array();
  for (const auto& [where, value] : step.outputs)
    json.object().member("to", where).name("value").raw(value).end();
  json.end().member("state", step.state).name("exact").boolean(step.exact).end();
}

void GroupReplay::print_json() {
  JsonWriter json;
  json.object().member("group", question_.group).member("partition", raw(partition_));
  json.name("replayed").array();
  for (const Told& told : told_) {
    const Segment& segment = told.segment;
    json.object().member("first_batch", static_cast<int64_t>(raw(segment.first)));
    json.member("last_batch", static_cast<int64_t>(raw(segment.last)));
    json.member("from", format_time(segment.written_first));
    json.member("to", format_time(segment.written_last));
    if (segment.exact_from) {
      json.member("exact_after_batch", static_cast<int64_t>(raw(*segment.exact_from)));
    } else {
      json.name("exact_after_batch").null();
    }
    json.member("missing_before", segment.cut).end();
  }
  json.end().name("steps").array();
  for (const StoryStep& step : story_.steps()) write_step(step, json);
  json.end().member("clock", format_time(last_->clock())).name("state");
  write_state(*processor_, question_.group, json);
  console_.line(json.end().take());
}

int GroupReplay::run() {
  open_past();
  const std::string where =
      "partition " + std::to_string(raw(partition_)) + " of " + settings_.topics.input;
  for (const Segment& segment : past_->segments()) {
    told_.push_back({segment, story_.steps().size()});
    story_.begin(segment.exact_from);
    last_ = past_->replay(segment, story_);
    processor_ = &static_cast<const WatchedProcessor&>(last_->processor()).inner();
  }
  if (told_.empty()) {
    console_.note("The journal of " + where + " holds nothing that can be replayed" +
                  (question_.window.any() ? " of that time" : ""));
    return kNo;
  }
  if (console_.json()) {
    print_json();
  } else if (!story_.steps().empty()) {
    print();
  }
  say_missing();
  if (!story_.steps().empty()) return kDone;
  console_.note("Nothing about group " + printable(question_.group, 100) + " in " + where +
                ", from " + format_time(told_.front().segment.written_first) + " to " +
                format_time(told_.back().segment.written_last));
  return kNo;
}

int replay(Context& context) {
  config::Options& options = context.options;
  const kafka::Settings settings = kafka_settings(options);
  Question question;
  question.group = options.text("group");
  if (question.group.empty()) options.add_error("--group: expected the group's id");
  question.partitioner = partitioner(options);
  if (options.maybe_text("partition"))
    question.partition =
        core::Partition{static_cast<int32_t>(options.integer("partition", 0, kPartitionsMax))};
  question.window = times(options, context.now);
  question.values = options.on("values");
  if (!options.errors().empty()) return kUsage;
  return GroupReplay(context, settings, std::move(question)).run();
}

}  // namespace

core::Partitioner partitioner(config::Options& options) {
  return options.one_of("partitioner", {"murmur2", "crc32"}) == "crc32"
             ? core::Partitioner::kCrc32
             : core::Partitioner::kMurmur2;
}

std::vector<Command> replay_commands() {
  return {
      {"replay", "tells what happened to a group and why, from the logs alone",
       with_kafka(with_times(
           {{"group", "the group's id", "", "ID"},
            {"partitioner", "the collector's, which says where the group lives", "murmur2", "NAME"},
            {"partition", "look there, wherever the group's home is", "", "N"},
            {"values", "also what was put out", "", ""}})),
       replay},
      {"verify", "computes again what should have been published, and compares", verify_specs(),
       verify}};
}

}  // namespace muster::command

#include "command/command.h"

#include "command/dead_letters.h"
#include "command/groups.h"
#include "command/replay.h"
#include "command/text.h"
#include "kafka/client.h"
#include "kafka/internal_names.h"
#include "kafka/topic_name.h"

namespace muster::command {
namespace {

std::vector<config::OptionSpec> joined(std::vector<config::OptionSpec> first,
                                       std::vector<config::OptionSpec> second) {
  first.insert(first.end(), std::make_move_iterator(second.begin()),
               std::make_move_iterator(second.end()));
  return first;
}

core::Time time_option(config::Options& options, const std::string& name, core::Time now,
                       core::Time otherwise) {
  const auto text = options.maybe_text(name);
  if (!text) return otherwise;
  const auto time = parse_time(*text, now);
  if (!time)
    options.wrong(name, "a time: 2020-07-17T23:38:21Z, 2020-07-17, or 90s, 15m, 2h, 3d ago");
  return time.value_or(otherwise);
}

}  // namespace

std::vector<config::OptionSpec> with_kafka(std::vector<config::OptionSpec> own) {
  return joined(
      {{"brokerlist", "Kafka's brokers", "localhost:9092", "HOST:PORT,..."},
       {"event-topic", "the collector's topic with the events", "eventbus-collector", "TOPIC"},
       {"consumer-group", "the collector's consumer group", "DefaultCollectorGroup", "GROUP"}},
      std::move(own));
}

std::vector<config::OptionSpec> with_times(std::vector<config::OptionSpec> own) {
  return joined({{"from", "only from then on: 2020-07-17T23:38:21Z (UTC), or 90s, 15m, 2h, 3d ago",
                  "", "TIME"},
                 {"to", "only until then", "", "TIME"}},
                std::move(own));
}

kafka::Settings kafka_settings(config::Options& options) {
  kafka::Settings settings;
  settings.client_id = "muster";
  settings.brokers = options.text("brokerlist");
  if (settings.brokers.empty())
    options.wrong("brokerlist", "host:port, or several with commas between them");
  settings.group = options.text("consumer-group");
  if (settings.group.empty()) options.wrong("consumer-group", "a name");
  const std::string topic = options.text("event-topic");
  settings.topics = kafka::topic_names(settings.group, topic, std::nullopt);
  if (!kafka::is_topic_name(topic)) options.wrong("event-topic", "a topic's name");
  for (const auto& [name, value, source] : options.kafka_properties())
    settings.properties.push_back({name, value, source});
  for (auto& wrong : kafka::check_properties(settings)) options.add_error(std::move(wrong));
  return settings;
}

Times times(config::Options& options, core::Time now) {
  Times found;
  found.from = time_option(options, "from", now, found.from);
  found.to = time_option(options, "to", now, found.to);
  return found;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> list;
    for (auto& command : group_commands()) list.push_back(std::move(command));
    for (auto& command : replay_commands()) list.push_back(std::move(command));
    for (auto& command : dead_letter_commands()) list.push_back(std::move(command));
    return list;
  }();
  return all;
}

}  // namespace muster::command

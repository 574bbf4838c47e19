#include "command/letter_log.h"

#include "kafka/internal_names.h"
#include "kafka/topics.h"

#include <charconv>
#include <stdexcept>

namespace muster::command {

LetterLog::LetterLog(const kafka::Settings& settings, std::string topic, const Console& console)
    : settings_(settings), topic_(std::move(topic)), console_(console), survey_(settings) {
  const auto found = kafka::find_topics(settings_, {topic_});
  if (!found.contains(topic_)) throw std::runtime_error("topic " + topic_ + " does not exist");
  for (int32_t i = 0; i < found.at(topic_); ++i) {
    const core::Partition partition{i};
    const runtime::LogEnds ends = survey_.ends({topic_, partition});
    stretches_.push_back({partition, ends.begin, ends.end});
  }
}

std::map<core::Partition, Handled> LetterLog::read_handled() {
  std::map<core::Partition, Handled> all;
  const std::string topic = kafka::handled_topic(topic_);
  if (kafka::find_topics(settings_, {topic}).contains(topic)) {
    const kafka::TopicPartition log{topic, core::Partition{0}};
    const runtime::LogEnds ends = survey_.ends(log);
    survey_.read(log, ends.begin, ends.end, [&](core::Record& record) {
      int32_t partition = 0;
      const std::string_view key = record.key.value_or("");
      const auto [at, error] = std::from_chars(key.data(), key.data() + key.size(), partition);
      auto handled = Handled::decode(record.value.value_or(""));
      if (error != std::errc() || at != key.data() + key.size() || !handled)
        throw std::runtime_error("topic " + topic + " holds what this version cannot read");
      all[core::Partition{partition}] = std::move(*handled);
    });
  }
  for (const Stretch& stretch : stretches_)  // what is gone needs nobody any more
    all[stretch.partition].add(core::Offset{0}, stretch.begin);
  return all;
}

core::Output LetterLog::handled_record(const std::string& topic, const std::string& key,
                                       const std::string& text) {
  core::Output output;
  output.topic = core::TopicRole::kNamed;
  output.topic_name = topic;
  output.partition = core::Partition{0};
  output.key = key;
  output.value = text;
  return output;
}

void LetterLog::read(const Stretch& stretch, const std::function<void(const Letter&)>& take) {
  const kafka::TopicPartition log{topic_, stretch.partition};
  Progress progress(console_, "offsets of partition " + std::to_string(raw(stretch.partition)),
                    raw(stretch.end) - raw(stretch.begin));
  survey_.read(
      log, stretch.begin, stretch.end, [&](core::Record& record) { take(take_apart(record)); },
      [&](core::Offset at) { progress.at(raw(at) - raw(stretch.begin)); });
}

}  // namespace muster::command

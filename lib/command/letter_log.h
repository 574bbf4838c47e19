// The dead-letter topic and what was written down about who has dealt with what: read for a
// command, in the order of partitions and offsets. Blocking; Kafka's failures are thrown.
#pragma once

#include "command/console.h"
#include "command/handled.h"
#include "command/letter.h"
#include "core/batch.h"
#include "kafka/log_cursor.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace muster::command {

class LetterLog {
 public:
  // The topic is there, else it throws.
  LetterLog(const kafka::Settings& settings, std::string topic, const Console& console);

  struct Stretch {
    core::Partition partition{};
    core::Offset begin{};
    core::Offset end{};  // where it ended at the start
  };
  const std::vector<Stretch>& stretches() const { return stretches_; }
  const std::string& topic() const { return topic_; }

  // What is written down now.
  std::map<core::Partition, Handled> read_handled();
  // As a record that goes into the transaction which deals with them. `text` outlives it.
  static core::Output handled_record(const std::string& topic, const std::string& key,
                                     const std::string& text);

  void read(const Stretch& stretch, const std::function<void(const Letter&)>& take);

 private:
  kafka::Settings settings_;
  std::string topic_;
  const Console& console_;
  kafka::LogSurvey survey_;
  std::vector<Stretch> stretches_;
};

}  // namespace muster::command

#include "kafka/log_reader.h"

#include "base/check.h"
#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

#include <stdexcept>

namespace muster::kafka {

using runtime::Log;

LogReader::LogReader(const Settings& settings, runtime::Mailbox& mailbox)
    : settings_(settings), mailbox_(mailbox) {
  MadeClient made = make_client(make_conf(settings_, ClientRole::kReader), ClientRole::kReader);
  if (!made.client) throw std::runtime_error(made.error);
  client_ = std::move(made.client);
  for (size_t i = 0; i < topics_.size(); ++i) {
    const std::string& name = settings_.topics.of(static_cast<Log>(i));
    topics_[i].reset(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
    CHECK(topics_[i] != nullptr);
  }
}

LogReader::~LogReader() {
  while (!queues_.empty()) stop_source(queues_.begin()->first);
}

rd_kafka_topic_s* LogReader::topic(Log log) const {
  return topics_[static_cast<size_t>(log)].get();
}

void LogReader::start(core::Partition partition, Log log, core::Offset from) {
  const Source source{partition, log};
  if (queues_.contains(source)) stop_source(source);
  QueueHandle queue(rd_kafka_queue_new(client_.get()));
  rd_kafka_queue_s* handle = queue.get();
  queues_.emplace(
      source, std::make_unique<RecordQueue>(
                  std::move(queue), mailbox_.fd(), [this](int code, const std::string& text) {
                    auto failure = classify_consumer(code, "recovery: " + text, settings_.instance);
                    if (failure.remedy == runtime::Remedy::kStop) {
                      mailbox_.post(runtime::Failed{std::move(failure)});
                    } else {
                      log_complaint("recovery " + std::to_string(code), failure.message);
                    }
                  }));
  if (rd_kafka_consume_start_queue(topic(log), core::raw(partition), core::raw(from), handle) !=
      0) {
    const auto code = rd_kafka_last_error();
    mailbox_.post(runtime::Failed{
        {runtime::Remedy::kStop,
         std::string("cannot read a log for recovery: ") + rd_kafka_err2str(code), 1}});
  }
}

void LogReader::stop_source(const Source& source) {
  rd_kafka_consume_stop(topic(source.second), core::raw(source.first));
  queues_.erase(source);
}

void LogReader::stop(core::Partition partition) {
  for (const Log log : {Log::kInput, Log::kRepartition, Log::kJournal}) {
    if (queues_.contains({partition, log})) stop_source({partition, log});
  }
}

runtime::Fetched LogReader::fetch(core::Partition partition, Log log, size_t records_max) {
  const auto queue = queues_.find({partition, log});
  if (queue == queues_.end()) return {};
  return queue->second->fetch(records_max);
}

void LogReader::consume(core::Partition partition, Log log, size_t records) {
  const auto queue = queues_.find({partition, log});
  if (queue != queues_.end()) queue->second->consume(records);
}

}  // namespace muster::kafka

#include "kafka/log_cursor.h"

#include "base/check.h"
#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <stdexcept>

namespace muster::kafka {
namespace {

constexpr int kCallTimeoutMs = 20'000;
// Long enough for a broker that is started again; a person is waiting.
constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kLookInterval = std::chrono::milliseconds(100);
constexpr size_t kRecordsPerFetch = 1'000;

std::string name(const TopicPartition& log) {
  return "topic " + log.topic + ", partition " + std::to_string(core::raw(log.partition));
}

[[noreturn]] void fail(const TopicPartition& log, const std::string& what) {
  throw std::runtime_error(name(log) + ": " + what);
}

}  // namespace

LogCursor::LogCursor(rd_kafka_s* client, const TopicPartition& log, core::Offset from)
    : topic_(rd_kafka_topic_new(client, log.topic.c_str(), nullptr)), log_(log) {
  if (!topic_) fail(log_, rd_kafka_err2str(rd_kafka_last_error()));
  QueueHandle queue(rd_kafka_queue_new(client));
  rd_kafka_queue_s* handle = queue.get();
  queue_ = std::make_unique<RecordQueue>(
      std::move(queue), mailbox_.fd(),
      [this](int code, const std::string& text) { on_error(code, text); });
  if (rd_kafka_consume_start_queue(topic_.get(), core::raw(log.partition), core::raw(from),
                                   handle) != 0) {
    fail(log_, rd_kafka_err2str(rd_kafka_last_error()));
  }
}

LogCursor::~LogCursor() {
  rd_kafka_consume_stop(topic_.get(), core::raw(log_.partition));
  queue_.reset();
}

void LogCursor::on_error(int code, const std::string& text) {
  const auto failure = classify_consumer(code, text, "");
  if (failure.remedy == runtime::Remedy::kStop) {
    fatal_ = failure.message;
  } else {
    log_complaint("cursor " + std::to_string(code), name(log_) + ": " + text);
  }
}

runtime::Fetched LogCursor::fetch(size_t records_max) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const runtime::Fetched fetched = queue_->fetch(records_max);
    if (!fatal_.empty()) fail(log_, fatal_);
    if (!fetched.records.empty() || core::raw(fetched.next) >= 0) return fetched;
    if (std::chrono::steady_clock::now() > until) fail(log_, "Kafka does not answer");
    mailbox_.wait(kLookInterval);
  }
}

LogSurvey::LogSurvey(const Settings& settings) {
  MadeClient made = make_client(make_conf(settings, ClientRole::kReader), ClientRole::kReader);
  if (!made.client) throw std::runtime_error(made.error);
  client_ = std::move(made.client);
}

runtime::LogEnds LogSurvey::ends(const TopicPartition& log) {
  int64_t begin = 0;
  int64_t end = 0;
  const auto code = rd_kafka_query_watermark_offsets(
      client_.get(), log.topic.c_str(), core::raw(log.partition), &begin, &end, kCallTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) fail(log, rd_kafka_err2str(code));
  return {core::Offset{begin}, core::Offset{end}};
}

std::optional<core::Offset> LogSurvey::at_time(const TopicPartition& log, core::Time time) {
  const PartitionListHandle list(rd_kafka_topic_partition_list_new(1));
  auto* entry =
      rd_kafka_topic_partition_list_add(list.get(), log.topic.c_str(), core::raw(log.partition));
  entry->offset = core::to_ms(time);
  auto code = rd_kafka_offsets_for_times(client_.get(), list.get(), kCallTimeoutMs);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = entry->err;
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) fail(log, rd_kafka_err2str(code));
  if (entry->offset < 0) return std::nullopt;
  return core::Offset{entry->offset};
}

void LogSurvey::read(const TopicPartition& log, core::Offset from, core::Offset to,
                     const std::function<void(core::Record&)>& take,
                     const std::function<void(core::Offset)>& progress) {
  if (from >= to) return;
  LogCursor cursor(client_.get(), log, from);
  for (core::Offset next = from; next < to;) {
    const runtime::Fetched fetched = cursor.fetch(kRecordsPerFetch);
    for (core::Record& record : fetched.records) {
      if (record.offset >= to) return;
      take(record);
    }
    next = std::max(next, fetched.next);
    cursor.consume(fetched.records.size());
    if (progress) progress(std::min(next, to));
  }
}

}  // namespace muster::kafka

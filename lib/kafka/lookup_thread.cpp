#include "kafka/lookup_thread.h"

#include "base/log.h"
#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <stdexcept>

namespace muster::kafka {
namespace {

constexpr int kCallTimeoutMs = 5'000;
constexpr auto kPause = std::chrono::milliseconds(100);
constexpr std::array kInputLogs = {runtime::Log::kInput, runtime::Log::kRepartition};

// Of the call, or of a partition in its answer.
rd_kafka_resp_err_t first_error(rd_kafka_resp_err_t code,
                                const rd_kafka_topic_partition_list_t& list) {
  for (int i = 0; i < list.cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) code = list.elems[i].err;
  return code;
}

}  // namespace

LookupThread::LookupThread(const Settings& settings, runtime::Mailbox& mailbox,
                           rd_kafka_s* committed_reader)
    : settings_(settings),
      mailbox_(mailbox),
      committed_reader_(committed_reader),
      dead_writers_(settings) {
  MadeClient made = make_client(make_conf(settings_, ClientRole::kEnds), ClientRole::kEnds);
  if (!made.client) throw std::runtime_error(made.error);
  ends_reader_ = std::move(made.client);
  thread_ = std::thread([this] { run(); });
}

LookupThread::~LookupThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LookupThread::locate(uint64_t request, std::vector<core::Partition> partitions) {
  submit(LocateJob{request, std::move(partitions)});
}

void LookupThread::read_ends(uint64_t request, runtime::Log log,
                             std::vector<core::Partition> partitions) {
  submit(EndsJob{request, log, std::move(partitions)});
}

void LookupThread::read_committed(uint64_t request, std::vector<core::Partition> partitions) {
  submit(CommittedJob{request, std::move(partitions)});
}

void LookupThread::trim(core::Partition partition, runtime::Log log, core::Offset needed_from) {
  submit(TrimJob{partition, log, needed_from});
}

void LookupThread::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void LookupThread::run() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (std::visit([this](const auto& j) { return answer(j); }, job)) said_.clear();
  }
}

bool LookupThread::again(int error_code, const std::string& what) {
  if (stop_) return false;
  const auto code = static_cast<rd_kafka_resp_err_t>(error_code);
  const std::string text = what + ": " + rd_kafka_err2str(code);
  if (!worth_asking_again(error_code)) {
    mailbox_.post(runtime::Failed{{runtime::Remedy::kStop, text, 1}});
    return false;
  }
  if (text != said_) base::log_warn(text + "; trying again");
  said_ = text;
  std::this_thread::sleep_for(kPause);
  return true;
}

bool LookupThread::answer(const LocateJob& job) {
  runtime::Located located;
  located.request = job.request;
  for (const auto partition : job.partitions) {
    if (core::raw(partition) >= settings_.partitions) {
      mailbox_.post(runtime::Failed{
          {runtime::Remedy::kStop,
           "partitions were added to " + settings_.topics.input +
               ": most keys have a new home; start with --accept-partitions to go on",
           1}});
      return false;
    }
    runtime::Location location;
    location.partition = partition;
    location.inputs.resize(kInputLogs.size());
    located.locations.push_back(location);
    located.random.push_back((uint64_t{random_()} << 32) | random_());
  }
  // Offsets first: the journal read after them holds at least their batch.
  if (!locate_committed(job, located.locations)) return false;
  for (auto& location : located.locations) {
    if (!read_watermarks(settings_.topics.journal, location.partition, location.journal))
      return false;
    for (size_t log = 0; log < kInputLogs.size(); ++log) {
      if (!read_watermarks(settings_.topics.of(kInputLogs[log]), location.partition,
                           location.inputs[log].ends))
        return false;
    }
  }
  mailbox_.post(std::move(located));
  return true;
}

PartitionListHandle LookupThread::input_list(const std::vector<core::Partition>& partitions) const {
  PartitionListHandle list(
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size() * kInputLogs.size())));
  for (const auto partition : partitions) {
    for (const auto log : kInputLogs) {
      rd_kafka_topic_partition_list_add(list.get(), settings_.topics.of(log).c_str(),
                                        core::raw(partition));
    }
  }
  return list;
}

bool LookupThread::locate_committed(const LocateJob& job,
                                    std::vector<runtime::Location>& locations) {
  const PartitionListHandle list = input_list(job.partitions);
  // What a dead writer left open would hold the answer back until its transaction's timeout.
  if (rd_kafka_committed(ends_reader_.get(), list.get(), kCallTimeoutMs) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    dead_writers_.fence(ends_reader_.get(), *list);
  }
  while (true) {
    const auto code =
        first_error(rd_kafka_committed(committed_reader_, list.get(), kCallTimeoutMs), *list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (!again(code, "reading the committed offsets of group " + settings_.group)) return false;
  }
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    if (entry.offset < 0) continue;
    auto& input = locations[static_cast<size_t>(i) / kInputLogs.size()]
                      .inputs[static_cast<size_t>(i) % kInputLogs.size()];
    input.committed = core::Offset{entry.offset};
    if (entry.metadata != nullptr) {
      input.metadata.assign(static_cast<const char*>(entry.metadata), entry.metadata_size);
    }
  }
  return true;
}

bool LookupThread::answer(const CommittedJob& job) {
  const PartitionListHandle list(
      rd_kafka_topic_partition_list_new(static_cast<int>(job.partitions.size())));
  for (const auto partition : job.partitions) {
    rd_kafka_topic_partition_list_add(list.get(), settings_.topics.input.c_str(),
                                      core::raw(partition));
  }
  while (true) {
    const auto code =
        first_error(rd_kafka_committed(ends_reader_.get(), list.get(), kCallTimeoutMs), *list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (!again(code, "reading the committed offsets of group " + settings_.group)) return false;
  }
  runtime::CommittedRead committed;
  committed.request = job.request;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    if (entry.offset < 0) continue;
    committed.offsets.push_back({core::Partition{entry.partition}, core::Offset{entry.offset}});
  }
  mailbox_.post(std::move(committed));
  return true;
}

bool LookupThread::read_watermarks(const std::string& topic, core::Partition partition,
                                   runtime::LogEnds& ends) {
  while (true) {
    int64_t begin = 0;
    int64_t end = 0;
    const auto code = rd_kafka_query_watermark_offsets(
        ends_reader_.get(), topic.c_str(), core::raw(partition), &begin, &end, kCallTimeoutMs);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ends = {core::Offset{begin}, core::Offset{end}};
      return true;
    }
    if (!again(code, "reading the ends of " + topic)) return false;
  }
}

bool LookupThread::answer(const EndsJob& job) {
  const PartitionListHandle list(
      rd_kafka_topic_partition_list_new(static_cast<int>(job.partitions.size())));
  while (true) {
    rd_kafka_topic_partition_list_t* fresh = list.get();
    fresh->cnt = 0;
    for (const auto partition : job.partitions) {
      rd_kafka_topic_partition_list_add(fresh, settings_.topics.of(job.log).c_str(),
                                        core::raw(partition))
          ->offset = RD_KAFKA_OFFSET_END;
    }
    const auto code =
        first_error(rd_kafka_offsets_for_times(ends_reader_.get(), fresh, kCallTimeoutMs), *fresh);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (!again(code, "reading the ends of " + settings_.topics.of(job.log))) return false;
  }
  runtime::EndsRead ends;
  ends.request = job.request;
  for (int i = 0; i < list->cnt; ++i) {
    ends.ends.push_back(
        {core::Partition{list->elems[i].partition}, core::Offset{list->elems[i].offset}});
  }
  mailbox_.post(std::move(ends));
  return true;
}

// Deletes what neither recovery nor the retention wants. It is housekeeping: a failure is said and
// tried again later.
bool LookupThread::answer(const TrimJob& job) {
  const auto now = std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
  const int64_t keep_from_ms = core::to_ms(now) - settings_.journal_retention_ms;
  const PartitionListHandle list(rd_kafka_topic_partition_list_new(1));
  auto* entry = rd_kafka_topic_partition_list_add(list.get(), settings_.topics.of(job.log).c_str(),
                                                  core::raw(job.partition));
  entry->offset = keep_from_ms;
  const auto code = first_error(
      rd_kafka_offsets_for_times(ends_reader_.get(), list.get(), kCallTimeoutMs), *list);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  // No entry is that young: all are old.
  if (entry->offset < 0 || entry->offset > core::raw(job.needed_from))
    entry->offset = core::raw(job.needed_from);
  const QueueHandle queue(rd_kafka_queue_new(ends_reader_.get()));
  rd_kafka_DeleteRecords_t* deletion = rd_kafka_DeleteRecords_new(list.get());
  rd_kafka_DeleteRecords(ends_reader_.get(), &deletion, 1, nullptr, queue.get());
  rd_kafka_DeleteRecords_destroy(deletion);
  const EventHandle event(rd_kafka_queue_poll(queue.get(), kCallTimeoutMs));
  if (event && rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    base::log_warn(settings_.topics.of(job.log) +
                   " cannot be trimmed: " + rd_kafka_event_error_string(event.get()));
  }
  return true;
}

}  // namespace muster::kafka

#include "kafka/lookup_thread.h"

#include "base/log.h"
#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <stdexcept>

namespace muster::kafka {
namespace {

constexpr int kCallTimeoutMs = 5'000;
constexpr auto kPause = std::chrono::milliseconds(100);

// Of the call, or of a partition in its answer.
rd_kafka_resp_err_t first_error(rd_kafka_resp_err_t code,
                                const rd_kafka_topic_partition_list_t& list) {
  for (int i = 0; i < list.cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) code = list.elems[i].err;
  return code;
}

}  // namespace

LookupThread::LookupThread(const Settings& settings, runtime::Mailbox& mailbox,
                           rd_kafka_s* committed_reader)
    : settings_(settings), mailbox_(mailbox), committed_reader_(committed_reader) {
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

void LookupThread::read_ends(core::Time at, std::vector<core::Partition> partitions) {
  submit(EndsJob{at, std::move(partitions)});
}

void LookupThread::trim_journal(core::Partition partition, core::Offset needed_from) {
  submit(TrimJob{partition, needed_from});
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
    located.locations.push_back(location);
    located.random.push_back((uint64_t{random_()} << 32) | random_());
  }
  // Offsets first: the journal read after them holds at least their batch.
  if (!read_committed(located.locations)) return false;
  for (auto& location : located.locations) {
    if (!read_watermarks(settings_.topics.journal, location.partition, location.journal))
      return false;
    if (!read_watermarks(settings_.topics.input, location.partition, location.input)) return false;
  }
  mailbox_.post(std::move(located));
  return true;
}

bool LookupThread::read_committed(std::vector<runtime::Location>& locations) {
  const PartitionListHandle list(
      rd_kafka_topic_partition_list_new(static_cast<int>(locations.size())));
  for (const auto& location : locations) {
    rd_kafka_topic_partition_list_add(list.get(), settings_.topics.input.c_str(),
                                      core::raw(location.partition));
  }
  while (true) {
    const auto code =
        first_error(rd_kafka_committed(committed_reader_, list.get(), kCallTimeoutMs), *list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (!again(code, "reading the committed offsets of group " + settings_.group)) return false;
  }
  for (size_t i = 0; i < locations.size(); ++i) {
    const auto& entry = list->elems[i];
    if (entry.offset < 0) continue;
    locations[i].committed = core::Offset{entry.offset};
    if (entry.metadata != nullptr) {
      locations[i].metadata.assign(static_cast<const char*>(entry.metadata), entry.metadata_size);
    }
  }
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
      rd_kafka_topic_partition_list_add(fresh, settings_.topics.input.c_str(), core::raw(partition))
          ->offset = RD_KAFKA_OFFSET_END;
    }
    const auto code =
        first_error(rd_kafka_offsets_for_times(ends_reader_.get(), fresh, kCallTimeoutMs), *fresh);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (!again(code, "reading the ends of " + settings_.topics.input)) return false;
  }
  runtime::EndsRead ends;
  ends.at = job.at;
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
  auto* entry = rd_kafka_topic_partition_list_add(list.get(), settings_.topics.journal.c_str(),
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
    base::log_warn(std::string("the journal cannot be trimmed: ") +
                   rd_kafka_event_error_string(event.get()));
  }
  return true;
}

}  // namespace muster::kafka

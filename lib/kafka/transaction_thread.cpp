#include "kafka/transaction_thread.h"

#include "base/check.h"
#include "base/log.h"
#include "kafka/produce.h"
#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace muster::kafka {

using runtime::Failure;
using runtime::Remedy;

namespace {

// The broker's timeout of a transaction is 10 s; what takes longer has an unknown fate.
constexpr int kCallTimeoutMs = 15'000;
constexpr int kAbortTimeoutMs = 5'000;
constexpr int kOpenTimeoutMs = 10'000;
constexpr int kLookupTimeoutMs = 1'000;
// When no answer comes for so long, perhaps nothing was sent.
constexpr int kDeliveryMs = 20;
constexpr auto kOpenPause = std::chrono::milliseconds(500);
constexpr auto kLookInterval = std::chrono::milliseconds(50);

}  // namespace

struct DeliveryCallback {
  static void call(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    static_cast<TransactionThread*>(opaque)->on_delivery(*message);
  }
};

// The message's opaque is the index of its output.
void TransactionThread::on_delivery(const rd_kafka_message_s& message) {
  const auto index = reinterpret_cast<uintptr_t>(message._private);
  if (batch_ == nullptr) return;  // of a transaction that was given up
  size_t& on_its_way = on_its_way_[static_cast<size_t>(batch_->outputs[index].topic)];
  on_its_way -= std::min(on_its_way, message.len + message.key_len);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::string topic = rd_kafka_topic_name(message.rkt);
    const std::string reason = rd_kafka_err2str(message.err);
    if (delivery_error_.empty()) delivery_error_ = topic + ": " + reason;
    if (refused_for_good(message.err)) refusals_.push_back({index, topic, reason});
    return;
  }
  if (batch_->outputs[index].topic != core::TopicRole::kJournal) return;
  // The journal's entries want to know where they lie; there is one per shard.
  for (size_t shard = 0; shard < batch_->shards.size(); ++shard) {
    if (batch_->shards[shard].journal_output == index)
      journal_offsets_[shard] = core::Offset{message.offset};
  }
}

TransactionThread::TransactionThread(const Settings& settings, runtime::Mailbox& mailbox)
    : settings_(settings),
      mailbox_(mailbox),
      lookup_(settings),
      named_topics_(settings),
      thread_([this] { run(); }) {}

TransactionThread::~TransactionThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void TransactionThread::open() { submit({}); }

void TransactionThread::commit(const core::Batch& batch, std::string group_metadata) {
  submit({&batch, std::move(group_metadata)});
}

void TransactionThread::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    CHECK(!job_);
    job_ = std::move(job);
  }
  changed_.notify_one();
}

void TransactionThread::run() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || job_; });
      if (stop_) break;
      job = std::move(*job_);
      job_.reset();
    }
    if (job.batch == nullptr) {
      open_producer();
    } else {
      run_transaction(job);
    }
  }
  drop_producer(false);
}

// --- the producer

// The first failure is mended at once; what fails again and again must not keep the broker busy.
void TransactionThread::pause_after_failures() {
  if (failures_in_a_row_ < 2) return;
  const auto until =
      std::chrono::steady_clock::now() + kOpenPause * std::min(failures_in_a_row_, 10);
  while (!stop_ && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(kLookInterval);
}

void TransactionThread::open_producer() {
  drop_producer(false);
  pause_after_failures();
  std::string said;
  while (!stop_) {
    const auto failure = try_open();
    if (!failure) {
      mailbox_.post(runtime::ProducerOpened{});
      return;
    }
    drop_producer(false);
    if (failure->remedy == Remedy::kStop) {
      mailbox_.post(runtime::Failed{*failure});
      return;
    }
    if (failure->message != said) base::log_warn(failure->message + "; trying again");
    said = failure->message;
    std::this_thread::sleep_for(kOpenPause);
  }
}

std::optional<Failure> TransactionThread::try_open() {
  ConfHandle conf = make_conf(settings_, ClientRole::kProducer);
  rd_kafka_conf_set_opaque(conf.get(), this);
  // A callback, not events: with it a flush returns as soon as the last report is in.
  rd_kafka_conf_set_dr_msg_cb(conf.get(), DeliveryCallback::call);
  MadeClient made = make_client(std::move(conf), ClientRole::kProducer);
  if (!made.client) return Failure{Remedy::kStop, "producer: " + made.error, 1};
  producer_ = std::move(made.client);
  const ErrorHandle error(rd_kafka_init_transactions(producer_.get(), kOpenTimeoutMs));
  if (error) {
    auto failure = classify_transactional(error.get(), "opening the producer");
    return failure;
  }
  for (size_t i = 0; i < core::kTopicRoles; ++i) {
    const std::string& name = settings_.topics.of(static_cast<core::TopicRole>(i));
    topics_[i].reset(rd_kafka_topic_new(producer_.get(), name.c_str(), nullptr));
    CHECK(topics_[i] != nullptr);
  }
  return std::nullopt;
}

void TransactionThread::drop_producer(bool abort) {
  if (!producer_) return;
  if (abort) {
    // Only to spare the successor the wait for it; its outcome does not matter.
    const ErrorHandle ignored(rd_kafka_abort_transaction(producer_.get(), kAbortTimeoutMs));
  }
  rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  for (auto& topic : topics_) topic.reset();
  named_handles_.clear();
  producer_.reset();
}

// --- a transaction

void TransactionThread::run_transaction(const Job& job) {
  if (!producer_) {
    mailbox_.post(runtime::Failed{{Remedy::kAbortAndRebuild, "there is no producer", 1}});
    return;
  }
  batch_ = job.batch;
  refusals_.clear();
  delivery_error_.clear();
  on_its_way_ = {};
  journal_offsets_.assign(job.batch->shards.size(), core::Offset{-1});
  const auto nowhere = unroutable();
  if (!nowhere) return;
  if (!nowhere->empty()) {
    batch_ = nullptr;
    mailbox_.post(runtime::NotSent{*nowhere});
    return;
  }
  auto failure = transact(job);
  if (failure) rd_kafka_poll(producer_.get(), 0);  // what else was refused
  if (failure && refusals_.empty()) refuse_for_missing_topics();
  batch_ = nullptr;
  if (!failure) {
    failures_in_a_row_ = 0;
    mailbox_.post(runtime::Committed{journal_offsets_});
    return;
  }
  if (!delivery_error_.empty()) failure->message += " (" + delivery_error_ + ")";
  drop_producer(true);
  // What was refused will not be sent like that again: no reason to slow down.
  if (refusals_.empty()) ++failures_in_a_row_;
  mailbox_.post(runtime::Failed{std::move(*failure), std::exchange(refusals_, {})});
}

// The client's own words for it differ: timed out, inconsistent, unknown partition.
void TransactionThread::refuse_for_missing_topics() {
  std::map<std::string, bool> missing;
  for (size_t i = 0; i < batch_->outputs.size() && !stop_; ++i) {
    if (batch_->outputs[i].dropped) continue;
    const std::string name = topic_name_of(batch_->outputs[i]);
    const auto [known, is_new] = missing.try_emplace(name, false);
    if (is_new && lookup_.look(name, kLookupTimeoutMs) == TopicLookup::Found::kMissing) {
      // Once more: a broker that has just started may not know its topics yet.
      std::this_thread::sleep_for(kOpenPause);
      known->second = lookup_.look(name, kLookupTimeoutMs) == TopicLookup::Found::kMissing;
    }
    if (known->second) refusals_.push_back({i, name, "it does not exist any more", true});
  }
}

std::string TransactionThread::topic_name_of(const core::Output& output) const {
  if (output.topic == core::TopicRole::kNamed) return std::string(output.topic_name);
  return settings_.topics.of(output.topic);
}

std::optional<std::vector<runtime::Refusal>> TransactionThread::unroutable() {
  std::vector<runtime::Refusal> refusals;
  for (size_t i = 0; i < batch_->outputs.size(); ++i) {
    const core::Output& output = batch_->outputs[i];
    if (output.topic != core::TopicRole::kNamed || output.dropped) continue;
    const auto obstacle = named_topics_.obstacle(output.topic_name, stop_);
    if (!obstacle) return std::nullopt;
    if (!obstacle->empty()) {
      refusals.push_back({i, std::string(output.topic_name), *obstacle, true, "no-such-topic"});
    }
  }
  return refusals;
}

rd_kafka_topic_s* TransactionThread::topic_of(const core::Output& output) {
  if (output.topic != core::TopicRole::kNamed)
    return topics_[static_cast<size_t>(output.topic)].get();
  const auto known = named_handles_.find(output.topic_name);
  if (known != named_handles_.end()) return known->second.get();
  const std::string name(output.topic_name);
  TopicHandle& handle = named_handles_[name];
  handle.reset(rd_kafka_topic_new(producer_.get(), name.c_str(), nullptr));
  CHECK(handle != nullptr);  // it has just been looked up
  return handle.get();
}

std::optional<Failure> TransactionThread::transact(const Job& job) {
  if (const ErrorHandle error{rd_kafka_begin_transaction(producer_.get())}) {
    return classify_transactional(error.get(), "beginning a transaction");
  }
  // The offsets first. While the last transaction's markers are written the coordinator refuses
  // both, and the library asks again for offsets after retry.backoff.ms, but for partitions only
  // after 20 ms (librdkafka's rdkafka_txnmgr.c).
  if (auto failure = send_offsets(job)) return failure;
  if (auto failure = produce()) return failure;
  if (const ErrorHandle error{rd_kafka_commit_transaction(producer_.get(), kCallTimeoutMs)}) {
    return classify_transactional(error.get(), "committing a transaction");
  }
  return std::nullopt;
}

std::optional<Failure> TransactionThread::produce() {
  // One to each partition.
  const size_t request = settings_.produce_bytes_max * static_cast<size_t>(settings_.partitions);
  uint32_t group = 0;
  for (size_t i = 0; i < batch_->outputs.size(); ++i) {
    const core::Output& output = batch_->outputs[i];
    if (output.dropped) continue;
    if (std::exchange(group, output.group) != output.group) {
      if (auto failure = flush()) return failure;
    }
    if (auto failure = produce_one(i)) return failure;
    if (auto failure = wait_for_deliveries(output.topic, request / 4 * 7)) return failure;
  }
  if (group != 0) return flush();
  for (size_t role = 0; role < on_its_way_.size(); ++role) {
    if (auto failure = wait_for_deliveries(static_cast<core::TopicRole>(role), request))
      return failure;
  }
  return std::nullopt;
}

// The library has one request per partition on its way (of an idempotent producer it counts records,
// not requests), and where another one is whole behind it, or is flushed, its thread does not sleep
// but spins. So no second one gets whole, if the outputs go to all partitions alike, and a flush
// finds little. If they lie so that no request is whole, a flush sends them.
std::optional<Failure> TransactionThread::wait_for_deliveries(core::TopicRole role,
                                                              size_t bytes_max) {
  const size_t& on_its_way = on_its_way_[static_cast<size_t>(role)];
  while (on_its_way > bytes_max && !stop_) {
    if (rd_kafka_poll(producer_.get(), kDeliveryMs) == 0) return flush();
  }
  return std::nullopt;
}

std::optional<Failure> TransactionThread::flush() {
  if (rd_kafka_flush(producer_.get(), kCallTimeoutMs) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Failure{Remedy::kAbortAndRebuild, "producing timed out", 1};
  if (!refusals_.empty()) return Failure{Remedy::kAbortAndRebuild, "an output was refused", 1};
  return std::nullopt;
}

std::optional<Failure> TransactionThread::produce_one(size_t index) {
  const core::Output& output = batch_->outputs[index];
  const ErrorHandle error = kafka::produce(producer_.get(), topic_of(output), output, Bytes::kLent,
                                           reinterpret_cast<void*>(index), &stop_);
  if (error) return classify_transactional(error.get(), "producing");
  on_its_way_[static_cast<size_t>(output.topic)] +=
      output.value.value_or("").size() + output.key.value_or("").size();
  return std::nullopt;
}

std::optional<Failure> TransactionThread::send_offsets(const Job& job) {
  rd_kafka_consumer_group_metadata_t* raw_metadata = nullptr;
  if (const ErrorHandle error{rd_kafka_consumer_group_metadata_read(
          &raw_metadata, job.group_metadata.data(), job.group_metadata.size())}) {
    return classify_transactional(error.get(), "reading the group's metadata");
  }
  const GroupMetadataHandle metadata(raw_metadata);
  const PartitionListHandle list(
      rd_kafka_topic_partition_list_new(static_cast<int>(job.batch->offsets.size())));
  for (const core::OffsetCommit& commit : job.batch->offsets) {
    const std::string& topic = settings_.topics.of(static_cast<runtime::Log>(commit.log));
    auto* entry =
        rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), core::raw(commit.partition));
    entry->offset = core::raw(commit.next);
    // The list frees it.
    entry->metadata = strndup(commit.metadata.data(), commit.metadata.size());
    entry->metadata_size = commit.metadata.size();
  }
  if (const ErrorHandle error{rd_kafka_send_offsets_to_transaction(
          producer_.get(), list.get(), metadata.get(), kCallTimeoutMs)}) {
    return classify_transactional(error.get(), "sending the offsets of a transaction");
  }
  return std::nullopt;
}

}  // namespace muster::kafka

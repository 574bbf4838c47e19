#include "kafka/group_consumer.h"

#include "base/log.h"
#include "kafka/remedy.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace muster::kafka {

using runtime::Event;

namespace {

constexpr auto kFencedWindow = std::chrono::minutes(1);
constexpr size_t kFencedMax = 4;

}  // namespace

// With a callback a revocation waits until we poll and have given the partitions back; without one
// the library would hand them over behind our back.
struct RebalanceCallback {
  static void call(rd_kafka_t* client, rd_kafka_resp_err_t code,
                   rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    auto& self = *static_cast<GroupConsumer*>(opaque);
    if (self.closed_) {
      // close() waits for the partitions to be given back; there is nothing left to finish.
      rd_kafka_assign(client, nullptr);
    } else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      self.on_assigned(*partitions);
    } else {
      self.on_revoked(rd_kafka_assignment_lost(client) != 0);
    }
  }
};

// Served by poll(), on its thread.
struct ErrorCallback {
  static void call(rd_kafka_t*, int code, const char* text, void* opaque) {
    auto& self = *static_cast<GroupConsumer*>(opaque);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__TRANSPORT) {
      self.brokers_lost_at_ = std::chrono::steady_clock::now();  // the client's log says the rest
    } else {
      self.on_error(code, text);
    }
  }
};

GroupConsumer::GroupConsumer(const Settings& settings, runtime::Mailbox& mailbox)
    : settings_(settings), mailbox_(mailbox) {
  make();
}

void GroupConsumer::make() {
  ConfHandle conf = make_conf(settings_, ClientRole::kGroupConsumer);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(conf.get(), RebalanceCallback::call);
  rd_kafka_conf_set_error_cb(conf.get(), ErrorCallback::call);
  MadeClient made = make_client(std::move(conf), ClientRole::kGroupConsumer);
  if (!made.client) throw std::runtime_error(made.error);
  client_ = std::move(made.client);
  rd_kafka_poll_set_consumer(client_.get());
  main_queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  const uint64_t one = 1;
  rd_kafka_queue_io_event_enable(main_queue_.get(), mailbox_.fd(), &one, sizeof one);
}

GroupConsumer::~GroupConsumer() {
  queues_.clear();
  main_queue_.reset();
}

void GroupConsumer::subscribe() {
  const PartitionListHandle topics(rd_kafka_topic_partition_list_new(2));
  for (const auto log : {runtime::Log::kInput, runtime::Log::kRepartition}) {
    rd_kafka_topic_partition_list_add(topics.get(), settings_.topics.of(log).c_str(),
                                      RD_KAFKA_PARTITION_UA);
  }
  const auto code = rd_kafka_subscribe(client_.get(), topics.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    mailbox_.post(runtime::Failed{
        {runtime::Remedy::kStop, std::string("cannot subscribe: ") + rd_kafka_err2str(code), 1}});
  }
}

std::optional<Event> GroupConsumer::poll() {
  while (events_.empty()) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), 0);
    if (message == nullptr) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      on_error(message->err, rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
  }
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void GroupConsumer::on_error(int code, const std::string& text) {
  std::string words = text;
  int reason = code;
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    char fatal[512];
    reason = rd_kafka_fatal_error(client_.get(), fatal, sizeof fatal);
    words = fatal;
    if (reason == RD_KAFKA_RESP_ERR_NO_ERROR) reason = code;
  }
  if (reason == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    if (std::exchange(fenced_, true)) return;
    // A member may be fenced by its own joins, before the death of a broker, and by those of its
    // lives before, that only now reach the broker: each once. Somebody else does it again and again.
    const auto now = std::chrono::steady_clock::now();
    const bool by_ourselves = brokers_lost_at_ && now - *brokers_lost_at_ < kFencedWindow;
    if (!by_ourselves) fenced_at_.push_back(now);
    std::erase_if(fenced_at_, [now](auto at) { return now - at > kFencedWindow; });
    if (fenced_at_.size() <= kFencedMax) {
      base::log_warn("another member has joined as --instance " + settings_.instance +
                     ": joining again");
      events_.push_back(runtime::Revoked{true});
      return;
    }
  }
  auto failure = classify_consumer(reason, "consumer: " + words, settings_.instance);
  if (failure.remedy == runtime::Remedy::kStop) {
    events_.push_back(runtime::Failed{std::move(failure)});
  } else {
    // The library asks again by itself, and a member that was thrown out is told so by a
    // revocation.
    log_complaint("consumer " + std::to_string(reason), failure.message);
  }
}

void GroupConsumer::on_assigned(const rd_kafka_topic_partition_list_t& partitions) {
  save_group_metadata();
  std::set<core::Partition> inputs;
  std::set<core::Partition> repartitions;
  for (int i = 0; i < partitions.cnt; ++i) {
    auto& of_topic = partitions.elems[i].topic == settings_.topics.input ? inputs : repartitions;
    of_topic.insert(core::Partition{partitions.elems[i].partition});
  }
  // Partitions that were added to the input are named all the same: the start of their shards says
  // what is to be done.
  const bool grown = std::ranges::any_of(
      inputs, [this](core::Partition p) { return core::raw(p) >= settings_.partitions; });
  if (inputs != repartitions && !grown) {
    // Its next look at the topics makes it share them out anew.
    log_complaint("pairs", "the group's leader does not know all topics yet: waiting for it");
    inputs.clear();
  }
  events_.push_back(runtime::Assigned{{inputs.begin(), inputs.end()}});
}

void GroupConsumer::on_revoked(bool lost) { events_.push_back(runtime::Revoked{lost}); }

void GroupConsumer::save_group_metadata() {
  const GroupMetadataHandle metadata(rd_kafka_consumer_group_metadata(client_.get()));
  const void* bytes = nullptr;
  size_t size = 0;
  group_metadata_.clear();
  if (!metadata) return;
  const ErrorHandle error(
      rd_kafka_consumer_group_metadata_write(metadata.get(), const_cast<void**>(&bytes), &size));
  if (error) return;
  group_metadata_.assign(static_cast<const char*>(bytes), size);
  rd_kafka_mem_free(client_.get(), const_cast<void*>(bytes));
}

void GroupConsumer::assign(std::span<const runtime::StartAt> positions) {
  queues_.clear();
  const PartitionListHandle list(
      rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const auto& position : positions) {
    const int32_t partition = core::raw(position.partition);
    const char* name = settings_.topics.of(position.log).c_str();
    rd_kafka_topic_partition_list_add(list.get(), name, partition)->offset =
        core::raw(position.offset);
    QueueHandle queue(rd_kafka_queue_get_partition(client_.get(), name, partition));
    // Before the assignment: nothing of the partition shall ever reach the main queue.
    rd_kafka_queue_forward(queue.get(), nullptr);
    queues_.emplace(std::pair(position.partition, position.log),
                    std::make_unique<RecordQueue>(
                        std::move(queue), mailbox_.fd(),
                        [this](int code, const std::string& text) { on_error(code, text); }));
  }
  const auto code = rd_kafka_assign(client_.get(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    base::log_warn(std::string("the assignment was refused: ") + rd_kafka_err2str(code));
  }
}

// A client that was fenced is dead for good.
void GroupConsumer::join_again() {
  closed_ = true;  // its last rebalance is nobody's business
  rd_kafka_consumer_close(client_.get());
  main_queue_.reset();
  client_.reset();
  closed_ = false;
  fenced_ = false;
  make();
  subscribe();
}

void GroupConsumer::unassign() {
  queues_.clear();
  if (fenced_) return join_again();
  rd_kafka_assign(client_.get(), nullptr);
}

size_t GroupConsumer::queued(core::Partition partition, runtime::Log log) const {
  const auto queue = queues_.find({partition, log});
  return queue == queues_.end() ? 0 : queue->second->queued();
}

runtime::Fetched GroupConsumer::fetch(core::Partition partition, runtime::Log log,
                                      size_t records_max) {
  const auto queue = queues_.find({partition, log});
  if (queue == queues_.end()) return {};
  const runtime::Fetched fetched = queue->second->fetch(records_max);
  // What the worker gets it applies at once.
  queue->second->consume(fetched.records.size());
  return fetched;
}

void GroupConsumer::put_back(core::Partition partition, runtime::Log log, size_t records) {
  queues_.at({partition, log})->put_back(records);
}

std::optional<core::Offset> GroupConsumer::end_of(core::Partition partition,
                                                  runtime::Log log) const {
  int64_t low = 0;
  int64_t high = 0;
  const auto code = rd_kafka_get_watermark_offsets(client_.get(), settings_.topics.of(log).c_str(),
                                                   core::raw(partition), &low, &high);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return core::Offset{high};
}

void GroupConsumer::close() {
  if (closed_) return;
  closed_ = true;
  queues_.clear();
  rd_kafka_consumer_close(client_.get());
}

}  // namespace muster::kafka

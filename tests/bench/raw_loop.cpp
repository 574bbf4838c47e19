// bench_raw_loop: what Kafka and its client can do at most, the 100 % of every ratio. It consumes
// as a member of a group, puts out a record of an outcome's size for every fourth one (other sizes:
// --output-bytes, --records-per-output), commits both in a transaction each 100 ms (--interval-ms 0:
// as soon as the last one is through), and looks at nothing. The clients are made by the
// collector's own code, so their settings are the same.
#include "arguments.h"
#include "base/check.h"
#include "base/log.h"
#include "kafka/client.h"
#include "topics.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace muster::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBatchRecords = 20'000;  // as the collector's
constexpr auto kPauseWhenEmpty = std::chrono::microseconds(200);
constexpr int kCallTimeoutMs = 15'000;

std::atomic<bool> asked_to_stop{false};

void demand(rd_kafka_error_t* raw, const char* what) {
  const kafka::ErrorHandle error(raw);
  if (!error) return;
  std::fprintf(stderr, "%s: %s\n", what, rd_kafka_error_string(error.get()));
  std::exit(1);
}

class RawLoop {
 public:
  struct Options {
    std::chrono::milliseconds commit_interval{};
    uint64_t records_per_output = 0;
    size_t output_bytes = 0;
  };

  RawLoop(const kafka::Settings& settings, const Options& options)
      : input_(settings.topics.input), options_(options), output_value_(options.output_bytes, 'x') {
    auto consumer_conf = kafka::make_conf(settings, kafka::ClientRole::kGroupConsumer);
    rd_kafka_conf_set_opaque(consumer_conf.get(), this);
    rd_kafka_conf_set_rebalance_cb(consumer_conf.get(), on_rebalance);
    consumer_ =
        kafka::make_client(std::move(consumer_conf), kafka::ClientRole::kGroupConsumer).client;
    CHECK(consumer_ != nullptr);
    rd_kafka_poll_set_consumer(consumer_.get());

    auto producer_conf = kafka::make_conf(settings, kafka::ClientRole::kProducer);
    rd_kafka_conf_set_opaque(producer_conf.get(), this);
    // With a callback a flush returns as soon as the last report is in.
    rd_kafka_conf_set_dr_msg_cb(producer_conf.get(), on_delivery);
    producer_ = kafka::make_client(std::move(producer_conf), kafka::ClientRole::kProducer).client;
    CHECK(producer_ != nullptr);
    demand(rd_kafka_init_transactions(producer_.get(), kCallTimeoutMs), "opening the producer");
    output_.reset(rd_kafka_topic_new(producer_.get(), settings.topics.output.c_str(), nullptr));
  }

  ~RawLoop() {
    partitions_.clear();
    closed_ = true;
    rd_kafka_consumer_close(consumer_.get());
  }

  // With no records to wait for it runs until it is asked to stop.
  void run(uint64_t records_max) {
    const kafka::PartitionListHandle topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), input_.c_str(), RD_KAFKA_PARTITION_UA);
    CHECK(rd_kafka_subscribe(consumer_.get(), topics.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    std::vector<rd_kafka_message_t*> batch(kBatchRecords);
    bool open = false;
    Clock::time_point opened;
    while (true) {
      if (auto* message = rd_kafka_consumer_poll(consumer_.get(), 0))
        rd_kafka_message_destroy(message);
      const uint64_t before = records_;
      for (Partition& partition : partitions_) {
        const ssize_t count =
            rd_kafka_consume_batch_queue(partition.queue.get(), 0, batch.data(), batch.size());
        if (count <= 0) continue;
        if (!open) {
          demand(rd_kafka_begin_transaction(producer_.get()), "beginning a transaction");
          open = true;
          opened = Clock::now();
          if (records_ == 0) began_ = opened;
        }
        take(std::span(batch).first(static_cast<size_t>(count)), partition);
      }
      const bool all = records_max > 0 ? records_ >= records_max : asked_to_stop.load();
      if (open && (all || Clock::now() - opened >= options_.commit_interval)) {
        commit();
        open = false;
      }
      if (all) break;
      if (records_ == before) std::this_thread::sleep_for(kPauseWhenEmpty);
    }
    const std::chrono::duration<double> took = Clock::now() - began_;
    std::printf("records=%llu seconds=%.3f records_per_s=%.0f transactions=%llu\n",
                static_cast<unsigned long long>(records_), took.count(),
                static_cast<double>(records_) / took.count(),
                static_cast<unsigned long long>(transactions_));
  }

 private:
  struct Partition {
    int32_t number = 0;
    kafka::QueueHandle queue;
    int64_t next = 0;
  };

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    CHECK(message->err == RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* list, void* opaque) {
    auto& self = *static_cast<RawLoop*>(opaque);
    self.partitions_.clear();
    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      rd_kafka_assign(client, nullptr);
      CHECK(self.closed_);  // half a measurement is none
      return;
    }
    for (int i = 0; i < list->cnt; ++i) {
      list->elems[i].offset = 0;
      Partition partition;
      partition.number = list->elems[i].partition;
      partition.queue.reset(
          rd_kafka_queue_get_partition(client, self.input_.c_str(), partition.number));
      rd_kafka_queue_forward(partition.queue.get(), nullptr);
      self.partitions_.push_back(std::move(partition));
    }
    CHECK(rd_kafka_assign(client, list) == RD_KAFKA_RESP_ERR_NO_ERROR);
    // bench_drain starts its clock at this word, which the collector says at the same point of its
    // life.
    std::fprintf(stderr, "ready: consuming %d partitions\n", list->cnt);
  }

  void take(std::span<rd_kafka_message_t*> messages, Partition& partition) {
    for (rd_kafka_message_t* message : messages) {
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (++records_ % options_.records_per_output == 0) produce(*message);
        partition.next = message->offset + 1;
      } else {
        CHECK(message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF);
      }
      rd_kafka_message_destroy(message);
    }
  }

  void produce(const rd_kafka_message_t& message) {
    std::memcpy(output_value_.data(), message.payload, std::min(message.len, output_value_.size()));
    while (rd_kafka_produce(output_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            output_value_.data(), output_value_.size(), message.key,
                            message.key_len, nullptr) != 0) {
      CHECK(rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL);
      rd_kafka_poll(producer_.get(), 1);
    }
  }

  void commit() {
    const kafka::PartitionListHandle offsets(
        rd_kafka_topic_partition_list_new(static_cast<int>(partitions_.size())));
    for (const Partition& partition : partitions_) {
      rd_kafka_topic_partition_list_add(offsets.get(), input_.c_str(), partition.number)->offset =
          partition.next;
    }
    const kafka::GroupMetadataHandle metadata(rd_kafka_consumer_group_metadata(consumer_.get()));
    demand(rd_kafka_send_offsets_to_transaction(producer_.get(), offsets.get(), metadata.get(),
                                                kCallTimeoutMs),
           "sending the offsets");
    demand(rd_kafka_commit_transaction(producer_.get(), kCallTimeoutMs), "committing");
    ++transactions_;
  }

  std::string input_;
  Options options_;
  std::string output_value_;
  kafka::ClientHandle consumer_;
  kafka::ClientHandle producer_;
  kafka::TopicHandle output_;
  std::vector<Partition> partitions_;
  bool closed_ = false;
  uint64_t records_ = 0;
  uint64_t transactions_ = 0;
  Clock::time_point began_;
};

int run(const Arguments& arguments) {
  const auto records = static_cast<uint64_t>(arguments.number("records", 0));
  // With a number of records it ends by itself; bench_drain, which asks everyone to stop, is to see
  // how.
  if (records > 0) {
    std::signal(SIGTERM, SIG_IGN);
  } else {
    std::signal(SIGTERM, [](int) { asked_to_stop = true; });
  }
  base::init_log(base::LogLevel::kWarn, false);
  kafka::Settings settings;
  settings.brokers = arguments.text("brokers");
  settings.group = arguments.text("group");
  settings.transactional_id = "bench." + settings.group;
  settings.client_id = "bench-raw-loop";
  make_topics(settings, arguments.text("topic"), arguments.text("output"),
              arguments.number("partitions"));
  RawLoop(settings, {std::chrono::milliseconds(arguments.number("interval-ms", 0)),
                     static_cast<uint64_t>(arguments.number("records-per-output")),
                     static_cast<size_t>(arguments.number("output-bytes"))})
      .run(records);
  return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  return muster::bench::run({argc,
                             argv,
                             {{"brokers", ""},
                              {"topic", ""},
                              {"output", ""},
                              {"group", ""},
                              {"partitions", "1"},
                              {"interval-ms", "100"},
                              {"records-per-output", "4"},
                              {"output-bytes", "330"},
                              {"records", ""}}});
}

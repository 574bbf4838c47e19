// bench_raw_read: reads what a recovery reads, and does nothing with it: the 100 % of that ratio.
//
//   --redis-port PORT          all keys of a server on this machine: strings by GET, hashes by
//                              HSCAN, a thousand fields a call, one call after the other
//   --brokers B --topic T      all partitions of a topic from their beginning to the end that they
//                              have now, by a client with the settings of the collector's reader
#include "arguments.h"
#include "base/check.h"
#include "base/log.h"
#include "kafka/client.h"

#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace muster::bench {
namespace {

constexpr int kCallTimeoutMs = 10'000;
constexpr size_t kBatchRecords = 20'000;
constexpr int kBatchWaitMs = 5;  // a batch that is not full waits so long for more

struct Read {
  uint64_t items = 0;
  uint64_t bytes = 0;
};

// --- Redis

struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};
struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
using ReplyPtr = std::unique_ptr<redisReply, FreeReply>;
using ContextPtr = std::unique_ptr<redisContext, FreeContext>;

ReplyPtr ask(redisContext& context, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  ReplyPtr reply(static_cast<redisReply*>(
      redisCommandArgv(&context, static_cast<int>(words.size()), texts.data(), sizes.data())));
  if (reply == nullptr || reply->type == REDIS_REPLY_ERROR) {
    std::fprintf(stderr, "%s: %s\n", words[0].c_str(),
                 reply == nullptr ? context.errstr : reply->str);
    std::exit(1);
  }
  return reply;
}

std::string text_of(const redisReply& reply) { return {reply.str, reply.len}; }

void read_hash(redisContext& context, const std::string& key, Read& read) {
  std::string cursor = "0";
  do {
    const ReplyPtr page = ask(context, {"HSCAN", key, cursor, "COUNT", "1000"});
    CHECK(page->elements == 2);
    cursor = text_of(*page->element[0]);
    const redisReply& pairs = *page->element[1];
    for (size_t i = 0; i < pairs.elements; ++i) read.bytes += pairs.element[i]->len;
    read.items += pairs.elements / 2;
  } while (cursor != "0");
}

Read read_redis(int port) {
  const ContextPtr context(redisConnect("127.0.0.1", port));
  if (context == nullptr || context->err != 0) {
    std::fprintf(stderr, "no Redis on port %d\n", port);
    std::exit(1);
  }
  Read read;
  const ReplyPtr keys = ask(*context, {"KEYS", "*"});
  for (size_t i = 0; i < keys->elements; ++i) {
    const std::string key = text_of(*keys->element[i]);
    const std::string type = text_of(*ask(*context, {"TYPE", key}));
    if (type == "hash") {
      read_hash(*context, key, read);
    } else if (type == "string") {
      read.bytes += ask(*context, {"GET", key})->len;
      ++read.items;
    }
  }
  return read;
}

// --- Kafka

Read read_partition(rd_kafka_t* client, rd_kafka_topic_t* topic, const char* name, int32_t number) {
  int64_t low = 0;
  int64_t high = 0;
  CHECK(rd_kafka_query_watermark_offsets(client, name, number, &low, &high, kCallTimeoutMs) ==
        RD_KAFKA_RESP_ERR_NO_ERROR);
  Read read;
  if (low == high) return read;
  CHECK(rd_kafka_consume_start(topic, number, low) == 0);
  std::vector<rd_kafka_message_t*> batch(kBatchRecords);
  // The end of a partition is an event too: behind it is only what a transaction has left there.
  for (bool ended = false; !ended;) {
    const ssize_t count =
        rd_kafka_consume_batch(topic, number, kBatchWaitMs, batch.data(), batch.size());
    CHECK(count >= 0);
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      const rd_kafka_message_t& message = *batch[i];
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        read.bytes += message.len + message.key_len;
        ++read.items;
      } else {
        CHECK(message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF);
        ended = message.offset >= high;
      }
      rd_kafka_message_destroy(batch[i]);
    }
  }
  CHECK(rd_kafka_consume_stop(topic, number) == 0);
  return read;
}

Read read_kafka(const Arguments& arguments) {
  base::init_log(base::LogLevel::kWarn, false);
  kafka::Settings settings;
  settings.brokers = arguments.text("brokers");
  settings.group = "bench-raw-read";
  settings.client_id = settings.group;
  const auto made = kafka::make_client(kafka::make_conf(settings, kafka::ClientRole::kReader),
                                       kafka::ClientRole::kReader);
  CHECK(made.client != nullptr);
  const std::string& name = arguments.text("topic");
  const kafka::TopicHandle topic(rd_kafka_topic_new(made.client.get(), name.c_str(), nullptr));
  Read all;
  for (int32_t number = 0; number < arguments.number("partitions"); ++number) {
    const Read read = read_partition(made.client.get(), topic.get(), name.c_str(), number);
    all.items += read.items;
    all.bytes += read.bytes;
  }
  return all;
}

int run(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  const auto port = static_cast<int>(arguments.number("redis-port", 0));
  const Read read = port > 0 ? read_redis(port) : read_kafka(arguments);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("items=%llu bytes=%llu seconds=%.3f\n", static_cast<unsigned long long>(read.items),
              static_cast<unsigned long long>(read.bytes), took.count());
  return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  return muster::bench::run(
      {argc,
       argv,
       {{"redis-port", "0"}, {"brokers", "localhost:9092"}, {"topic", "-"}, {"partitions", "1"}}});
}

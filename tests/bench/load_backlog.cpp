// bench_load: writes a backlog of groups, each a Create with three expected ids and their three
// Dones. So many groups are open at a time, and whose record comes next is drawn: the collector
// meets its groups in no order, as in life. The same seed writes the same bytes. With fewer than
// three Dones the groups stay open.
//
//   --keyed 0        records have no keys, and their partitions are drawn
//   --entities N     so many expected ids, and --dones of them
//   --due-at MS      the groups' deadlines are spread over the second that begins then (Unix time)
#include "arguments.h"
#include "base/check.h"
#include "base/log.h"
#include "events.h"
#include "kafka/handles.h"
#include "topics.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace muster::bench {
namespace {

uint64_t records_failed = 0;

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) ++records_failed;
}

// Java's murmur2, which the collector's --partitioner calls a group's home.
uint32_t murmur2(std::string_view key) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  auto hash = 0x9747b28c ^ static_cast<uint32_t>(key.size());
  while (key.size() >= 4) {
    uint32_t word = 0;
    std::memcpy(&word, key.data(), 4);
    word *= kMultiplier;
    word ^= word >> 24;
    hash = (hash * kMultiplier) ^ (word * kMultiplier);
    key.remove_prefix(4);
  }
  if (!key.empty()) {
    uint32_t rest = 0;
    std::memcpy(&rest, key.data(), key.size());
    hash = (hash ^ rest) * kMultiplier;
  }
  hash = (hash ^ (hash >> 13)) * kMultiplier;
  return hash ^ (hash >> 15);
}

struct Shape {
  uint64_t first = 1;     // number of the first group
  size_t dones = kDones;  // of each group
  size_t create_bytes = kCreateBytes;
  size_t payload_bytes = kPayloadBytes;
  bool keyed = true;
  size_t entities = kDones;
  int64_t due_at_ms = 0;  // 0: a ttl long enough for a backlog to wait as long as it likes
  uint64_t groups = 0;
};

class Backlog {
 public:
  Backlog(rd_kafka_t* client, rd_kafka_topic_t* topic, int32_t partitions, const Shape& shape)
      : client_(client), topic_(topic), partitions_(partitions), shape_(shape) {}

  void write(uint64_t groups, uint64_t open_max, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<Open> open;
    uint64_t begun = 0;
    while (begun < groups || !open.empty()) {
      // Until the stock is full groups begin as often as others go on, so that it fills while
      // outcomes already come.
      const bool begin = begun < groups && open.size() < open_max &&
                         (open.empty() || open.size() + 1 == open_max || random() % 2 == 0);
      if (begin) {
        const Open next{shape_.first + begun++, 0};
        send(next);
        if (shape_.dones > 0) open.push_back(next);
        continue;
      }
      Open& next = open[random() % open.size()];
      ++next.step;
      send(next);
      if (next.step == shape_.dones) {
        next = open.back();
        open.pop_back();
      }
    }
  }

  uint64_t bytes() const { return bytes_; }

 private:
  struct Open {
    uint64_t group = 0;
    size_t step = 0;  // 0: the Create has been sent; then so many Dones
  };

  void send(const Open& open) {
    char id[32];
    std::snprintf(id, sizeof id, "trip-%010llu", static_cast<unsigned long long>(open.group));
    if (open.step == 0) {
      const std::string ttl = ttl_of(open.group);
      write_create(value_, id,
                   {.ttl = ttl,
                    .payload_bytes = shape_.payload_bytes,
                    .bytes = shape_.create_bytes,
                    .entities = shape_.entities});
    } else {
      write_done(value_, id, {.group = open.group, .step = open.step, .entities = shape_.entities});
    }
    const auto drawn = static_cast<uint32_t>(shape_.keyed ? murmur2(id) & 0x7fffffff : random_());
    produce(shape_.keyed ? id : "",
            static_cast<int32_t>(drawn % static_cast<uint32_t>(partitions_)));
  }

  std::string ttl_of(uint64_t group) const {
    if (shape_.due_at_ms == 0) return "86400";
    const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    const auto due_ms =
        shape_.due_at_ms + static_cast<int64_t>((group - shape_.first) * 1000 / shape_.groups);
    if (due_ms <= now_ms) {
      std::fprintf(stderr, "--due-at has come before all was written\n");
      std::exit(1);
    }
    char text[24];
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(due_ms - now_ms) / 1e3);
    return text;
  }

  void produce(std::string_view key, int32_t partition) {
    while (rd_kafka_produce(topic_, partition, RD_KAFKA_MSG_F_COPY, value_.data(), value_.size(),
                            key.empty() ? nullptr : key.data(), key.size(), nullptr) != 0) {
      CHECK(rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL);
      rd_kafka_poll(client_, 10);
    }
    bytes_ += value_.size();
  }

  rd_kafka_t* client_;
  rd_kafka_topic_t* topic_;
  int32_t partitions_;
  Shape shape_;
  std::mt19937 random_{2};  // partitions
  std::string value_;
  uint64_t bytes_ = 0;
};

int run(const Arguments& arguments) {
  base::init_log(base::LogLevel::kWarn, false);
  kafka::Settings settings;
  settings.brokers = arguments.text("brokers");
  settings.client_id = "bench-load";
  const std::string& topic_name = arguments.text("topic");
  const int32_t partitions =
      make_topics(settings, topic_name, topic_name, arguments.number("partitions"));
  const Shape shape{.first = static_cast<uint64_t>(arguments.number("first")),
                    .dones = static_cast<size_t>(arguments.number("dones", 0)),
                    .create_bytes = static_cast<size_t>(arguments.number("create-bytes")),
                    .payload_bytes = static_cast<size_t>(arguments.number("payload-bytes")),
                    .keyed = arguments.number("keyed", 0) != 0,
                    .entities = static_cast<size_t>(arguments.number("entities")),
                    .due_at_ms = arguments.number("due-at", 0),
                    .groups = static_cast<uint64_t>(arguments.number("groups"))};
  CHECK(shape.dones <= shape.entities);

  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  // One request at a time keeps the order without the bookkeeping of an idempotent producer.
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"bootstrap.servers", settings.brokers},
                                          {"linger.ms", "20"},
                                          {"acks", "1"},
                                          {"batch.size", "1000000"},
                                          {"batch.num.messages", "100000"},
                                          {"queue.buffering.max.messages", "1000000"},
                                          {"max.in.flight.requests.per.connection", "1"}}) {
    CHECK(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), nullptr, 0) == RD_KAFKA_CONF_OK);
  }
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  kafka::ClientHandle client(rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0));
  CHECK(client != nullptr);
  kafka::TopicHandle topic(rd_kafka_topic_new(client.get(), topic_name.c_str(), nullptr));
  Backlog backlog(client.get(), topic.get(), partitions, shape);
  backlog.write(shape.groups, static_cast<uint64_t>(arguments.number("open")),
                static_cast<uint64_t>(arguments.number("seed")));
  const bool flushed = rd_kafka_flush(client.get(), 60'000) == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (!flushed || records_failed > 0) {
    std::fprintf(stderr, "%llu records could not be written\n",
                 static_cast<unsigned long long>(records_failed));
    return 1;
  }
  const uint64_t records = shape.groups * (1 + shape.dones);
  std::printf("records=%llu average_bytes=%llu\n", static_cast<unsigned long long>(records),
              static_cast<unsigned long long>(backlog.bytes() / records));
  return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  return muster::bench::run({argc,
                             argv,
                             {{"brokers", ""},
                              {"topic", ""},
                              {"groups", "300000"},
                              {"open", "1000"},
                              {"partitions", "1"},
                              {"first", "1"},
                              {"dones", "3"},
                              {"create-bytes", std::to_string(muster::bench::kCreateBytes)},
                              {"payload-bytes", std::to_string(muster::bench::kPayloadBytes)},
                              {"keyed", "1"},
                              {"entities", std::to_string(muster::bench::kDones)},
                              {"due-at", "0"},
                              {"seed", "1"}}});
}

// The half of bench_pace that reads outcomes, and what it shares with the half that sends.
#pragma once

#include "arguments.h"
#include "base/check.h"
#include "kafka/handles.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace muster::bench {

constexpr int kPollMs = 20;
constexpr const char* kNote = "sent ";  // then the time in us: when a record was sent

// Of the groups that lack a Done: spread, so that no two in a row are due at one time.
inline int64_t short_ttl_ms(uint64_t group) {
  return 500 + static_cast<int64_t>(group * 7 % 1'000);
}

inline int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline int64_t digits(std::string_view text) {
  int64_t number = 0;
  CHECK(std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc());
  return number;
}

inline std::string_view behind(std::string_view value, std::string_view mark) {
  const size_t at = value.find(mark);
  return at == std::string_view::npos ? std::string_view() : value.substr(at + mark.size());
}

// "2026-11-21T12:12:12.494Z"
inline int64_t time_ms(std::string_view text) {
  using namespace std::chrono;
  CHECK(text.size() >= 24 && text[23] == 'Z');
  const auto part = [text](size_t at, size_t count) { return digits(text.substr(at, count)); };
  const sys_days day = year(static_cast<int>(part(0, 4))) /
                       month(static_cast<unsigned>(part(5, 2))) /
                       std::chrono::day(static_cast<unsigned>(part(8, 2)));
  return duration_cast<milliseconds>(day.time_since_epoch()).count() + part(11, 2) * 3'600'000 +
         part(14, 2) * 60'000 + part(17, 2) * 1'000 + part(20, 3);
}

// Which part of the run counts. Set before anything is sent.
struct Window {
  int64_t begin_us = 0;
  int64_t end_us = 0;

  bool holds(int64_t at_us) const { return begin_us <= at_us && at_us < end_us; }
};

// When things were sent: written by the sender, read by the receiver. 0: not yet.
struct SentTimes {
  explicit SentTimes(size_t groups) : created(groups), done(groups) {}

  std::vector<std::atomic<int64_t>> created;
  std::vector<std::atomic<int64_t>> done;
};

// A kind of groups: those that succeed, or those that time out.
struct Family {
  Family(std::string prefix_of_ids, size_t groups_max)
      : prefix(std::move(prefix_of_ids)), sent(groups_max), outcomes(groups_max) {}

  std::string id(uint64_t group) const {
    char text[24];
    std::snprintf(text, sizeof text, "%08llu", static_cast<unsigned long long>(group));
    return prefix + text;
  }
  bool owns(std::string_view key) const {
    return key.starts_with(prefix) && key.size() == prefix.size() + 8;
  }

  std::string prefix;
  SentTimes sent;
  std::vector<uint8_t> outcomes;  // the receiver's, until it has ended
  std::atomic<uint64_t> answered{0};
};

// Groups of somebody else (bench_load --due-at) that time out within one second: keys `prefix` and
// a number from 1 on.
struct Storm {
  Storm(std::string prefix_of_ids, size_t groups, int64_t begins_ms)
      : prefix(std::move(prefix_of_ids)), at_ms(begins_ms), outcomes(groups) {}

  int64_t due_ms(size_t group) const {
    return at_ms + static_cast<int64_t>(group * 1000 / outcomes.size());
  }

  std::string prefix;
  int64_t at_ms;
  std::vector<uint8_t> outcomes;  // the receiver's, as the rest
  std::atomic<uint64_t> answered{0};
  int64_t last_arrival_us = 0;
  int64_t shift_ms_max = 0;  // how long after the time meant for it a deadline was
};

inline kafka::ClientHandle make_client(rd_kafka_type_t type,
                                       const std::map<std::string, std::string>& values) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : values) {
    CHECK(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), nullptr, 0) == RD_KAFKA_CONF_OK);
  }
  kafka::ClientHandle client(rd_kafka_new(type, conf, nullptr, 0));
  CHECK(client != nullptr);
  return client;
}

// Has a thread of its own between start() and stop().
class Receiver {
 public:
  Receiver(const Arguments& arguments, Family& whole, Family& lacking, Storm& storm,
           const Window& window)
      : whole_(whole),
        lacking_(lacking),
        storm_(storm),
        window_(window),
        raw_(arguments.number("raw", 0) != 0),
        client_(make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", arguments.text("brokers")},
                                                {"group.id", "unused-no-offsets-are-committed"},
                                                {"isolation.level", "read_committed"},
                                                {"enable.auto.commit", "false"},
                                                {"socket.nagle.disable", "true"},
                                                {"fetch.wait.max.ms", "20"}})) {
    if (arguments.text("log") != "-") log_.open(arguments.text("log"));
    const auto partitions = static_cast<int>(arguments.number("partitions"));
    const kafka::PartitionListHandle list(rd_kafka_topic_partition_list_new(partitions));
    for (int i = 0; i < partitions; ++i) {
      rd_kafka_topic_partition_list_add(list.get(), arguments.text("output").c_str(), i)->offset =
          RD_KAFKA_OFFSET_BEGINNING;
    }
    CHECK(rd_kafka_assign(client_.get(), list.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_poll_set_consumer(client_.get());
  }

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    stop_ = true;
    thread_.join();
    rd_kafka_consumer_close(client_.get());
  }
  int64_t last_arrival_us() const { return last_arrival_us_; }

  // Only after stop(). In ms.
  std::vector<double> answer_ms;
  std::vector<double> lateness_ms;
  uint64_t doubled = 0;
  uint64_t wrong = 0;
  uint64_t early = 0;
  int64_t shift_ms_max = 0;

 private:
  void run() {
    while (!stop_) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), kPollMs);
      if (message == nullptr) {
        log_.flush();  // under load the stream does it
        continue;
      }
      const int64_t now = now_us();
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take(*message, now);
        last_arrival_us_ = now;
      } else {
        std::fprintf(stderr, "consumer: %s\n", rd_kafka_message_errstr(message));
      }
      rd_kafka_message_destroy(message);
    }
  }

  void take(const rd_kafka_message_t& message, int64_t now) {
    const std::string_view key(static_cast<const char*>(message.key), message.key_len);
    const std::string_view value(static_cast<const char*>(message.payload), message.len);
    if (raw_) {
      const int64_t sent = digits(behind(value, kNote));
      if (window_.holds(sent)) answer_ms.push_back(static_cast<double>(now - sent) / 1e3);
      return;
    }
    if (!storm_.outcomes.empty() && key.starts_with(storm_.prefix)) {
      take_storm(value, static_cast<size_t>(digits(key.substr(storm_.prefix.size()))) - 1, now);
      return;
    }
    for (Family* family : {&whole_, &lacking_}) {
      if (!family->owns(key)) continue;
      const auto group = static_cast<size_t>(digits(key.substr(family->prefix.size())));
      if (group >= family->outcomes.size() || family->sent.created[group] == 0) {
        ++wrong;
      } else if (family->outcomes[group]++ > 0) {
        ++doubled;
      } else {
        ++family->answered;
        family == &whole_ ? take_success(value, group, now) : take_failure(value, group, now);
        log(message, now, family->sent.created[group]);
      }
    }
  }

  void take_success(std::string_view value, size_t group, int64_t now) {
    const int64_t sent = whole_.sent.done[group];
    if (sent == 0 || !value.starts_with(R"({"type":"EventGroupCollectorSuccess")")) {
      ++wrong;
    } else if (window_.holds(sent)) {
      answer_ms.push_back(static_cast<double>(now - sent) / 1e3);
    }
  }

  void take_failure(std::string_view value, size_t group, int64_t now) {
    const std::string_view resolved = behind(value, R"("resolved":")");
    if (resolved.empty() || behind(value, R"("code":"timeout")").empty()) {
      ++wrong;
      return;
    }
    const int64_t resolved_ms = time_ms(resolved);
    const int64_t late_us = now - resolved_ms * 1000;
    if (late_us < 0) ++early;
    // The deadline is the Create's time and the ttl, or later where the collector's clock was ahead
    // of the Create: a lateness that `resolved` would hide.
    const int64_t due_ms = lacking_.sent.created[group] / 1000 + short_ttl_ms(group);
    shift_ms_max = std::max(shift_ms_max, resolved_ms - due_ms);
    if (window_.holds(now - late_us)) lateness_ms.push_back(static_cast<double>(late_us) / 1e3);
  }

  void take_storm(std::string_view value, size_t group, int64_t now) {
    const std::string_view resolved = behind(value, R"("resolved":")");
    if (group >= storm_.outcomes.size() || resolved.empty() ||
        behind(value, R"("code":"timeout")").empty()) {
      ++wrong;
    } else if (storm_.outcomes[group]++ > 0) {
      ++doubled;
    } else {
      ++storm_.answered;
      storm_.last_arrival_us = now;
      const int64_t resolved_ms = time_ms(resolved);
      if (now < resolved_ms * 1000) ++early;
      storm_.shift_ms_max = std::max(storm_.shift_ms_max, resolved_ms - storm_.due_ms(group));
    }
  }

  void log(const rd_kafka_message_t& message, int64_t now, int64_t created_us) {
    if (!log_.is_open()) return;
    log_ << now << ' ' << message.partition << ' ' << rd_kafka_message_timestamp(&message, nullptr)
         << ' ' << created_us << std::endl;  // whoever reads along waits for it
  }

  Family& whole_;
  Family& lacking_;
  Storm& storm_;
  const Window& window_;
  bool raw_;
  kafka::ClientHandle client_;
  std::ofstream log_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> last_arrival_us_{0};
};

}  // namespace muster::bench

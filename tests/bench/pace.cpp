// bench_pace: sends groups at a steady rate, reads what comes of them `read_committed` in the same
// process, and says at the end how long that took.
//
//   --rate N       groups a second: a Create and three Dones, 50 ms apart; measured is the time
//                  from the last Done (handed to the client) to the Success (handed to us)
//   --timeouts N   beside them so many groups a second that lack a Done; measured is the time from
//                  `resolved`, which is their deadline, to their Failure
//   --keyed 0      no keys, any partition, drawn for each record
//   --raw 1        the outcomes are copies of single records (bench_raw_loop): measured is the time
//                  from such a record to its copy
//   --storm N      somebody else's groups trip-0000000001 to trip-N time out within the second that
//                  begins at --storm-at MS (Unix time); measured is when the last Failure is there
//   --log FILE     a line for each outcome: arrival us, partition, its timestamp ms, when its
//                  group's Create was sent us
//
// After --warmup seconds it measures for --seconds, then waits --patience seconds for what is
// missing. SIGTERM ends the sending early. Exit code 1: lost, doubled, wrong or early outcomes.
#include "arguments.h"
#include "base/check.h"
#include "events.h"
#include "kafka/handles.h"
#include "pace_receiver.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace muster::bench {
namespace {

constexpr int64_t kStepUs = 50'000;  // from a group's record to its next one
constexpr int64_t kSilenceUs = 1'000'000;

std::atomic<bool> asked_to_stop{false};

// --- what goes out: the main thread

class Sender {
 public:
  Sender(const Arguments& arguments, Family& whole, Family& lacking)
      : whole_(whole),
        lacking_(lacking),
        topic_name_(arguments.text("topic")),
        rate_(arguments.number("rate")),
        timeouts_(arguments.number("timeouts", 0)),
        lag_(static_cast<uint64_t>(std::max<int64_t>(1, rate_ * kStepUs / 1'000'000))),
        partitions_(static_cast<int32_t>(arguments.number("partitions"))),
        keyed_(arguments.number("keyed", 0) != 0),
        client_(make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", arguments.text("brokers")},
                                                {"linger.ms", "0"},
                                                {"enable.idempotence", "true"},
                                                {"socket.nagle.disable", "true"},
                                                {"partitioner", "murmur2_random"}})),
        topic_(rd_kafka_topic_new(client_.get(), topic_name_.c_str(), nullptr)) {}

  // Until `end_us`, or until somebody asks it to stop; whatever has begun gets its Dones.
  void run(const Window& window) {
    Stream whole{1e6 / static_cast<double>(rate_ * 4), 0};
    Stream lacking{timeouts_ > 0 ? 1e6 / static_cast<double>(timeouts_ * 3) : 0, 0};
    const int64_t start_us = now_us();
    bool ending = false;
    while (true) {
      ending = ending || asked_to_stop || now_us() >= window.end_us;
      const bool first = timeouts_ == 0 || whole.at_us() <= lacking.at_us();
      Stream& next = first ? whole : lacking;
      const int64_t due = start_us + next.at_us();
      const int64_t wait = due - now_us();
      if (wait > 0) {
        rd_kafka_poll(client_.get(), 0);
        std::this_thread::sleep_for(std::chrono::microseconds(wait));
      }
      if (window.holds(due)) behind_us_max_ = std::max(behind_us_max_, now_us() - due);
      first ? whole_step(next.step++, ending) : lacking_step(next.step++, ending);
      if (ending && last_done_ == begun_ && !lacking_open_) break;
    }
    if (rd_kafka_flush(client_.get(), 30'000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::fprintf(stderr, "not all records were acknowledged\n");
      std::exit(1);
    }
  }

  uint64_t whole_begun() const { return begun_; }
  uint64_t lacking_begun() const { return lacking_begun_; }
  double behind_ms_max() const { return static_cast<double>(behind_us_max_) / 1e3; }

 private:
  struct Stream {
    double interval_us = 0;
    uint64_t step = 0;

    int64_t at_us() const { return std::llround(static_cast<double>(step) * interval_us); }
  };

  // Four steps a slot: the Create of a group, then a Done of each of three older ones.
  void whole_step(uint64_t step, bool ending) {
    const uint64_t slot = step / 4;
    const uint64_t part = step % 4;
    if (part == 0) {
      if (ending || slot != begun_ || begun_ >= whole_.outcomes.size()) return;
      const std::string id = whole_.id(begun_);
      const int64_t now = now_us();
      whole_.sent.created[begun_++] = now;
      const std::string note = kNote + std::to_string(now) + " ";
      write_create(value_, id, {.note = note});
      produce(id);
      return;
    }
    if (slot < part * lag_ || slot - part * lag_ >= begun_) return;
    const uint64_t group = slot - part * lag_;
    const std::string id = whole_.id(group);
    const int64_t now = now_us();
    if (part == kDones) {
      whole_.sent.done[group] = now;
      last_done_ = group + 1;
    }
    const std::string note = kNote + std::to_string(now) + " ";
    write_done(value_, id, {.group = group, .step = part, .note = note});
    produce(id);
  }

  // Three steps a slot: the Create of a group and two of its Dones.
  void lacking_step(uint64_t step, bool ending) {
    const uint64_t part = step % 3;
    if (part == 0) lacking_open_ = !ending && lacking_begun_ < lacking_.outcomes.size();
    if (!lacking_open_) return;
    const uint64_t group = part == 0 ? lacking_begun_++ : lacking_begun_ - 1;
    const std::string id = lacking_.id(group);
    const int64_t now = now_us();
    const std::string note = kNote + std::to_string(now) + " ";
    if (part == 0) {
      lacking_.sent.created[group] = now;
      char ttl[16];
      std::snprintf(ttl, sizeof ttl, "%.3f", static_cast<double>(short_ttl_ms(group)) / 1e3);
      write_create(value_, id, {.ttl = ttl, .note = note});
    } else {
      write_done(value_, id, {.group = group, .step = part, .note = note});
    }
    produce(id);
    if (part == 2 && ending) lacking_open_ = false;
  }

  void produce(const std::string& key) {
    const auto partition =
        keyed_ ? RD_KAFKA_PARTITION_UA : static_cast<int32_t>(random_() % partition_count());
    while (rd_kafka_produce(topic_.get(), partition, RD_KAFKA_MSG_F_COPY, value_.data(),
                            value_.size(), keyed_ ? key.data() : nullptr, keyed_ ? key.size() : 0,
                            nullptr) != 0) {
      CHECK(rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL);
      rd_kafka_poll(client_.get(), 10);
    }
  }
  uint32_t partition_count() const { return static_cast<uint32_t>(partitions_); }

  Family& whole_;
  Family& lacking_;
  std::string topic_name_;
  int64_t rate_;
  int64_t timeouts_;
  uint64_t lag_;  // slots from a group's record to its next one
  int32_t partitions_;
  bool keyed_;
  kafka::ClientHandle client_;
  kafka::TopicHandle topic_;
  std::mt19937 random_{1};
  std::string value_;
  uint64_t begun_ = 0;
  uint64_t last_done_ = 0;  // so many groups have all their Dones
  uint64_t lacking_begun_ = 0;
  bool lacking_open_ = false;
  int64_t behind_us_max_ = 0;
};

// --- both

void print(const char* name, std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  const auto at = [&samples](double share) {
    if (samples.empty()) return 0.0;
    const auto rank = std::ceil(share * static_cast<double>(samples.size()));
    return samples[static_cast<size_t>(std::max(rank, 1.0)) - 1];
  };
  std::printf(" %s_count=%zu %s_p50=%.2f %s_p99=%.2f %s_max=%.2f", name, samples.size(), name,
              at(0.5), name, at(0.99), name, at(1));
}

int run(const Arguments& arguments) {
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { asked_to_stop = true; });
  const int64_t seconds = arguments.number("warmup", 0) + arguments.number("seconds");
  const auto groups_max = [seconds](int64_t rate) {
    return static_cast<size_t>(rate * (seconds + 2));
  };
  Family whole(arguments.text("prefix") + "-s", groups_max(arguments.number("rate")));
  Family lacking(arguments.text("prefix") + "-t", groups_max(arguments.number("timeouts", 0)));
  Window window;
  Storm storm("trip-", static_cast<size_t>(arguments.number("storm", 0)),
              arguments.number("storm-at", 0));
  Receiver receiver(arguments, whole, lacking, storm, window);
  Sender sender(arguments, whole, lacking);
  window.begin_us = now_us() + arguments.number("warmup", 0) * 1'000'000;
  window.end_us = window.begin_us + arguments.number("seconds") * 1'000'000;
  receiver.start();
  sender.run(window);

  const bool raw = arguments.number("raw", 0) != 0;
  const int64_t give_up_us = now_us() + arguments.number("patience") * 1'000'000;
  const uint64_t begun = sender.whole_begun() + sender.lacking_begun() + storm.outcomes.size();
  const auto all_there = [&] {
    if (raw) return now_us() - receiver.last_arrival_us() > kSilenceUs;
    return whole.answered + lacking.answered + storm.answered >= begun;
  };
  while (!all_there() && now_us() < give_up_us) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // One that comes twice would come soon.
  if (!raw) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  receiver.stop();
  const uint64_t missing = raw ? 0 : begun - whole.answered - lacking.answered - storm.answered;
  std::printf("groups=%llu timeouts=%llu missing=%llu doubled=%llu wrong=%llu early=%llu",
              static_cast<unsigned long long>(sender.whole_begun()),
              static_cast<unsigned long long>(sender.lacking_begun()),
              static_cast<unsigned long long>(missing),
              static_cast<unsigned long long>(receiver.doubled),
              static_cast<unsigned long long>(receiver.wrong),
              static_cast<unsigned long long>(receiver.early));
  print("answer", receiver.answer_ms);
  print("late", receiver.lateness_ms);
  if (storm.answered > 0) {
    std::printf(" storm_last_ms=%lld storm_shift_max=%lld",
                static_cast<long long>(storm.last_arrival_us / 1000 - storm.at_ms),
                static_cast<long long>(storm.shift_ms_max));
  }
  std::printf(" shift_max=%lld behind_max=%.2f\n", static_cast<long long>(receiver.shift_ms_max),
              sender.behind_ms_max());
  return missing + receiver.doubled + receiver.wrong + receiver.early == 0 ? 0 : 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  return muster::bench::run({argc,
                             argv,
                             {{"brokers", ""},
                              {"topic", ""},
                              {"output", ""},
                              {"prefix", "pace"},
                              {"partitions", "1"},
                              {"rate", "500"},
                              {"timeouts", "0"},
                              {"keyed", "1"},
                              {"raw", "0"},
                              {"warmup", "5"},
                              {"seconds", "20"},
                              {"patience", "30"},
                              {"storm", "0"},
                              {"storm-at", "0"},
                              {"log", "-"}}});
}

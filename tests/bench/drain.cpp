// bench_drain: starts a program that works off a topic as a consumer group, and measures from
// outside, in the same way for whatever it is, how long that takes: from the line in which it says
// that it has its partitions (so starting and joining are not counted) to the commit of the last
// record's offset. Then it waits --settle-ms, looks at the program's memory and ends it by --end:
// `term` asks it, `kill` does not.
//
//   --behind TOPIC       the program writes this topic and reads it again, as the same group: that
//                        is to be worked off too
//   --mark RECORDS       what the records behind so many have taken is said besides
//   --stop-at-half PID   that process, which the program depends on, is stopped half-way
#include "arguments.h"
#include "base/check.h"
#include "drain_child.h"
#include "kafka/handles.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace muster::bench {
namespace {

// How exact the end is; asking so often costs the broker less than 1 % of a core.
constexpr int kLookEveryMs = 5;
constexpr int kCallTimeoutMs = 10'000;
// A log that transactions write ends with the marker of the last one, which nobody commits.
constexpr int64_t kMarkers = 1;

class CommittedOffsets {
 public:
  CommittedOffsets(const Arguments& arguments, const std::string& topic)
      : topic_(topic),
        list_(rd_kafka_topic_partition_list_new(static_cast<int>(arguments.number("partitions")))) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    // Uncommitted: offsets of a transaction that is still open are not waited for.
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"bootstrap.servers", arguments.text("brokers")},
                                            {"group.id", arguments.text("group")},
                                            {"isolation.level", "read_uncommitted"}}) {
      CHECK(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), nullptr, 0) == RD_KAFKA_CONF_OK);
    }
    client_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0));
    CHECK(client_ != nullptr);
    for (int32_t partition = 0; partition < arguments.number("partitions"); ++partition) {
      rd_kafka_topic_partition_list_add(list_.get(), topic.c_str(), partition);
    }
    find_ends();
    look();  // so that the group's coordinator is known before time counts
  }

  void find_ends() {
    ends_.clear();
    for (int i = 0; i < list_->cnt; ++i) {
      int64_t low = 0;
      int64_t high = 0;
      const auto code = rd_kafka_query_watermark_offsets(
          client_.get(), topic_.c_str(), list_->elems[i].partition, &low, &high, kCallTimeoutMs);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        std::fprintf(stderr, "%s: %s\n", topic_.c_str(), rd_kafka_err2str(code));
        std::exit(1);
      }
      ends_.push_back(high);
    }
  }
  int64_t end() const { return std::accumulate(ends_.begin(), ends_.end(), int64_t{0}); }

  // The sum over the partitions. Where it cannot be had, 0, and nothing is at its end.
  int64_t look() {
    known_ = rd_kafka_committed(client_.get(), list_.get(), kCallTimeoutMs) ==
             RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t sum = 0;
    for (int i = 0; known_ && i < list_->cnt; ++i) sum += committed(i);
    return sum;
  }
  // Of each partition all but so many records were committed at the last look.
  bool at_end(int64_t but) const {
    for (int i = 0; i < list_->cnt; ++i) {
      if (!known_ || committed(i) + but < ends_[static_cast<size_t>(i)]) return false;
    }
    return true;
  }

 private:
  int64_t committed(int i) const { return std::max<int64_t>(0, list_->elems[i].offset); }

  std::string topic_;
  kafka::ClientHandle client_;
  kafka::PartitionListHandle list_;
  std::vector<int64_t> ends_;
  bool known_ = false;
};

// What there was to see when something had come so far.
struct Sight {
  int64_t records = 0;
  Clock::time_point at;
  double cpu_seconds = 0;
};

class Measurement {
 public:
  Measurement(const Arguments& arguments, char** command)
      : arguments_(arguments), input_(arguments, arguments.text("topic")), child_(command) {}

  int run() {
    const auto limit = Clock::now() + std::chrono::seconds(arguments_.number("limit"));
    // The raw loop ends by itself, and may have done so when its last commit is seen.
    for (bool speaks = true; !worked_off();) {
      if (!speaks) return give_up("the program has ended before its work has");
      if (Clock::now() > limit) return give_up("out of time");
      speaks = child_.listen(kLookEveryMs);
    }
    const double took = seconds(Clock::now());
    const double took_cpu = child_.cpu_seconds_so_far();
    const auto settled =
        Clock::now() + std::chrono::milliseconds(arguments_.number("settle-ms", 0));
    while (Clock::now() < settled) {
      if (!child_.listen(kLookEveryMs))
        return give_up("the program has ended while it was left alone");
    }
    const long memory_kib = child_.memory_kib();
    const int signal = arguments_.text("end") == "kill" ? SIGKILL : SIGTERM;
    const int status = child_.stop(signal);
    const bool as_told =
        signal == SIGKILL ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0;
    if (!as_told) return give_up("the program did not end well");
    std::printf(
        "records=%lld seconds=%.3f first_commit=%.3f cpu_seconds=%.2f memory_mib=%ld "
        "settled_kib=%ld",
        static_cast<long long>(input_.end()), took, first_ ? seconds(*first_) : 0.0,
        child_.cpu_seconds(), child_.memory_kib_max() / 1024, memory_kib);
    if (mark_) {
      std::printf(" behind_mark_records=%lld behind_mark_seconds=%.3f behind_mark_cpu_seconds=%.2f",
                  static_cast<long long>(input_.end() - mark_->records), took - seconds(mark_->at),
                  took_cpu - mark_->cpu_seconds);
    }
    std::printf("\n");
    return 0;
  }

 private:
  double seconds(Clock::time_point at) const {
    return std::chrono::duration<double>(at - *ready_).count();
  }

  int give_up(const char* why) {
    child_.stop();
    std::fprintf(stderr, "%s\n%s", why, child_.last_words().c_str());
    return 1;
  }

  bool worked_off() {
    if (!ready_) {
      if (child_.said().find(arguments_.text("ready")) == std::string::npos) return false;
      ready_ = Clock::now();
      if (arguments_.text("behind") != "-") behind_.emplace(arguments_, arguments_.text("behind"));
    }
    if (input_at_end_) {
      behind_->look();
      return behind_->at_end(kMarkers);
    }
    const int64_t sum = input_.look();
    if (sum > 0 && !first_) first_ = Clock::now();
    if (const int64_t mark = arguments_.number("mark", 0); mark > 0 && sum >= mark && !mark_)
      mark_ = Sight{sum, Clock::now(), child_.cpu_seconds_so_far()};
    if (const auto pid = static_cast<pid_t>(arguments_.number("stop-at-half", 0));
        pid > 0 && sum >= input_.end() / 2 && !std::exchange(stopped_, true))
      kill(pid, SIGSTOP);
    if (!input_.at_end(0)) return false;
    if (!behind_) return true;
    // Nothing is put there any more.
    input_at_end_ = true;
    behind_->find_ends();
    return false;
  }

  const Arguments& arguments_;
  CommittedOffsets input_;
  std::optional<CommittedOffsets> behind_;
  bool input_at_end_ = false;
  bool stopped_ = false;
  std::optional<Clock::time_point> ready_;
  std::optional<Clock::time_point> first_;
  std::optional<Sight> mark_;
  Child child_;
};

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  const muster::bench::Arguments arguments(argc, argv,
                                           {{"brokers", ""},
                                            {"group", ""},
                                            {"topic", ""},
                                            {"partitions", "1"},
                                            {"limit", "120"},
                                            {"settle-ms", "0"},
                                            {"end", "term"},
                                            {"behind", "-"},
                                            {"mark", "0"},
                                            {"stop-at-half", "0"},
                                            {"ready", "ready: consuming"}});
  if (arguments.rest() >= argc) {
    std::fputs("after -- comes the program to start\n", stderr);
    return 2;
  }
  return muster::bench::Measurement(arguments, argv + arguments.rest()).run();
}

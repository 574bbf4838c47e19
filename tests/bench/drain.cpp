// bench_drain: starts a program that works off a topic as a consumer group, and measures from
// outside, in the same way for whatever it is, how long that takes: from the line in which it says
// that it has its partitions (so starting and joining are not counted) to the commit of the last
// record's offset. Then it waits --settle-ms, looks at the program's memory and ends it by --end:
// `term` asks it, `kill` does not.
#include "arguments.h"
#include "base/check.h"
#include "kafka/handles.h"

#include <librdkafka/rdkafka.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

namespace muster::bench {
namespace {

using Clock = std::chrono::steady_clock;

// How exact the end is; asking so often costs the broker less than 1 % of a core.
constexpr int kLookEveryMs = 5;
constexpr int kCallTimeoutMs = 10'000;
constexpr size_t kTailBytesMax = 4'000;

class CommittedOffsets {
 public:
  CommittedOffsets(const std::string& brokers, const std::string& group, const std::string& topic,
                   int partitions)
      : list_(rd_kafka_topic_partition_list_new(partitions)) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    // Uncommitted: offsets of a transaction that is still open are not waited for.
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"bootstrap.servers", brokers},
                                            {"group.id", group},
                                            {"isolation.level", "read_uncommitted"}}) {
      CHECK(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), nullptr, 0) == RD_KAFKA_CONF_OK);
    }
    client_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0));
    CHECK(client_ != nullptr);
    for (int partition = 0; partition < partitions; ++partition) {
      rd_kafka_topic_partition_list_add(list_.get(), topic.c_str(), partition);
      int64_t low = 0;
      int64_t high = 0;
      const auto code = rd_kafka_query_watermark_offsets(client_.get(), topic.c_str(), partition,
                                                         &low, &high, kCallTimeoutMs);
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        std::fprintf(stderr, "%s: %s\n", topic.c_str(), rd_kafka_err2str(code));
        std::exit(1);
      }
      end_ += high;
    }
    look();  // so that the group's coordinator is known before time counts
  }

  // The sum over the partitions.
  int64_t look() {
    const auto code = rd_kafka_committed(client_.get(), list_.get(), kCallTimeoutMs);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
    int64_t sum = 0;
    for (int i = 0; i < list_->cnt; ++i) sum += std::max<int64_t>(0, list_->elems[i].offset);
    return sum;
  }
  int64_t end() const { return end_; }

 private:
  kafka::ClientHandle client_;
  kafka::PartitionListHandle list_;
  int64_t end_ = 0;
};

// The program under measurement, and what it says on stdout and stderr.
class Child {
 public:
  explicit Child(char** command) {
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // it shall not outlive its measurement
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      execvp(command[0], command);
      std::perror(command[0]);
      _exit(127);
    }
    close(ends[1]);
    said_fd_ = ends[0];
  }
  ~Child() {
    stop();
    close(said_fd_);
  }

  // Listens for so long, or until it says something; false: it has closed its mouth for ever.
  bool listen(int timeout_ms) {
    pollfd waiting{said_fd_, POLLIN, 0};
    if (poll(&waiting, 1, timeout_ms) <= 0) return true;
    char bytes[4096];
    const ssize_t count = read(said_fd_, bytes, sizeof bytes);
    if (count <= 0) return false;
    said_.append(bytes, static_cast<size_t>(count));
    return true;
  }
  const std::string& said() const { return said_; }
  std::string last_words() const {
    return said_.substr(said_.size() - std::min(said_.size(), kTailBytesMax));
  }

  // Of now, from the kernel.
  long memory_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    std::string line;
    while (std::getline(status, line)) {
      if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
    }
    return 0;
  }

  // Asks (or not), listens, insists. Its exit status, and the CPU time of its whole life.
  int stop(int signal = SIGTERM) {
    if (pid_ == 0) return status_;
    kill(pid_, signal);
    const auto began = Clock::now();
    while (listen(100) && Clock::now() - began < std::chrono::seconds(15)) {
    }
    kill(pid_, SIGKILL);  // of no effect on one that has ended
    rusage usage{};
    CHECK(wait4(pid_, &status_, 0, &usage) == pid_);
    pid_ = 0;
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    cpu_seconds_ = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    memory_kib_max_ = usage.ru_maxrss;
    return status_;
  }
  double cpu_seconds() const { return cpu_seconds_; }
  long memory_kib_max() const { return memory_kib_max_; }

 private:
  pid_t pid_ = 0;
  int said_fd_ = -1;
  std::string said_;
  int status_ = 0;
  double cpu_seconds_ = 0;
  long memory_kib_max_ = 0;
};

int run(const Arguments& arguments, char** command) {
  CommittedOffsets offsets(arguments.text("brokers"), arguments.text("group"),
                           arguments.text("topic"),
                           static_cast<int>(arguments.number("partitions")));
  const auto limit = Clock::now() + std::chrono::seconds(arguments.number("limit"));
  Child child(command);
  std::optional<Clock::time_point> ready;
  std::optional<Clock::time_point> first;
  const auto give_up = [&child](const char* why) {
    child.stop();
    std::fprintf(stderr, "%s\n%s", why, child.last_words().c_str());
    return 1;
  };
  while (true) {
    if (!child.listen(kLookEveryMs)) return give_up("the program has ended before its work has");
    const auto now = Clock::now();
    if (now > limit) return give_up("out of time");
    if (!ready) {
      if (child.said().find(arguments.text("ready")) == std::string::npos) continue;
      ready = now;
    }
    const int64_t sum = offsets.look();
    if (sum > 0 && !first) first = Clock::now();
    if (sum >= offsets.end()) break;
  }
  const auto seconds = [&ready](Clock::time_point at) {
    return std::chrono::duration<double>(at - *ready).count();
  };
  const double took = seconds(Clock::now());
  const auto settled = Clock::now() + std::chrono::milliseconds(arguments.number("settle-ms", 0));
  while (Clock::now() < settled) {
    if (!child.listen(kLookEveryMs))
      return give_up("the program has ended while it was left alone");
  }
  const long memory_kib = child.memory_kib();
  const int signal = arguments.text("end") == "kill" ? SIGKILL : SIGTERM;
  const int status = child.stop(signal);
  const bool as_told =
      signal == SIGKILL ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0;
  if (!as_told) return give_up("the program did not end well");
  std::printf(
      "records=%lld seconds=%.3f first_commit=%.3f cpu_seconds=%.2f memory_mib=%ld "
      "settled_kib=%ld\n",
      static_cast<long long>(offsets.end()), took, first ? seconds(*first) : 0.0,
      child.cpu_seconds(), child.memory_kib_max() / 1024, memory_kib);
  return 0;
}

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
                                            {"ready", "ready: consuming"}});
  if (arguments.rest() >= argc) {
    std::fputs("after -- comes the program to start\n", stderr);
    return 2;
  }
  return muster::bench::run(arguments, argv + arguments.rest());
}

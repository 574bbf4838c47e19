// A program under measurement: started, listened to, looked at from outside, ended. It does not
// outlive its owner. One thread.
#pragma once

#include "base/check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace muster::bench {

using Clock = std::chrono::steady_clock;
constexpr size_t kTailBytesMax = 4'000;

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

  // So far, from the kernel.
  double cpu_seconds_so_far() const {
    std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
    std::string line;
    std::getline(stat, line);
    // Behind the name, which is in brackets, utime and stime are the 12th and 13th word.
    std::istringstream words(line.substr(std::min(line.rfind(')') + 1, line.size())));
    std::string skipped;
    for (int i = 0; i < 11; ++i) words >> skipped;
    double user = 0;
    double system = 0;
    words >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
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

}  // namespace muster::bench

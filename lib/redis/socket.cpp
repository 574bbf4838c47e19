#include "redis/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

namespace muster::redis {
namespace {

using Clock = std::chrono::steady_clock;

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

std::string message_of(int error) { return std::generic_category().message(error); }

// 0: connected; otherwise errno's number.
int connect_until(int fd, const addrinfo& address, Clock::time_point deadline) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting{fd, POLLOUT, 0};
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<core::Duration>(deadline - Clock::now());
    ready = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  // An interrupted one has no error, and no peer either.
  sockaddr_storage peer{};
  size = sizeof peer;
  if (error == 0 && getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return errno;
  return error;
}

void make_blocking(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

}  // namespace

void Interrupter::watch(int fd) {
  const std::lock_guard lock(mutex_);
  fd_ = fd;
  if (interrupted_) shutdown(fd_, SHUT_RDWR);
}

void Interrupter::forget() {
  const std::lock_guard lock(mutex_);
  fd_ = -1;
}

void Interrupter::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (fd_ >= 0) shutdown(fd_, SHUT_RDWR);
}

bool Interrupter::interrupted() const {
  const std::lock_guard lock(mutex_);
  return interrupted_;
}

Connected connect_tcp(const std::string& host, uint16_t port, core::Duration timeout,
                      Interrupter& interrupter) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int looked_up = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (looked_up != 0) return {-1, gai_strerror(looked_up)};
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  int64_t left = 0;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) ++left;
  const auto deadline = Clock::now() + timeout;
  std::string error = "it has no address";
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next, --left) {
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = message_of(errno);
      continue;
    }
    interrupter.watch(fd);
    const auto now = Clock::now();
    const int failed = connect_until(fd, *a, now + (deadline - now) / left);
    if (failed == 0) {
      make_blocking(fd);
      return {fd, ""};
    }
    error = message_of(failed);
    interrupter.forget();
    close(fd);
  }
  return {-1, error};
}

void set_timeout(int fd, core::Duration timeout) {
  timeval time{};
  time.tv_sec = timeout.count() / 1'000;
  time.tv_usec = timeout.count() % 1'000 * 1'000;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

void block_sigpipe_in_this_thread() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace muster::redis

#include "runtime/stop_signals.h"

#include <unistd.h>
#include <csignal>
#include <ctime>

namespace muster::runtime {
namespace {

constexpr timespec kLookInterval{0, 100'000'000};
constexpr int kExitAtOnce = 130;

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

StopSignals::StopSignals(std::deque<Mailbox>& mailboxes) : mailboxes_(mailboxes) {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { run(); });
}

StopSignals::~StopSignals() {
  done_ = true;
  thread_.join();
}

void StopSignals::run() {
  const sigset_t set = stop_signals();
  while (!done_) {
    if (sigtimedwait(&set, nullptr, &kLookInterval) < 0) continue;
    if (requested_.exchange(true)) _exit(kExitAtOnce);
    for (Mailbox& mailbox : mailboxes_) mailbox.post(StopRequested{});
  }
}

}  // namespace muster::runtime

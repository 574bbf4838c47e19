#include "runtime/worker_threads.h"

#include <atomic>
#include <thread>
#include <vector>

namespace muster::runtime {

int run_workers(std::deque<Mailbox>& mailboxes, const std::function<int(size_t)>& run) {
  std::atomic<int> code{0};
  const auto run_one = [&](size_t i) {
    const int own = run(i);
    int none = 0;
    if (own != 0) code.compare_exchange_strong(none, own);
    for (Mailbox& mailbox : mailboxes) mailbox.post(StopRequested{});
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < mailboxes.size(); ++i) threads.emplace_back(run_one, i);
  run_one(0);
  for (std::thread& thread : threads) thread.join();
  return code;
}

}  // namespace muster::runtime

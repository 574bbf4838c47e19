#include "runtime/mailbox.h"

#include <doctest/doctest.h>

#include <poll.h>
#include <unistd.h>

#include <thread>

using namespace muster;
using namespace muster::runtime;

namespace {

constexpr core::Duration kLong = std::chrono::minutes(5);

bool awake(const Mailbox& mailbox) {
  pollfd waiting{mailbox.fd(), POLLIN, 0};
  return poll(&waiting, 1, 0) > 0;
}

}  // namespace

TEST_CASE("events are taken in the order in which they were posted, once") {
  Mailbox mailbox;
  CHECK(mailbox.take().empty());
  mailbox.post(ProducerOpened{});
  mailbox.post(StopRequested{});
  const auto events = mailbox.take();
  REQUIRE(events.size() == 2);
  CHECK(std::holds_alternative<ProducerOpened>(events[0]));
  CHECK(std::holds_alternative<StopRequested>(events[1]));
  CHECK(mailbox.take().empty());
}

TEST_CASE(
    "a wait ends at once when something was posted before, and each wake counts for one wait") {
  Mailbox mailbox;
  mailbox.post(StopRequested{});
  mailbox.post(StopRequested{});
  mailbox.wait(kLong);
  CHECK_FALSE(awake(mailbox));
  mailbox.wake();
  mailbox.wait(kLong);
  CHECK_FALSE(awake(mailbox));
}

TEST_CASE("a wait of no length returns, and a wake-up that came stays for the next one") {
  Mailbox mailbox;
  mailbox.wait(core::Duration{0});
  mailbox.wake();
  CHECK(awake(mailbox));
  mailbox.wait(core::Duration{0});
  CHECK_FALSE(awake(mailbox));
}

TEST_CASE("whoever writes eight bytes to the mailbox wakes it: so do librdkafka's queues") {
  Mailbox mailbox;
  const uint64_t one = 1;
  REQUIRE(write(mailbox.fd(), &one, sizeof one) == sizeof one);
  mailbox.wait(kLong);
  CHECK(mailbox.take().empty());
}

TEST_CASE("what other threads post arrives whole, and wakes the one who waits") {
  Mailbox mailbox;
  constexpr int kThreads = 4;
  constexpr size_t kEach = 1'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&mailbox, t] {
      for (size_t i = 0; i < kEach; ++i) {
        mailbox.post(Committed{{core::Offset{t}, core::Offset{static_cast<int64_t>(i)}}});
      }
    });
  }
  int64_t next[kThreads] = {};
  size_t got = 0;
  while (got < kThreads * kEach) {
    mailbox.wait(kLong);
    for (const Event& event : mailbox.take()) {
      const auto& offsets = std::get<Committed>(event).journal_offsets;
      REQUIRE(core::raw(offsets[1]) == next[core::raw(offsets[0])]++);
      ++got;
    }
  }
  for (auto& thread : threads) thread.join();
}

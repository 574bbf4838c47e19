// What operators need of Kafka: events go into the event topic through an idempotent producer, and
// the group is asked who owns what. One thread with one client, which is made when it is needed for
// the first time: a server that nobody asks costs no connection.
#pragma once

#include "kafka/client.h"
#include "runtime/operator_ports.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

namespace muster::kafka {

class OperatorThread final : public runtime::OperatorPorts {
 public:
  static constexpr size_t kWaitingMax = 1'000;  // questions, and events in flight

  explicit OperatorThread(const Settings& settings);
  // What waits is answered: it was not sent, or nobody knows whether it was.
  ~OperatorThread() override;

  // From any thread.
  void send(runtime::EventToSend event, OnSent done) override;
  void find_owners(OnOwners done) override;

 private:
  struct SendJob {
    runtime::EventToSend event;
    OnSent done;
  };
  struct OwnersJob {
    OnOwners done;
  };
  using Job = std::variant<SendJob, OwnersJob>;
  friend struct SentCallback;

  bool submit(Job& job);
  void run();
  bool have_client();
  void drop_broken_client();
  void do_job(SendJob& job);
  void do_job(OwnersJob& job);
  runtime::Owners ask_owners();

  Settings settings_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // guarded by mutex_
  bool stop_ = false;     // the same

  // The thread's own.
  std::string client_error_;
  ClientHandle client_;
  size_t in_flight_ = 0;
  std::optional<runtime::Owners> owners_;
  std::chrono::steady_clock::time_point owners_read_{};

  std::thread thread_;
};

}  // namespace muster::kafka

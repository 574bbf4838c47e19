// The checkpoint store in Redis, behind a thread of its own: one per worker, with one connection.
// Parts are written in the order in which they came; in between, checkpoints are read one round
// trip at a time, a bounded number of bytes ahead of the worker. A Redis that is slow, gone, full or
// read-only costs the worker nothing: parts are answered with kNotSent, at once while there is no
// connection, and reading fails after one attempt to connect.
#pragma once

#include "redis/checkpoint_reader.h"
#include "redis/checkpoint_writer.h"
#include "redis/link.h"
#include "redis/settings.h"
#include "runtime/checkpoint_store.h"
#include "runtime/mailbox.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace muster::redis {

// For metrics; read by any thread.
struct Counters {
  std::atomic<bool> connected{false};
  std::atomic<uint64_t> parts_written{0};
  std::atomic<uint64_t> bytes_written{0};   // of those parts, commands included
  std::atomic<uint64_t> parts_failed{0};    // kNotSent and kUnknown
  std::atomic<uint64_t> parts_outdated{0};  // kOtherHead and kNewerHead
  std::atomic<uint64_t> entries_read{0};
  std::atomic<uint64_t> loads_failed{0};
};

class CheckpointThread final : public runtime::CheckpointStore {
 public:
  // Connects when there is something to do.
  CheckpointThread(Settings settings, runtime::Mailbox& mailbox);
  // Breaks off what is under way, without an answer; the look-up of a host name can hold it up.
  ~CheckpointThread() override;

  void store(uint64_t request, const core::CheckpointPart& part) override;
  void load(core::Partition partition) override;
  std::unique_ptr<runtime::CheckpointPage> fetch(core::Partition partition) override;
  void stop(core::Partition partition) override;

  const Counters& counters() const { return counters_; }

 private:
  struct StoreJob {
    uint64_t request = 0;
    const core::CheckpointPart* part = nullptr;
  };
  struct Load {
    uint64_t number = 0;
    Link::Clock::time_point asked_at;
    std::unique_ptr<CheckpointReader> reader;  // null: with the thread, or ended
    bool ended = false;                        // no more pages come
    std::deque<PagePtr> pages;
    size_t bytes = 0;  // of the pages
  };
  // What the thread does outside of the mutex.
  struct Step {
    core::Partition partition{};
    uint64_t number = 0;
    Link::Clock::time_point asked_at;
    std::unique_ptr<CheckpointReader> reader;
  };
  struct Work {
    std::optional<StoreJob> store;
    std::optional<Step> step;
  };

  void run();
  // Waits for work; nothing: the thread has to end.
  Work next();
  std::optional<Step> next_step();
  void answer(const StoreJob& job);
  StoreAnswer try_store(const core::CheckpointPart& part);
  void say_refusal(const StoreAnswer& answer);
  void take(Step step);
  std::vector<PagePtr> try_step(Step& step);
  void count(const runtime::CheckpointPage& page);
  void deliver(Step step, std::vector<PagePtr> pages);

  const Settings settings_;
  runtime::Mailbox& mailbox_;
  Interrupter interrupter_;
  Counters counters_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  bool stop_ = false;
  std::deque<StoreJob> stores_;
  std::map<core::Partition, Load> loads_;
  core::Partition last_step_{-1};
  uint64_t loads_begun_ = 0;

  // The thread's own.
  Link link_;
  std::string said_refusal_;

  std::thread thread_;
};

}  // namespace muster::redis

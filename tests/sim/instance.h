// One process of a collector in the simulation: the real worker, with every port of it simulated
// over the cluster. A step is one small thing that the process or one of its threads may do next;
// the simulation chooses which.
#pragma once

#include "cluster.h"
#include "store.h"

#include "collector/processor.h"
#include "runtime/worker.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace muster::sim {

// What nobody needs is kept this long: much shorter than a process may stand still and then believe
// what it read.
constexpr int64_t kRetentionMs = 200;

// The name of a topic, as records and dead letters show it.
std::string_view topic_name(runtime::Log log);

// What is wrong with the world just now, for this instance.
struct Weather {
  uint32_t lose_commit_request = 0;  // chances in 1000
  uint32_t lose_commit_answer = 0;
  uint32_t abort_commit = 0;
  uint32_t lose_store_request = 0;
  uint32_t lose_store_answer = 0;
  uint32_t delay_store_request = 0;  // it is carried out when nobody waits for it
};

// What an instance has been through.
struct Counts {
  uint64_t batches = 0;
  uint64_t failed_commits = 0;
  uint64_t forwarded = 0;
  uint64_t refusals = 0;  // transactions that failed for them
  uint64_t resumed = 0;   // shards that went on where they stood, after a rebalance
  uint64_t fenced_writers = 0;
  uint64_t accepted_losses = 0;
  uint64_t checkpoints = 0;         // written
  uint64_t checkpoints_loaded = 0;  // and gone on from
  uint64_t checkpoints_void = 0;    // that were there and did not help
  uint64_t held_back = 0;           // portions of which some had to wait, for want of memory

  Counts& operator+=(const Counts& other);
};

class Instance {
 public:
  struct Setup {
    std::string name;  // static members keep it
    std::string transactional_id;
    collector::Options options;
    std::optional<core::Routing> routing;
    core::ShardLimits limits;
    size_t batch_records_max = 50;
    core::Duration trim_interval = std::chrono::hours(1);
    bool accept_loss = false;
    std::optional<runtime::Checkpoints::Options> checkpoints;
    std::optional<runtime::MemoryLimit::Options> memory;
    // How often a live partition is read, in 100 rounds; the simulation's, for all.
    const std::vector<uint32_t>* reading_speed = nullptr;
  };

  Instance(Setup setup, Cluster& cluster, Store& store, std::mt19937_64& random);

  const std::string& name() const { return setup_.name; }
  bool exited() const { return exit_.has_value(); }
  const std::optional<runtime::Exit>& exit() const { return exit_; }
  void stop() { worker_.handle(runtime::StopRequested{}, core::time_from_ms(wall_ms_)); }
  // One round of the loop, with portions of any size. The wall clock never goes back within a
  // process, whatever the machine's does.
  void round(int64_t wall_ms, int64_t now_ms);
  // The commit thread and the lookup thread, a call further.
  void work(const Weather& weather, int64_t now_ms);
  bool busy() const { return commit_ || opening_ || !lookups_.empty() || !inbox_.empty(); }
  const runtime::Worker& worker() const { return worker_; }
  Counts counts() const;
  std::vector<std::string>& notes() { return notes_; }
  // What it did that no process may do.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  enum class Stage { kBegin, kProduce, kOffsets, kEnd };
  struct CommitJob {
    const core::Batch* batch = nullptr;
    Stage stage = Stage::kBegin;
    int64_t generation = 0;
    std::vector<core::Offset> journal_offsets;
  };
  struct LookupJob {
    std::variant<runtime::Locate, runtime::ReadEnds, runtime::ReadCommitted> question;
    CommittedOffsets committed;  // of a Locate: asked first
    bool have_committed = false;
  };

  struct StoreJob {
    runtime::StorePart part;
  };
  struct LoadJob {
    core::Partition partition{};
    std::optional<std::string> head;  // when it has begun
    size_t closed_read = 0;
    std::optional<std::string> entries_read;  // up to this name
  };

  void group(int64_t now_ms);
  void handle(const runtime::Event& event, core::Time wall);
  void execute(const runtime::Action& action);
  void execute(const runtime::Note& note);
  void trim();
  void load_some();
  void replay_some();
  void live_some();
  bool fetch_some(core::Partition partition, std::vector<Log::View>& views);

  void commit_further(const Weather& weather, int64_t now_ms);
  void committed(const core::Batch& batch);
  bool find_topics();
  // False: something was refused, and the transaction has failed.
  bool produce(int64_t now_ms);
  std::vector<runtime::Refusal> refusals(size_t from, size_t to) const;
  bool refused(const core::Output& output) const;
  int target(const core::Output& output) const;
  void count_refusals(const std::vector<runtime::Refusal>& refusals);
  void write(size_t index, const TransactionPtr& transaction, int64_t now_ms);
  void fail(const std::string& why, std::vector<runtime::Refusal> refusals = {});

  void store_further(const Weather& weather);
  runtime::StoreResult store(const core::CheckpointPart& part, const Weather& weather);
  // False: that was the last page.
  bool load_further(LoadJob& job);
  bool send_page(core::Partition partition, runtime::CheckpointPage page);
  void stop_loading(core::Partition partition);

  void lookup_further();
  void answer(const runtime::ReadEnds& question);
  void answer(const runtime::ReadCommitted& question);
  bool ask_committed(LookupJob& job);
  void fence_dead_writer(int partition, runtime::Log log);
  void answer_located(const LookupJob& job);

  std::vector<runtime::Log> input_logs() const;
  void say(const std::string& what);
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  Setup setup_;
  Cluster& cluster_;
  Store& store_;
  std::mt19937_64& random_;
  runtime::Worker worker_;
  std::deque<runtime::Event> inbox_;
  std::vector<std::string> notes_;
  std::vector<std::string> faults_;
  std::optional<runtime::Exit> exit_;
  Counts counts_;

  int64_t generation_ = -1;  // of the assignment that the worker has
  bool revoking_ = false;
  int64_t wall_ms_ = 0;

  using Place = std::pair<core::Partition, runtime::Log>;
  std::map<Place, int64_t> position_;  // of the consumer
  std::map<Place, int64_t> reading_;   // of the reader

  std::optional<CommitJob> commit_;
  std::map<std::string, int> refused_so_often_;  // outputs, by content
  bool opening_ = false;
  int64_t producer_epoch_ = -1;
  std::deque<LookupJob> lookups_;
  std::deque<std::variant<StoreJob, LoadJob>> store_jobs_;
  std::map<core::Partition, std::deque<std::unique_ptr<runtime::CheckpointPage>>> pages_;
  std::map<core::Partition, std::string> heads_read_;  // of checkpoints
  std::deque<std::pair<int64_t, runtime::Trim>> trims_;
};

}  // namespace muster::sim

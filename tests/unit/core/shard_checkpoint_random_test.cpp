// Checkpoints of a shard at random: what is in the store is always true, and a shard that begins with it
// becomes the one that never crashed.
#include "core/shard.h"
#include "shard_checkpoints.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace muster::core;

namespace {

// One shard that lives and dies, a replica that never does, and a store that keeps its promises, but
// whose answers do not always come.
class Storm {
 public:
  explicit Storm(uint32_t seed) : random_(seed) {
    limits_.timers_per_tick_max = 3;
    limits_.forgets_per_batch_max = 4;
    limits_.remembered_max = 5;
    limits_.carry_after = std::chrono::seconds(8);
    limits_.checkpoints = true;
    limits_.checkpoint_part_bytes_max = chance(2) ? 1'000'000 : below(300);
    if (chance(2)) world_.routing = Routing{Partitioner::kMurmur2, 2};
    shard_ = world_.new_shard(limits_);
    replica_ = world_.empty_shard();
  }

  void step() {
    add_records();
    batch();
    if (chance(12)) store_ = {};  // somebody empties it
    if (chance(2)) write_late();
    check_store();
    if (chance(10)) crash();
    REQUIRE(shard_->fingerprint() == replica_->fingerprint());
    REQUIRE(shard_->timers() == replica_->timers());
  }

  size_t heads_checked = 0;
  size_t begun_with = 0;
  size_t behind_trimmed = 0;
  std::map<std::string, size_t> answers;

 private:
  struct At {
    std::string fingerprint;
    size_t timers = 0;
    CommitMetadata metadata;
  };

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool chance(uint32_t one_in) { return below(one_in) == 0; }

  void add_records() {
    now_ += below(4'000);
    for (uint32_t count = below(4); count > 0; --count) {
      static const char* const kValues[] = {"add", "add", "end", "nothing", "bad"};
      const int64_t time = now_ - below(20'000) + below(3'000);
      const std::string id = "id" + std::to_string(below(12));
      const std::string value = kValues[below(5)];
      if (!world_.routing || chance(2)) {
        world_.log.push_back({time, id, value});
      } else {
        const auto offset = static_cast<int64_t>(world_.repartition.size());
        world_.repartition.push_back({time, id, value, origin("in", 1, offset, time)});
      }
    }
  }

  // In pieces, with a checkpoint going on in between; known to be committed now, or later.
  void batch() {
    Batch out;
    shard_->begin(time_from_ms(now_));
    for (size_t log = 0; log < shard_->logs(); ++log) {
      const size_t end = log == 0 ? world_.log.size() : world_.repartition.size();
      for (auto next = static_cast<size_t>(raw(shard_->next(log))); next < end;) {
        next = std::min(end, next + 1 + below(3));
        world_.apply(*shard_, log, next, out);
        write_some();
      }
    }
    std::optional<Time> tick;
    if (chance(2)) tick = time_from_ms(now_);
    shard_->seal(tick, "id", out);
    world_.keep(out);
    uncommitted_.push_back(shard_->n());
    if (shard_->checkpoint_wanted() && chance(2)) shard_->begin_checkpoint(++writers_);
    write_some();
    if (!chance(3)) commit();
    write_some();
    world_.replay(*replica_, world_.journal.size() - 1);
    at_[shard_->n()] = {replica_->fingerprint(), replica_->timers(), world_.committed.back()};
  }
  void commit() {
    for (const BatchNumber n : uncommitted_) {
      shard_->committed(n, journal_of(n));
      committed_ = n;
    }
    uncommitted_.clear();
    trimmed_ = std::max(trimmed_, shard_->needed_from().journal);
  }
  static Offset journal_of(BatchNumber n) { return Offset{static_cast<int64_t>(raw(n)) - 1}; }

  void write_some() {
    shard_->checkpointer()->write(below(4));
    if (!part_ && shard_->part_ready()) {
      part_ = shard_->next_part();
      REQUIRE(part_->n <= committed_);
    }
    if (part_ && chance(2)) answer();
  }
  void answer() {
    Checkpointer& checkpointer = *shard_->checkpointer();
    const auto part = std::move(part_);
    const uint32_t fate = below(12);
    if (fate == 0) {
      ++answers["not sent"];
      checkpointer.failed(false);
    } else if (fate == 1) {
      ++answers["unknown, not written"];
      checkpointer.failed(true);
    } else if (fate == 2) {
      ++answers["unknown, written"];
      store_.write(*part);
      checkpointer.failed(true);
    } else if (fate == 3) {
      ++answers["unknown, written later"];
      late_.push_back(copy_of(*part));
      checkpointer.failed(true);
    } else if (store_.write(*part) == KeptCheckpoint::Answer::kWritten) {
      ++answers["done"];
      checkpointer.stored();
    } else {
      ++answers["other head"];
      checkpointer.start_over();
    }
  }
  static std::unique_ptr<CheckpointPart> copy_of(const CheckpointPart& part) {
    auto copy = std::make_unique<CheckpointPart>();
    copy->builds_on = part.builds_on;
    copy->head = part.head;
    copy->epoch = part.epoch;
    copy->n = part.n;
    for (const auto name : part.entries_left) copy->entries_left.push_back(copy->bytes.copy(name));
    for (const Carried& entry : part.entries)
      copy->entries.push_back({copy->bytes.copy(entry.key), copy->bytes.copy(entry.state)});
    copy->closed_left = part.closed_left;
    copy->closed_number = part.closed_number;
    copy->closed = part.closed;
    return copy;
  }
  void write_late() {
    if (late_.empty()) return;
    const auto one = late_.begin() + below(static_cast<uint32_t>(late_.size()));
    store_.write(**one);
    late_.erase(one);
  }

  // --- what is in the store

  void check_store() {
    const auto head = store_.decoded_head();
    if (!head || !head->finished || store_.head == checked_) return;
    checked_ = store_.head;
    ++heads_checked;
    const auto shard = loaded(world_, store_, limits_);
    REQUIRE(shard != nullptr);
    const At& then = at_.at(head->n);
    REQUIRE(shard->fingerprint() == then.fingerprint);
    REQUIRE(shard->timers() == then.timers);
    REQUIRE(head->needed_journal >= then.metadata.journal_offset);
    replay_rest(world_, *shard);
    REQUIRE(shard->fingerprint() == replica_->fingerprint());
    REQUIRE(shard->timers() == replica_->timers());
    check_needed(*shard, *head);
  }
  // What it says that it needs after one more batch, which nobody else sees.
  void check_needed(Shard& shard, const CheckpointHead& head) {
    Batch out;
    shard.seal({}, "id", out);
    const CommitMetadata metadata = *decode_commit_metadata(out.offsets.back().metadata);
    shard.committed(shard.n(), journal_of(shard.n()));
    const auto needed = shard.needed_from();
    REQUIRE(needed.journal >= head.needed_journal);
    REQUIRE(needed.repartition >= head.needed_repartition);
    if (raw(metadata.origin) > world_.journal.size()) return;  // only the batch itself
    const JournalEntry origin = world_.entry(raw(metadata.origin) - 1);
    REQUIRE(needed.journal <= journal_of(metadata.origin));
    if (world_.routing) REQUIRE(needed.repartition <= origin.ranges.back().from);
    if (metadata.origin <= head.n) return;
    REQUIRE(needed.journal == journal_of(metadata.origin));
    if (world_.routing) REQUIRE(needed.repartition == origin.ranges.back().from);
  }

  // --- another life

  void crash() {
    if (!uncommitted_.empty()) committed_ = uncommitted_.back();  // the answers are lost
    uncommitted_.clear();
    if (part_) late_.push_back(std::move(part_));
    shard_ = nullptr;
    const CommitMetadata& last = world_.committed.back();
    const auto head = store_.decoded_head();
    if (!chance(4) && head && head->finished && after(head->n) >= last.origin) {
      shard_ = world_.empty_shard(limits_);
      REQUIRE(store_.load(*shard_, last.journal_offset));
      replay_rest(world_, *shard_);
      ++begun_with;
    } else {
      REQUIRE(last.journal_offset >= trimmed_);  // what it needs is there still
      shard_ = world_.recover(limits_);
      behind_trimmed += raw(trimmed_) > 0 ? 1 : 0;
    }
    REQUIRE(shard_->n() == replica_->n());
  }

  std::mt19937 random_;
  ShardLimits limits_;
  World world_;
  std::unique_ptr<Shard> shard_;
  std::unique_ptr<Shard> replica_;
  int64_t now_ = 1'000'000;
  std::vector<BatchNumber> uncommitted_;
  BatchNumber committed_{};
  Offset trimmed_{};
  std::map<BatchNumber, At> at_;
  uint64_t writers_ = 0;

  KeptCheckpoint store_;
  std::string checked_;
  std::unique_ptr<CheckpointPart> part_;               // with the store
  std::vector<std::unique_ptr<CheckpointPart>> late_;  // on their way; nobody waits
};

}  // namespace

TEST_CASE(
    "whatever the store answers and whatever crashes, what it holds is a state that there was") {
  size_t heads = 0;
  size_t begun_with = 0;
  size_t behind_trimmed = 0;
  std::map<std::string, size_t> answers;
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Storm storm(seed);
    for (int step = 0; step < 120; ++step) {
      CAPTURE(step);
      storm.step();
    }
    heads += storm.heads_checked;
    begun_with += storm.begun_with;
    behind_trimmed += storm.behind_trimmed;
    for (const auto& [answer, count] : storm.answers) answers[answer] += count;
  }
  // It would be easy to test nothing.
  CHECK(heads > 3'000);
  CHECK(begun_with > 500);
  CHECK(behind_trimmed > 500);
  for (const char* answer : {"done", "not sent", "unknown, not written", "unknown, written",
                             "unknown, written later", "other head"}) {
    CAPTURE(answer);
    CHECK(answers[answer] > 500);
  }
}

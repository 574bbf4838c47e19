#include "judge.h"

#include "model.h"

#include "core/journal_entry.h"

#include <cstdio>

namespace muster::sim {

using core::raw;

Replica::Replica(const Cluster& cluster, int partition, const Workload& workload,
                 const collector::Options& options)
    : cluster_(cluster), partition_(partition), workload_(workload), options_(options) {}

void Replica::follow(std::vector<std::string>& faults) {
  const Log& journal = cluster_.journal[static_cast<size_t>(partition_)];
  for (; journal_next_ < journal.last_stable() && faults.empty(); ++journal_next_) {
    if (!journal.visible(journal_next_)) continue;
    if (!follow_entry(journal.at(journal_next_), journal_next_, faults)) return;
  }
}

bool Replica::follow_entry(const Entry& journal_entry, int64_t offset,
                           std::vector<std::string>& faults) {
  const std::string where = "partition " + std::to_string(partition_) + ", journal offset " +
                            std::to_string(offset) + ": ";
  const auto decoded = core::decode_journal_entry(*journal_entry.value);
  if (!decoded) {
    faults.push_back(where + decoded.error().message);
    return false;
  }
  const core::JournalEntry& entry = decoded.value();
  if (!shard_ || shard_->epoch() != entry.epoch) {
    if (raw(entry.n) != 1) {
      faults.push_back(where + "an epoch begins with batch " + std::to_string(raw(entry.n)));
      return false;
    }
    shard_ = std::make_unique<core::Shard>(core::Partition{partition_}, 1,
                                           std::make_unique<collector::Processor>(options_),
                                           core::ShardLimits{});
    shard_->replay_into(batch_);
  } else if (raw(entry.n) != raw(shard_->n()) + 1 || entry.ranges[0].from != shard_->next(0) ||
             entry.clock != shard_->clock()) {
    faults.push_back(where + "batch " + std::to_string(raw(entry.n)) + " does not join batch " +
                     std::to_string(raw(shard_->n())));
    return false;
  }
  if (!shard_->replay_begin(entry, core::Offset{offset})) {
    faults.push_back(where + "unreadable options");
    return false;
  }
  began_at_[{raw(entry.epoch), raw(entry.n)}] = raw(entry.ranges[0].from);
  const Log& input = cluster_.input[static_cast<size_t>(partition_)];
  auto view = input.read("input", core::Partition{partition_}, raw(entry.ranges[0].from),
                         static_cast<size_t>(raw(entry.ranges[0].to) - raw(entry.ranges[0].from)));
  for (core::Record& record : view.records) {
    if (record.offset < entry.ranges[0].to) shard_->replay_record(0, record);
  }
  if (!shard_->replay_end(entry)) {
    faults.push_back(where + "unreadable carried state");
    return false;
  }
  compare_outputs(faults);
  batch_.clear();
  return faults.empty();
}

// The next published records of this partition have to be these.
void Replica::compare_outputs(std::vector<std::string>& faults) {
  for (const core::Output& output : batch_.outputs) {
    auto next = cluster_.published.lower_bound(published_next_);
    for (; next != cluster_.published.end(); ++next) {
      if (!cluster_.outputs.visible(next->first)) continue;
      const Published& p = next->second;
      if ((p.outcome ? workload_.home.at(p.key) : p.partition) == partition_) break;
    }
    if (next == cluster_.published.end()) {
      // Its marker in the outputs may come later than that in the journal: the end of the run
      // settles it.
      faults.push_back("partition " + std::to_string(partition_) +
                       ": decided and not published: " + std::string(output.value.value_or("")));
      return;
    }
    published_next_ = next->first + 1;
    if (next->second.value != output.value.value_or("") ||
        next->second.outcome != (output.topic == core::TopicRole::kOutput)) {
      faults.push_back("partition " + std::to_string(partition_) + ": published  " +
                       next->second.value + "\n  the replica decides " +
                       std::string(output.value.value_or("")));
      return;
    }
  }
}

namespace {

// For people: saved states are binary.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    char code[8];
    const bool plain = (c >= ' ' && c <= '~') || c == '\n';
    std::snprintf(code, sizeof code, plain ? "%c" : "\\x%02x", static_cast<unsigned char>(c));
    out += code;
  }
  return out;
}

}  // namespace

std::optional<int64_t> Replica::began_at(core::Epoch epoch, core::BatchNumber n) const {
  const auto found = began_at_.find({raw(epoch), raw(n)});
  if (found == began_at_.end()) return std::nullopt;
  return found->second;
}

void Replica::compare(const core::Shard& live, std::vector<std::string>& faults) {
  if (!shard_ || live.epoch() != shard_->epoch() || live.n() != shard_->n() || live.dirty()) return;
  if (live.fingerprint() == shard_->fingerprint()) return;
  faults.push_back("partition " + std::to_string(partition_) + ", batch " +
                   std::to_string(raw(live.n())) + ": state of the live shard\n" +
                   printable(live.fingerprint()) + "\n  that of the replica\n" +
                   printable(shard_->fingerprint()));
}

namespace {

// A timeout is resolved at its deadline, and deadlines are reached in order: the clock of a shard
// never goes back, and no deadline is set before it.
void judge_clocks(const Cluster& cluster, const Workload& workload,
                  std::vector<std::string>& faults) {
  std::map<int, std::string> last;
  for (const auto& [offset, published] : cluster.published) {
    if (!published.outcome || !cluster.outputs.visible(offset)) continue;
    if (published.value.find(R"("code":"timeout")") == std::string::npos) continue;
    const size_t at = published.value.find(R"("resolved":")") + 12;
    std::string resolved = published.value.substr(at, 24);
    std::string& before = last[workload.home.at(published.key)];
    if (resolved < before)
      faults.push_back("group " + published.key + " timed out at " + resolved + ", after one at " +
                       before);
    before = std::move(resolved);
  }
}

}  // namespace

Verdict judge_outcomes(const Cluster& cluster, const Workload& workload, int64_t early_ttl_ms) {
  Verdict verdict;
  std::map<std::string, std::vector<const Published*>> outcomes;
  for (const auto& [offset, published] : cluster.published) {
    if (published.outcome && cluster.outputs.visible(offset))
      outcomes[published.key].push_back(&published);
  }
  judge_clocks(cluster, workload, verdict.faults);
  for (const Log& input : cluster.input) {
    for (const auto& [id, expectation] : expect(input, early_ttl_ms, workload.odd_times)) {
      ++verdict.groups;
      const auto& got = outcomes[id];
      if (got.size() != 1) {
        verdict.faults.push_back("group " + id + " has " + std::to_string(got.size()) +
                                 " outcomes");
        continue;
      }
      if (!expectation.certain) continue;
      ++verdict.exact;
      const bool timed_out = got[0]->value.find(R"("code":"timeout")") != std::string::npos;
      if (timed_out) ++verdict.timeouts;
      if (timed_out && !expectation.timeout) ++verdict.false_timeouts;
      if (got[0]->value != expectation.value) {
        verdict.faults.push_back("group " + id + ": got      " + got[0]->value + "\n  expected " +
                                 expectation.value);
      }
      if (got[0]->written_ms < expectation.not_before_ms) {
        verdict.faults.push_back("group " + id + " ended " +
                                 std::to_string(expectation.not_before_ms - got[0]->written_ms) +
                                 " ms before its deadline");
      }
    }
  }
  return verdict;
}

}  // namespace muster::sim

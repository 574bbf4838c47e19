#include "judge.h"

#include "instance.h"
#include "judge_targets.h"
#include "model.h"

#include "core/journal_entry.h"

#include <algorithm>
#include <cstdio>

namespace muster::sim {

using core::raw;

Replica::Replica(const Cluster& cluster, int partition, const std::optional<core::Routing>& routing,
                 const collector::Options& options, Transcript& transcript)
    : cluster_(cluster),
      partition_(partition),
      routing_(routing),
      options_(options),
      transcript_(transcript) {}

void Replica::follow(std::vector<std::string>& faults) {
  const Log& journal = cluster_.log(runtime::Log::kJournal, partition_);
  for (; journal_next_ < journal.last_stable() && faults.empty(); ++journal_next_) {
    if (!journal.visible(journal_next_)) continue;
    if (!follow_entry(journal.at(journal_next_), journal_next_, faults)) return;
  }
}

std::string Replica::joins(const core::JournalEntry& entry) const {
  const std::string batch = "batch " + std::to_string(raw(entry.n));
  if (entry.ranges.size() != (routing_ ? 2 : 1)) return batch + " has other logs";
  if (!shard_ || shard_->epoch() != entry.epoch) {
    if (raw(entry.n) != 1) return "an epoch begins with " + batch;
    for (size_t log = 0; log < new_epoch_from_.size(); ++log) {
      if (entry.ranges[log].from != new_epoch_from_[log])
        return "the epoch after a loss begins at another offset than was committed";
    }
    return "";
  }
  if (new_epoch_expected()) return batch + " goes on over what was lost";
  bool joins = raw(entry.n) == raw(shard_->n()) + 1 && entry.clock == shard_->clock();
  for (size_t log = 0; log < entry.ranges.size(); ++log)
    joins = joins && entry.ranges[log].from == shard_->next(log);
  return joins ? "" : batch + " does not join batch " + std::to_string(raw(shard_->n()));
}

void Replica::begin(core::Epoch epoch) {
  if (shard_ && shard_->epoch() == epoch) return;
  new_epoch_from_.clear();
  shard_ = std::make_unique<core::Shard>(core::Partition{partition_}, routing_,
                                         std::make_unique<collector::Processor>(options_),
                                         core::ShardLimits{});
  shard_->replay_into(batch_);
}

bool Replica::follow_entry(const Entry& journal_entry, int64_t offset,
                           std::vector<std::string>& faults) {
  const auto wrong = [&](const std::string& what) {
    faults.push_back("partition " + std::to_string(partition_) + ", journal offset " +
                     std::to_string(offset) + ": " + what);
    return false;
  };
  const auto decoded = core::decode_journal_entry(*journal_entry.value);
  if (!decoded) return wrong(decoded.error().message);
  const core::JournalEntry& entry = decoded.value();
  if (const std::string what = joins(entry); !what.empty()) return wrong(what);
  begin(entry.epoch);
  if (!shard_->replay_begin(entry, core::Offset{offset})) return wrong("unreadable options");
  for (size_t log = 0; log < entry.ranges.size(); ++log) {
    began_at_[{raw(entry.epoch), raw(entry.n)}].push_back(raw(entry.ranges[log].from));
    replay_log(log, entry.ranges[log]);
  }
  if (!shard_->replay_end(entry)) return wrong("unreadable carried state");
  transcript_.committed(journal_entry.sending);
  for (const core::Output& output : batch_.outputs)
    transcript_.decided(journal_entry.sending, partition_, output);
  batch_.clear();
  return true;
}

void Replica::replay_log(size_t log, const core::LogRange& range) {
  const auto kind = static_cast<runtime::Log>(log);
  auto view = cluster_.log(kind, partition_)
                  .read_ever(topic_name(kind), core::Partition{partition_}, raw(range.from),
                             static_cast<size_t>(raw(range.to) - raw(range.from)));
  for (core::Record& record : view.records) {
    if (record.offset < range.to) shard_->replay_record(log, record);
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

std::vector<int64_t> Replica::began_at(core::Epoch epoch, core::BatchNumber n) const {
  const auto found = began_at_.find({raw(epoch), raw(n)});
  return found == began_at_.end() ? std::vector<int64_t>{} : found->second;
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

// Calls `look` with every published outcome, in order.
template <typename Look>
void each_outcome(const Cluster& cluster, const Look& look) {
  for (int64_t offset = 0; offset < cluster.outcomes.high_watermark(); ++offset) {
    if (cluster.outcomes.visible(offset)) look(cluster.outcomes.at(offset));
  }
}

bool timed_out(const Entry& outcome) {
  return outcome.value->find(R"("code":"timeout")") != std::string::npos;
}

size_t resolved_at(const std::string& outcome) { return outcome.find(R"("resolved":")") + 12; }
constexpr size_t kTimeBytes = 24;

// A timeout is resolved at its deadline, and deadlines are reached in order: the clock of a shard
// never goes back, and no deadline is set before it.
void judge_clocks(const Cluster& cluster, const Workload& workload,
                  std::vector<std::string>& faults) {
  std::map<int, std::string> last;
  each_outcome(cluster, [&](const Entry& outcome) {
    if (!timed_out(outcome)) return;
    std::string resolved = outcome.value->substr(resolved_at(*outcome.value), kTimeBytes);
    // The deadline is even before that, by an Update from a wrong clock.
    if (outcome.value->find(R"("created":")" + resolved) != std::string::npos) return;
    std::string& before = last[workload.home.at(*outcome.key)];
    if (resolved < before)
      faults.push_back("group " + *outcome.key + " timed out at " + resolved + ", after one at " +
                       before);
    before = std::move(resolved);
  });
}

void judge_group(const std::string& id, const Entry& got, const Expectation& expected,
                 Verdict& verdict) {
  const bool late = timed_out(got);
  if (late) ++verdict.timeouts;
  if (!expected.certain) return;
  ++(expected.outcomes.size() == 1 ? verdict.exact : verdict.one_of_some);
  const auto found = expected.outcomes.find(*got.value);
  if (found != expected.outcomes.end()) {
    const int64_t early_ms = found->second.not_before_ms - got.written_ms;
    if (early_ms > 0)
      verdict.faults.push_back("group " + id + " ended " + std::to_string(early_ms) +
                               " ms before its deadline");
    return;
  }
  std::string fault = "group " + id + ": got      " + *got.value;
  for (const auto& [value, outcome] : expected.outcomes) fault += "\n  expected " + value;
  const auto may_time_out = [](const auto& outcome) { return outcome.second.timeout; };
  if (late && std::ranges::none_of(expected.outcomes, may_time_out)) {
    ++verdict.false_timeouts;
    fault += "\n  a false timeout: all was in time";
  }
  verdict.faults.push_back(std::move(fault));
}

}  // namespace

Verdict judge_outcomes(const Cluster& cluster, const Workload& workload,
                       const Circumstances& circumstances) {
  Verdict verdict;
  std::map<std::string, std::vector<const Entry*>> outcomes;
  each_outcome(cluster, [&](const Entry& outcome) { outcomes[*outcome.key].push_back(&outcome); });
  judge_clocks(cluster, workload, verdict.faults);
  verdict.elsewhere = judge_targets(cluster, verdict.faults);
  for (auto& [id, expectation] : expect(cluster, circumstances.early_ttl_ms, workload.odd_times)) {
    ++verdict.groups;
    const auto& got = outcomes[id];
    // Some of its events never came home.
    if (cluster.refused.forwarded.contains(id) && got.empty()) continue;
    const size_t wanted = cluster.refused.outcomes.contains(id) ? 0 : 1;
    if (got.size() != wanted) {
      verdict.faults.push_back("group " + id + " has " + std::to_string(got.size()) + " outcomes");
    } else if (wanted > 0 && circumstances.times_certain &&
               !cluster.refused.forwarded.contains(id)) {
      judge_group(id, *got[0], expectation, verdict);
    }
  }
  return verdict;
}

}  // namespace muster::sim

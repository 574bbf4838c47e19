#include "cluster.h"

#include "workload.h"

#include "base/planted.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace muster::sim {

bool Refused::contains(core::TopicRole role, const std::string& key) const {
  switch (role) {
    case core::TopicRole::kOutput:
      return outcomes.contains(key);
    case core::TopicRole::kDeadLetter:
      return dead_letters.contains(key);
    case core::TopicRole::kRepartition:
      return forwarded.contains(key);
    case core::TopicRole::kInput:
    case core::TopicRole::kJournal:
    case core::TopicRole::kNamed:
      return false;
  }
  return false;
}

Cluster::Cluster(int partitions, std::optional<core::Routing> routing)
    : input(static_cast<size_t>(partitions)),
      repartition(static_cast<size_t>(routing ? partitions : 0)),
      journal(static_cast<size_t>(partitions)),
      named{{std::string(kTopicOfSuccesses), {}}, {std::string(kTopicOfFailures), {}}},
      routing_(routing) {}

const Log& Cluster::log(runtime::Log log, int partition) const {
  const auto p = static_cast<size_t>(partition);
  switch (log) {
    case runtime::Log::kInput:
      return input.at(p);
    case runtime::Log::kRepartition:
      return repartition.at(p);
    case runtime::Log::kJournal:
      return journal.at(p);
  }
  std::abort();
}

Log& Cluster::log(runtime::Log log, int partition) {
  return const_cast<Log&>(std::as_const(*this).log(log, partition));
}

const Log& Cluster::log(const Sent& record) const {
  const auto p = static_cast<size_t>(record.partition);
  switch (record.role) {
    case core::TopicRole::kInput:
      return input.at(p);
    case core::TopicRole::kOutput:
      return outcomes;
    case core::TopicRole::kDeadLetter:
      return dead_letters;
    case core::TopicRole::kRepartition:
      return repartition.at(p);
    case core::TopicRole::kJournal:
      return journal.at(p);
    case core::TopicRole::kNamed:
      return named.at(record.topic_name);
  }
  std::abort();
}

Log& Cluster::log(const Sent& record) { return const_cast<Log&>(std::as_const(*this).log(record)); }

int Cluster::partition_of(const std::string& key) const {
  return raw(core::home_of(key, routing_.value_or(core::Routing{{}, partitions()})));
}

// --- transactions

bool Cluster::marker_pending_for(const TransactionPtr& transaction) const {
  return std::ranges::any_of(markers_,
                             [&](const Marker& m) { return m.transaction == transaction; });
}

std::optional<int64_t> Cluster::init_producer(const std::string& id) {
  Producer& producer = producers_[id];
  if (producer.open) {
    settle(producer, Decision::kAborted);
    ++producer.epoch;  // fences at once; the caller asks again
  }
  if (!settled(id)) return std::nullopt;
  return ++producer.epoch;
}

bool Cluster::settled(const std::string& id) const {
  const auto last = last_.find(id);
  return last == last_.end() || !marker_pending_for(last->second);
}

bool Cluster::current(const std::string& id, int64_t epoch) const {
  const auto producer = producers_.find(id);
  return producer != producers_.end() && producer->second.epoch == epoch;
}

bool Cluster::begin(const std::string& id, int64_t epoch, int64_t now_ms) {
  if (!current(id, epoch)) return false;
  Producer& producer = producers_[id];
  producer.open = std::make_shared<Transaction>();
  producer.opened_ms = now_ms;
  producer.offsets.clear();
  last_[id] = producer.open;
  return true;
}

TransactionPtr Cluster::open_transaction(const std::string& id) const {
  const auto producer = producers_.find(id);
  return producer == producers_.end() ? nullptr : producer->second.open;
}

bool Cluster::add_offsets(const std::string& id, int64_t epoch, const std::string& member,
                          int64_t generation, const CommittedOffsets& offsets) {
  if (!current(id, epoch) || !producers_[id].open) return false;
  if (!MUSTER_PLANTED(kOffsetsNotFenced) &&
      (!members_.contains(member) || generation != generation_))
    return false;
  producers_[id].offsets = offsets;
  return true;
}

bool Cluster::end(const std::string& id, int64_t epoch, bool commit) {
  if (!current(id, epoch) || !producers_[id].open) return false;
  settle(producers_[id], commit ? Decision::kCommitted : Decision::kAborted);
  return true;
}

void Cluster::settle(Producer& producer, Decision decision) {
  const TransactionPtr transaction = std::exchange(producer.open, nullptr);
  transaction->decision = decision;
  const auto mark = [&](Log* log) {
    if (log->open(transaction)) markers_.push_back({transaction, log, {}});
  };
  for (Log& log : input) mark(&log);
  for (Log& log : repartition) mark(&log);
  for (Log& log : journal) mark(&log);
  mark(&outcomes);
  mark(&dead_letters);
  for (auto& [name, log] : named) mark(&log);
  markers_.push_back({transaction, nullptr, std::exchange(producer.offsets, {})});
}

void Cluster::write(const Marker& marker, int64_t now_ms) {
  if (marker.log != nullptr) {
    marker.log->write_marker(marker.transaction, now_ms);
  } else if (marker.transaction->decision == Decision::kCommitted) {
    for (const auto& [key, offset] : marker.offsets) offsets_[key] = offset;
  }
}

void Cluster::write_some_marker(std::mt19937_64& random, int64_t now_ms) {
  const size_t i = random() % markers_.size();
  write(markers_[i], now_ms);
  markers_.erase(markers_.begin() + static_cast<std::ptrdiff_t>(i));
}

void Cluster::write_all_markers(int64_t now_ms) {
  for (const Marker& marker : std::exchange(markers_, {})) write(marker, now_ms);
}

void Cluster::expire_transactions(int64_t now_ms, int64_t timeout_ms) {
  for (auto& [id, producer] : producers_) {
    if (!producer.open || now_ms - producer.opened_ms < timeout_ms) continue;
    settle(producer, Decision::kAborted);
    ++producer.epoch;
  }
}

// --- offsets

Cluster::Offsets Cluster::committed(runtime::Log log, int partition) const {
  const OffsetKey key{log, partition};
  for (const auto& [id, producer] : producers_) {
    if (producer.open && producer.offsets.contains(key)) return {};
  }
  for (const Marker& marker : markers_) {
    if (marker.offsets.contains(key)) return {};
  }
  return {true, last_committed(log, partition)};
}

std::optional<CommittedOffset> Cluster::last_committed(runtime::Log log, int partition) const {
  const auto offset = offsets_.find({log, partition});
  if (offset == offsets_.end()) return std::nullopt;
  return offset->second;
}

void Cluster::reset_offset(runtime::Log log, int partition, std::optional<int64_t> offset) {
  offsets_.erase({log, partition});
  if (offset) offsets_[{log, partition}] = {*offset, ""};
}

// --- the group

void Cluster::join(const std::string& id, int64_t now_ms) {
  members_[id].last_seen_ms = now_ms;
  members_[id].in_rebalance = true;  // a new one has nothing to give back
  rebalancing_ = true;
}

void Cluster::leave(const std::string& id) {
  if (members_.erase(id) > 0) rebalancing_ = true;
}

void Cluster::heartbeat(const std::string& id, int64_t now_ms) {
  const auto member = members_.find(id);
  if (member != members_.end()) member->second.last_seen_ms = now_ms;
}

void Cluster::expire_members(int64_t now_ms, int64_t session_ms) {
  if (std::erase_if(members_, [&](const auto& m) {
        return now_ms - m.second.last_seen_ms > session_ms;
      }) > 0) {
    rebalancing_ = true;
  }
}

void Cluster::revoked(const std::string& id) {
  const auto member = members_.find(id);
  if (member != members_.end()) member->second.in_rebalance = true;
}

bool Cluster::finish_rebalance() {
  if (!rebalancing_ || members_.empty()) return false;
  for (const auto& [id, member] : members_) {
    if (!member.in_rebalance) return false;
  }
  ++generation_;
  rebalancing_ = false;
  const int count = static_cast<int>(members_.size());
  int first = 0;
  int i = 0;
  for (auto& [id, member] : members_) {
    const int share = partitions() / count + (i < partitions() % count ? 1 : 0);
    member.in_rebalance = false;
    member.assigned.clear();
    for (int p = first; p < first + share; ++p) member.assigned.push_back(p);
    first += share;
    ++i;
  }
  return true;
}

std::vector<int> Cluster::assignment(const std::string& id) const {
  const auto member = members_.find(id);
  return member == members_.end() ? std::vector<int>{} : member->second.assigned;
}

}  // namespace muster::sim

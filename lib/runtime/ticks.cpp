#include "runtime/ticks.h"

#include "base/planted.h"

#include <algorithm>
#include <utility>

namespace muster::runtime {

using core::Offset;
using core::Partition;
using core::raw;
using core::Time;

namespace {

// How often it is asked what others have committed, while a tick waits for it.
constexpr core::Duration kProbeInterval{10};
constexpr core::Duration kPatience = std::chrono::seconds(10);
constexpr core::Duration kComplaintInterval = std::chrono::minutes(1);

}  // namespace

void Ticks::want(Partition partition, Time at) {
  ticks_.try_emplace(partition, Tick{at, false, {}, false, {}, {}});
}

void Ticks::input_is_written() {
  // Until now a tick had not to wait for what its own shard commits.
  if (!probing()) {
    for (auto& [partition, tick] : ticks_) tick.passed = false;
  }
  written_ = true;
}

void Ticks::reset() {
  if (MUSTER_PLANTED(kTickKeptFromAbort)) {
    // What was found takeable before still counts.
    for (auto& [partition, tick] : ticks_) {
      if (!tick.ends) continue;
      auto nothing = std::make_shared<Ends>(*tick.ends);
      for (auto& [p, end] : *nothing) end = Offset{0};
      tick = {tick.at, true, nothing, true, Offset{0}, Offset{0}};
    }
    std::erase_if(ticks_, [](const auto& t) { return !t.second.ends; });
  } else {
    ticks_.clear();
  }
  committed_.clear();
  asked_.reset();
  again_ = false;
  probed_.reset();
  others_missing_ = false;
}

void Ticks::committed(Partition partition, Offset next) {
  Offset& known = committed_[partition];
  known = std::max(known, next);
}

bool Ticks::passed(const Ends& ends, Partition partition) const {
  const Offset end = ends.at(partition);
  if (raw(end) == 0) return true;
  const auto found = committed_.find(partition);
  return found != committed_.end() && found->second >= end;
}

void Ticks::see_who_has_passed() {
  for (auto& [partition, tick] : ticks_) {
    if (!tick.ends || tick.passed) continue;
    tick.passed = !probing() || MUSTER_PLANTED(kTickWithoutProbe) ||
                  std::ranges::all_of(*tick.ends, [this, &tick = tick](const auto& end) {
                    return passed(*tick.ends, end.first);
                  });
  }
}

std::optional<TickQuestion> Ticks::question(Time wall, const std::function<bool(Partition)>& ours) {
  if (asked_) return std::nullopt;
  see_who_has_passed();
  asked_ = ask_ends_again(Log::kRepartition);
  if (!asked_) asked_ = ask_ends_again(Log::kInput);
  if (!asked_) asked_ = probe(wall, ours);
  if (!asked_) asked_ = ask_ends();
  return asked_;
}

std::optional<TickQuestion> Ticks::ask_ends() {
  ReadEnds question{request_ + 1, Log::kInput, {}};
  for (const auto& [partition, tick] : ticks_) {
    if (!tick.ends) question.partitions.push_back(partition);
  }
  if (question.partitions.empty()) return std::nullopt;
  if (forwarding_) {
    question.partitions.clear();
    for (int32_t p = 0; p < partitions_; ++p) question.partitions.push_back(Partition{p});
  }
  ++request_;
  for (auto& [partition, tick] : ticks_) tick.asked = true;
  return question;
}

std::optional<TickQuestion> Ticks::ask_ends_again(Log log) {
  ReadEnds question{request_ + 1, log, {}};
  for (const auto& [partition, tick] : ticks_) {
    const auto& end = log == Log::kInput ? tick.input_end : tick.repartition_end;
    if (probing() && tick.passed && !end) question.partitions.push_back(partition);
  }
  if (question.partitions.empty()) return std::nullopt;
  ++request_;
  again_ = true;
  return question;
}

std::optional<TickQuestion> Ticks::probe(Time wall, const std::function<bool(Partition)>& ours) {
  ReadCommitted question{request_ + 1, {}};
  for (int32_t p = 0; probing() && p < partitions_; ++p) {
    const Partition other{p};
    if (waits_for(other) && !ours(other)) question.partitions.push_back(other);
  }
  others_missing_ = !question.partitions.empty();
  if (!others_missing_) probed_.reset();
  if (!others_missing_ || (probed_ && wall - *probed_ < kProbeInterval)) return std::nullopt;
  probed_ = wall;
  ++request_;
  return question;
}

void Ticks::on(const EndsRead& answer) {
  const auto* question = asked_ ? std::get_if<ReadEnds>(&*asked_) : nullptr;
  if (question == nullptr || question->request != answer.request) return;
  const Log log = question->log;
  const std::vector<Partition> partitions = question->partitions;
  asked_.reset();
  if (std::exchange(again_, false)) {
    for (const PartitionOffset& end : answer.ends) {
      const auto tick = ticks_.find(end.partition);
      if (tick == ticks_.end() || !tick->second.passed) continue;
      (log == Log::kInput ? tick->second.input_end : tick->second.repartition_end) = end.offset;
    }
    return;
  }
  auto ends = std::make_shared<Ends>();
  for (const PartitionOffset& end : answer.ends) ends->emplace(end.partition, end.offset);
  // An answer that leaves something open is none.
  if (!std::ranges::all_of(partitions, [&](Partition p) { return ends->contains(p); })) return;
  for (auto& [partition, tick] : ticks_) {
    // One that was wanted after the question was put may be later than the answer.
    if (!tick.ends && tick.asked) tick.ends = ends;
  }
}

void Ticks::on(const CommittedRead& answer) {
  const auto* question = asked_ ? std::get_if<ReadCommitted>(&*asked_) : nullptr;
  if (question == nullptr || question->request != answer.request) return;
  asked_.reset();
  for (const PartitionOffset& offset : answer.offsets) committed(offset.partition, offset.offset);
}

std::optional<Time> Ticks::takeable(const core::Shard& shard, Time wall) const {
  const auto found = ticks_.find(shard.partition());
  if (found == ticks_.end() || wall < found->second.at) return std::nullopt;
  const Tick& tick = found->second;
  if (MUSTER_PLANTED(kTickWithoutEnd)) return tick.at;
  // Everything that was in the logs when the clock showed `at` has been applied?
  if (!tick.ends || shard.next(0) < tick.ends->at(shard.partition())) return std::nullopt;
  if (!probing() || MUSTER_PLANTED(kTickBeforeForwarded)) return tick.at;
  if (!tick.repartition_end || shard.next(1) < *tick.repartition_end) return std::nullopt;
  if (!tick.input_end || shard.next(0) < *tick.input_end) return std::nullopt;
  return tick.at;
}

bool Ticks::waits_for(Partition partition) const {
  return probing() && std::ranges::any_of(ticks_, [&](const auto& entry) {
           const Tick& tick = entry.second;
           return tick.ends && !tick.passed && !passed(*tick.ends, partition);
         });
}

std::optional<Time> Ticks::next_question_at() const {
  if (asked_ || !others_missing_ || !probed_) return std::nullopt;
  return *probed_ + kProbeInterval;
}

std::optional<std::string> Ticks::complaint(Time wall) {
  if (complained_ && wall - *complained_ < kComplaintInterval) return std::nullopt;
  for (const auto& [partition, tick] : ticks_) {
    if (!tick.ends || wall - tick.at < kPatience) continue;
    complained_ = wall;
    std::string text = "timeouts of partition " + std::to_string(raw(partition)) + " wait since " +
                       std::to_string((wall - tick.at).count() / 1000) + " s";
    const char* separator = ": not yet read are ";
    for (const auto& [other, end] : *tick.ends) {
      if (!probing() || tick.passed || passed(*tick.ends, other)) continue;
      const auto at = committed_.find(other);
      text += separator + ("partition " + std::to_string(raw(other))) + " from " +
              (at == committed_.end() ? "its beginning" : std::to_string(raw(at->second))) +
              " to " + std::to_string(raw(end));
      separator = ", ";
    }
    return text;
  }
  return std::nullopt;
}

}  // namespace muster::runtime

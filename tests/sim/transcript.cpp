#include "transcript.h"

#include <algorithm>

namespace muster::sim {

using core::TopicRole;

namespace {

const char* name(TopicRole role) {
  switch (role) {
    case TopicRole::kInput:
      return "event";
    case TopicRole::kNamed:
      return "outcome for a handler";
    case TopicRole::kOutput:
      return "outcome";
    case TopicRole::kDeadLetter:
      return "dead letter";
    case TopicRole::kRepartition:
      return "forwarded";
    case TopicRole::kJournal:
      return "journal";
  }
  return "";
}

std::string text_of(const std::vector<EntryHeader>& headers) {
  std::string text;
  for (const auto& header : headers)
    text += " " + header.name + "=" + header.value.value_or("null");
  return text;
}

}  // namespace

void Transcript::decided(uint64_t sending, int partition, const core::Output& output) {
  Record record;
  record.role = output.topic;
  record.topic_name = output.topic_name;
  if (output.partition) record.partition = core::raw(*output.partition);
  if (output.timestamp) record.timestamp_ms = core::to_ms(*output.timestamp);
  if (output.key) record.key = std::string(*output.key);
  if (output.value) record.value = std::string(*output.value);
  for (const core::Header& header : output.headers) {
    record.headers.push_back({std::string(header.name), std::nullopt});
    if (header.value) record.headers.back().value = std::string(*header.value);
  }
  const std::string key = record.key.value_or("");
  if (record.role == TopicRole::kInput) record.partition = cluster_.partition_of(key);
  const bool nowhere = record.role == TopicRole::kNamed && !cluster_.exists(record.topic_name);
  if (nowhere || cluster_.refused.contains(record.role, key)) {
    record.role = TopicRole::kDeadLetter;
    record.instead = nowhere ? kNoSuchTopic : kUndeliverable;
    if (cluster_.refused.contains(record.role, key)) return;  // dropped
  }
  decided_[sending].shards[partition].push_back(std::move(record));
}

bool Transcript::matches(const Record& record, const Sent& sent, const Entry& entry) const {
  if (record.role != sent.role || record.key != entry.key || record.value != entry.value)
    return false;
  if (!record.instead.empty()) {
    return !entry.headers.empty() &&
           entry.headers.back() == EntryHeader{"muster.error.code", std::string(record.instead)};
  }
  return record.topic_name == sent.topic_name && record.partition == sent.partition &&
         record.headers == entry.headers &&
         (!record.timestamp_ms || record.timestamp_ms == entry.timestamp_ms);
}

std::string Transcript::text(const Record& record) {
  return std::string(name(record.role)) + " for " + std::to_string(record.partition) + ": " +
         record.key.value_or("null") + " " + record.value.value_or("null") +
         (record.instead.empty() ? text_of(record.headers) : " " + std::string(record.instead));
}

void Transcript::compare(uint64_t sending, Shards& shards, std::vector<std::string>& faults) const {
  for (const Sent& sent : cluster_.sent.at(sending).records) {
    const Log& log = cluster_.log(sent);
    if (!log.visible(sent.offset)) continue;
    const Entry& entry = log.at(sent.offset);
    const auto shard = std::ranges::find_if(shards, [&](const auto& s) {
      return !s.second.empty() && matches(s.second.front(), sent, entry);
    });
    if (shard != shards.end()) {
      shard->second.pop_front();
      continue;
    }
    std::string fault = "published " + std::string(name(sent.role)) + " for " +
                        std::to_string(sent.partition) + ": " + entry.key.value_or("null") + " " +
                        entry.value.value_or("null") + text_of(entry.headers);
    for (const auto& [partition, records] : shards) {
      fault += "\n  the replica of partition " + std::to_string(partition) + " decides " +
               (records.empty() ? "nothing more" : text(records.front()));
    }
    faults.push_back(std::move(fault));
    return;
  }
  for (const auto& [partition, records] : shards) {
    if (records.empty()) continue;
    faults.push_back("partition " + std::to_string(partition) +
                     ": decided and not published: " + text(records.front()));
    return;
  }
}

void Transcript::compare(std::vector<std::string>& faults) {
  for (auto next = decided_.begin(); next != decided_.end() && faults.empty();) {
    auto& [sending, decided] = *next;
    if (decided.entries < cluster_.sent.at(sending).entries) {
      ++next;
      continue;
    }
    compare(sending, decided.shards, faults);
    next = decided_.erase(next);
  }
}

}  // namespace muster::sim

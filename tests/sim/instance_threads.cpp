// What the threads beside an instance's loop do: the commit thread and the lookup thread.
#include "instance.h"

#include "base/check.h"
#include "base/planted.h"
#include "core/commit_metadata.h"

#include <algorithm>
#include <set>

namespace muster::sim {

using core::Partition;
using core::raw;
using core::TopicRole;

void Instance::work(const Weather& weather, int64_t now_ms) {
  if (exit_) return;
  if (opening_) {
    if (const auto epoch = cluster_.init_producer(setup_.transactional_id)) {
      producer_epoch_ = *epoch;
      opening_ = false;
      inbox_.push_back(runtime::ProducerOpened{});
    }
  } else if (commit_) {
    commit_further(weather, now_ms);
  }
  if (!lookups_.empty()) lookup_further();
  if (!store_jobs_.empty()) store_further(weather);
}

// --- the commit thread

void Instance::fail(const std::string& why, std::vector<runtime::Refusal> refusals) {
  say("commit fails: " + why);
  commit_.reset();
  // As the adapter does: what can be aborted is, before the producer goes.
  if (cluster_.current(setup_.transactional_id, producer_epoch_) &&
      cluster_.open_transaction(setup_.transactional_id)) {
    if (below(2) == 0) cluster_.end(setup_.transactional_id, producer_epoch_, false);
  }
  inbox_.push_back(
      runtime::Failed{{runtime::Remedy::kAbortAndRebuild, why, 1}, std::move(refusals)});
}

void Instance::commit_further(const Weather& weather, int64_t now_ms) {
  CommitJob& job = *commit_;
  const std::string& id = setup_.transactional_id;
  switch (job.stage) {
    case Stage::kBegin:
      if (!find_topics() || !cluster_.settled(id)) return;
      if (!cluster_.begin(id, producer_epoch_, now_ms)) return fail("fenced");
      job.stage = Stage::kProduce;
      return;
    case Stage::kProduce:
      if (!cluster_.current(id, producer_epoch_) || !cluster_.open_transaction(id))
        return fail("fenced");
      if (produce(now_ms)) job.stage = Stage::kOffsets;
      return;
    case Stage::kOffsets: {
      CommittedOffsets offsets;
      for (const auto& commit : job.batch->offsets)
        offsets[{static_cast<runtime::Log>(commit.log), raw(commit.partition)}] = {raw(commit.next),
                                                                                   commit.metadata};
      if (!cluster_.add_offsets(id, producer_epoch_, setup_.name, job.generation, offsets))
        return fail("refused offsets");
      job.stage = Stage::kEnd;
      return;
    }
    case Stage::kEnd: {
      const uint32_t dice = below(1000);
      if (dice < weather.lose_commit_request) return fail("commit timed out");
      if (dice < weather.lose_commit_request + weather.abort_commit) {
        cluster_.end(id, producer_epoch_, false);
        return fail("aborted");
      }
      const bool done = cluster_.end(id, producer_epoch_, true);
      if (!done) return fail("fenced");
      if (below(1000) < weather.lose_commit_answer) return fail("commit timed out, though done");
      committed(*job.batch);
      inbox_.push_back(runtime::Committed{std::move(job.journal_offsets)});
      commit_.reset();
      return;
    }
  }
}

void Instance::committed(const core::Batch& batch) {
  refused_so_often_.clear();
  for (const auto& offset : batch.offsets) {
    say("committed " + std::string(topic_name(static_cast<runtime::Log>(offset.log))) +
        " partition " + std::to_string(raw(offset.partition)) + " to " +
        std::to_string(raw(offset.next)) + " " + offset.metadata);
  }
  counts_.forwarded += static_cast<uint64_t>(std::ranges::count(
      batch.outputs, TopicRole::kRepartition, [](const auto& output) { return output.topic; }));
}

// False: some outputs have nowhere to go; the batch will come again without them.
bool Instance::find_topics() {
  runtime::NotSent answer;
  const auto& outputs = commit_->batch->outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const core::Output& output = outputs[i];
    if (output.topic != TopicRole::kNamed || output.dropped || cluster_.exists(output.topic_name))
      continue;
    answer.refusals.push_back(
        {i, std::string(output.topic_name), "it does not exist", true, kNoSuchTopic});
  }
  if (answer.refusals.empty()) return true;
  say("not sent: " + std::to_string(answer.refusals.size()) + " outputs without a topic");
  commit_.reset();
  inbox_.push_back(std::move(answer));
  return false;
}

// In order; what the batch wants sent apart is sent when all before it is there, and so on.
bool Instance::produce(int64_t now_ms) {
  const auto& outputs = commit_->batch->outputs;
  const TransactionPtr transaction = cluster_.open_transaction(setup_.transactional_id);
  cluster_.sent.emplace_back();
  for (size_t from = 0; from < outputs.size();) {
    size_t to = from + 1;
    while (to < outputs.size() && outputs[to].group == outputs[from].group) ++to;
    auto refused = refusals(from, to);
    if (!refused.empty()) {
      count_refusals(refused);
      fail("an output was refused", std::move(refused));
      return false;
    }
    for (; from < to; ++from) {
      if (!outputs[from].dropped) write(from, transaction, now_ms);
    }
  }
  return true;
}

int Instance::target(const core::Output& output) const {
  if (output.partition) return raw(*output.partition);
  return cluster_.partition_of(std::string(output.key.value_or("")));
}

bool Instance::refused(const core::Output& output) const {
  return !output.dropped &&
         cluster_.refused.contains(output.topic, std::string(output.key.value_or("")));
}

// Records for one partition go in one record batch, which is refused as a whole: then nobody says
// which of them it was.
std::vector<runtime::Refusal> Instance::refusals(size_t from, size_t to) const {
  std::vector<runtime::Refusal> refusals;
  if (!cluster_.refused.any()) return refusals;
  const auto& outputs = commit_->batch->outputs;
  const bool all = cluster_.refused.with_neighbours;
  std::set<std::pair<TopicRole, int>> record_batches;
  for (size_t i = from; i < to; ++i) {
    if (refused(outputs[i])) record_batches.insert({outputs[i].topic, target(outputs[i])});
  }
  for (size_t i = from; i < to; ++i) {
    const core::Output& output = outputs[i];
    const bool with_it =
        all && !output.dropped && record_batches.contains({output.topic, target(output)});
    if (with_it || refused(output)) refusals.push_back({i, "a topic", "of its key", !all});
  }
  return refusals;
}

// Once with others, once by itself, and never again.
void Instance::count_refusals(const std::vector<runtime::Refusal>& refusals) {
  ++counts_.refusals;
  for (const runtime::Refusal& refusal : refusals) {
    const core::Output& output = commit_->batch->outputs[refusal.output];
    say("refused: output " + std::to_string(refusal.output) + " of group " +
        std::to_string(output.group) + (refused(output) ? ": " : " with others: ") +
        std::string(output.key.value_or("null")) + " " +
        std::string(output.value.value_or("null")) + (output.replaces ? ", a replacement" : ""));
    if (!refused(output)) continue;
    std::string content = std::to_string(static_cast<int>(output.topic)) + " " +
                          std::string(output.key.value_or("")) + " " +
                          std::string(output.value.value_or("")) +
                          (output.replaces ? " instead" : "");
    for (const core::Header& header : output.headers)
      content += "\n" + std::string(header.name) + "=" + std::string(header.value.value_or(""));
    if (output.cause) {
      content += "\nof partition " + std::to_string(raw(output.cause->partition)) + " offset " +
                 std::to_string(raw(output.cause->offset));
    }
    if (++refused_so_often_[content] > 2)
      faults_.push_back("refused for the third time: " + content);
  }
}

void Instance::write(size_t index, const TransactionPtr& transaction, int64_t now_ms) {
  CommitJob& job = *commit_;
  const core::Output& output = job.batch->outputs[index];
  Entry entry{false, transaction, now_ms, std::nullopt, std::nullopt, now_ms, {}, 0};
  if (output.timestamp) entry.timestamp_ms = core::to_ms(*output.timestamp);
  if (output.key) entry.key = std::string(*output.key);
  if (output.value) entry.value = std::string(*output.value);
  for (const core::Header& header : output.headers) {
    entry.headers.push_back({std::string(header.name), std::nullopt});
    if (header.value) entry.headers.back().value = std::string(*header.value);
  }
  entry.sending = cluster_.sent.size() - 1;
  if (output.topic == TopicRole::kJournal) {
    const size_t shard = job.journal_offsets.size();
    ++cluster_.sent.back().entries;
    CHECK(job.batch->shards.at(shard).journal_output == index);
    if (MUSTER_PLANTED(kJournalOutsideTransaction)) entry.transaction = nullptr;
    const int partition = raw(job.batch->shards[shard].partition);
    job.journal_offsets.push_back(
        core::Offset{cluster_.log(runtime::Log::kJournal, partition).append(std::move(entry))});
    return;
  }
  Sent sent{output.topic, std::string(output.topic_name), -1, 0};
  if (output.partition || output.topic == TopicRole::kInput) sent.partition = target(output);
  sent.offset = cluster_.log(sent).append(std::move(entry));
  cluster_.sent.back().records.push_back(std::move(sent));
}

// --- the lookup thread

void Instance::lookup_further() {
  LookupJob& job = lookups_.front();
  if (const auto* ends = std::get_if<runtime::ReadEnds>(&job.question)) {
    answer(*ends);
  } else if (const auto* committed = std::get_if<runtime::ReadCommitted>(&job.question)) {
    answer(*committed);
  } else if (!job.have_committed) {
    job.have_committed = ask_committed(job);
    return;  // the ends are another question
  } else {
    answer_located(job);
  }
  lookups_.pop_front();
}

void Instance::answer(const runtime::ReadEnds& question) {
  runtime::EndsRead ends{question.request, {}};
  for (const Partition p : question.partitions) {
    const Log& log = cluster_.log(question.log, raw(p));
    const bool stable = MUSTER_PLANTED(kEndIsLastStable) && question.log == runtime::Log::kInput;
    ends.ends.push_back({p, core::Offset{stable ? log.last_stable() : log.high_watermark()}});
  }
  inbox_.push_back(std::move(ends));
}

void Instance::answer(const runtime::ReadCommitted& question) {
  runtime::CommittedRead read{question.request, {}};
  for (const Partition p : question.partitions) {
    const auto committed = cluster_.last_committed(runtime::Log::kInput, raw(p));
    if (committed) read.offsets.push_back({p, core::Offset{committed->offset}});
  }
  inbox_.push_back(std::move(read));
}

// False: to be asked again.
bool Instance::ask_committed(LookupJob& job) {
  job.committed.clear();
  for (const Partition p : std::get<runtime::Locate>(job.question).partitions) {
    for (const runtime::Log log : input_logs()) {
      const auto offsets = cluster_.committed(log, raw(p));
      if (!offsets.stable) {
        if (below(4) == 0) fence_dead_writer(raw(p), log);
        return false;
      }
      if (offsets.committed) job.committed[{log, raw(p)}] = *offsets.committed;
    }
  }
  return true;
}

// Whoever wrote the last offsets and is not in the group any more has probably left what is open.
void Instance::fence_dead_writer(int partition, runtime::Log log) {
  const auto last = cluster_.last_committed(log, partition);
  const auto metadata = core::decode_commit_metadata(last ? last->metadata : "");
  if (!metadata || metadata->transactional_id == setup_.transactional_id) return;
  if (cluster_.is_member(metadata->transactional_id.substr(2))) return;  // "t." and its name
  if (cluster_.init_producer(metadata->transactional_id)) ++counts_.fenced_writers;
}

void Instance::answer_located(const LookupJob& job) {
  const auto& question = std::get<runtime::Locate>(job.question);
  runtime::Located located;
  located.request = question.request;
  for (const Partition p : question.partitions) {
    runtime::Location location;
    location.partition = p;
    std::string text = "located partition " + std::to_string(raw(p)) + ":";
    for (const runtime::Log kind : input_logs()) {
      const Log& log = cluster_.log(kind, raw(p));
      runtime::InputLocation input;
      input.ends = {core::Offset{log.begin()}, core::Offset{log.high_watermark()}};
      if (const auto offset = job.committed.find({kind, raw(p)}); offset != job.committed.end()) {
        input.committed = core::Offset{offset->second.offset};
        input.metadata = offset->second.metadata;
      }
      text += input.committed ? " " + std::to_string(raw(*input.committed)) : " nowhere";
      text += " " + input.metadata;
      location.inputs.push_back(std::move(input));
    }
    const Log& journal = cluster_.log(runtime::Log::kJournal, raw(p));
    location.journal = {core::Offset{journal.begin()}, core::Offset{journal.high_watermark()}};
    say(text);
    located.locations.push_back(std::move(location));
    located.random.push_back(random_());
  }
  inbox_.push_back(std::move(located));
}

}  // namespace muster::sim

#include "runtime/refusals.h"

#include "base/hash.h"
#include "base/planted.h"
#include "core/dead_letter.h"
#include "core/forwarding.h"

#include <algorithm>
#include <map>

namespace muster::runtime {

using core::Output;
using core::TopicRole;

namespace {

// So many groups are sent one after the other within the time of a transaction.
constexpr uint32_t kGroupsMax = 64;

// The same in every batch that it comes in. An outcome is known by the record that ends its group:
// its times may be the batch's own. What only passes on a record is known by all that it shows,
// where it lay included.
uint64_t identity(const Output& output) {
  if (output.replaces) return *output.replaces;
  uint64_t hash = static_cast<uint64_t>(output.topic) + 1;
  const auto add = [&hash](std::string_view text) { hash = hash * 31 + base::hash64(text); };
  add(output.topic_name);
  add(output.key.value_or(""));
  const bool outcome = output.topic == TopicRole::kOutput || output.topic == TopicRole::kNamed;
  if (outcome && output.cause) {
    add(std::to_string(core::raw(output.cause->partition)));
    add(std::to_string(core::raw(output.cause->offset)));
    return hash;
  }
  add(output.value.value_or(""));
  for (const core::Header& header : output.headers) add(header.value.value_or(""));
  return hash;
}

std::string where(const Output& output) {
  if (!output.cause) return "";
  return " (of the record at partition " + std::to_string(core::raw(output.cause->partition)) +
         " offset " + std::to_string(core::raw(output.cause->offset)) + ")";
}

}  // namespace

std::optional<std::string> Refusals::note(const core::Batch& batch,
                                          std::span<const Refusal> refusals) {
  std::map<uint64_t, const Refusal*> refused;  // outputs of one content are one
  for (const Refusal& refusal : refusals) {
    const Output& output = batch.outputs.at(refusal.output);
    if (output.topic == TopicRole::kJournal)
      return "the journal was refused: " + refusal.topic + ": " + refusal.reason;
    refused.emplace(identity(output), &refusal);
  }
  size_t i = 0;
  for (const auto& [output, refusal] : refused) {
    Known& k = known_[output];
    const bool suspected = refused.size() > 1 && !refusal->certain;
    // A replacement that was only sent together with something refused still says why it is one.
    if (!suspected || !k.replaced) {
      k.topic = refusal->topic;
      k.reason = refusal->reason;
      k.code = refusal->code;
    }
    if (suspected) {
      // Not the number of an earlier group: that is to stay by itself.
      k.group =
          groups_ + 1 +
          static_cast<uint32_t>(i * kGroupsMax / std::max<size_t>(refused.size(), kGroupsMax));
    } else {
      k.dropped = k.replaced && !MUSTER_PLANTED(kRefusedForEver);
      k.replaced = true;
    }
    ++i;
  }
  groups_ += kGroupsMax;
  return std::nullopt;
}

void Refusals::apply(core::Batch& batch) {
  if (known_.empty()) return;
  for (Output& output : batch.outputs) {
    if (output.topic == TopicRole::kJournal) continue;
    const auto known = known_.find(identity(output));
    if (known == known_.end()) continue;
    // A batch that is mended once more holds dead letters already.
    if (known->second.replaced && !known->second.dropped && !output.replaces)
      replace(output, known->second, batch);
    output.group = known->second.group;
    output.dropped = known->second.dropped;
  }
}

void Refusals::replace(Output& output, const Known& known, core::Batch& batch) const {
  const uint64_t replaces = identity(output);
  const auto cause = output.cause;
  core::Reject reject;
  reject.topic = cause ? std::string_view(input_topic_) : batch.bytes.copy(known.topic);
  reject.partition = cause ? cause->partition : core::Partition{-1};
  reject.offset = cause ? cause->offset : core::Offset{-1};
  reject.key = output.key;
  reject.value = output.value;
  reject.headers = output.headers;
  if (output.topic == TopicRole::kRepartition) core::strip_origin(reject.headers);
  reject.code = known.code;
  reject.message = batch.bytes.copy("topic " + known.topic + ": " + known.reason);
  output = core::dead_letter(reject, core::Time{}, dead_letter_bytes_max_, batch.bytes);
  // Any home and any time will do; a record's own may be what was refused.
  if (!cause) output.partition.reset();
  output.timestamp.reset();
  output.cause = cause;
  output.replaces = replaces;
  batch.dead_letters.push_back(
      {reject.code, reject.message, reject.topic, reject.partition, reject.offset});
}

std::vector<std::string> Refusals::committed(const core::Batch& batch) {
  std::vector<std::string> dropped;
  if (known_.empty()) return dropped;
  for (const Output& output : batch.outputs) {
    const auto known = known_.find(identity(output));
    if (known == known_.end()) continue;
    if (output.dropped) {
      dropped.push_back("dropped, because the dead-letter topic refuses it too: " +
                        known->second.topic + ": " + known->second.reason + where(output));
    }
    known_.erase(known);
  }
  return dropped;
}

}  // namespace muster::runtime

// What becomes of outputs that the broker refuses for good (too large for the topic, a time that it
// does not take, a topic that is gone). The transaction they were in is aborted and its records are
// applied again; outputs are known again, whatever batch they come in:
//
//   refused together with others  ──>  sent in small groups, to learn which of them it is
//   refused by itself             ──>  replaced by a dead letter, code "undeliverable"
//   the dead letter refused too   ──>  dropped, and said
//
// State does not depend on it: what was decided stays, only what is put out differs. Replays put
// out nothing, so nothing of this is journaled. The worker's thread.
#pragma once

#include "core/batch.h"
#include "runtime/ports.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace muster::runtime {

class Refusals {
 public:
  Refusals(std::string input_topic, size_t dead_letter_bytes_max)
      : input_topic_(std::move(input_topic)), dead_letter_bytes_max_(dead_letter_bytes_max) {}

  // The transaction of the batch was refused for these. A message: there is no way on.
  [[nodiscard]] std::optional<std::string> note(const core::Batch& batch,
                                                std::span<const Refusal> refusals);
  // Before the batch is sent.
  void apply(core::Batch& batch);
  // The batch went out. Says what was dropped of it.
  std::vector<std::string> committed(const core::Batch& batch);

 private:
  struct Known {
    uint32_t group = 0;
    bool replaced = false;
    bool dropped = false;
    std::string topic;
    std::string reason;
    std::string_view code;
  };

  void replace(core::Output& output, const Known& known, core::Batch& batch) const;

  std::string input_topic_;
  size_t dead_letter_bytes_max_;
  std::unordered_map<uint64_t, Known> known_;  // by what the output is
  uint32_t groups_ = 0;                        // numbers that were given away
};

}  // namespace muster::runtime

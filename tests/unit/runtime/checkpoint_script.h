// Lives of a worker with a store of checkpoints.
#pragma once

#include "script.h"

#include <algorithm>
#include <string>

namespace muster::runtime::test {

// One each second.
inline WorkerOptions with_store(std::optional<Routing> routing = {}) {
  WorkerOptions options = worker_options(routing);
  options.checkpoints = Checkpoints::Options{.interval = std::chrono::seconds(1)};
  return options;
}

inline std::string state_of(const Process& process, Partition partition = kP0) {
  const Shard* shard = process.worker.shard(partition);
  return shard != nullptr ? shard->fingerprint() : "not live";
}

// All that was said, warnings with '!' in front.
inline Texts notes(const Process& process) {
  Texts texts;
  for (const Action& action : process.history) {
    if (const auto* note = std::get_if<Note>(&action))
      texts.push_back((note->warning ? "!" : "") + note->text);
  }
  return texts;
}

inline bool says(const Process& process, const std::string& what) {
  return std::ranges::any_of(notes(process), [&what](const std::string& text) {
    return text.find(what) != std::string::npos;
  });
}

}  // namespace muster::runtime::test

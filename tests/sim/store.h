// A simulated store of checkpoints, which all instances share: it may lose or keep anything, and what
// was sent to it may be written when nobody waits for it any more.
#pragma once

#include "runtime/checkpoint_store.h"

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace muster::sim {

class Store {
 public:
  struct Kept {
    std::string head;
    std::map<std::string, std::string> entries;
    std::map<uint64_t, std::string> closed;

    bool operator==(const Kept&) const = default;
  };

  Kept& of(core::Partition partition) { return kept_[partition]; }
  // Whole, or not at all.
  runtime::StoreResult write(const core::CheckpointPart& part);
  // It is on its way, and nobody waits for it any more.
  void write_later(const core::CheckpointPart& part);
  void write_some_late(std::mt19937_64& random);

  // --- faults
  void flush() { kept_.clear(); }
  // Not even a backup is left, nor anything on its way.
  void lose_all() { *this = Store(); }
  void back_up() { backup_ = kept_; }
  void restore() { kept_ = backup_; }
  // Something is lost, or other bytes than were written.
  void damage(std::mt19937_64& random);
  bool reachable = true;
  bool damaged = false;  // what is there does not have to belong together any more

 private:
  std::map<core::Partition, Kept> kept_;
  std::map<core::Partition, Kept> backup_;
  std::vector<std::unique_ptr<core::CheckpointPart>> late_;
};

}  // namespace muster::sim

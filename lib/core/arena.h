// Bytes that live until the next clear(): what a batch puts out. Blocks never move, so views stay
// valid, and are reused by the next batch, so the steady path allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace muster::core {

class Arena {
 public:
  [[nodiscard]] std::string_view copy(std::string_view bytes);
  // Keeps the usual blocks for the next batch; frees what a single large batch needed.
  void clear();
  size_t bytes_used() const { return bytes_used_; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };

  std::vector<Block> blocks_;
  size_t block_ = 0;  // the block that is being filled
  size_t used_ = 0;   // bytes used in it
  size_t bytes_used_ = 0;
};

}  // namespace muster::core

#include "core/arena.h"

#include <algorithm>
#include <cstring>

namespace muster::core {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr size_t kBlocksKept = 16;

}  // namespace

std::string_view Arena::copy(std::string_view bytes) {
  if (bytes.empty()) return std::string_view{"", 0};
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < bytes.size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t size = std::max(kBlockBytes, bytes.size());
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    used_ = 0;
  }
  char* place = blocks_[block_].bytes.get() + used_;
  std::memcpy(place, bytes.data(), bytes.size());
  used_ += bytes.size();
  bytes_used_ += bytes.size();
  return {place, bytes.size()};
}

void Arena::clear() {
  std::erase_if(blocks_, [](const Block& block) { return block.size > kBlockBytes; });
  if (blocks_.size() > kBlocksKept) blocks_.resize(kBlocksKept);
  block_ = 0;
  used_ = 0;
  bytes_used_ = 0;
}

}  // namespace muster::core

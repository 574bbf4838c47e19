// A group before its Create: the records that came too early, whole, in order of arrival. Each
// waits until its own time; when none is left the id is an orphan and waits to leave memory, unless
// something new comes for it. Lives in one shard's processor, on its thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "core/record.h"

namespace muster::collector {

// What one id may keep. The first record always fits: the limit of messages is its limit.
constexpr size_t kEarlyBytesMax = size_t{4} << 20;

// A record that was kept as bytes, and the headers that it points to.
class KeptRecord {
 public:
  KeptRecord() = default;
  KeptRecord(const KeptRecord&) = delete;
  KeptRecord& operator=(const KeptRecord&) = delete;

  // False: these are no record's bytes. The record's views live as long as `bytes` and this.
  [[nodiscard]] bool read(std::string_view bytes);
  const core::Record& record() const { return record_; }

 private:
  core::Record record_;
  std::vector<core::Header> headers_;
};

class EarlyGroup {
 public:
  struct Kept {
    core::Time expires{};
    std::string bytes;  // for KeptRecord
  };

  explicit EarlyGroup(std::string_view id) : id_(id) {}

  std::string_view id() const { return id_; }
  const std::vector<Kept>& kept() const { return kept_; }
  // Only while something is kept.
  core::Time earliest() const { return earliest_; }
  bool orphan() const { return kept_.empty(); }
  // When it became one.
  core::Time orphan_since() const { return orphan_since_; }

  // In memory, about.
  size_t held_bytes() const {
    constexpr size_t kMallocBytes = 16;
    return sizeof *this + kMallocBytes + id_.size() + kMallocBytes +
           kept_.size() * (sizeof(Kept) + kMallocBytes) + bytes_;
  }

  // False, and nothing kept: over `count_max` or kEarlyBytesMax.
  [[nodiscard]] bool keep(const core::Record& record, core::Time expires, size_t count_max);
  // Takes off what is due at `now`, in order of arrival.
  std::vector<Kept> take_expired(core::Time now);

  void save(base::ByteWriter& writer) const;
  // Into a new one. False: not what save() wrote.
  [[nodiscard]] bool load(base::ByteReader& reader);

 private:
  std::string id_;
  std::vector<Kept> kept_;
  size_t bytes_ = 0;
  core::Time earliest_ = core::Time::max();  // of what is kept, so that keeping one more is cheap
  core::Time orphan_since_{};
};

}  // namespace muster::collector

// An open group and what is remembered of a closed one, each in one block of memory: a million open
// groups of three ids are to fit into 400 MB. Lives in one shard's processor, on its thread.
//
//   open    fixed numbers | tables of offsets | id, ttl, payload, names | results
//   closed  when it may be forgotten | id
//
// Behind the tables lie texts, each with its length in front; a result is appended as it comes.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "collector/event.h"
#include "core/types.h"

namespace muster::collector {

// Memory of malloc, so that it can grow in place.
struct FreeBlock {
  void operator()(char* block) const { std::free(block); }
};
using Block = std::unique_ptr<char, FreeBlock>;

class OpenGroup {
 public:
  struct Times {
    core::Time created;     // of the Create
    core::Time deadline;    // past it everything is too late
    core::Time keep_until;  // the id is remembered at least until then, closed or not
  };

  OpenGroup(const Create& create, const Times& times);

  std::string_view id() const { return text_at(0); }
  std::string_view ttl_text() const { return text_at(end_of(id())); }
  std::string_view payload() const { return read_head().payload; }
  core::Time created() const { return read_head().created; }
  core::Time deadline() const { return core::time_from_ms(fixed().deadline_ms); }
  core::Time keep_until() const { return core::time_from_ms(fixed().keep_until_ms); }
  // False: it is kept that long anyway.
  [[nodiscard]] bool keep_until(core::Time time);

  // Entities have numbers: their places in `expected`.
  uint32_t entity_count() const { return fixed().entity_count; }
  std::string_view entity(uint32_t number) const { return text_at(name_at(number)); }
  std::optional<uint32_t> find(std::string_view entity) const;
  bool has_result(uint32_t number) const { return results()[number] != 0; }
  // Only of one that has a result, and while results are kept.
  std::string_view result(uint32_t number) const;
  bool complete() const { return fixed().missing == 0; }
  // Its results are more than any outcome may hold: they are not kept any more, only counted.
  bool overflowed() const { return fixed().overflowed != 0; }
  bool same_content(const Create& create) const;

  // Only of one that has none. `bytes_max`: how many bytes all results together may have.
  void set_result(uint32_t number, std::string_view result, uint32_t bytes_max);

  void save(base::ByteWriter& writer) const;
  // Absent: not what save() wrote.
  [[nodiscard]] static std::optional<OpenGroup> load(std::string_view id, base::ByteReader& reader);

 private:
  struct Fixed {
    int64_t deadline_ms;
    int64_t keep_until_ms;
    uint32_t bytes;  // used behind the tables
    uint32_t entity_count;
    uint32_t missing : 31;
    uint32_t overflowed : 1;
  };
  // Without the padding that the compiler puts behind it: the tables begin there.
  static constexpr size_t kFixedBytes = 28;
  static constexpr uint32_t kMissingMask = 0x7fffffff;
  static constexpr uint32_t kResultNotKept = 1;  // no result begins there: it is within the id

  // What lies before the names, besides id and ttl.
  struct Head {
    core::Time created{};
    uint32_t rest_hash = 0;
    std::string_view payload;
  };

  Fixed& fixed() { return *reinterpret_cast<Fixed*>(block_.get()); }
  const Fixed& fixed() const { return *reinterpret_cast<const Fixed*>(block_.get()); }
  bool indexed() const;
  // Three tables: where each entity's result is (0: it has none), and in indexed groups where its
  // name is, and the index of names.
  std::span<uint32_t> table(size_t begin, size_t size) const;
  std::span<uint32_t> results() const { return table(0, entity_count()); }
  std::span<uint32_t> names() const;
  std::span<uint32_t> index() const;
  size_t bytes_at() const;  // where the bytes begin in the block
  const char* bytes() const { return block_.get() + bytes_at(); }
  uint32_t name_at(uint32_t number) const;
  // The end of a text that lies in the bytes.
  uint32_t end_of(std::string_view text) const;
  std::string_view text_at(uint32_t offset) const;
  Head read_head() const;

  uint32_t append_text(std::string_view text);
  void append_varint(uint64_t value);
  void resize(size_t bytes_after);
  void drop_results();

  Block block_;
};

class ClosedGroup {
 public:
  ClosedGroup(std::string_view id, core::Time forget_from);

  std::string_view id() const;
  core::Time forget_from() const { return core::time_from_ms(fixed().forget_from_ms); }
  // False: it is remembered that long anyway.
  [[nodiscard]] bool forget_from(core::Time time);

 private:
  struct Fixed {
    int64_t forget_from_ms;
    uint32_t id_bytes;
  };

  Fixed& fixed() { return *reinterpret_cast<Fixed*>(block_.get()); }
  const Fixed& fixed() const { return *reinterpret_cast<const Fixed*>(block_.get()); }

  Block block_;
};

}  // namespace muster::collector

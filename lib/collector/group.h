// An open group and what is remembered of a closed one, each in one block of memory: a million open
// groups of three ids are to fit into 400 MB. Lives in one shard's processor, on its thread.
//
//   open    fixed numbers | tables of offsets | id, ttl, payload, ... names | results and errors
//   closed  when it may be forgotten | id
//
// Behind the tables lie texts, each with its length in front; an entity's answer (its result, or its
// error) is appended as it comes.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

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
    core::Time now;         // from which the ttls of entities count
    core::Time deadline;    // past it everything is too late
    core::Time keep_until;  // the id is remembered at least until then, closed or not
  };
  // What is said once about a group, besides its id and its entities.
  struct Head {
    std::string_view ttl_text;
    std::string_view payload;
    core::Time created{};
    uint64_t content_hash = 0;
    Policy policy;
    std::string_view handler;  // JSON; empty: none
    std::string_view parent;   // the same
  };

  OpenGroup(const Create& create, const Times& times);

  std::string_view id() const { return text_at(0); }
  Head head() const;
  core::Time deadline() const { return core::time_from_ms(fixed().deadline_ms); }
  core::Time keep_until() const { return core::time_from_ms(fixed().keep_until_ms); }
  // False: it is kept that long anyway.
  [[nodiscard]] bool keep_until(core::Time time);

  // Entities have numbers: their places in `expected`.
  uint32_t entity_count() const { return fixed().entity_count; }
  std::string_view entity(uint32_t number) const { return text_at(name_at(number)); }
  std::optional<uint32_t> find(std::string_view entity) const;
  bool has_answer(uint32_t number) const { return answers()[number] != 0; }
  bool has_failed(uint32_t number) const { return (answers()[number] & kFailed) != 0; }
  // Result or error; only of one that has it, and while answers are kept.
  std::string_view answer(uint32_t number) const;
  // Its answers are more than any outcome may hold: they are not kept any more, only counted.
  bool overflowed() const { return fixed().overflowed != 0; }

  Verdict verdict() const;
  bool same_content(const Create& create) const {
    return head().content_hash == create.content_hash;
  }

  // An entity may have a ttl of its own.
  struct EntityTtl {
    std::string_view text;  // as given; empty: it has none
    core::Time deadline = core::Time::max();
  };
  EntityTtl entity_ttl(uint32_t number) const;
  // When something is to happen if nothing is heard: the group's deadline, or that of an entity that
  // has not answered.
  core::Time next_deadline() const;

  struct Overdue {
    core::Time deadline;
    uint32_t number;
  };
  // Entities without an answer whose own deadline is at or before `due`, in the order of deadlines,
  // then of numbers.
  std::vector<Overdue> overdue(core::Time due) const;

  // Only of one that has none. `bytes_max`: how many bytes all answers together may have.
  void set_result(uint32_t number, std::string_view result, uint32_t bytes_max) {
    set_answer(number, result, 0, bytes_max);
  }
  void set_error(uint32_t number, std::string_view error, uint32_t bytes_max) {
    set_answer(number, error, kFailed, bytes_max);
  }
  // It adds an unknown entity, removes a known one, or sets the ttl.
  bool changed_by(const Update& update) const;
  // The same group with these entities more (behind the others) and less, and another deadline if
  // the update has a ttl. Times count from `now`. Absent: it would have more than `entities_max`.
  std::optional<OpenGroup> updated(const Update& update, core::Time now,
                                   uint32_t entities_max) const;

  // In memory.
  size_t held_bytes() const;
  void save(base::ByteWriter& writer) const;
  // Absent: not what save() wrote.
  [[nodiscard]] static std::optional<OpenGroup> load(std::string_view id, base::ByteReader& reader);

 private:
  struct Fixed {
    int64_t deadline_ms;
    int64_t keep_until_ms;
    uint32_t bytes;  // used behind the tables
    uint32_t entity_count;
    uint32_t failed;
    uint32_t missing : 30;
    uint32_t overflowed : 1;
    uint32_t has_ttls : 1;  // some entity has one: each name is followed by what it is
  };
  static constexpr size_t kFixedBytes = 32;
  static constexpr uint32_t kMissingMask = 0x3fffffff;
  static constexpr uint32_t kFailed = uint32_t{1} << 31;
  static constexpr uint32_t kNotKept = 1;  // no answer begins there: it is within the id

  // Everything, read once, so that another one can be made of it.
  struct Parts;

  OpenGroup(std::string_view id, const Head& head, std::span<const ExpectedId> expected,
            const Times& times);
  Parts parts() const;
  static OpenGroup from(const Parts& parts);

  Fixed& fixed() { return *reinterpret_cast<Fixed*>(block_.get()); }
  const Fixed& fixed() const { return *reinterpret_cast<const Fixed*>(block_.get()); }
  bool indexed() const;
  // Three tables: where each entity's answer is (0: it has none), and in indexed groups where its
  // name is, and the index of names.
  std::span<uint32_t> table(size_t begin, size_t size) const;
  std::span<uint32_t> answers() const { return table(0, entity_count()); }
  std::span<uint32_t> names() const;
  std::span<uint32_t> index() const;
  size_t bytes_at() const;  // where the bytes begin in the block
  const char* bytes() const { return block_.get() + bytes_at(); }
  const char* names_begin() const;
  // From a name to the next one.
  const char* skip_entity(const char* at) const;
  uint32_t name_at(uint32_t number) const;
  uint32_t names_end() const;
  std::string_view text_at(uint32_t offset) const;

  uint32_t append_text(std::string_view text);
  void append_varint(uint64_t value);
  void set_answer(uint32_t number, std::string_view text, uint32_t failed, uint32_t bytes_max);
  void resize(size_t bytes_after);
  void drop_answers();

  Block block_;
};

class ClosedGroup {
 public:
  ClosedGroup(std::string_view id, core::Time forget_from);

  std::string_view id() const;
  core::Time forget_from() const { return core::time_from_ms(fixed().forget_from_ms); }
  // False: it is remembered that long anyway.
  [[nodiscard]] bool forget_from(core::Time time);
  // In memory.
  size_t held_bytes() const;

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

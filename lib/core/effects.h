// What a processor wants done, as data, in order. Nothing of it is visible outside before the
// batch's transaction has committed. The bytes lie in an arena that the batch owns, so effects may
// be formed from state that changes right after. Belongs to one thread.
//
//   Produce   a record for a topic
//   Arm       (re)sets the id's one timer; on_timer is called by the first tick at or after `due`
//   Disarm    the id's timer is off
//   Touch     the id came to life or changed: its newest form is to be written down
//   Forget    the id may leave memory from `from` on; until then, and until the core says so, it
//             stays
//   Reject    the record is bad input: it goes to the dead-letter topic, unchanged, with code and
//             message
//   count()   not an effect of order: a metric, thrown away in replay; measure() likewise
#pragma once

#include "core/arena.h"
#include "core/histogram.h"
#include "core/record.h"
#include "core/types.h"

#include <array>
#include <iosfwd>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace muster::core {

// Which topic a record goes to; the adapter knows the names, but for kNamed, which says its own.
// Repartition topic and journal are the core's.
enum class TopicRole : uint8_t { kInput, kOutput, kDeadLetter, kRepartition, kJournal, kNamed };
constexpr size_t kTopicRoles = 5;  // without kNamed

// An id, by name for everything that is visible, by slot for speed; equal when the names are.
struct Key {
  Key(std::string_view its_name, Slot its_slot) : name(its_name), slot(its_slot) {}
  // Member by member: as a whole, the slot's four bytes would be read as eight right after they were
  // written, and a processor waits for that.
  Key(const Key& other) : name(other.name), slot(other.slot) {}
  Key& operator=(const Key& other) = default;

  std::string_view name;
  Slot slot;

  bool operator==(const Key& other) const { return name == other.name; }
};

struct Produce {
  TopicRole topic = TopicRole::kOutput;
  std::string_view topic_name;  // of kNamed
  std::string_view key;
  std::string_view value;
  std::vector<Header> headers;
  std::optional<Time> time;  // absent: the time of sending

  bool operator==(const Produce&) const = default;
};
struct Arm {
  Key key;
  Time due{};

  bool operator==(const Arm&) const = default;
};
struct Disarm {
  Key key;

  bool operator==(const Disarm&) const = default;
};
struct Touch {
  Key key;

  bool operator==(const Touch&) const = default;
};
struct Forget {
  Key key;
  Time from{};

  bool operator==(const Forget&) const = default;
};
struct Reject {
  Partition partition{};
  Offset offset{};
  std::string_view topic;
  std::optional<Time> timestamp;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<Header> headers;
  std::string_view code;
  std::string_view message;

  bool operator==(const Reject&) const = default;
};
using Effect = std::variant<Produce, Arm, Disarm, Touch, Forget, Reject>;

std::ostream& operator<<(std::ostream& out, const Effect& effect);

class Effects {
 public:
  static constexpr size_t kCountersMax = 32;
  using Counters = std::array<uint64_t, kCountersMax>;

  // `bytes` outlives the effects.
  explicit Effects(Arena& bytes) : bytes_(&bytes) {}

  void produce(TopicRole topic, std::string_view key, std::string_view value,
               std::span<const Header> headers = {}, std::optional<Time> time = {});
  // To a topic that a user has named: it may not exist.
  void produce_to(std::string_view topic_name, std::string_view key, std::string_view value,
                  std::span<const Header> headers = {});
  void arm(Key key, Time due) { list_.emplace_back(Arm{key, due}); }
  void disarm(Key key) { list_.emplace_back(Disarm{key}); }
  void touch(Key key) { list_.emplace_back(Touch{key}); }
  void forget(Key key, Time from) { list_.emplace_back(Forget{key, from}); }
  // `code` is a literal.
  void reject(const Record& record, std::string_view code, std::string_view message);
  // `counter` is an enumerator of the service's own, below kCountersMax.
  template <typename Counter>
  void count(Counter counter) {
    if (!muted_) ++counters_[static_cast<size_t>(counter)];
  }

  // How long an id was open.
  void measure(Duration duration) {
    if (!muted_) durations_.add(duration);
  }

  // Replay: what goes outside (Produce, Reject) is dropped as it comes, and metrics are not
  // counted.
  void mute(bool muted) { muted_ = muted; }

  std::span<const Effect> list() const { return list_; }
  std::span<Effect> list() { return list_; }
  // The list is taken; bytes and counters stay.
  void clear_list() { list_.clear(); }
  // Metrics since the last call.
  Counters take_counters();
  Histogram take_durations() { return std::exchange(durations_, {}); }

 private:
  Arena* bytes_;
  std::vector<Effect> list_;
  Counters counters_{};
  Histogram durations_;
  std::vector<Header> scratch_headers_;
  bool muted_ = false;
};

}  // namespace muster::core

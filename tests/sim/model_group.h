// One group of the model: the rules of the protocol, applied to one event after the other, and to
// timers when somebody says that they fire. In its own words, with none of the collector's code.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace muster::sim {

// As outcomes show times.
std::string rfc3339(int64_t ms);

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

struct ModelTtl {
  std::string text;  // as written
  int64_t ms = 0;
};
struct ModelEntity {
  std::string id;
  std::optional<ModelTtl> ttl;
};

// A record that concerns a group.
struct ModelEvent {
  enum class Kind { kCreate, kDone, kUpdate, kCancel };

  Kind kind{};
  size_t number = 0;  // in the group
  int partition = 0;
  int64_t at = 0;       // the record's time
  int64_t written = 0;  // since when a tick waits for it
  bool of_child = false;

  std::vector<ModelEntity> add;  // Create: what is expected
  std::vector<std::string> remove;
  std::optional<ModelTtl> ttl;
  std::string payload;                  // JSON
  std::string policy;                   // "quorum", "tolerate", ...
  size_t count = 0;                     // of these two
  std::string entity, result, error;    // of a Done
  std::string reason;                   // of a Cancel
  std::string parent_group, parent_id;  // of a Create; empty: none
};

class ModelGroup {
 public:
  struct Outcome {
    std::string value;
    const ModelEvent* by = nullptr;  // null: a timer
    bool timeout = false;            // of the group
    int64_t not_before_ms = 0;
  };

  explicit ModelGroup(const std::string& id) : id_(&id) {}

  void apply(const ModelEvent& event);
  // When something happens if nothing is heard.
  int64_t next_timer() const;
  void fire();
  const std::optional<Outcome>& outcome() const { return outcome_; }
  // Different for different states.
  std::string key() const;

 private:
  struct Entity {
    const ModelEntity* expected = nullptr;
    int64_t deadline = kNever;
    const ModelEvent* answer = nullptr;
    bool timed_out = false;

    bool answered() const { return answer != nullptr || timed_out; }
    bool failed() const { return timed_out || (answer != nullptr && !answer->error.empty()); }
    std::string error() const;
  };
  struct Failure {
    std::string code, entity, error;
  };

  void open(const ModelEvent& create);
  void act(const ModelEvent& event, const ModelEvent& closing);
  void add(const ModelEntity& expected, int64_t now);
  bool update(const ModelEvent& event, int64_t now);
  // `failed` is the entity that has just failed, if one has.
  void settle(const Entity* failed, int64_t resolved, const ModelEvent* by);
  void end(const Failure* failure, int64_t resolved, const ModelEvent* by);
  Entity* find(const std::string& id);

  const std::string* id_;
  const ModelEvent* create_ = nullptr;
  std::vector<const ModelEvent*> early_;
  std::vector<Entity> entities_;
  int64_t deadline_ = kNever;
  std::string ttl_text_;
  std::optional<Outcome> outcome_;
};

}  // namespace muster::sim

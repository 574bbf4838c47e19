// A small processor for tests of the core: keeps a counter per id. The record's key is the id, its
// value what to do:
//   add        counts one; arms a timer 10 s after the record (ten ids may share a time)
//   end        puts out "<id>=<count>", disarms, remembers the id for 5 s
//   bad        is rejected
//   nothing    has no effect
//   tell ID    puts an "end" of that id out to the input, as of the record's time
//   to TOPIC   puts "<id>" out to that topic
// A timer puts out "<id> timed out at <count>"; that of an id "of:X" also an "end" of X to the input,
// as of when it was due. A record that is bad or for nothing is about no id.
#pragma once

#include "base/bytes.h"
#include "core/processor.h"

#include <map>
#include <string>
#include <vector>

namespace muster::core {

class ToyProcessor final : public Processor {
 public:
  explicit ToyProcessor(std::string options = "toy") : options_(std::move(options)) {}

  std::string options() const override { return options_; }
  bool configure(std::string_view options) override {
    options_ = options;
    return options.starts_with("toy");
  }

  std::optional<std::string_view> route(const Record& record) override {
    if (record.value == "nothing" || record.value == "bad") return std::nullopt;
    return record.key;
  }
  void on_record(const Record& record, Time now, Effects& effects) override {
    if (record.value == "nothing") return;
    if (record.value == "bad") return effects.reject(record, "bad", "is bad");
    const std::string_view value = record.value.value_or("");
    if (value.starts_with("tell "))
      return effects.produce(TopicRole::kInput, value.substr(5), "end", {}, record.time);
    if (value.starts_with("to "))
      return effects.produce_to(value.substr(3), *record.key, *record.key);
    const Slot slot = slot_of(*record.key);
    Id& id = ids_[raw(slot)];
    const Key key{id.name, slot};
    if (id.ended) {
      effects.touch(key);
      return effects.forget(key, now + std::chrono::seconds(5));
    }
    effects.touch(key);
    ++id.count;
    if (record.value == "add") {
      id.due = now + std::chrono::seconds(10);
      return effects.arm(key, id.due);
    }
    effects.disarm(key);
    end(slot, now, effects, id.name + "=" + std::to_string(id.count));
  }

  void on_timer(Slot slot, Time due, Effects& effects) override {
    Id& id = ids_[raw(slot)];
    if (id.name.starts_with("of:"))
      effects.produce(TopicRole::kInput, id.name.substr(3), "end", {}, due);
    end(slot, due, effects, id.name + " timed out at " + std::to_string(id.count));
  }

  void save(Slot slot, std::string& out) const override {
    const Id& id = ids_[raw(slot)];
    base::ByteWriter w(out);
    w.varint(id.count);
    w.u8(id.ended ? 1 : 0);
    w.zigzag(to_ms(id.due));
  }
  bool load(std::string_view name, std::string_view bytes, Effects& effects) override {
    base::ByteReader r(bytes);
    const Slot slot = slot_of(name);
    Id& id = ids_[raw(slot)];
    id.count = r.varint();
    id.ended = r.u8() != 0;
    id.due = time_from_ms(r.zigzag());
    const Key key{id.name, slot};
    effects.disarm(key);
    id.ended ? effects.forget(key, id.due) : effects.arm(key, id.due);
    return r.at_end();
  }

  // A kilobyte each, so that a test can count.
  size_t held_bytes() const override { return slots_.size() * 1024; }
  std::optional<Slot> find(std::string_view key) const override {
    const auto found = slots_.find(std::string(key));
    if (found == slots_.end()) return std::nullopt;
    return found->second;
  }
  std::string_view name(Slot slot) const override { return ids_[raw(slot)].name; }
  void drop(Slot slot) override {
    slots_.erase(ids_[raw(slot)].name);
    ids_[raw(slot)] = {};
    free_.push_back(slot);
  }

 private:
  struct Id {
    std::string name;
    uint64_t count = 0;
    bool ended = false;
    Time due{};
  };

  Slot slot_of(std::string_view key) {
    if (const auto slot = find(key)) return *slot;
    Slot slot{static_cast<uint32_t>(ids_.size())};
    if (free_.empty()) {
      ids_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    ids_[raw(slot)].name = key;
    slots_[std::string(key)] = slot;
    return slot;
  }

  void end(Slot slot, Time now, Effects& effects, const std::string& value) {
    Id& id = ids_[raw(slot)];
    id.ended = true;
    id.due = now + std::chrono::seconds(5);
    effects.produce(TopicRole::kOutput, id.name, value);
    effects.forget({id.name, slot}, id.due);
  }

  std::string options_;
  std::vector<Id> ids_;
  std::map<std::string, Slot> slots_;
  std::vector<Slot> free_;
};

}  // namespace muster::core

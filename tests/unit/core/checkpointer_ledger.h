// Ids that a test sets, closes and drops by hand, the checkpointer that is told of it as the shard tells
// it, and the parts that come out, as text.
#pragma once

#include "core/checkpointer.h"
#include "kept_checkpoint.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace muster::core {

// Keeps a text per id, and does nothing else.
class TextKeeper : public Processor {
 public:
  std::string options() const override { return "texts"; }
  bool configure(std::string_view) override { return true; }
  void on_record(const Record&, Time, Effects&) override {}
  void on_timer(Slot, Time, Effects&) override {}
  void save(Slot slot, std::string& out) const override { out += ids_.at(raw(slot)).text; }
  bool load(std::string_view, std::string_view, Effects&) override { return false; }
  size_t held_bytes() const override { return 0; }
  std::optional<Slot> find(std::string_view key) const override {
    const auto found = slots_.find(std::string(key));
    if (found == slots_.end()) return std::nullopt;
    return found->second;
  }
  std::string_view name(Slot slot) const override { return ids_.at(raw(slot)).name; }
  void drop(Slot slot) override {
    slots_.erase(ids_.at(raw(slot)).name);
    free_.push_back(slot);
  }

  Slot make(const std::string& name) {
    Slot slot{static_cast<uint32_t>(ids_.size())};
    if (free_.empty()) {
      ids_.push_back({name, ""});
    } else {
      slot = free_.back();
      free_.pop_back();
      ids_.at(raw(slot)).name = name;
    }
    slots_[name] = slot;
    return slot;
  }
  void set(Slot slot, const std::string& text) { ids_.at(raw(slot)).text = text; }

 private:
  struct Id {
    std::string name;
    std::string text;
  };

  std::vector<Id> ids_;
  std::map<std::string, Slot> slots_;
  std::vector<Slot> free_;
};

struct Ledger {
  explicit Ledger(size_t part_bytes_max = 1'000'000)
      : checkpointer(keeper, living, part_bytes_max) {}

  TextKeeper keeper;
  LivingIds living;
  Checkpointer checkpointer;
  KeptCheckpoint store;
  BatchNumber n{1};                      // the batch in the making
  std::unique_ptr<CheckpointPart> sent;  // with the store

  // --- what happens to ids
  void open(const std::string& name, const std::string& text) { change(name, text, Time::max()); }
  void close(const std::string& name, const std::string& text) {
    change(name, text, time_from_ms(1));
  }
  void drop(const std::string& name) {
    const Slot slot = *keeper.find(name);
    checkpointer.about_to_drop(slot);
    living.drop(slot);
    keeper.drop(slot);
  }

  // --- a checkpoint
  // Of the batch in the making, which ends here.
  void begin(size_t ids_max = 1'000) {
    CheckpointHead head;
    head.epoch = Epoch{9};
    head.n = n;
    head.writer = 1;
    head.next = {Offset{0}};
    checkpointer.begin(std::move(head));
    n = after(n);
    write(ids_max);
  }
  void write(size_t ids_max = 1'000) { checkpointer.write(ids_max); }
  // Takes the part that waits, and says what it is.
  std::string part() {
    REQUIRE(checkpointer.part_waits());
    sent = checkpointer.next_part(Partition{0}, Offset{0});
    return text(*sent);
  }
  // The answers: it was written; it was not, and perhaps that is known.
  void done() {
    REQUIRE(store.write(*sent) == KeptCheckpoint::Answer::kWritten);
    checkpointer.stored();
  }
  void not_sent() { checkpointer.failed(false); }
  void unknown(bool written) {
    if (written) REQUIRE(store.write(*sent) == KeptCheckpoint::Answer::kWritten);
    checkpointer.failed(true);
  }
  // The whole way, in one part or in many.
  void checkpoint() {
    begin();
    while (checkpointer.under_way()) {
      part();
      done();
      write();
    }
  }

  // What a reader makes of the store: name=text of all ids; or what is wrong.
  std::string kept() const {
    const auto head = store.decoded_head();
    if (!head) return "nothing";
    if (!head->finished) return "unfinished";
    std::map<std::string, std::string> ids;
    for (const uint64_t number : head->closed) {
      if (!store.closed.contains(number)) return "closed ids are missing";
      const auto closed = decode_closed_ids(store.closed.at(number));
      for (const auto name : closed->left) ids.erase(std::string(name));
      for (const auto& id : closed->ids) ids[std::string(id.key)] = id.state;
    }
    uint64_t sum = 0;
    for (const auto& [name, value] : store.entries) {
      const auto decoded = decode_checkpoint_entry(name, value);
      sum += decoded->checksum;
      ids[name] = decoded->entry.state;
    }
    if (store.entries.size() != head->entries || sum != head->entries_sum)
      return "the head says another sum";
    std::string all;
    for (const auto& [name, state] : ids) all += (all.empty() ? "" : " ") + name + "=" + state;
    return all;
  }

  // "anew" or "on N", then what it holds, in the order in which it is to be written, then its head.
  static std::string text(const CheckpointPart& part) {
    const auto id = [](const CheckpointEntry& entry) {
      return std::string(entry.key) + "=" + std::string(entry.state);
    };
    std::string all =
        part.builds_on.empty() ? "anew" : "on " + std::to_string(part.builds_on.size());
    for (const auto name : part.entries_left) all += "; left " + std::string(name);
    for (const Carried& entry : part.entries)
      all += "; " + id(decode_checkpoint_entry(entry.key, entry.state)->entry);
    for (const uint64_t number : part.closed_left) all += "; no closed " + std::to_string(number);
    if (part.closed_number) {
      all += "; closed " + std::to_string(*part.closed_number) + ":";
      const auto closed = decode_closed_ids(part.closed);
      for (const auto name : closed->left) all += " left " + std::string(name);
      for (const auto& entry : closed->ids) all += " " + id(entry);
    }
    const auto head = decode_checkpoint_head(part.head);
    all += "; " + std::to_string(raw(head->n)) + "/" + std::to_string(head->part);
    if (head->finished) all += " finished";
    return all;
  }

 private:
  void change(const std::string& name, const std::string& text, Time forget_from) {
    auto slot = keeper.find(name);
    if (slot && checkpointer.copies()) checkpointer.about_to_change(*slot);
    if (!slot) slot = keeper.make(name);
    keeper.set(*slot, text);
    living.touch(*slot, n);
    living.forget_from(*slot, forget_from);
    checkpointer.changed(*slot);
  }
};

}  // namespace muster::core

#include "redis/checkpoint_writer.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace muster::redis {
namespace {

using runtime::StoreResult;

// Of one command: many are what makes it fast (one HSET per entry costs three times as much), and
// a command that is too long keeps others from the server.
constexpr size_t kFieldsMax = 500;
constexpr size_t kCommandBytesMax = size_t{1} << 20;
// Somebody who changes the head that often between our look and our EXEC is another writer.
constexpr int kAttemptsMax = 2;

StoreAnswer not_sent(std::string message, bool refused) {
  return {StoreResult::kNotSent, std::move(message), refused};
}

// One command with many fields, as several if need be.
class Fields {
 public:
  Fields(Connection& connection, std::string_view command, std::string_view key)
      : connection_(connection), words_{command, key} {}

  void add(std::string_view field) {
    words_.push_back(field);
    bytes_ += field.size();
  }
  void end_field() {
    if (++fields_ >= kFieldsMax || bytes_ >= kCommandBytesMax) end();
  }
  void end() {
    if (fields_ == 0) return;
    connection_.append(words_);
    ++commands_;
    words_.resize(2);
    fields_ = 0;
    bytes_ = 0;
  }
  size_t commands() const { return commands_; }

 private:
  Connection& connection_;
  std::vector<std::string_view> words_;
  size_t fields_ = 0;
  size_t bytes_ = 0;
  size_t commands_ = 0;
};

class PartWriter {
 public:
  PartWriter(Connection& connection, const Settings& settings, const core::CheckpointPart& part)
      : connection_(connection),
        settings_(settings),
        part_(part),
        keys_(keys_of(settings, part.partition)) {}

  StoreAnswer write() {
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      if (const auto obstacle = compare()) return *obstacle;
      connection_.set_timeout(settings_.transaction_timeout);
      const auto answer = transact();
      connection_.set_timeout(settings_.command_timeout);
      if (answer) return *answer;
    }
    return {StoreResult::kOtherHead, "another writer changes the checkpoint at the same time"};
  }

 private:
  // Watches the keys, and says what keeps the part from being written. What an earlier part has
  // watched and not written is of no interest any more.
  std::optional<StoreAnswer> compare() {
    connection_.append({"UNWATCH"});
    connection_.append({"WATCH", keys_.head, keys_.entries, keys_.closed});
    connection_.append({"GET", keys_.head});
    connection_.append({"HLEN", keys_.entries});
    connection_.append({"HLEN", keys_.closed});
    connection_.send();
    const Reply unwatch = connection_.receive();
    const Reply watch = connection_.receive();
    const Reply head = connection_.receive();
    const Reply entries = connection_.receive();
    const Reply closed = connection_.receive();
    if (!connection_.usable()) return not_sent(connection_.error(), false);
    bool other_type = false;
    for (const Reply* reply : {&unwatch, &watch, &head, &entries, &closed}) {
      if (!reply->view().is_error()) continue;
      if (!reply->view().text().starts_with("WRONGTYPE"))
        return not_sent(described(reply->view().text()), true);
      other_type = true;
    }
    const auto there = core::decode_checkpoint_head(head.view().text());
    const bool known =
        std::ranges::find(part_.builds_on, head.view().text()) != part_.builds_on.end();
    if (!known && there && there->epoch == part_.epoch && there->n > part_.n)
      return StoreAnswer{StoreResult::kNewerHead, "a later checkpoint is there"};
    if (part_.builds_on.empty()) return std::nullopt;
    const auto other = [](std::string message) {
      return StoreAnswer{StoreResult::kOtherHead, std::move(message)};
    };
    if (other_type) return other("a key of the checkpoint is of another type");
    if (head.view().is_nil()) return other("the checkpoint is gone");
    if (!known) return other("another checkpoint is there");
    if (there && !all_there(*there, entries.view().integer(), closed.view().integer()))
      return other("a part of the checkpoint is gone");
    return std::nullopt;
  }

  // Redis can drop one key and keep the others (eviction, people). Then the head says what is not.
  static bool all_there(const core::CheckpointHead& head, int64_t entries, int64_t closed) {
    return !head.finished || (static_cast<uint64_t>(entries) == head.entries &&
                              static_cast<uint64_t>(closed) >= head.closed.size());
  }

  // Absent: the head has changed since it was compared, nothing was written.
  std::optional<StoreAnswer> transact() {
    connection_.append({"MULTI"});
    const size_t commands = append_commands();
    connection_.send();
    if (!connection_.usable()) return not_sent(connection_.error(), false);
    connection_.append({"EXEC"});
    connection_.send();
    bool began = false;
    std::string refusal;
    for (size_t i = 0; i < commands + 1; ++i) {  // MULTI's, and one for each
      const Reply reply = connection_.receive();
      if (i == 0) began = !reply.view().is_error();
      if (refusal.empty()) refusal = described(reply.view().is_error() ? reply.view().text() : "");
    }
    const Reply exec = connection_.receive();
    if (!connection_.usable()) return StoreAnswer{StoreResult::kUnknown, connection_.error()};
    if (!began) return remove(refusal);
    if (exec.view().is_nil()) return std::nullopt;
    if (exec.view().is_error()) {
      if (refusal.empty()) refusal = described(exec.view().text());
      // Servers before 6.2 can leave the transaction open after other errors.
      if (!exec.view().text().starts_with("EXECABORT")) connection_.give_up(refusal);
      return not_sent(refusal, true);
    }
    for (size_t i = 0; i < exec.view().size(); ++i) {
      if (exec.view()[i].is_error()) return remove(described(exec.view()[i].text()));
    }
    return StoreAnswer{StoreResult::kDone, ""};
  }

  // How many; the head comes last.
  size_t append_commands() {
    if (part_.builds_on.empty())
      connection_.append({"UNLINK", keys_.head, keys_.entries, keys_.closed});
    Fields entries_left(connection_, "HDEL", keys_.entries);
    for (const auto name : part_.entries_left) {
      entries_left.add(name);
      entries_left.end_field();
    }
    entries_left.end();
    Fields entries(connection_, "HSET", keys_.entries);
    for (const auto& [name, value] : part_.entries) {
      entries.add(name);
      entries.add(value);
      entries.end_field();
    }
    entries.end();
    std::vector<std::string> numbers;
    for (const uint64_t number : part_.closed_left) numbers.push_back(std::to_string(number));
    Fields closed_left(connection_, "HDEL", keys_.closed);
    for (const auto& number : numbers) {
      closed_left.add(number);
      closed_left.end_field();
    }
    closed_left.end();
    if (part_.closed_number) {
      connection_.append(
          {"HSET", keys_.closed, std::to_string(*part_.closed_number), part_.closed});
    }
    connection_.append({"SET", keys_.head, part_.head});
    return entries_left.commands() + entries.commands() + closed_left.commands() +
           (part_.builds_on.empty() ? 1 : 0) + (part_.closed_number ? 1 : 0) + 1;
  }

  // It was written in pieces.
  StoreAnswer remove(const std::string& why) {
    const Reply removed = connection_.call({"UNLINK", keys_.head, keys_.entries, keys_.closed});
    std::string message = "the checkpoint was written in part and removed: " + why;
    if (removed.view().is_error())
      message = "the checkpoint was written in part: " + why +
                "; it cannot be removed: " + described(removed.view().text());
    return {StoreResult::kOtherHead, message, true};
  }

  Connection& connection_;
  const Settings& settings_;
  const core::CheckpointPart& part_;
  const Keys keys_;
};

}  // namespace

StoreAnswer write_part(Connection& connection, const Settings& settings,
                       const core::CheckpointPart& part) {
  return PartWriter(connection, settings, part).write();
}

}  // namespace muster::redis

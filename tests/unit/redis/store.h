// A store on a server of the test's own, called as the worker calls it, and what it is called with.
#pragma once

#include "redis_server.h"

#include "core/checkpoint.h"
#include "redis/checkpoint_thread.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace muster::redis::test {

using runtime::CheckpointPage;
using runtime::CheckpointStored;
using runtime::StoreResult;

constexpr core::Partition kPartition{3};
constexpr core::Epoch kEpoch{0xabcdef};

// Patient: only what has to time out for a test gets a short time.
inline Settings settings_for(const std::string& url) {
  Settings settings;
  settings.url = parse_url(url).value();
  settings.group = "some group";
  settings.topic = "events";
  settings.connect_timeout = std::chrono::minutes(10);
  settings.command_timeout = std::chrono::minutes(10);
  settings.transaction_timeout = std::chrono::minutes(10);
  // A store that comes after a failure tries anew.
  settings.pause_min = settings.pause_max = core::Duration{0};
  return settings;
}

struct HeadOf {
  uint64_t n = 1;
  uint64_t entries = 0;
  std::vector<uint64_t> closed = {};
  bool finished = true;
  uint64_t writer = 7;
  core::Epoch epoch = kEpoch;
};
inline std::string head_text(const HeadOf& of) {
  core::CheckpointHead head;
  head.epoch = of.epoch;
  head.n = core::BatchNumber{of.n};
  head.finished = of.finished;
  head.writer = of.writer;
  head.next = {core::Offset{5}};
  head.entries = of.entries;
  head.closed = of.closed;
  return core::encode(head);
}

using Map = std::map<std::string, std::string>;
using Closed = std::vector<std::pair<uint64_t, std::string>>;

inline std::string any_bytes(size_t seed, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>((i * 31 + seed * 7) % 256));
  return bytes;
}
inline Map many_entries(size_t count, size_t value_bytes) {
  Map entries;
  for (size_t i = 0; i < count; ++i)
    entries["name " + std::to_string(i)] = any_bytes(i, value_bytes);
  return entries;
}

struct PartOf {
  HeadOf head = {};
  std::vector<std::string> builds_on = {};
  Map entries = {};
  std::vector<std::string> entries_left = {};
  std::optional<std::pair<uint64_t, std::string>> closed = std::nullopt;
  std::vector<uint64_t> closed_left = {};
};
inline std::unique_ptr<core::CheckpointPart> part_of(const PartOf& of) {
  auto part = std::make_unique<core::CheckpointPart>();
  part->partition = kPartition;
  part->builds_on = of.builds_on;
  part->head = head_text(of.head);
  part->epoch = of.head.epoch;
  part->n = core::BatchNumber{of.head.n};
  for (const auto& name : of.entries_left) part->entries_left.push_back(part->bytes.copy(name));
  for (const auto& [name, value] : of.entries)
    part->entries.push_back({part->bytes.copy(name), part->bytes.copy(value)});
  part->closed_left = of.closed_left;
  if (of.closed) {
    part->closed_number = of.closed->first;
    part->closed = of.closed->second;
  }
  return part;
}

// What a load has given, page after page.
struct Loaded {
  CheckpointPage::Kind end{};
  std::string head;
  Map entries;
  Closed closed;
  size_t entries_in_page_max = 0;
  std::string message;
};

class Store {
 public:
  explicit Store(Settings settings) : thread_(std::in_place, std::move(settings), mailbox_) {}

  CheckpointThread& port() { return *thread_; }
  runtime::Mailbox& mailbox() { return mailbox_; }
  void destroy() { thread_.reset(); }

  CheckpointStored store(const core::CheckpointPart& part) {
    thread_->store(++requests_, part);
    const CheckpointStored stored = stored_event();
    CHECK(stored.request == requests_);
    return stored;
  }
  StoreResult store(const PartOf& of) {
    const auto part = part_of(of);
    return store(*part).result;
  }
  CheckpointStored stored_event() {
    while (stored_.empty()) {
      mailbox_.wait(std::chrono::minutes(5));
      for (auto& event : mailbox_.take())
        stored_.push_back(std::get<CheckpointStored>(std::move(event)));
    }
    const CheckpointStored first = stored_.front();
    stored_.erase(stored_.begin());
    return first;
  }

  std::unique_ptr<CheckpointPage> page(core::Partition partition = kPartition) {
    while (true) {
      if (auto page = thread_->fetch(partition)) return page;
      mailbox_.wait(std::chrono::minutes(5));
    }
  }
  // All pages from here on.
  Loaded rest(core::Partition partition = kPartition) {
    Loaded loaded;
    while (true) {
      const auto page = this->page(partition);
      loaded.end = page->kind;
      switch (page->kind) {
        case CheckpointPage::Kind::kHead:
          loaded.head = page->head;
          if (page->head.empty()) return loaded;
          break;
        case CheckpointPage::Kind::kClosed:
          loaded.closed.emplace_back(page->closed_number, page->closed);
          break;
        case CheckpointPage::Kind::kEntries:
          loaded.entries_in_page_max = std::max(loaded.entries_in_page_max, page->entries.size());
          for (const auto& [name, value] : page->entries) loaded.entries[std::string(name)] = value;
          break;
        case CheckpointPage::Kind::kEnd:
        case CheckpointPage::Kind::kChanged:
        case CheckpointPage::Kind::kFailed:
          loaded.message = page->message;
          return loaded;
      }
    }
  }
  Loaded load(core::Partition partition = kPartition) {
    thread_->load(partition);
    return rest(partition);
  }

 private:
  runtime::Mailbox mailbox_;
  uint64_t requests_ = 0;
  std::vector<CheckpointStored> stored_;
  std::optional<CheckpointThread> thread_;
};

// Somebody with redis-cli.
class Client {
 public:
  explicit Client(const std::string& url) {
    block_sigpipe_in_this_thread();
    Settings settings = settings_for(url);
    settings.client_name = "somebody";
    auto opened = Connection::open(settings, interrupter_);
    REQUIRE_MESSAGE(opened.connection != nullptr, opened.error);
    connection_ = std::move(opened.connection);
  }
  // Text or number of the answer; of an array how many.
  std::string operator()(std::initializer_list<std::string_view> words) {
    return (*this)(std::vector(words));
  }
  std::string operator()(const std::vector<std::string_view>& words) {
    connection_->append(words);
    connection_->send();
    return answer();
  }
  // Many at once, whose answers are of no interest.
  void later(std::initializer_list<std::string_view> words) {
    connection_->append(words);
    ++later_;
  }
  void done() {
    connection_->send();
    for (; later_ > 0; --later_) answer();
  }

 private:
  std::string answer() {
    const Reply reply = connection_->receive();
    REQUIRE_MESSAGE(!reply.view().missing(), connection_->error());
    if (reply.view().is_integer()) return std::to_string(reply.view().integer());
    if (reply.view().is_array()) return std::to_string(reply.view().size());
    return reply.view().is_nil() ? "(nil)" : std::string(reply.view().text());
  }

  size_t later_ = 0;
  Interrupter interrupter_;
  std::unique_ptr<Connection> connection_;
};

const std::string kHead = "muster:{some group/events/3}:head";
const std::string kEntries = "muster:{some group/events/3}:entries";
const std::string kClosed = "muster:{some group/events/3}:closed";

// Decorates a suite whose tests need a server.
inline bool no_server() { return !RedisServer::installed(); }

}  // namespace muster::redis::test

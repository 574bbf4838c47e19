// Reads the checkpoint of one partition in steps of one round trip each, so that others can use the
// connection in between: the head, what the head lists as closed, then the entries. Each step looks
// at the head again. No two writers write the same head, and none writes one twice, so what was read
// under one and the same head belongs together; nothing has to be locked or watched for that.
//
// A step fetches as much as is worth a round trip, whatever the sizes are: the more, the smaller
// the last ones were.
#pragma once

#include "redis/connection.h"
#include "redis/keys.h"
#include "runtime/checkpoint_store.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace muster::redis {

using PagePtr = std::unique_ptr<runtime::CheckpointPage>;

// How many of something to ask for, so that the answer has about kStepBytes.
class StepSize {
 public:
  StepSize(size_t first, size_t max) : count_(first), max_(max) {}
  size_t count() const { return count_; }
  void got(size_t bytes);

 private:
  size_t count_;
  size_t max_;
};

class CheckpointReader {
 public:
  explicit CheckpointReader(Keys keys) : keys_(std::move(keys)) {}

  // What came of one round trip; may be nothing. Not to be called when it has ended.
  std::vector<PagePtr> step(Connection& connection);
  bool begun() const { return stage_ != Stage::kHead; }
  // The last page was given.
  bool ended() const { return stage_ == Stage::kEnded; }

 private:
  enum class Stage { kHead, kClosed, kEntries, kEnded };

  void read_head(Connection& connection);
  void read_closed(Connection& connection);
  void read_entries(Connection& connection);
  void take_entries(ReplyView pairs);
  // Of a step's answer and of the head that was read behind it. False: the end, and it was said.
  bool fine(const Connection& connection, ReplyView answer, ReplyView head);
  void fail(std::string message);
  void end(runtime::CheckpointPage::Kind kind);
  runtime::CheckpointPage& add(runtime::CheckpointPage::Kind kind);

  const Keys keys_;
  Stage stage_ = Stage::kHead;
  std::string head_;
  std::deque<uint64_t> closed_;  // still to be read
  std::string cursor_ = "0";
  StepSize closed_step_{4, 1'000};
  StepSize entries_step_{1'000, 10'000};
  std::vector<PagePtr> pages_;  // of the step
};

}  // namespace muster::redis

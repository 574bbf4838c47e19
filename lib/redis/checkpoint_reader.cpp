#include "redis/checkpoint_reader.h"

#include "base/check.h"
#include "core/checkpoint.h"

#include <algorithm>

namespace muster::redis {
namespace {

using runtime::CheckpointPage;

constexpr size_t kStepBytes = size_t{2} << 20;
// Sizes can jump: the next ones may be larger than the last.
constexpr size_t kGrowthMax = 4;

}  // namespace

void StepSize::got(size_t bytes) {
  const size_t fitting = count_ * kStepBytes / std::max<size_t>(bytes, 1);
  count_ = std::clamp<size_t>(fitting, 1, std::min(count_ * kGrowthMax, max_));
}

std::vector<PagePtr> CheckpointReader::step(Connection& connection) {
  switch (stage_) {
    case Stage::kHead:
      read_head(connection);
      break;
    case Stage::kClosed:
      read_closed(connection);
      break;
    case Stage::kEntries:
      read_entries(connection);
      break;
    case Stage::kEnded:
      CHECK(stage_ != Stage::kEnded);
      break;
  }
  return std::exchange(pages_, {});
}

void CheckpointReader::read_head(Connection& connection) {
  const Reply got = connection.call({"GET", keys_.head});
  const ReplyView head = got.view();
  if (head.missing()) return fail(connection.error());
  if (head.is_error()) return fail(described(head.text()));
  if (head.is_nil()) return end(CheckpointPage::Kind::kHead);
  head_ = head.text();
  add(CheckpointPage::Kind::kHead).head = head_;
  if (const auto decoded = core::decode_checkpoint_head(head_))
    closed_.assign(decoded->closed.begin(), decoded->closed.end());
  stage_ = closed_.empty() ? Stage::kEntries : Stage::kClosed;
}

void CheckpointReader::read_closed(Connection& connection) {
  const size_t count = std::min(closed_.size(), closed_step_.count());
  std::vector<std::string> numbers;
  for (size_t i = 0; i < count; ++i) numbers.push_back(std::to_string(closed_[i]));
  std::vector<std::string_view> words = {"HMGET", keys_.closed};
  words.insert(words.end(), numbers.begin(), numbers.end());
  connection.append(words);
  connection.append({"GET", keys_.head});
  connection.send();
  const Reply answer = connection.receive();
  const Reply head = connection.receive();
  if (!fine(connection, answer.view(), head.view())) return;
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const ReplyView value = answer.view()[i];
    if (!value.is_string()) continue;
    CheckpointPage& page = add(CheckpointPage::Kind::kClosed);
    page.closed_number = closed_[i];
    page.closed = value.text();
    bytes += page.closed.size();
  }
  closed_step_.got(bytes);
  closed_.erase(closed_.begin(), closed_.begin() + static_cast<ptrdiff_t>(count));
  if (closed_.empty()) stage_ = Stage::kEntries;
}

void CheckpointReader::read_entries(Connection& connection) {
  connection.append(
      {"HSCAN", keys_.entries, cursor_, "COUNT", std::to_string(entries_step_.count())});
  connection.append({"GET", keys_.head});
  connection.send();
  const Reply answer = connection.receive();
  const Reply head = connection.receive();
  if (!fine(connection, answer.view(), head.view())) return;
  cursor_ = answer.view()[0].text();
  take_entries(answer.view()[1]);
  if (cursor_.empty()) return fail("an answer to HSCAN that is none");
  if (cursor_ == "0") end(CheckpointPage::Kind::kEnd);
}

void CheckpointReader::take_entries(ReplyView pairs) {
  CheckpointPage* page = nullptr;
  size_t bytes = 0;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (page == nullptr || page->entries.size() >= runtime::kPageEntriesMax) {
      page = &add(CheckpointPage::Kind::kEntries);
      page->entries.reserve(std::min((pairs.size() - i) / 2, runtime::kPageEntriesMax));
    }
    const std::string_view name = page->bytes.copy(pairs[i].text());
    const std::string_view value = page->bytes.copy(pairs[i + 1].text());
    page->entries.push_back({name, value});
    bytes += name.size() + value.size();
  }
  entries_step_.got(bytes);
}

bool CheckpointReader::fine(const Connection& connection, ReplyView answer, ReplyView head) {
  if (!connection.usable()) {
    fail(connection.error());
  } else if (answer.is_error() || head.is_error()) {
    fail(described(answer.is_error() ? answer.text() : head.text()));
  } else if (!head.is_string() || head.text() != head_) {
    end(CheckpointPage::Kind::kChanged);
  } else {
    return true;
  }
  return false;
}

void CheckpointReader::fail(std::string message) {
  add(CheckpointPage::Kind::kFailed).message = std::move(message);
  stage_ = Stage::kEnded;
}

void CheckpointReader::end(CheckpointPage::Kind kind) {
  add(kind);
  stage_ = Stage::kEnded;
}

CheckpointPage& CheckpointReader::add(CheckpointPage::Kind kind) {
  pages_.push_back(std::make_unique<CheckpointPage>());
  pages_.back()->kind = kind;
  return *pages_.back();
}

}  // namespace muster::redis

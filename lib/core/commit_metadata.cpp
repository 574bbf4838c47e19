#include "core/commit_metadata.h"

#include "base/check.h"

#include <charconv>
#include <cstdio>

namespace muster::core {
namespace {

std::string_view take_word(std::string_view& text) {
  const size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  return word;
}

template <typename Number>
bool parse(std::string_view word, Number& number, int radix = 10) {
  const char* end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, number, radix);
  return error == std::errc{} && rest == end;
}

}  // namespace

std::string encode(const CommitMetadata& metadata) {
  CHECK(metadata.transactional_id.size() <= kTransactionalIdBytesMax);
  char numbers[96];
  std::snprintf(numbers, sizeof numbers, "m1 %016llx %llu %llu %lld ",
                static_cast<unsigned long long>(raw(metadata.epoch)),
                static_cast<unsigned long long>(raw(metadata.n)),
                static_cast<unsigned long long>(raw(metadata.origin)),
                static_cast<long long>(raw(metadata.journal_offset)));
  return numbers + metadata.transactional_id;
}

std::optional<CommitMetadata> decode_commit_metadata(std::string_view text) {
  if (take_word(text) != "m1") return std::nullopt;
  uint64_t epoch = 0;
  uint64_t n = 0;
  uint64_t origin = 0;
  int64_t journal_offset = 0;
  const std::string_view epoch_word = take_word(text);
  if (epoch_word.size() != 16 || !parse(epoch_word, epoch, 16)) return std::nullopt;
  if (!parse(take_word(text), n) || !parse(take_word(text), origin)) return std::nullopt;
  if (!parse(take_word(text), journal_offset)) return std::nullopt;
  if (text.empty() || text.size() > kTransactionalIdBytesMax || origin > n) return std::nullopt;
  return CommitMetadata{Epoch{epoch}, BatchNumber{n}, BatchNumber{origin}, Offset{journal_offset},
                        std::string(text)};
}

}  // namespace muster::core

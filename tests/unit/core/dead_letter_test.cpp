#include "core/dead_letter.h"

#include <doctest/doctest.h>

#include <string>

using namespace muster::core;

namespace {

constexpr size_t kEnough = 1'000'000;

Reject rejected(std::string_view key, std::string_view value, std::vector<Header> headers = {}) {
  return {Partition{3}, Offset{17},         "in",   time_from_ms(5'000), key,
          value,        std::move(headers), "json", "not JSON"};
}

std::optional<std::string_view> header(const Output& letter, std::string_view name) {
  for (const Header& h : letter.headers) {
    if (h.name == name) return h.value;
  }
  return std::nullopt;
}

size_t bytes_of(const Output& letter) {
  size_t bytes = 0;
  if (letter.key) bytes += letter.key->size();
  if (letter.value) bytes += letter.value->size();
  for (const Header& h : letter.headers) bytes += h.name.size() + (h.value ? h.value->size() : 0);
  return bytes;
}

}  // namespace

TEST_CASE(
    "a dead letter is the record with its headers, in its partition, and where and why behind "
    "them") {
  Arena bytes;
  const Output letter = dead_letter(rejected("k", "v", {{"trace", "1"}, {"none", std::nullopt}}),
                                    time_from_ms(9'000), kEnough, bytes);
  CHECK(letter.topic == TopicRole::kDeadLetter);
  CHECK(letter.partition == Partition{3});
  CHECK(letter.key == "k");
  CHECK(letter.value == "v");
  CHECK(letter.timestamp == time_from_ms(5'000));
  CHECK(letter.headers == std::vector<Header>{{"trace", "1"},
                                              {"none", std::nullopt},
                                              {"__connect.errors.topic", "in"},
                                              {"__connect.errors.partition", "3"},
                                              {"__connect.errors.offset", "17"},
                                              {"__connect.errors.exception.message", "not JSON"},
                                              {"muster.error.code", "json"}});
}

TEST_CASE("no key and no value stay none: a tombstone is told from an empty value") {
  Arena bytes;
  Reject tombstone = rejected("", "");
  tombstone.key.reset();
  tombstone.value.reset();
  const Output letter = dead_letter(tombstone, time_from_ms(9'000), kEnough, bytes);
  CHECK_FALSE(letter.key.has_value());
  CHECK_FALSE(letter.value.has_value());
  const Output empty = dead_letter(rejected("", ""), time_from_ms(9'000), kEnough, bytes);
  CHECK(empty.value == "");
}

TEST_CASE("a timestamp from the future is not kept, and what has none gets the batch's time") {
  Arena bytes;
  CHECK(dead_letter(rejected("k", "v"), time_from_ms(4'000), kEnough, bytes).timestamp ==
        time_from_ms(4'000));
  Reject timeless = rejected("k", "v");
  timeless.timestamp.reset();
  CHECK(dead_letter(timeless, time_from_ms(4'000), kEnough, bytes).timestamp ==
        time_from_ms(4'000));
}

TEST_CASE("a value too large for the topic is cut, and its length is told") {
  Arena bytes;
  const std::string value(200'000, 'v');
  const Output letter =
      dead_letter(rejected("k", value, {{"trace", "1"}}), time_from_ms(9'000), 150'000, bytes);
  CHECK(letter.key == "k");
  CHECK(letter.value->size() == kTruncatedBytes);
  CHECK(header(letter, "muster.truncated") == "200000");
  CHECK(header(letter, "trace") == "1");
  CHECK(header(letter, "muster.error.code") == "json");
}

TEST_CASE("whatever is too large, the letter fits, and still says where the record lay") {
  const std::string large(300'000, 'x');
  struct Row {
    const char* title;
    std::string_view key;
    std::string_view value;
    std::string_view header;
  };
  const Row table[] = {{"value", "k", large, ""},
                       {"key", large, "v", ""},
                       {"header", "k", "v", large},
                       {"all", large, large, large}};
  for (const size_t limit : {size_t{4'000}, size_t{100'000}, size_t{250'000}}) {
    for (const Row& row : table) {
      CAPTURE(row.title);
      CAPTURE(limit);
      Arena bytes;
      const Output letter = dead_letter(rejected(row.key, row.value, {{"h", row.header}}),
                                        time_from_ms(9'000), limit, bytes);
      CHECK(bytes_of(letter) <= limit);
      CHECK(header(letter, "__connect.errors.offset") == "17");
      CHECK(header(letter, "muster.truncated").has_value());
    }
  }
}

TEST_CASE("a message or topic name that is itself too large does not break the limit") {
  Arena bytes;
  const std::string words(300'000, 'm');
  Reject wordy = rejected("k", "v");
  wordy.message = words;
  const Output letter = dead_letter(wordy, time_from_ms(9'000), 100'000, bytes);
  CHECK(bytes_of(letter) <= 100'000);
}

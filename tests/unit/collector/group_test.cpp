#include "collector/group.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "collector/group_table.h"

namespace muster::collector {
namespace {

OpenGroup group_of(const std::vector<std::string>& names, std::string_view payload = "{}") {
  const std::vector<std::string_view> expected(names.begin(), names.end());
  Create create;
  create.id = "the group";
  create.expected = expected;
  create.ttl_text = "10";
  create.payload = payload;
  create.rest_hash = 7;
  return OpenGroup(create, {core::time_from_ms(1), core::time_from_ms(2), core::time_from_ms(3)});
}

std::vector<std::string> names_of(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back("entity " + std::to_string(i));
  return names;
}

std::string saved(const OpenGroup& group) {
  std::string bytes;
  base::ByteWriter writer(bytes);
  group.save(writer);
  return bytes;
}

TEST_CASE("a group of any size finds its entities and keeps their results") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  for (const size_t count : {0U, 1U, 3U, 15U, 16U, 17U, 18U, 100U, 10'000U}) {
    const std::vector<std::string> names = names_of(count);
    OpenGroup group = group_of(names, std::string(300, '1'));
    CHECK(group.complete() == (count == 0));
    std::vector<uint32_t> order(count);
    for (uint32_t i = 0; i < count; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), dice);
    for (const uint32_t number : order) {
      REQUIRE(group.find(names[number]) == number);
      REQUIRE_FALSE(group.has_result(number));
      group.set_result(number, std::string(number % 200, '7'), kBytesMax);
    }
    CHECK(group.complete());
    for (const uint32_t number : order) {
      REQUIRE(group.entity(number) == names[number]);
      REQUIRE(group.result(number) == std::string(number % 200, '7'));
    }
    CHECK(group.find("entity") == std::nullopt);
    CHECK(group.find("") == std::nullopt);
    CHECK(group.id() == "the group");
    CHECK(group.ttl_text() == "10");
    CHECK(group.payload() == std::string(300, '1'));
  }
}

TEST_CASE("results beyond what an outcome may hold are counted but not kept") {
  OpenGroup group = group_of(names_of(4));
  group.set_result(0, "12345678", 20);
  group.set_result(1, "12345678", 20);
  CHECK_FALSE(group.overflowed());
  group.set_result(2, "123", 20);
  CHECK(group.overflowed());
  CHECK(group.has_result(0));
  CHECK_FALSE(group.has_result(3));
  base::ByteReader reader("");
  const std::string bytes = saved(group);
  base::ByteReader again(bytes);
  auto loaded = OpenGroup::load("the group", again);
  REQUIRE(loaded.has_value());
  CHECK(loaded->overflowed());
  CHECK(saved(*loaded) == bytes);
  group.set_result(3, "1", 20);
  CHECK(group.complete());
}

TEST_CASE("saved bytes do not tell in which order results came") {
  OpenGroup one = group_of(names_of(4));
  OpenGroup other = group_of(names_of(4));
  one.set_result(0, "11", kBytesMax);
  one.set_result(2, "[ ]", kBytesMax);
  other.set_result(2, "[ ]", kBytesMax);
  other.set_result(0, "11", kBytesMax);
  CHECK(saved(one) == saved(other));
}

TEST_CASE("the same content is the same in every part") {
  const std::vector<std::string> names = names_of(2);
  const OpenGroup group = group_of(names, "[1]");
  std::vector<std::string_view> expected(names.begin(), names.end());
  Create create;
  create.id = "the group";
  create.expected = expected;
  create.ttl_text = "10";
  create.payload = "[1]";
  create.rest_hash = 7;
  CHECK(group.same_content(create));
  Create other = create;
  other.payload = "[ 1]";
  CHECK_FALSE(group.same_content(other));
  other = create;
  other.ttl_text = "10.0";
  CHECK_FALSE(group.same_content(other));
  other = create;
  other.rest_hash = 8;
  CHECK_FALSE(group.same_content(other));
  std::swap(expected[0], expected[1]);
  CHECK_FALSE(group.same_content(create));
  create.expected = std::span(expected).first(1);
  CHECK_FALSE(group.same_content(create));
}

TEST_CASE("what is loaded as an open group must be one") {
  struct Row {
    const char* what;
    std::string payload = "{}";
    std::vector<std::pair<std::string, std::string>> entities;  // a result, or none: ""
  };
  const std::vector<Row> rows = {{"no entities", "{}", {}},
                                 {"complete", "{}", {{"a", "1"}}},
                                 {"a name twice", "{}", {{"a", ""}, {"a", ""}}},
                                 {"an empty name", "{}", {{"", ""}}},
                                 {"payload", "{", {{"a", ""}}},
                                 {"result", "{}", {{"a", "1 2"}, {"b", ""}}},
                                 {"not UTF-8", "{}", {{"\xff", ""}}}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    std::string bytes;
    base::ByteWriter writer(bytes);
    for (int i = 0; i < 3; ++i) writer.zigzag(i);
    writer.fixed64(7);
    writer.string("10");
    writer.string(row.payload);
    writer.u8(0);
    writer.varint(row.entities.size());
    for (const auto& [name, result] : row.entities) {
      writer.string(name);
      writer.u8(result.empty() ? 0 : 1);
      if (!result.empty()) writer.string(result);
    }
    base::ByteReader reader(bytes);
    CHECK_FALSE(OpenGroup::load("g", reader).has_value());
  }
}

TEST_CASE("a closed group is remembered for the longest time it was told") {
  ClosedGroup group("gone", core::time_from_ms(100));
  CHECK(group.id() == "gone");
  CHECK_FALSE(group.forget_from(core::time_from_ms(100)));
  CHECK(group.forget_from(core::time_from_ms(101)));
  CHECK(group.forget_from() == core::time_from_ms(101));
}

TEST_CASE("the table finds names after growth, erasure and reuse of slots") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  GroupTable table;
  std::vector<std::optional<core::Slot>> known(2000);
  for (int round = 0; round < 50'000; ++round) {
    const size_t i = dice() % known.size();
    const std::string id = "id" + std::to_string(i);
    REQUIRE(table.find(id) == known[i]);
    if (known[i]) {
      REQUIRE(name(table.at(*known[i])) == id);
      table.erase(*known[i]);
      known[i].reset();
    } else {
      known[i] = table.add(ClosedGroup(id, core::Time{}));
    }
  }
  CHECK(table.size() ==
        static_cast<size_t>(std::count_if(known.begin(), known.end(),
                                          [](const auto& one) { return one.has_value(); })));
}

}  // namespace
}  // namespace muster::collector

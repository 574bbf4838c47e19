#include "collector/group.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "collector/group_table.h"
#include "world.h"

namespace muster::collector {
namespace {

std::vector<ExpectedId> ids_of(const std::vector<std::string>& names) {
  std::vector<ExpectedId> ids;
  for (const std::string& name : names) ids.push_back({name, {}, {}});
  return ids;
}

OpenGroup group_of(const std::vector<std::string>& names, std::string_view payload = "{}") {
  const std::vector<ExpectedId> expected = ids_of(names);
  Create create;
  create.id = "the group";
  create.expected = expected;
  create.ttl_text = "10";
  create.payload = payload;
  create.content_hash = 7;
  return OpenGroup(create, {at_ms(1), at_ms(1), at_ms(2), at_ms(3)});
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

TEST_CASE("a group of any size finds its entities and keeps their answers") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  for (const size_t count : {0U, 1U, 3U, 15U, 16U, 17U, 18U, 100U, 10'000U}) {
    const std::vector<std::string> names = names_of(count);
    OpenGroup group = group_of(names, std::string(300, '1'));
    CHECK(group.verdict() == (count == 0 ? Verdict::kSuccess : Verdict::kOpen));
    std::vector<uint32_t> order(count);
    for (uint32_t i = 0; i < count; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), dice);
    for (const uint32_t number : order) {
      REQUIRE(group.find(names[number]) == number);
      REQUIRE_FALSE(group.has_answer(number));
      const std::string answer(number % 200, '7');
      if (number % 3 == 2) {
        group.set_error(number, answer, kBytesMax);
      } else {
        group.set_result(number, answer, kBytesMax);
      }
    }
    CHECK(group.verdict() == (count > 2 ? Verdict::kError : Verdict::kSuccess));
    for (const uint32_t number : order) {
      REQUIRE(group.has_failed(number) == (number % 3 == 2));
      REQUIRE(group.entity(number) == names[number]);
      REQUIRE(group.answer(number) == std::string(number % 200, '7'));
    }
    CHECK(group.find("entity") == std::nullopt);
    CHECK(group.find("") == std::nullopt);
    CHECK(group.id() == "the group");
    CHECK(group.head().ttl_text == "10");
    CHECK(group.head().payload == std::string(300, '1'));
    CHECK(group.head().created == at_ms(1));
    CHECK(group.head().content_hash == 7);
    CHECK(group.deadline() == at_ms(2));
    CHECK(group.next_deadline() == at_ms(2));
    CHECK(group.keep_until() == at_ms(3));
  }
}

TEST_CASE("results beyond what an outcome may hold are counted but not kept") {
  OpenGroup group = group_of(names_of(4));
  group.set_result(0, "12345678", 20);
  group.set_result(1, "12345678", 20);
  CHECK_FALSE(group.overflowed());
  group.set_result(2, "123", 20);
  CHECK(group.overflowed());
  CHECK(group.has_answer(0));
  CHECK_FALSE(group.has_answer(3));
  base::ByteReader reader("");
  const std::string bytes = saved(group);
  base::ByteReader again(bytes);
  auto loaded = OpenGroup::load("the group", again);
  REQUIRE(loaded.has_value());
  CHECK(loaded->overflowed());
  CHECK(saved(*loaded) == bytes);
  group.set_result(3, "1", 20);
  CHECK(group.verdict() == Verdict::kSuccess);
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

TEST_CASE("what a Create may say besides is kept, in every combination") {
  for (int mix = 0; mix < 16; ++mix) {
    const std::vector<std::string> names = names_of(mix % 2 == 0 ? 3 : 20);
    std::vector<ExpectedId> expected = ids_of(names);
    Create create;
    create.id = "g";
    create.ttl_text = "1";
    create.payload = "[]";
    if ((mix & 2) != 0) create.policy = {Policy::Kind::kTolerate, 300};
    if ((mix & 4) != 0) create.handler = R"({"onsuccess":{"topic":"t"}})";
    if ((mix & 8) != 0) create.parent = R"({"group":"p","id":"c"})";
    expected[1].ttl_text = "2.5";
    expected[1].ttl = core::Duration{2500};
    create.expected = expected;
    OpenGroup group(create, {at_ms(100), at_ms(150), at_ms(10'000), at_ms(0)});
    group.set_error(2, "no", kBytesMax);
    const OpenGroup::Head head = group.head();
    CHECK(head.policy == create.policy);
    CHECK(head.handler == create.handler);
    CHECK(head.parent == create.parent);
    CHECK(head.payload == "[]");
    CHECK(head.created == at_ms(100));
    CHECK(group.entity_ttl(0).text.empty());
    CHECK(group.entity_ttl(0).deadline == core::Time::max());
    CHECK(group.entity_ttl(1).text == "2.5");
    CHECK(group.entity_ttl(1).deadline == at_ms(2650));
    CHECK(group.next_deadline() == at_ms(2650));
    CHECK(group.overdue(at_ms(2649)).empty());
    REQUIRE(group.overdue(at_ms(2650)).size() == 1);
    CHECK(group.overdue(at_ms(2650))[0].number == 1);
    for (uint32_t number = 0; number < names.size(); ++number) {
      CHECK(group.entity(number) == names[number]);
      CHECK(group.find(names[number]) == number);
    }
    CHECK(group.answer(2) == "no");
  }
}

TEST_CASE("who is overdue is told in the order of deadlines, then of expected") {
  const std::vector<std::string> names = names_of(5);
  std::vector<ExpectedId> expected = ids_of(names);
  const std::vector<int64_t> ttls = {30, 10, 30, 20, 10};
  for (size_t i = 0; i < ttls.size(); ++i) {
    expected[i].ttl_text = "1";
    expected[i].ttl = core::Duration{ttls[i]};
  }
  Create create;
  create.id = "g";
  create.ttl_text = "1";
  create.payload = "1";
  create.policy = {Policy::Kind::kAllSettled, 0};
  create.expected = expected;
  OpenGroup group(create, {at_ms(0), at_ms(0), at_ms(1000), at_ms(0)});
  group.set_result(3, "1", kBytesMax);
  std::vector<uint32_t> order;
  for (const auto& one : group.overdue(at_ms(30))) order.push_back(one.number);
  CHECK(order == std::vector<uint32_t>{1, 4, 0, 2});
}

TEST_CASE("many updates at random leave what a plain list says") {
  const uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const std::vector<std::string> pool = names_of(40);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::pair<std::string, std::string>> list;  // with the answer
    for (size_t i = 0; i < 1 + dice() % 24; ++i) list.emplace_back(pool[i], "");
    std::vector<std::string> names;
    for (const auto& [name, answer] : list) names.push_back(name);
    OpenGroup group = group_of(names);
    const auto named = [&list](const std::string& name) {
      return std::ranges::find(list, name, [](const auto& one) { return one.first; });
    };
    for (int step = 0; step < 30; ++step) {
      const std::string& name = pool[dice() % pool.size()];
      const auto at = named(name);
      const std::vector<std::string> one = {name};
      const std::vector<ExpectedId> id = ids_of(one);
      Update update;
      if (dice() % 3 == 0) {
        update.remove = id;
        CHECK(group.changed_by(update) == (at != list.end()));
        if (at != list.end()) list.erase(at);
        group = *group.updated(update, at_ms(1), 100);
      } else if (at == list.end()) {
        update.add = id;
        CHECK(group.changed_by(update));
        list.emplace_back(name, "");
        group = *group.updated(update, at_ms(1), 100);
      } else if (at->second.empty()) {
        at->second = std::to_string(dice() % 1000);
        const auto number = static_cast<uint32_t>(at - list.begin());
        group.set_result(number, at->second, kBytesMax);
      }
      REQUIRE(group.entity_count() == list.size());
      for (uint32_t number = 0; number < list.size(); ++number) {
        REQUIRE(group.entity(number) == list[number].first);
        REQUIRE(group.find(list[number].first) == number);
        REQUIRE(group.has_answer(number) == !list[number].second.empty());
        if (group.has_answer(number)) REQUIRE(group.answer(number) == list[number].second);
      }
    }
  }
}

TEST_CASE("an update may not make the group larger than its limit") {
  const OpenGroup group = group_of(names_of(3));
  const std::vector<std::string> more = {"x", "y"};
  const std::vector<ExpectedId> ids = ids_of(more);
  Update update;
  update.add = ids;
  CHECK(group.updated(update, at_ms(1), 5).has_value());
  CHECK_FALSE(group.updated(update, at_ms(1), 4).has_value());
  update.add = std::span(ids).first(1);
  CHECK(group.updated(update, at_ms(1), 4).has_value());
}

TEST_CASE("answers that are not kept any more stay counted after an update") {
  OpenGroup group = group_of(names_of(4));
  group.set_result(0, "12345678", 10);
  group.set_error(1, "12345678", 10);
  REQUIRE(group.overflowed());
  const std::vector<std::string> name = {"entity 0"};
  const std::vector<ExpectedId> ids = ids_of(name);
  Update update;
  update.remove = ids;
  const auto updated = group.updated(update, at_ms(1), 10);
  REQUIRE(updated.has_value());
  CHECK(updated->overflowed());
  CHECK(updated->entity_count() == 3);
  CHECK(updated->has_failed(0));
  CHECK_FALSE(updated->has_answer(1));
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

#include "core/effects.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

using namespace muster::core;

namespace {

enum class Count { kFirst, kLast = Effects::kCountersMax - 1 };

Record record(std::string_view key, std::string_view value) {
  Record r;
  r.topic = "in";
  r.partition = Partition{3};
  r.offset = Offset{17};
  r.timestamp = time_from_ms(5);
  r.key = key;
  r.value = value;
  return r;
}

}  // namespace

TEST_CASE("effects are kept in order, and compare by what they say") {
  Arena bytes;
  Effects effects(bytes);
  const Key key{"a", Slot{1}};
  effects.touch(key);
  effects.arm(key, time_from_ms(7));
  effects.produce(TopicRole::kOutput, "a", "done");
  effects.disarm(key);
  effects.forget(key, time_from_ms(9));
  const std::vector<Effect> expected = {Touch{{"a", Slot{2}}}, Arm{{"a", Slot{3}}, time_from_ms(7)},
                                        Produce{TopicRole::kOutput, {}, "a", "done", {}, {}},
                                        Disarm{{"a", Slot{4}}},
                                        Forget{{"a", Slot{5}}, time_from_ms(9)}};
  // Slots are an accident of history: equal ids are equal keys.
  CHECK(std::vector<Effect>(effects.list().begin(), effects.list().end()) == expected);
  CHECK(Effect{Touch{{"a", Slot{1}}}} != Effect{Touch{{"b", Slot{1}}}});
  CHECK(Effect{Touch{key}} != Effect{Disarm{key}});
  effects.clear_list();
  CHECK(effects.list().empty());
}

TEST_CASE("what is put out is copied: state and record may change right after") {
  Arena bytes;
  Effects effects(bytes);
  std::string key = "key";
  std::string value = "value";
  std::string name = "name";
  std::vector<Header> headers = {{name, value}, {"none", std::nullopt}};
  effects.produce(TopicRole::kDeadLetter, key, value, headers);
  Record bad = record(key, value);
  bad.headers = LazyHeaders(headers);
  effects.reject(bad, "code", name);
  for (std::string* text : {&key, &value, &name}) text->assign(text->size(), 'x');
  headers.clear();

  CHECK(effects.list()[0] == Effect{Produce{TopicRole::kDeadLetter,
                                            {},
                                            "key",
                                            "value",
                                            {{"name", "value"}, {"none", std::nullopt}},
                                            {}}});
  const Reject expected{Partition{3},
                        Offset{17},
                        "in",
                        time_from_ms(5),
                        "key",
                        "value",
                        {{"name", "value"}, {"none", std::nullopt}},
                        "code",
                        "name"};
  CHECK(effects.list()[1] == Effect{expected});
}

TEST_CASE("what goes to a topic that a user has named says which, and copies that too") {
  Arena bytes;
  Effects effects(bytes);
  std::string topic = "orders";
  effects.produce_to(topic, "a", "v", std::vector<Header>{{"h", "1"}});
  topic.assign(topic.size(), 'x');
  const Produce expected{TopicRole::kNamed, "orders", "a", "v", {{"h", "1"}}, {}};
  CHECK(effects.list()[0] == Effect{expected});
  Produce elsewhere = expected;
  elsewhere.topic_name = "bills";
  CHECK(effects.list()[0] != Effect{elsewhere});
}

TEST_CASE("what is put out has the time that it was given, or none") {
  Arena bytes;
  Effects effects(bytes);
  effects.produce(TopicRole::kInput, "a", "v", {}, time_from_ms(7));
  effects.produce(TopicRole::kInput, "a", "v");
  CHECK(std::get<Produce>(effects.list()[0]).time == time_from_ms(7));
  CHECK_FALSE(std::get<Produce>(effects.list()[1]).time.has_value());
  CHECK(effects.list()[0] != effects.list()[1]);
}

TEST_CASE("a rejected tombstone without key or time stays one") {
  Arena bytes;
  Effects effects(bytes);
  Record bad;
  bad.topic = "in";
  effects.reject(bad, "code", "message");
  const auto& rejected = std::get<Reject>(effects.list()[0]);
  CHECK_FALSE(rejected.key.has_value());
  CHECK_FALSE(rejected.value.has_value());
  CHECK_FALSE(rejected.timestamp.has_value());
  CHECK(rejected.headers.empty());
}

TEST_CASE("muted, nothing goes outside and nothing is counted, but ids and timers go on") {
  Arena bytes;
  Effects effects(bytes);
  effects.mute(true);
  effects.produce(TopicRole::kOutput, "a", "done");
  effects.produce_to("orders", "a", "done");
  effects.reject(record("a", "b"), "code", "message");
  effects.count(Count::kFirst);
  effects.touch({"a", Slot{0}});
  CHECK(effects.list().size() == 1);
  CHECK(bytes.bytes_used() == 0);
  CHECK(effects.take_counters() == Effects::Counters{});
  effects.mute(false);
  effects.count(Count::kFirst);
  CHECK(effects.take_counters()[0] == 1);
}

TEST_CASE("counters are taken once, the first and the last of them") {
  Arena bytes;
  Effects effects(bytes);
  effects.count(Count::kFirst);
  effects.count(Count::kLast);
  effects.count(Count::kLast);
  effects.clear_list();
  const auto counters = effects.take_counters();
  CHECK(counters.front() == 1);
  CHECK(counters.back() == 2);
  CHECK(effects.take_counters() == Effects::Counters{});
}

TEST_CASE("every effect can be read by a person") {
  struct Row {
    Effect effect;
    const char* text;
  };
  const Key key{"a", Slot{9}};
  const Row table[] = {
      {Produce{TopicRole::kOutput, {}, "a", "v", {{"h", "1"}, {"n", std::nullopt}}, {}},
       "Produce output a v h=1 n=null"},
      {Produce{TopicRole::kDeadLetter, {}, "a", "v", {}, {}}, "Produce dead-letter a v"},
      {Produce{TopicRole::kInput, {}, "a", "v", {}, time_from_ms(7)}, "Produce input a v"},
      {Produce{TopicRole::kRepartition, {}, "a", "v", {}, {}}, "Produce repartition a v"},
      {Produce{TopicRole::kJournal, {}, "a", "v", {}, {}}, "Produce journal a v"},
      {Produce{TopicRole::kNamed, "orders", "a", "v", {{"h", "1"}}, {}}, "Produce orders a v h=1"},
      {Arm{key, time_from_ms(7)}, "Arm a due 7"},
      {Disarm{key}, "Disarm a"},
      {Touch{key}, "Touch a"},
      {Forget{key, time_from_ms(7)}, "Forget a from 7"},
      {Reject{Partition{1}, Offset{2}, "in", {}, {}, {}, {}, "code", "words"},
       "Reject in/1/2 code: words"},
  };
  for (const Row& row : table) {
    std::ostringstream out;
    out << row.effect;
    CHECK(out.str() == row.text);
  }
}

TEST_CASE("headers are read when asked, and only then") {
  static int reads = 0;
  const LazyHeaders lazy(nullptr, [](const void*, std::vector<Header>& out) {
    ++reads;
    out.push_back({"a", "1"});
  });
  CHECK(reads == 0);
  std::vector<Header> out = {{"left over", "x"}};
  lazy.read(out);
  CHECK(reads == 1);
  CHECK(out == std::vector<Header>{{"a", "1"}});
  LazyHeaders().read(out);
  CHECK(out.empty());
}

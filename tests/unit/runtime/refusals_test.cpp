#include "runtime/refusals.h"

#include "core/forwarding.h"
#include "fake_kafka.h"

#include <doctest/doctest.h>

using namespace muster;
using namespace muster::core;
using namespace muster::runtime;
using namespace muster::runtime::test;

namespace {

using Texts = std::vector<std::string>;

// Of the record at this offset.
Output output(std::string_view value, int64_t offset = 40) {
  Output out;
  out.key = "k";
  out.value = value;
  out.cause = Cause{Partition{2}, Offset{offset}};
  return out;
}

Output named(std::string_view topic, std::string_view value, int64_t offset = 40) {
  Output out = output(value, offset);
  out.topic = TopicRole::kNamed;
  out.topic_name = topic;
  return out;
}

Output of_timer(std::string_view value) {
  Output out = output(value);
  out.cause.reset();
  return out;
}

std::vector<Output> of_records(const Texts& values) {
  std::vector<Output> outputs;
  for (const std::string& value : values)
    outputs.push_back(output(value, static_cast<int64_t>(outputs.size())));
  return outputs;
}

Output journal() {
  Output out;
  out.topic = TopicRole::kJournal;
  out.partition = Partition{2};
  out.value = "entry";
  return out;
}

// The same outputs once more, as a shard makes them when records are applied again, and the journal.
void fill(Batch& batch, const std::vector<Output>& outputs) {
  batch.clear();
  for (const Output& out : outputs) batch.outputs.push_back(out);
  batch.outputs.push_back(journal());
}

Refusal refused(size_t index, bool certain = false) { return {index, "out", "too large", certain}; }

// One output in words.
std::string text(const Output& out) {
  if (out.dropped) return "dropped";
  std::string all(out.value.value_or("null"));
  if (out.topic == TopicRole::kDeadLetter) all = "!" + all;
  if (out.topic == TopicRole::kJournal) all = "journal";
  if (out.group != 0) all += " alone";
  return all;
}
Texts texts(const Batch& batch) {
  Texts all;
  for (const Output& out : batch.outputs) all.push_back(text(out));
  return all;
}

std::optional<std::string_view> header(const Output& out, std::string_view name) {
  for (const Header& h : out.headers) {
    if (h.name == name) return h.value;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("an output refused by itself becomes a dead letter with its record's place and headers") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  Output bad = output("v");
  bad.headers = {{"trace", "1"}, {"none", std::nullopt}};
  bad.timestamp = time_from_ms(-5);
  fill(batch, {output("good", 39), bad});
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"good", "v", "journal"});
  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(1)}).has_value());

  fill(batch, {output("good", 39), bad});
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"good", "!v", "journal"});
  const Output& letter = batch.outputs[1];
  CHECK(letter.partition == Partition{2});
  CHECK(letter.key == "k");
  CHECK(letter.cause == bad.cause);
  CHECK_FALSE(letter.timestamp.has_value());  // that may be what was refused
  CHECK(letter.headers ==
        std::vector<Header>{{"trace", "1"},
                            {"none", std::nullopt},
                            {"__connect.errors.topic", "in"},
                            {"__connect.errors.partition", "2"},
                            {"__connect.errors.offset", "40"},
                            {"__connect.errors.exception.message", "topic out: too large"},
                            {"muster.error.code", "undeliverable"}});
  REQUIRE(batch.dead_letters.size() == 1);
  CHECK(batch.dead_letters[0].code == "undeliverable");
  CHECK(batch.dead_letters[0].topic == "in");
  CHECK(batch.dead_letters[0].partition == Partition{2});
  CHECK(batch.dead_letters[0].offset == Offset{40});
}

TEST_CASE("an output of a timer has no record: its dead letter may have any home") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  fill(batch, {of_timer("v")});
  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(0)}).has_value());
  fill(batch, {of_timer("v")});
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"!v", "journal"});
  CHECK_FALSE(batch.outputs[0].partition.has_value());
  CHECK(header(batch.outputs[0], "__connect.errors.topic") == "out");
}

TEST_CASE("an output to a topic that is not there becomes a dead letter of that code, at once") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  fill(batch, {output("good"), named("orders", "v"), named("bills", "v")});
  const std::vector<Refusal> noted = {{1, "orders", "it does not exist", true, "no-such-topic"}};
  REQUIRE_FALSE(refusals.note(batch, noted).has_value());
  refusals.apply(batch);  // the same batch: nothing of it was sent
  CHECK(texts(batch) == Texts{"good", "!v", "v", "journal"});
  const Output& letter = batch.outputs[1];
  CHECK(letter.topic_name.empty());
  CHECK(letter.partition == Partition{2});
  CHECK(letter.cause == Cause{Partition{2}, Offset{40}});
  CHECK(letter.headers == std::vector<Header>{{"__connect.errors.topic", "in"},
                                              {"__connect.errors.partition", "2"},
                                              {"__connect.errors.offset", "40"},
                                              {"__connect.errors.exception.message",
                                               "topic orders: it does not exist"},
                                              {"muster.error.code", "no-such-topic"}});
  REQUIRE(batch.dead_letters.size() == 1);
  CHECK(batch.dead_letters[0].code == "no-such-topic");
  CHECK(batch.dead_letters[0].message == "topic orders: it does not exist");
  CHECK(batch.dead_letters[0].offset == Offset{40});
  CHECK(batch.outputs[2].topic == TopicRole::kNamed);
  CHECK(batch.outputs[2].topic_name == "bills");
}

TEST_CASE("a batch that is mended again keeps the dead letters that it has, each once") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  fill(batch, {named("orders", "v", 1), named("bills", "w", 2)});
  const std::vector<Refusal> first = {{0, "orders", "it does not exist", true, "no-such-topic"}};
  REQUIRE_FALSE(refusals.note(batch, first).has_value());
  refusals.apply(batch);
  const Output letter = batch.outputs[0];
  const std::vector<Refusal> second = {{1, "bills", "it does not exist", true, "no-such-topic"}};
  REQUIRE_FALSE(refusals.note(batch, second).has_value());
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"!v", "!w", "journal"});
  CHECK(batch.outputs[0] == letter);
  CHECK(batch.dead_letters.size() == 2);

  // It fails for another reason: in the batch that is built anew they are what they were.
  fill(batch, {named("orders", "v", 1), named("bills", "w", 2)});
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"!v", "!w", "journal"});
  CHECK(header(batch.outputs[1], "muster.error.code") == "no-such-topic");
  CHECK(batch.dead_letters.size() == 2);
}

TEST_CASE("a dead letter of a topic that is not there may be refused too: dropped") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  fill(batch, {named("orders", "v")});
  const std::vector<Refusal> first = {{0, "orders", "it does not exist", true, "no-such-topic"}};
  REQUIRE_FALSE(refusals.note(batch, first).has_value());
  refusals.apply(batch);
  const std::vector<Refusal> second = {{0, "dead", "too large", true}};
  REQUIRE_FALSE(refusals.note(batch, second).has_value());
  fill(batch, {named("orders", "v")});
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"dropped", "journal"});
  CHECK(refusals.committed(batch) ==
        Texts{"dropped, because the dead-letter topic refuses it too: dead: too large (of the "
              "record at partition 2 offset 40)"});
}

TEST_CASE(
    "of several that were refused together each goes alone, then only the bad one is replaced") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  const Texts values = {"a", "b", "c", "d"};
  const auto outputs = of_records(values);
  fill(batch, outputs);
  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(0), refused(1), refused(2)}).has_value());

  fill(batch, outputs);
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"a alone", "b alone", "c alone", "d", "journal"});
  std::vector<uint32_t> groups;
  for (int i = 0; i < 3; ++i) groups.push_back(batch.outputs.at(static_cast<size_t>(i)).group);
  std::ranges::sort(groups);
  CHECK(std::ranges::adjacent_find(groups) == groups.end());

  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(1)}).has_value());
  fill(batch, outputs);
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"a alone", "!b alone", "c alone", "d", "journal"});
  CHECK(refusals.committed(batch).empty());
}

TEST_CASE("very many go in a limited number of groups, and a bad group is looked at again") {
  Refusals refusals("in", 1'000'000);
  Texts values;
  for (int i = 0; i < 1'000; ++i) values.push_back("v" + std::to_string(i));
  const auto outputs = of_records(values);
  Batch batch;
  fill(batch, outputs);
  std::vector<size_t> bad;
  for (size_t i = 0; i < outputs.size(); ++i) bad.push_back(i);
  int attempts = 0;
  for (; attempts < 10 && !bad.empty(); ++attempts) {
    std::vector<Refusal> noted;
    for (const size_t i : bad) noted.push_back(refused(i));
    REQUIRE_FALSE(refusals.note(batch, noted).has_value());
    fill(batch, outputs);
    refusals.apply(batch);
    std::map<uint32_t, std::vector<size_t>> groups;
    for (size_t i = 0; i < outputs.size(); ++i) groups[batch.outputs[i].group].push_back(i);
    CHECK(groups.size() <= 200);
    // The broker refuses the group that has 617 in it.
    bad.clear();
    if (batch.outputs[617].topic == TopicRole::kDeadLetter) continue;
    for (const auto& [group, members] : groups) {
      if (std::ranges::count(members, size_t{617}) > 0) bad = members;
    }
  }
  CHECK(attempts <= 4);
  CHECK(text(batch.outputs[617]).starts_with("!v617"));
  CHECK(std::ranges::count_if(batch.outputs, [](const Output& out) {
          return out.topic == TopicRole::kDeadLetter;
        }) == 1);
}

TEST_CASE("those that are refused for certain need not be told apart") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  const Texts values = {"a", "b", "c"};
  const auto outputs = of_records(values);
  fill(batch, outputs);
  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(0, true), refused(2, true)}).has_value());
  fill(batch, outputs);
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"!a", "b", "!c", "journal"});
}

TEST_CASE("outputs of one content are one: together they are refused by themselves, and once") {
  for (const bool certain : {false, true}) {
    CAPTURE(certain);
    Refusals refusals("in", 1'000'000);
    Batch batch;
    const std::vector<Output> outputs = {of_timer("same"), of_timer("same"), of_timer("other")};
    fill(batch, outputs);
    REQUIRE_FALSE(
        refusals.note(batch, std::vector{refused(0, certain), refused(1, certain)}).has_value());
    fill(batch, outputs);
    refusals.apply(batch);
    CHECK(texts(batch) == Texts{"!same", "!same", "other", "journal"});
  }
}

TEST_CASE("a dead letter that is refused too is dropped, and that is said when it is true") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  fill(batch, {output("v"), output("good", 39)});
  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(0)}).has_value());
  fill(batch, {output("v"), output("good", 39)});
  refusals.apply(batch);
  const std::vector<Refusal> again = {{0, "dead", "no such topic", true}};
  REQUIRE_FALSE(refusals.note(batch, again).has_value());
  fill(batch, {output("v"), output("good", 39)});
  refusals.apply(batch);
  CHECK(texts(batch) == Texts{"dropped", "good", "journal"});
  CHECK(refusals.committed(batch) ==
        Texts{"dropped, because the dead-letter topic refuses it too: dead: no such topic (of the "
              "record at partition 2 offset 40)"});
}

TEST_CASE("a dead letter of a bad record is replaced by a smaller one first") {
  Refusals refusals("in", 300);
  const std::string large(10'000, 'x');
  Output letter = output(large);
  letter.topic = TopicRole::kDeadLetter;
  Batch batch;
  fill(batch, {letter});
  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(0)}).has_value());
  fill(batch, {letter});
  refusals.apply(batch);
  CHECK(batch.outputs[0].topic == TopicRole::kDeadLetter);
  CHECK_FALSE(batch.outputs[0].dropped);
  CHECK(batch.outputs[0].value->size() < 300);
  CHECK(header(batch.outputs[0], "muster.error.code") == "undeliverable");
}

TEST_CASE("without the journal there is no way on") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  fill(batch, {output("v")});
  const std::vector<Refusal> noted = {refused(0), {1, "g.journal", "too large", false}};
  CHECK(refusals.note(batch, noted) == "the journal was refused: g.journal: too large");
}

TEST_CASE("a forwarded record that is refused is a dead letter as it was before") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  const std::vector<Header> own = {{"trace", "1"}};
  const auto fill_forwarded = [&] {
    batch.clear();
    Record record;
    record.topic = "in";
    record.partition = Partition{2};
    record.offset = Offset{40};
    record.timestamp = time_from_ms(5'000);
    record.time = time_from_ms(4'000);
    record.key = "k";
    record.value = "v";
    record.headers = LazyHeaders(own);
    batch.outputs.push_back(forward(record, Partition{1}, batch.bytes));
    batch.outputs.push_back(journal());
  };
  fill_forwarded();
  REQUIRE_FALSE(
      refusals.note(batch, std::vector<Refusal>{{0, "g.repartition", "no", false}}).has_value());
  fill_forwarded();
  refusals.apply(batch);
  const Output& letter = batch.outputs[0];
  CHECK(text(letter) == "!v");
  CHECK(letter.partition == Partition{2});
  CHECK(letter.headers ==
        std::vector<Header>{{"trace", "1"},
                            {"__connect.errors.topic", "in"},
                            {"__connect.errors.partition", "2"},
                            {"__connect.errors.offset", "40"},
                            {"__connect.errors.exception.message", "topic g.repartition: no"},
                            {"muster.error.code", "undeliverable"}});
}

TEST_CASE("an output is known again in whatever batch it comes, until it has gone out") {
  Refusals refusals("in", 1'000'000);
  Batch batch;
  fill(batch, {output("a", 1), output("bad", 2)});
  REQUIRE_FALSE(refusals.note(batch, std::vector{refused(1)}).has_value());

  Batch first;
  fill(first, {output("a", 1)});
  refusals.apply(first);
  CHECK(texts(first) == Texts{"a", "journal"});
  CHECK(refusals.committed(first).empty());

  Batch second;
  fill(second, {output("x", 0), output("y", 1), output("bad", 2)});
  refusals.apply(second);
  CHECK(texts(second) == Texts{"x", "y", "!bad", "journal"});
  CHECK(refusals.committed(second).empty());

  Batch third;  // tried once more: the topic may take it by now
  fill(third, {output("bad", 2)});
  refusals.apply(third);
  CHECK(texts(third) == Texts{"bad", "journal"});
}

TEST_CASE("what an output is known by") {
  struct {
    const char* title;
    Output refused;
    Output comes;
    bool same;
  } table[] = {
      {"an outcome: its group and the record that ended it", output("at 1"), output("at 2"), true},
      {"of another group", output("v"), output("v"), false},
      {"of another record", output("v", 1), output("v", 2), false},
      {"a timeout: what it says", of_timer("v"), of_timer("v"), true},
      {"another timeout", of_timer("v"), of_timer("w"), false},
      {"a dead letter: where it lay", output("v"), output("v"), false},
      {"the same dead letter", output("v"), output("v"), true},
      {"the same bytes elsewhere", output("v"), output("v"), false},
      {"to a named topic: as an outcome", named("t", "at 1"), named("t", "at 2"), true},
      {"of another record", named("t", "v", 1), named("t", "v", 2), false},
      {"to another named topic", named("t", "v"), named("u", "v"), false},
      {"to no named topic", named("t", "v"), output("v"), false},
      {"a timeout to another named topic", named("t", "v"), named("u", "v"), false},
      {"to the input: what it says", output("v"), output("v"), true},
      {"to the input, another", output("v"), output("w"), false},
  };
  table[1].comes.key = "other";
  table[5].refused.headers = {{"__connect.errors.offset", "1"}};
  table[5].comes.headers = {{"__connect.errors.offset", "2"}};
  for (const size_t row : {size_t{5}, size_t{6}}) {
    table[row].refused.topic = TopicRole::kDeadLetter;
    table[row].comes.topic = TopicRole::kDeadLetter;
  }
  table[7].comes.topic = TopicRole::kDeadLetter;
  table[12].refused.cause.reset();
  table[12].comes.cause.reset();
  for (const size_t row : {size_t{13}, size_t{14}}) {
    table[row].refused.topic = TopicRole::kInput;
    table[row].comes.topic = TopicRole::kInput;
  }
  for (const auto& row : table) {
    CAPTURE(row.title);
    Refusals refusals("in", 1'000'000);
    Batch batch;
    fill(batch, {row.refused});
    REQUIRE_FALSE(refusals.note(batch, std::vector{refused(0)}).has_value());
    fill(batch, {row.comes});
    refusals.apply(batch);
    CHECK(batch.outputs[0].replaces.has_value() == row.same);
  }
}

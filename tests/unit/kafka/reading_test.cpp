// RecordQueue, GroupConsumer and LogReader over librdkafka's mock cluster.
#include "kafka/group_consumer.h"
#include "kafka/log_reader.h"
#include "mock_kafka.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>

using namespace muster;
using namespace muster::kafka;
using namespace muster::kafka::test;
using core::Offset;
using core::Partition;

namespace {

constexpr Partition kP0{0};
constexpr Partition kP1{1};
constexpr auto kIn = runtime::Log::kInput;
constexpr auto kForwarded = runtime::Log::kRepartition;

// Until it is so; the mailbox wakes whoever waits.
void wait_for(const runtime::Mailbox& mailbox, const std::function<bool()>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    mailbox.wait(core::Duration{100});
  }
}

std::string value_of(const core::Record& record) {
  return std::string(record.value.value_or("null"));
}

struct Queue {
  Queue(MockKafka& kafka, Offset from) : reader(kafka.settings(), mailbox) {
    reader.start(kP0, runtime::Log::kInput, from);
  }

  // The next fetch that brings anything.
  runtime::Fetched fetch(size_t records_max) {
    runtime::Fetched fetched;
    wait_for(mailbox, [&] {
      fetched = reader.fetch(kP0, runtime::Log::kInput, records_max);
      return !fetched.records.empty() || core::raw(fetched.next) >= 0;
    });
    return fetched;
  }
  void consume(size_t records) { reader.consume(kP0, runtime::Log::kInput, records); }

  runtime::Mailbox mailbox;
  LogReader reader;
};

}  // namespace

TEST_CASE(
    "a record has all that lies in the log: key, value, time, headers; what is absent is not "
    "empty") {
  MockKafka kafka;
  kafka.topic("in", 2);
  kafka.send("in", 0, {"k", "v", 5'000, {{"a", "1"}, {"none", std::nullopt}, {"empty", ""}}});
  kafka.send("in", 0, {std::nullopt, std::nullopt, 6'000});
  kafka.send("in", 0, {"", "", 7'000});
  Queue queue(kafka, Offset{0});
  std::vector<std::string> seen;
  while (seen.size() < 3) {
    const auto fetched = queue.fetch(10);
    for (const core::Record& record : fetched.records) {
      CHECK(record.topic == "in");
      CHECK(record.partition == kP0);
      CHECK(record.offset == Offset{static_cast<int64_t>(seen.size())});
      CHECK(record.timestamp ==
            core::time_from_ms(5'000 + 1'000 * static_cast<int64_t>(seen.size())));
      std::vector<core::Header> headers;
      record.headers.read(headers);
      if (seen.empty()) {
        CHECK(headers ==
              std::vector<core::Header>{{"a", "1"}, {"none", std::nullopt}, {"empty", ""}});
      } else {
        CHECK(headers.empty());
      }
      seen.push_back(std::string(record.key.value_or("null")) + "=" + value_of(record));
    }
    queue.consume(fetched.records.size());
  }
  CHECK(seen == std::vector<std::string>{"k=v", "null=null", "="});
}

TEST_CASE(
    "records stay until they are consumed, some of them or all, and the end is told behind the "
    "last") {
  MockKafka kafka;
  kafka.topic("in", 1);
  for (const char* value : {"a", "b", "c", "d"}) kafka.send("in", 0, {"k", value, 1'000});
  Queue queue(kafka, Offset{1});
  std::string seen;
  Offset position{-1};
  while (core::raw(position) < 4) {
    auto fetched = queue.fetch(2);
    CHECK(fetched.records.size() <= 2);
    if (!fetched.records.empty()) {
      // The same again, and what is not consumed comes again.
      const std::string first = value_of(fetched.records[0]);
      fetched = queue.fetch(1);
      CHECK(value_of(fetched.records[0]) == first);
      CHECK(fetched.next >= core::after(fetched.records[0].offset));
      seen += first;
      queue.consume(1);
    }
    position = fetched.next;
  }
  CHECK(seen == "bcd");
  CHECK(position == Offset{4});
  const auto nothing = queue.reader.fetch(kP0, runtime::Log::kInput, 10);
  CHECK(nothing.records.empty());
}

TEST_CASE(
    "a log is read again from where it is started again, and not at all when it was stopped") {
  MockKafka kafka;
  kafka.topic("in", 1);
  for (const char* value : {"a", "b"}) kafka.send("in", 0, {"k", value, 1'000});
  Queue queue(kafka, Offset{0});
  CHECK(value_of(queue.fetch(1).records[0]) == "a");
  queue.reader.start(kP0, runtime::Log::kInput, Offset{1});
  CHECK(value_of(queue.fetch(1).records[0]) == "b");
  queue.reader.stop(kP0);
  CHECK(queue.reader.fetch(kP0, runtime::Log::kInput, 10).records.empty());
  queue.reader.stop(kP0);  // nothing happens
  queue.consume(0);
}

TEST_CASE("an offset that is not in the log is a failure that stops, not a jump to another one") {
  MockKafka kafka;
  kafka.topic("in", 1);
  kafka.send("in", 0, {"k", "a", 1'000});
  Queue queue(kafka, Offset{50});
  std::vector<runtime::Event> events;
  wait_for(queue.mailbox, [&] {
    CHECK(queue.reader.fetch(kP0, runtime::Log::kInput, 10).records.empty());
    for (auto& event : queue.mailbox.take()) events.push_back(std::move(event));
    return !events.empty();
  });
  const auto& failure = std::get<runtime::Failed>(events.front()).failure;
  CHECK(failure.remedy == runtime::Remedy::kStop);
  CHECK(failure.message.find("not retained any more") != std::string::npos);
}

TEST_CASE(
    "the member is told its partitions, reads each from its own queue and position, and gives them "
    "back") {
  MockKafka kafka;
  kafka.topic("in", 2);
  kafka.topic("forwarded", 2);
  kafka.send("in", 0, {"k", "skipped", 1'000});
  kafka.send("in", 0, {"k", "zero", 1'000});
  kafka.send("in", 1, {"k", "one", 1'000});
  kafka.send("forwarded", 1, {"k", "from elsewhere", 1'000});
  runtime::Mailbox mailbox;
  GroupConsumer consumer(kafka.settings(), mailbox);
  CHECK(consumer.group_metadata().empty());
  consumer.subscribe();
  std::optional<runtime::Event> event;
  wait_for(mailbox, [&] {
    event = consumer.poll();
    return event.has_value();
  });
  REQUIRE(std::holds_alternative<runtime::Assigned>(*event));
  CHECK(std::get<runtime::Assigned>(*event).partitions == std::vector{kP0, kP1});
  CHECK_FALSE(consumer.group_metadata().empty());
  CHECK(consumer.fetch(kP0, kIn, 10).records.empty());  // nothing before positions are given
  CHECK(consumer.queued(kP0, kIn) == 0);

  const runtime::StartAt positions[] = {{kP0, kIn, Offset{1}},
                                        {kP0, kForwarded, Offset{0}},
                                        {kP1, kIn, Offset{0}},
                                        {kP1, kForwarded, Offset{0}}};
  consumer.assign(positions);
  std::map<Partition, std::string> seen;
  std::map<Partition, std::string> forwarded;
  std::map<Partition, Offset> ends;
  wait_for(mailbox, [&] {
    CHECK_FALSE(consumer.poll().has_value());
    for (const Partition partition : {kP0, kP1}) {
      const auto fetched = consumer.fetch(partition, kIn, 10);
      for (const core::Record& record : fetched.records) {
        CHECK(record.partition == partition);
        seen[partition] += value_of(record);
      }
      if (core::raw(fetched.next) >= 0) ends[partition] = fetched.next;
      for (const core::Record& record : consumer.fetch(partition, kForwarded, 10).records)
        forwarded[partition] += value_of(record);
    }
    return !forwarded.empty() &&
           ends == std::map<Partition, Offset>{{kP0, Offset{2}}, {kP1, Offset{1}}};
  });
  CHECK(seen == std::map<Partition, std::string>{{kP0, "zero"}, {kP1, "one"}});
  CHECK(forwarded == std::map<Partition, std::string>{{kP1, "from elsewhere"}});
  consumer.unassign();
  CHECK(consumer.fetch(kP0, kIn, 10).records.empty());
  consumer.close();
  consumer.close();  // nothing happens
}

TEST_CASE("a partition that is not read holds back its records, and no other's") {
  MockKafka kafka;
  kafka.topic("in", 2);
  kafka.topic("forwarded", 2);
  for (const int32_t partition : {0, 1}) kafka.send("in", partition, {"k", "v", 1'000});
  runtime::Mailbox mailbox;
  GroupConsumer consumer(kafka.settings(), mailbox);
  consumer.subscribe();
  wait_for(mailbox, [&] { return consumer.poll().has_value(); });
  const runtime::StartAt positions[] = {{kP0, kIn, Offset{0}}, {kP1, kIn, Offset{0}}};
  consumer.assign(positions);
  wait_for(mailbox, [&] {
    return !consumer.poll() && consumer.queued(kP0, kIn) > 0 &&
           !consumer.fetch(kP1, kIn, 10).records.empty();
  });
  // What the queue holds first may be the client's own, and no record.
  runtime::Fetched held_back;
  wait_for(mailbox, [&] {
    held_back = consumer.fetch(kP0, kIn, 10);
    return !held_back.records.empty();
  });
  CHECK(value_of(held_back.records[0]) == "v");
  consumer.close();
}

TEST_CASE("records that are put back come again, before those behind them") {
  MockKafka kafka;
  kafka.topic("in", 1);
  kafka.topic("forwarded", 1);
  for (const char* value : {"a", "b", "c", "d"}) kafka.send("in", 0, {"k", value, 1'000});
  runtime::Mailbox mailbox;
  GroupConsumer consumer(kafka.settings(), mailbox);
  consumer.subscribe();
  wait_for(mailbox, [&] { return consumer.poll().has_value(); });
  const runtime::StartAt positions[] = {{kP0, kIn, Offset{0}}};
  consumer.assign(positions);
  std::string seen;
  wait_for(mailbox, [&] {
    const auto fetched = consumer.fetch(kP0, kIn, 3);
    if (fetched.records.empty()) return false;
    seen += value_of(fetched.records[0]);
    const size_t refused = fetched.records.size() - 1;
    consumer.put_back(kP0, kIn, refused);
    return seen.size() == 4;
  });
  CHECK(seen == "abcd");
  consumer.close();
}

TEST_CASE("an assignment without the pairs of all partitions is none") {
  MockKafka kafka;
  kafka.topic("in", 2);
  kafka.topic("forwarded", 1);
  runtime::Mailbox mailbox;
  GroupConsumer consumer(kafka.settings(), mailbox);
  consumer.subscribe();
  std::optional<runtime::Event> event;
  wait_for(mailbox, [&] {
    event = consumer.poll();
    return event.has_value();
  });
  REQUIRE(std::holds_alternative<runtime::Assigned>(*event));
  CHECK(std::get<runtime::Assigned>(*event).partitions.empty());
  consumer.assign({});
  consumer.close();
}

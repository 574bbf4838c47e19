#include "command/comparison.h"

#include <doctest/doctest.h>

using namespace muster;
using command::Comparison;
using core::BatchNumber;

namespace {

const std::vector<core::Header> kHeaders = {{"content-type", "application/json"}};

struct Out {
  Comparison comparison;

  void expect(std::string_view key, std::string_view value, uint64_t n = 1) {
    comparison.expect(BatchNumber{n}, key, value, kHeaders);
  }
  void publish(std::string_view key, std::string_view value, bool inside = true,
               const std::vector<core::Header>& headers = kHeaders) {
    core::Record record;
    record.offset = core::Offset{5};
    record.key = key;
    record.value = value;
    record.headers = core::LazyHeaders(headers);
    comparison.publish(record, inside);
  }
  std::string text() const {
    std::string out;
    for (const auto& one : comparison.differences())
      out += std::string(name(one.kind)) + " " + one.key + " " + one.expected + "|" +
             one.published + "; ";
    return out;
  }
};

}  // namespace

TEST_CASE("equal ones cancel each other out, whichever comes first") {
  Out out;
  out.expect("a", "1");
  CHECK(out.comparison.waiting() == 1);
  out.publish("a", "1");
  CHECK(out.comparison.waiting() == 0);
  out.publish("b", "2");
  out.expect("b", "2");
  CHECK(out.comparison.waiting() == 0);
  CHECK(out.comparison.same() == 2);
  CHECK(out.text().empty());
}

TEST_CASE("what is left is missing, extra or different") {
  Out out;
  out.expect("lost", "1", 7);
  out.publish("doubled", "2");
  out.expect("doubled", "2");
  out.publish("doubled", "2");
  out.expect("changed", "3");
  out.publish("changed", "4");
  CHECK(out.text() == "different changed 3|4; extra doubled |2; missing lost 1|; ");
  CHECK(out.comparison.differences()[2].n == BatchNumber{7});
}

TEST_CASE("headers count") {
  Out out;
  out.expect("a", "1");
  out.publish("a", "1", true, {});
  CHECK(out.text() == "different a 1|1; ");
}

TEST_CASE("what may be of a batch outside is no difference by itself") {
  Out out;
  out.publish("before", "1", false);
  out.publish("edge", "2", false);
  out.expect("edge", "2");
  out.publish("again", "3", false);
  out.publish("again", "4");
  out.expect("again", "4");
  CHECK(out.text().empty());
  CHECK(out.comparison.same() == 2);
}

TEST_CASE("an outcome is known by its beginning") {
  CHECK(command::is_outcome(R"({"type":"EventGroupCollectorSuccess","id":"g"})"));
  CHECK(command::is_outcome(R"({"type":"EventGroupCollectorFailure","id":"g"})"));
  CHECK(!command::is_outcome(R"({"type":"EventGroupCollectorCreate","id":"g"})"));
  CHECK(!command::is_outcome(""));
}

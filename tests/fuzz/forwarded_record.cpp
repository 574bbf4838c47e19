// The headers by which a forwarded record says what it was: what is restored is forwarded as the
// same again, and whatever is forwarded is restored.
//
// An input: topic, partition, offset, whether it has a timestamp, timestamp; then headers, each a
// name, whether it has a value, the value (base/bytes.h).
#include "core/forwarding.h"

#include <string>

#include "base/bytes.h"
#include "fail.h"
#include "target.h"

namespace muster::fuzz {
namespace {

using Headers = std::vector<core::Header>;

constexpr size_t kOriginHeaders = 4;
constexpr size_t kHeadersMax = 20;

struct Given {
  core::Record record;
  Headers headers;
};

void make_record(std::string_view bytes, Given& given) {
  base::ByteReader reader(bytes);
  core::Record& record = given.record;
  record.topic = reader.string();
  record.partition = core::Partition{static_cast<int32_t>(reader.zigzag())};
  record.offset = core::Offset{reader.zigzag()};
  if (reader.u8() != 0) record.timestamp = core::time_from_ms(reader.zigzag());
  record.value = bytes;
  while (reader.ok() && !reader.at_end() && given.headers.size() < kHeadersMax) {
    core::Header& header = given.headers.emplace_back();
    header.name = reader.string();
    if (reader.u8() != 0) header.value = reader.string();
  }
  record.headers = core::LazyHeaders(given.headers);
}

// `record` forwarded and read again says the same; its headers are `headers`.
void check_forwarded(const core::Record& record, const Headers& headers) {
  static core::Arena bytes;  // its first block is large
  bytes.clear();
  core::Output output = core::forward(record, core::Partition{7}, bytes);
  expect(output.headers.size() == headers.size() + kOriginHeaders, "four headers are added");
  core::Record copy;
  copy.topic = "muster.group.topic.repartition";
  copy.partition = core::Partition{7};
  copy.value = output.value;
  copy.headers = core::LazyHeaders(output.headers);
  Headers restored;
  expect(core::restore(copy, restored), "whatever is forwarded can be restored");
  expect(copy.topic == record.topic && copy.partition == record.partition &&
             copy.offset == record.offset && copy.timestamp == record.timestamp &&
             copy.value == record.value && restored == headers,
         "a restored record is what it was before", {record.topic, copy.topic});
  core::strip_origin(output.headers);
  expect(output.headers == headers, "the four headers can be taken off again");
}

void check_restored(core::Record record, const Headers& given) {
  const core::Record before = record;
  Headers headers;
  if (!core::restore(record, headers)) {
    expect(record.topic.data() == before.topic.data() && record.partition == before.partition &&
               record.offset == before.offset && record.timestamp == before.timestamp,
           "what nobody has forwarded stays as it is");
    return;
  }
  expect(given.size() == headers.size() + kOriginHeaders, "exactly four headers are taken off");
  check_forwarded(record, headers);
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace muster::fuzz;
  Given given;
  make_record(text_of(data, size), given);
  check_forwarded(given.record, given.headers);
  check_restored(given.record, given.headers);
  return 0;
}

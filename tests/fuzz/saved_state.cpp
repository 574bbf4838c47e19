// The saved state of an id, from bytes of any kind: what is loaded is saved as the same, and goes on
// as a group does: it takes events, ends once, and its outcome is JSON.
//
// An input: key, saved state (base/bytes.h), then records as for the events.
#include <string>

#include "base/bytes.h"
#include "collector/decoder.h"
#include "collector_run.h"
#include "fail.h"
#include "record_texts.h"
#include "target.h"

namespace muster::fuzz {
namespace {

using namespace collector;

// Absent: refused.
std::optional<std::string> saved_again(std::string_view key, std::string_view saved) {
  Processor processor(small_options());
  core::Arena bytes;
  core::Effects effects(bytes);
  if (!processor.load(key, saved, effects)) return std::nullopt;
  std::string again;
  processor.save(processor.find(key).value(), again);
  return again;
}

void check_loaded(std::string_view key, std::string_view saved) {
  const auto again = saved_again(key, saved);
  expect(again.has_value(), "what is loaded once is loaded again");
  expect(again->size() <= saved.size(), "no saved state is shorter than ours", {saved, *again});
  const auto takes = [key](std::string_view bytes) { return saved_again(key, bytes).has_value(); };
  expect_exactly(*again, takes, "what is saved can be loaded");
  expect(saved_again(key, *again) == again, "what is saved again is the same", {saved, *again});
}

void run(std::string_view input) {
  base::ByteReader reader(input);
  const std::string_view key = reader.string();
  const std::string_view saved = reader.string();
  static core::Arena bytes;  // its first block is large
  bytes.clear();
  CollectorRun collector(bytes);
  if (!reader.ok() || !collector.load(key, saved)) return;
  check_loaded(key, saved);
  const std::string_view records(saved.data() + saved.size(),
                                 static_cast<size_t>(input.end() - saved.end()));
  Decoder decoder;
  for_each_record(records, [&](char separator, std::string_view record) {
    collector.record(separator, record, decoder.decode(record, small_options()));
  });
  collector.finish();
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::fuzz::run(muster::fuzz::text_of(data, size));
  return 0;
}

// The event codec and what becomes of events. An input is one record's value or several, with
// separators (collector_run.h).
//
// Each value: the scanner and Boost.JSON agree on whether it is JSON; what the decoder makes of it
// is what Boost.JSON's tree says, and where it refuses there is a reason. Then all of them go, in
// order, to a processor under watch.
#include <optional>
#include <string>

#include "base/bytes.h"
#include "collector/decoder.h"
#include "collector_run.h"
#include "event_fields.h"
#include "fail.h"
#include "json_oracle.h"
#include "record_texts.h"
#include "target.h"

namespace muster::fuzz {
namespace {

using namespace collector;

bool is_nested_too_deep(const Rejected& rejected) {
  return rejected.code == RejectCode::kLimit &&
         rejected.message.find("nested") != std::string::npos;
}

void check_rejected(std::string_view record, const Tree& tree, const Rejected& rejected) {
  if (rejected.code == RejectCode::kJson) {
    expect(tree.opinion != Opinion::kJson || !tree.root.is_object(), "what is JSON is not refused",
           {record, rejected.message});
    return;
  }
  if (is_nested_too_deep(rejected)) {
    expect(tree.opinion == Opinion::kTooDeep, "only what is nested too deep is refused as that",
           {record});
    return;
  }
  expect(tree.opinion == Opinion::kJson && tree.root.is_object(), "what is no JSON has code json",
         {record, rejected.message});
  std::string text(record);
  if (replace_half_surrogates(text, kSubstitutes[0])) return;  // that may be the reason
  expect(is_reason(rejected.code, tree.root.get_object(), record, small_options()),
         "a record is refused for a reason", {record, rejected.message});
}

void check_accepted(std::string_view record, const Tree& tree, const Decoded& event) {
  if (std::holds_alternative<Skipped>(event) && tree.opinion == Opinion::kTooDeep) return;
  expect(tree.opinion == Opinion::kJson && tree.root.is_object(), "what is accepted is JSON",
         {record});
  check_fields(record, tree.root.get_object(), event, kSubstitutes[0]);
  expect(!has_field_twice(tree.root.get_object(), record), "a field that counts is there once",
         {record});
  std::string text(record);
  if (!replace_half_surrogates(text, kSubstitutes[1])) return;
  const Tree other = read_tree(record, kJsonNestingMax, kSubstitutes[1]);
  check_fields(record, other.root.get_object(), event, kSubstitutes[1]);
}

void check_decoded(std::string_view record, const Decoded& event) {
  const Tree tree = read_tree(record, kJsonNestingMax);
  if (tree.opinion == Opinion::kCannotSay) return;
  expect(is_json(record) == (tree.opinion == Opinion::kJson), "two parsers agree on what is JSON",
         {record});
  if (const auto* rejected = std::get_if<Rejected>(&event)) {
    check_rejected(record, tree, *rejected);
  } else {
    check_accepted(record, tree, event);
  }
}

void run(std::string_view input) {
  static Decoder used;       // has decoded all inputs before
  static core::Arena bytes;  // its first block is large
  bytes.clear();
  CollectorRun collector(bytes);
  for_each_record(input, [&](char separator, std::string_view record) {
    Decoder fresh;
    const Decoded event = fresh.decode(record, small_options());
    expect(to_text(event) == to_text(used.decode(record, small_options())),
           "a record means the same each time", {record});
    check_decoded(record, event);
    collector.record(separator, record, event);
  });
  collector.finish();
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::fuzz::run(muster::fuzz::text_of(data, size));
  return 0;
}

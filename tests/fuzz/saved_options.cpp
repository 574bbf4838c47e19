// The options as journal entries hold them: what is read is valid and is written as the same again.
#include <string>

#include "collector/options.h"
#include "collector/processor.h"
#include "fail.h"
#include "target.h"

namespace muster::fuzz {
namespace {

void check_read(std::string_view bytes) {
  collector::Options before;
  before.sender = "somebody";
  collector::Options read = before;
  collector::Processor processor(before);
  const bool accepted = collector::decode(bytes, read);
  expect(processor.configure(bytes) == accepted, "a processor takes what the decoder takes");
  if (!accepted) {
    expect(read == before, "refused options change nothing", {bytes});
    expect(processor.options() == encode(before), "refused options change nothing", {bytes});
    return;
  }
  expect(valid(read), "what is read is valid", {bytes});
  const std::string again = encode(read);
  expect(again.size() <= bytes.size(), "no encoding is shorter than ours", {bytes, again});
  expect(processor.options() == again, "a processor tells the options that it was given");
  collector::Options reread;
  expect_exactly(
      again, [&reread](std::string_view written) { return collector::decode(written, reread); },
      "what is written can be read");
  expect(reread == read, "options are read as written", {bytes, again});
}

}  // namespace
}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::fuzz::check_read(muster::fuzz::text_of(data, size));
  return 0;
}

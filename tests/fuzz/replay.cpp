// Gives a target all files of the folders that are named: the corpus as an ordinary test, without a
// fuzzer. The last name that it prints is the input that failed.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "target.h"

namespace {

// Of exactly this size on the heap, so that the sanitizer sees a read one byte behind it.
void feed(const std::string& text) {
  const auto bytes = std::make_unique<uint8_t[]>(text.size());
  std::copy(text.begin(), text.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    std::puts(file.c_str());
    std::fflush(stdout);
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    feed(text.str());
  }
  std::printf("%zu inputs\n", files.size());
  return files.empty() ? 1 : 0;
}

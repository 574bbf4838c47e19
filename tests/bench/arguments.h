// The command line of the bench programs: `--name value` pairs, all of them known, numbers in
// range. What is wrong ends the program with exit code 2.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace muster::bench {

class Arguments {
 public:
  // `values` holds every name that is known, with its default; an empty one has to be given. Stops
  // at "--".
  Arguments(int argc, char** argv, std::map<std::string, std::string> values)
      : values_(std::move(values)) {
    int i = 1;
    while (i < argc && std::string(argv[i]) != "--") {
      const std::string name = std::string(argv[i]).starts_with("--") ? argv[i] + 2 : "";
      if (!values_.contains(name) || i + 1 == argc) fail(argv[i]);
      values_[name] = argv[i + 1];
      i += 2;
    }
    rest_ = i < argc ? i + 1 : argc;
    for (const auto& [name, value] : values_) {
      if (value.empty()) fail("--" + name + " is missing");
    }
  }

  const std::string& text(const std::string& name) const { return values_.at(name); }
  int64_t number(const std::string& name, int64_t at_least = 1) const {
    const std::string& value = text(name);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < at_least) {
      fail("--" + name + " " + value);
    }
    return number;
  }
  // Where in argv the words after "--" begin.
  int rest() const { return rest_; }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    std::fprintf(stderr, "wrong argument: %s\n", what.c_str());
    std::exit(2);
  }

  std::map<std::string, std::string> values_;
  int rest_ = 0;
};

}  // namespace muster::bench

#include "names_twice.h"

#include <boost/json/basic_parser_impl.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "fail.h"

namespace muster::fuzz {
namespace {

namespace json = boost::json;

// What Boost's parser tells as it goes; the names are its own.
struct Handler {
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_array_size = max_object_size;
  static constexpr size_t max_key_size = max_object_size;
  static constexpr size_t max_string_size = max_object_size;

  struct Container {
    std::string path;
    std::set<std::string> names;
    std::string name;  // the last one
    bool object = false;
  };
  std::vector<Container> open;
  std::string name_part;
  std::set<std::string> twice;

  void begin(bool object) {
    std::string path;
    if (!open.empty())
      path = open.back().path + "/" + (open.back().object ? open.back().name : "*");
    open.push_back({std::move(path), {}, {}, object});
  }
  bool on_object_begin(json::error_code&) { return begin(true), true; }
  bool on_array_begin(json::error_code&) { return begin(false), true; }
  bool on_object_end(size_t, json::error_code&) { return open.pop_back(), true; }
  bool on_array_end(size_t, json::error_code&) { return open.pop_back(), true; }
  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    name_part.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, size_t, json::error_code&) {
    name_part.append(part.data(), part.size());
    Container& object = open.back();
    object.name = std::exchange(name_part, {});
    for (size_t at = 0; (at = object.name.find('/', at)) != std::string::npos;)
      object.name.replace(at, 1, "~1");
    if (!object.names.insert(object.name).second) twice.insert(object.path + "/" + object.name);
    return true;
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_string_part(json::string_view, size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

}  // namespace

std::set<std::string> names_twice(std::string_view text) {
  json::parse_options options;
  options.max_depth = text.size();
  json::basic_parser<Handler> parser(options);
  json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  expect(!error, "a text without trees is JSON as one with trees is", {text});
  return std::move(parser.handler().twice);
}

}  // namespace muster::fuzz

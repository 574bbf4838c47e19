// Writes JSON piece by piece; commas and quotes are its business. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::command {

class JsonWriter {
 public:
  JsonWriter& object() { return open('{', '}'); }
  JsonWriter& array() { return open('[', ']'); }
  JsonWriter& end();
  // Of a member; its value comes next.
  JsonWriter& name(std::string_view text);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(int64_t value) { return raw(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  // What is JSON already.
  JsonWriter& raw(std::string_view json);

  // A whole member each. Bytes that are no text go as base64 under `name`_base64.
  JsonWriter& member(std::string_view member_name, std::string_view value);
  JsonWriter& member(std::string_view member_name, int64_t value);
  JsonWriter& bytes(std::string_view member_name, std::string_view value);

  // What was written since the last call.
  std::string take();

 private:
  JsonWriter& open(char begin, char close);
  void comma();

  std::string out_;
  std::vector<char> closing_;
  bool first_ = true;
  bool after_name_ = false;
};

}  // namespace muster::command

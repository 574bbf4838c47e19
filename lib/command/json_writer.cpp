#include "command/json_writer.h"

#include "base/check.h"
#include "base/json_text.h"
#include "command/text.h"

#include <utility>

namespace muster::command {

void JsonWriter::comma() {
  if (!std::exchange(after_name_, false) && !first_) out_ += ',';
  first_ = false;
}

JsonWriter& JsonWriter::open(char begin, char close) {
  comma();
  out_ += begin;
  closing_.push_back(close);
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::end() {
  CHECK(!closing_.empty());
  out_ += closing_.back();
  closing_.pop_back();
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::name(std::string_view text) {
  comma();
  base::append_json_string(out_, text);
  out_ += ':';
  after_name_ = true;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  comma();
  base::append_json_string(out_, value);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  comma();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::member(std::string_view member_name, std::string_view value) {
  return name(member_name).text(value);
}

JsonWriter& JsonWriter::member(std::string_view member_name, int64_t value) {
  return name(member_name).number(value);
}

JsonWriter& JsonWriter::bytes(std::string_view member_name, std::string_view value) {
  if (is_utf8(value)) return member(member_name, value);
  return member(std::string(member_name) + "_base64", base64(value));
}

std::string JsonWriter::take() { return std::exchange(out_, {}); }

}  // namespace muster::command

#include "command/json_reader.h"

#include "collector/json.h"

namespace muster::command {

bool is_json_object(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text[begin] == '{' && collector::is_json(text);
}

std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view object) {
  std::vector<std::pair<std::string, std::string_view>> members;
  const size_t begin = object.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || object[begin] != '{') return members;
  collector::for_each_member(
      object.substr(begin),
      [&](std::string_view name, std::string_view value) { members.emplace_back(name, value); });
  return members;
}

std::optional<std::string_view> json_member(std::string_view object, std::string_view name) {
  for (const auto& [own, value] : json_members(object)) {
    if (own == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  collector::JsonScanner scanner(array, 1);
  scanner.skip_space();
  if (!scanner.take('[')) return elements;
  scanner.skip_space();
  while (scanner.peek() != ']') {
    std::string_view value;
    if (!scanner.value(value)) break;
    elements.push_back(value);
    scanner.skip_space();
    if (!scanner.take(',')) break;
    scanner.skip_space();
  }
  return elements;
}

std::string json_text(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return std::string(value);
  std::string text;
  if (!collector::unescape(value.substr(1, value.size() - 2), text)) return std::string(value);
  return text;
}

std::string json_text_of(std::string_view object, std::string_view name) {
  const auto value = json_member(object, name);
  return value && *value != "null" ? json_text(*value) : "";
}

}  // namespace muster::command

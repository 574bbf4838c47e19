// The rules of the collector's reference for records that are refused, written down once more, over
// another parser's tree.
#include <algorithm>
#include <set>
#include <string>

#include "event_fields.h"
#include "names_twice.h"

namespace muster::fuzz {
namespace {

namespace json = boost::json;
using collector::Options;
using collector::RejectCode;

// Absent and null are the same; a field that has to be there is asked for with `needed`.
const json::value* at(const json::object& object, json::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool is_text(const json::value* value) { return value == nullptr || value->is_string(); }
bool is_id(const json::value* value) {
  return value != nullptr && value->is_string() && !value->get_string().empty();
}
bool is_ttl(const json::value* value) { return value == nullptr || value->is_number(); }

bool is_object_of(const json::value* value, bool (*is_member)(const json::value*),
                  std::initializer_list<json::string_view> names) {
  if (value == nullptr) return true;
  const auto* object = value->if_object();
  return object != nullptr && std::ranges::all_of(names, [&](json::string_view name) {
           return is_member(at(*object, name));
         });
}

const json::value* id_of(const json::value& element) {
  return element.is_object() ? at(element.get_object(), "id") : &element;
}

bool is_id_list(const json::value* list, bool may_have_ttls) {
  if (list == nullptr || !list->is_array()) return false;
  std::set<std::string> known;
  return std::ranges::all_of(list->get_array(), [&](const json::value& element) {
    const auto* object = element.if_object();
    if (object != nullptr && (!may_have_ttls || !is_ttl(at(*object, "ttl")))) return false;
    return is_id(id_of(element)) && known.emplace(id_of(element)->get_string()).second;
  });
}

// Surely one.
bool is_policy(const json::value* policy, size_t entities) {
  if (policy == nullptr) return true;
  if (const auto* name = policy->if_string()) return *name == "fail-fast" || *name == "all-settled";
  const auto* object = policy->if_object();
  if (object == nullptr || object->size() != 1) return false;
  const json::value& count = object->begin()->value();
  if (!count.is_int64()) return false;
  const int64_t number = count.get_int64();
  // To Boost 0 and -0 are the same; -0 is refused.
  if (object->begin()->key() == "tolerate") return number > 0 && number <= UINT32_MAX;
  return object->begin()->key() == "quorum" && number >= 1 &&
         number <= static_cast<int64_t>(entities);
}

bool is_handler_target(const json::value* value) { return is_object_of(value, is_id, {"topic"}); }

bool is_good_create(const json::object& fields) {
  return is_id(at(fields, "id")) && is_id_list(at(fields, "expected"), true) &&
         is_ttl(at(fields, "ttl")) && is_text(at(fields, "sender")) &&
         is_text(at(fields, "description")) &&
         is_policy(at(fields, "policy"), at(fields, "expected")->get_array().size()) &&
         is_object_of(at(fields, "handler"), is_handler_target, {"onsuccess", "onfailure"}) &&
         is_object_of(at(fields, "parent"), is_id, {"group", "id"});
}

bool is_good_update(const json::object& fields) {
  const json::value* add = at(fields, "add");
  const json::value* remove = at(fields, "remove");
  const json::value* ttl = at(fields, "ttl");
  return is_id(at(fields, "id")) && (add == nullptr || is_id_list(add, true)) &&
         (remove == nullptr || is_id_list(remove, false)) && is_ttl(ttl) &&
         is_text(at(fields, "sender")) && (add != nullptr || remove != nullptr || ttl != nullptr);
}

bool is_good(const json::object& fields) {
  const json::string& type = at(fields, "type")->get_string();
  if (type == "EventGroupCollectorCreate") return is_good_create(fields);
  if (type == "EventGroupCollectorUpdate") return is_good_update(fields);
  if (type == "EventGroupCollectorCancel") {
    return is_id(at(fields, "id")) && is_text(at(fields, "reason")) &&
           is_text(at(fields, "sender"));
  }
  return is_id(at(fields, "id")) && is_id(at(fields, "group")) && is_text(at(fields, "error")) &&
         is_text(at(fields, "sender"));
}

bool is_too_long(const json::value* ttl, const Options& options) {
  return ttl != nullptr && ttl->is_number() &&
         ttl->to_number<double>() * 1000 > static_cast<double>(options.max_ttl.count()) - 1;
}

bool any_ttl_too_long(const json::object& fields, const Options& options) {
  if (is_too_long(at(fields, "ttl"), options)) return true;
  for (const json::string_view name : {"expected", "add"}) {
    const json::value* list = at(fields, name);
    if (list == nullptr || !list->is_array()) continue;
    for (const json::value& element : list->get_array()) {
      if (element.is_object() && is_too_long(at(element.get_object(), "ttl"), options)) return true;
    }
  }
  return false;
}

bool any_list_too_long(const json::object& fields, const Options& options) {
  const auto names = {"expected", "add", "remove"};
  return std::ranges::any_of(names, [&](const char* name) {
    const json::value* list = at(fields, name);
    return list != nullptr && list->is_array() && list->get_array().size() > options.max_expected;
  });
}

const std::set<std::string>& fields_of(const json::string& type) {
  static const std::set<std::string> kCreate = {"/type",
                                                "/id",
                                                "/expected",
                                                "/expected/*/id",
                                                "/expected/*/ttl",
                                                "/ttl",
                                                "/payload",
                                                "/policy",
                                                "/handler",
                                                "/handler/onsuccess",
                                                "/handler/onsuccess/topic",
                                                "/handler/onsuccess/payload",
                                                "/handler/onfailure",
                                                "/handler/onfailure/topic",
                                                "/handler/onfailure/payload",
                                                "/parent",
                                                "/parent/group",
                                                "/parent/id",
                                                "/sender",
                                                "/description"};
  static const std::set<std::string> kDone = {"/type",   "/id",    "/group",
                                              "/result", "/error", "/sender"};
  static const std::set<std::string> kUpdate = {"/type",      "/id",     "/add", "/add/*/id",
                                                "/add/*/ttl", "/remove", "/ttl", "/sender"};
  static const std::set<std::string> kCancel = {"/type", "/id", "/reason", "/sender"};
  static const std::set<std::string> kOthers = {"/type"};
  if (type == "EventGroupCollectorCreate") return kCreate;
  if (type == "EventGroupCollectorEntityDone") return kDone;
  if (type == "EventGroupCollectorUpdate") return kUpdate;
  return type == "EventGroupCollectorCancel" ? kCancel : kOthers;
}

}  // namespace

bool has_field_twice(const json::object& fields, std::string_view record) {
  std::string text(record);
  replace_half_surrogates(text, kSubstitutes[0]);
  const json::string& type = at(fields, "type")->get_string();
  const auto counts = [&type](const std::string& path) {
    return fields_of(type).contains(path) ||
           (type == "EventGroupCollectorCreate" && path.starts_with("/policy/"));
  };
  return std::ranges::any_of(names_twice(text), counts);
}

bool is_reason(RejectCode code, const json::object& fields, std::string_view record,
               const Options& options) {
  const json::value* type = at(fields, "type");
  const bool has_type = type != nullptr && type->is_string();
  switch (code) {
    case RejectCode::kType:
      return !has_type;
    case RejectCode::kField:
      return has_type && (!is_good(fields) || has_field_twice(fields, record));
    case RejectCode::kTtl:
      return any_ttl_too_long(fields, options);
    case RejectCode::kLimit:
      return record.size() > options.max_message_bytes || any_list_too_long(fields, options);
    case RejectCode::kJson:  // this one is
    case RejectCode::kTombstone:
    case RejectCode::kConflict:
    case RejectCode::kUnexpected:
    case RejectCode::kOrphan:
      return false;
  }
  return false;
}

}  // namespace muster::fuzz

#include "event_fields.h"

#include <cmath>
#include <functional>
#include <string>

#include "collector/json.h"
#include "collector/targets.h"
#include "fail.h"

namespace muster::fuzz {
namespace {

namespace json = boost::json;
using namespace collector;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

double number_of(const json::value& value) {
  if (const auto* number = value.if_int64()) return static_cast<double>(*number);
  if (const auto* number = value.if_uint64()) return static_cast<double>(*number);
  return value.get_double();
}

class Fields {
 public:
  Fields(std::string_view record, const json::object& object, std::string_view substitute)
      : record_(record), object_(object), substitute_(substitute) {}

  // Absent for null as well.
  const json::value* at(std::string_view name) const { return at(object_, name); }

  void text(std::string_view ours, std::string_view name) const { text(ours, at(name), name); }

  // A value that is passed on: the record's own bytes, and the same value.
  void slice(std::string_view raw, const json::value* value, std::string_view name) const {
    const bool own = !std::less<>()(raw.data(), record_.data()) &&
                     !std::less<>()(record_.data() + record_.size(), raw.data() + raw.size());
    expect(own || (value == nullptr && raw == "null"), "a value is the record's own bytes",
           {name, raw});
    expect(is_json(raw), "a value that is passed on is JSON", {name, raw});
    expect(raw.find_first_of(" \t\r\n") != 0 && raw.find_last_of(" \t\r\n") != raw.size() - 1,
           "a value has no space around it", {name, raw});
    const Tree tree = read_tree(raw, kJsonNestingMax, substitute_);
    expect(tree.opinion == Opinion::kJson, "a value that is passed on is JSON to others, too",
           {name, raw});
    expect(tree.root == (value == nullptr ? json::value() : *value), "a value is passed on whole",
           {name, raw});
  }

  // `raw` is empty if there is none.
  void optional_slice(std::string_view raw, std::string_view name) const {
    const json::value* value = at(name);
    expect(raw.empty() == (value == nullptr), "a field is there if the record has it", {name, raw});
    if (value != nullptr) slice(raw, value, name);
  }

  // `otherwise`: what counts where none is given, or none above zero.
  void ttl(core::Duration ttl, std::string_view text, const json::value* value,
           core::Duration otherwise, std::string_view otherwise_text) const {
    if (value != nullptr) expect(value->is_number(), "a ttl is a number", {text});
    const bool counts = text != otherwise_text || ttl != otherwise;
    if (value == nullptr || std::signbit(number_of(*value))) {
      expect(!counts, "a ttl that is not above zero does not count", {text});
      return;
    }
    const double ms = number_of(*value) * 1000;
    const double error = ms * 1e-9 + 1e-6;
    const auto ours = static_cast<double>(ttl.count());
    if (ms == 0 && !counts) return;
    // Less than any double is still one millisecond.
    expect(ours > 0 && ours >= ms - error && ours <= ms + 1 + error,
           "a ttl is rounded up to milliseconds", {text, std::to_string(ours)});
    if (counts) slice(text, value, "ttl");
  }

  void ids(std::span<const ExpectedId> ours, std::string_view name) const {
    const json::value* list = at(name);
    expect(ours.size() == (list == nullptr ? 0 : list->as_array().size()), "no id is lost", {name});
    for (size_t i = 0; i < ours.size(); ++i) {
      const json::value& element = list->get_array()[i];
      const auto* object = element.if_object();
      text(ours[i].id, object != nullptr ? at(*object, "id") : &element, name);
      ttl(ours[i].ttl, ours[i].ttl_text, object != nullptr ? at(*object, "ttl") : nullptr,
          core::Duration::zero(), "");
    }
  }

  void policy(const Policy& policy) const {
    const json::value* value = at("policy");
    if (value == nullptr) {
      expect(policy == Policy{}, "the default policy is fail-fast");
    } else if (const auto* name = value->if_string()) {
      const bool settled = policy.kind == Policy::Kind::kAllSettled;
      expect(view(*name) == (settled ? "all-settled" : "fail-fast") && !policy.partial(),
             "a policy is what its name says", {view(*name)});
    } else {
      const auto& object = value->as_object();
      const bool quorum = policy.kind == Policy::Kind::kQuorum;
      const json::value* count = at(object, quorum ? "quorum" : "tolerate");
      expect(policy.partial() && object.size() == 1 && count != nullptr && count->is_number() &&
                 number_of(*count) == policy.count,
             "a policy is the one member of its object", {json::serialize(*value)});
    }
  }

  void targets(const Create& create) const {
    optional_slice(create.handler, "handler");
    optional_slice(create.parent, "parent");
    for (const bool success : {true, false}) {
      const json::value* handler = at("handler");
      const json::value* given =
          handler == nullptr ? nullptr
                             : at(handler->as_object(), success ? "onsuccess" : "onfailure");
      const auto target =
          create.handler.empty() ? std::nullopt : handler_target(create.handler, success);
      expect(target.has_value() == (given != nullptr), "a handler is there if the record has it");
      if (!target) continue;
      text(target->topic, at(given->as_object(), "topic"), "topic");
      const json::value* payload = at(given->as_object(), "payload");
      expect(target->payload.empty() == (payload == nullptr), "so is its payload");
      if (payload != nullptr) slice(target->payload, payload, "payload");
    }
    if (create.parent.empty()) return;
    const ParentTarget parent = parent_target(create.parent);
    text(parent.group, at(at("parent")->as_object(), "group"), "group");
    text(parent.id, at(at("parent")->as_object(), "id"), "id");
  }

 private:
  static const json::value* at(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains({name.data(), name.size()});
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  void text(std::string_view ours, const json::value* value, std::string_view name) const {
    if (value == nullptr) {
      expect(ours.empty(), "a text that is not there is empty", {name, ours});
    } else {
      expect(value->is_string() && view(value->get_string()) == ours,
             "a text is what the record says", {name, ours, json::serialize(*value)});
    }
  }

  std::string_view record_;
  const json::object& object_;
  std::string_view substitute_;
};

constexpr core::Duration kTtlDefault = std::chrono::seconds(30);

// `type` is absent for the event of a type that is skipped.
struct Checker {
  const Fields& fields;

  void operator()(const Create& create) const {
    fields.text("EventGroupCollectorCreate", "type");
    fields.text(create.id, "id");
    fields.ids(create.expected, "expected");
    fields.ttl(create.ttl, create.ttl_text, fields.at("ttl"), kTtlDefault, "30");
    fields.slice(create.payload, fields.at("payload"), "payload");
    fields.policy(create.policy);
    fields.targets(create);
    expect(!create.id.empty(), "a group has an id");
  }
  void operator()(const EntityDone& done) const {
    fields.text("EventGroupCollectorEntityDone", "type");
    fields.text(done.entity, "id");
    fields.text(done.group, "group");
    fields.text(done.error, "error");
    fields.slice(done.result, fields.at("result"), "result");
    expect(!done.entity.empty() && !done.group.empty(), "a Done has an entity and a group");
  }
  void operator()(const Update& update) const {
    fields.text("EventGroupCollectorUpdate", "type");
    fields.text(update.group, "id");
    fields.ids(update.add, "add");
    fields.ids(update.remove, "remove");
    expect(update.ttl.has_value() == (fields.at("ttl") != nullptr), "an Update may have a ttl");
    if (update.ttl) fields.ttl(*update.ttl, update.ttl_text, fields.at("ttl"), kTtlDefault, "30");
  }
  void operator()(const Cancel& cancel) const {
    fields.text("EventGroupCollectorCancel", "type");
    fields.text(cancel.group, "id");
    fields.text(cancel.reason, "reason");
  }
  void operator()(const Skipped&) const {
    const json::value* type = fields.at("type");
    expect(type != nullptr && type->is_string(), "what is skipped has a type");
    for (const char* name : {"Create", "EntityDone", "Update", "Cancel"})
      expect(view(type->get_string()) != std::string("EventGroupCollector") + name,
             "no event of ours is skipped");
  }
  void operator()(const Rejected&) const {}
};

}  // namespace

void check_fields(std::string_view record, const json::object& object, const Decoded& event,
                  std::string_view substitute) {
  const Fields fields(record, object, substitute);
  std::visit(Checker{fields}, event);
}

}  // namespace muster::fuzz

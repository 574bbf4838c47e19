#include "collector_run.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/json_text.h"
#include "collector/json.h"
#include "collector/outcome.h"
#include "fail.h"

namespace muster::fuzz {
namespace {

namespace json = boost::json;
using namespace collector;

constexpr core::Time kBegin = core::time_from_ms(1'600'000'000'000);
constexpr core::Duration kLater = std::chrono::seconds(20);
// A result lies one deeper in an outcome than in its Done.
constexpr size_t kOutcomeDepthMax = kJsonNestingMax + 1;
constexpr int kTimersMax = 100'000;

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

// `value` is the whole of a member, byte for byte.
bool has_member(std::string_view object, std::string_view name, std::string_view value) {
  std::string member;
  base::append_json_string(member, name);
  member.append(":").append(value);
  return object.find(member + ',') != std::string_view::npos ||
         object.find(member + '}') != std::string_view::npos;
}

// The object that an output is; absent: the oracle cannot say.
std::optional<json::object> object_of(const core::Produce& output) {
  Tree tree = read_tree(output.value, kOutcomeDepthMax);
  if (tree.opinion == Opinion::kCannotSay) return std::nullopt;
  expect(tree.opinion == Opinion::kJson && tree.root.is_object(), "an output is a JSON object",
         {output.value});
  return std::move(tree.root.get_object());
}

}  // namespace

const Options& small_options() {
  static const Options options = [] {
    Options small;
    small.max_expected = 20;
    small.max_message_bytes = 800;
    small.output_bytes_max = 1300;
    small.sender = "a \"sender\"";
    return small;
  }();
  return options;
}

CollectorRun::CollectorRun(core::Arena& bytes)
    : processor_(small_options()), bytes_(bytes), effects_(bytes), clock_(kBegin) {}

bool CollectorRun::load(std::string_view key, std::string_view saved) {
  if (!processor_.load(key, saved, effects_)) {
    expect(effects_.list().empty() && processor_.known() == 0, "what is refused leaves no trace");
    return false;
  }
  loaded_.emplace(key);
  take();
  return true;
}

void CollectorRun::record(char separator, std::string_view value, const Decoded& event) {
  core::Time time = clock_ + std::chrono::seconds(1);
  if (separator == kNextLater) {
    time = clock_ + kLater;
    fire_until(time);
  } else if (separator == kNextOld) {
    time = clock_ - kLater;
  }
  clock_ = std::max(clock_, time);
  note(event);
  const std::vector<core::Header> headers = {{"traceparent", "00-1-2-01"}, {"other", std::nullopt}};
  core::Record record;
  record.topic = "events";
  record.offset = core::Offset{records_++};
  record.timestamp = time;
  record.time = time;
  record.value = value;
  record.headers = core::LazyHeaders(headers);
  // A shard with one partition does not ask for the route.
  if (records_ % 2 == 0) {
    const auto route = processor_.route(record);
    expect(route == group_of(event), "a record is routed by its group", {value});
  }
  processor_.on_record(record, clock_, effects_);
  take();
}

void CollectorRun::note(const Decoded& event) {
  if (const auto* create = std::get_if<Create>(&event)) {
    payloads_.emplace(create->id, create->payload);
  } else if (const auto* done = std::get_if<EntityDone>(&event)) {
    const bool failed = !done->error.empty();
    (failed ? errors_ : results_)
        .emplace(std::pair(done->group, done->entity), failed ? done->error : done->result);
  }
}

void CollectorRun::say(const core::Effect& effect) {
  base::ByteWriter writer(said_);
  if (const auto* output = std::get_if<core::Produce>(&effect)) {
    writer.string(output->topic_name);
    writer.string(output->key);
    writer.string(output->value);
  } else if (const auto* reject = std::get_if<core::Reject>(&effect)) {
    writer.string(reject->code);
    writer.string(reject->message);
    writer.string(reject->value.value_or(""));
  }
}

void CollectorRun::take() {
  for (const core::Effect& effect : effects_.list()) {
    say(effect);
    if (const auto* output = std::get_if<core::Produce>(&effect)) {
      check_output(*output);
    } else if (const auto* arm = std::get_if<core::Arm>(&effect)) {
      armed_[std::string(arm->key.name)] = arm->due;
      known_.emplace(arm->key.name);
    } else if (const auto* disarm = std::get_if<core::Disarm>(&effect)) {
      expect(armed_.erase(std::string(disarm->key.name)) == 1, "only what is armed is disarmed");
    } else if (const auto* touch = std::get_if<core::Touch>(&effect)) {
      known_.emplace(touch->key.name);
    } else if (const auto* forget = std::get_if<core::Forget>(&effect)) {
      known_.emplace(forget->key.name);
    } else if (const auto* reject = std::get_if<core::Reject>(&effect)) {
      std::string message;
      base::append_json_string(message, reject->message);
      expect(read_tree(message, 0).opinion == Opinion::kJson, "a message is UTF-8", {message});
    }
  }
  effects_.clear_list();
  bytes_.clear();
  for (const std::string& name : known_)
    expect(processor_.find(name).has_value(), "an id lives until it is dropped", {name});
  expect(processor_.open() <= armed_.size(), "an open group has a timer");
}

void CollectorRun::check_output(const core::Produce& output) {
  switch (output.topic) {
    case core::TopicRole::kOutput:
      check_outcome(output);
      return;
    case core::TopicRole::kInput:
      check_answer_to_parent(output);
      return;
    case core::TopicRole::kNamed:
      expect(!output.topic_name.empty(), "a handler's topic has a name");
      object_of(output);
      return;
    case core::TopicRole::kDeadLetter:
    case core::TopicRole::kRepartition:
    case core::TopicRole::kJournal:
      fail("a processor writes to its own topics only");
  }
}

void CollectorRun::check_outcome(const core::Produce& outcome) {
  const std::string group(outcome.key);
  expect(ended_.insert(group).second, "a group ends once", {group, outcome.value});
  expect(
      outcome.key.size() + outcome.value.size() + kFramingBytes <= small_options().output_bytes_max,
      "an outcome fits into its topic", {outcome.value});
  const auto object = object_of(outcome);
  if (!object) return;
  const auto text = [&](const char* name) { return view(object->at(name).as_string()); };
  const bool success = text("type") == "EventGroupCollectorSuccess";
  expect(success || text("type") == "EventGroupCollectorFailure", "an outcome has its type");
  expect(text("id") == group, "an outcome is keyed by its group", {group, outcome.value});
  expect(text("sender") == small_options().sender, "an outcome has its sender");
  if (!success) expect(text("entity").size() + text("error").size() > 1, "a Failure says why");
  if (loaded_.contains(group) || (!success && text("code") == "too-large")) return;
  check_members(group, *object, outcome.value);
}

// What the group's producers have said comes out as they said it.
void CollectorRun::check_members(const std::string& group, const json::object& object,
                                 std::string_view outcome) const {
  const auto [first, last] = payloads_.equal_range(group);
  const auto is_payload = [&](const auto& given) {
    return has_member(outcome, "payload", given.second);
  };
  expect(std::any_of(first, last, is_payload), "an outcome has its Create's payload, unchanged",
         {outcome});
  for (const auto& result : object.at("results").as_object()) {
    if (result.value().is_null()) continue;
    const std::string entity(view(result.key()));
    const auto [begin, end] = results_.equal_range(std::pair(group, entity));
    const auto is_result = [&](const auto& given) {
      return has_member(outcome, entity, given.second);
    };
    expect(std::any_of(begin, end, is_result), "a result is a Done's, unchanged",
           {entity, outcome});
  }
  const auto* errors = object.if_contains("errors");
  if (errors == nullptr) return;
  for (const auto& error : errors->as_object()) {
    const std::string entity(view(error.key()));
    const std::string_view said = view(error.value().as_string());
    const auto [begin, end] = errors_.equal_range(std::pair(group, entity));
    const auto is_error = [&](const auto& given) { return given.second == said; };
    expect(said.starts_with("timed out after ") || std::any_of(begin, end, is_error),
           "an error is a Done's, unchanged", {entity, outcome});
  }
}

void CollectorRun::check_answer_to_parent(const core::Produce& output) {
  Decoder decoder;
  const Decoded decoded = decoder.decode(output.value, small_options());
  if (const auto* rejected = std::get_if<Rejected>(&decoded)) {
    expect(rejected->code == RejectCode::kLimit &&
               output.value.size() > small_options().max_message_bytes,
           "an answer to a parent is a good event", {output.value, rejected->message});
    return;
  }
  const auto* done = std::get_if<EntityDone>(&decoded);
  expect(done != nullptr && done->group == output.key, "an answer to a parent is a Done of it",
         {output.value});
}

void CollectorRun::fire_until(core::Time time) {
  const auto earlier = [](const auto& a, const auto& b) { return a.second < b.second; };
  for (int fired = 0; !armed_.empty(); ++fired) {
    const auto next = std::ranges::min_element(armed_, earlier);
    if (next->second > time) return;
    expect(fired < kTimersMax, "timers come to an end");
    const auto [name, due] = *next;
    armed_.erase(next);
    const auto slot = processor_.find(name);
    expect(slot.has_value(), "an armed id lives", {name});
    clock_ = std::max(clock_, due);
    processor_.on_timer(*slot, due, effects_);
    take();
  }
}

void CollectorRun::become(const CollectorRun& other) {
  clock_ = other.clock_;
  ended_ = other.ended_;
  for (const std::string& name : other.known_) {
    std::string saved;
    other.processor_.save(other.processor_.find(name).value(), saved);
    expect(processor_.load(name, saved, effects_), "what is saved can be loaded", {name, saved});
    loaded_.insert(name);
    std::string again;
    processor_.save(processor_.find(name).value(), again);
    expect(again == saved, "what was loaded is saved as the same", {saved, again});
  }
  take();
  // There a timer may be left that has nothing to do any more, and is set anew when it fires.
  const auto waits = [this](const auto& armed) {
    const auto own = armed_.find(armed.first);
    return own != armed_.end() && own->second >= armed.second;
  };
  expect(armed_.size() == other.armed_.size() && std::ranges::all_of(other.armed_, waits),
         "what was loaded waits for what it waited for before");
}

void CollectorRun::finish() {
  static core::Arena bytes_of_twin;
  CollectorRun twin(bytes_of_twin);
  twin.become(*this);
  said_.clear();
  for (CollectorRun* run : {this, &twin}) {
    run->fire_until(core::Time::max());
    expect(run->processor_.open() == 0, "every group ends");
  }
  expect(said_ == twin.said_, "what was loaded goes on as what was saved", {said_, twin.said_});
}

}  // namespace muster::fuzz

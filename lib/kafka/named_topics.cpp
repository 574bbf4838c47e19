#include "kafka/named_topics.h"

#include "kafka/topic_name.h"

#include <thread>
#include <utility>

namespace muster::kafka {
namespace {

constexpr int kCallTimeoutMs = 5'000;
constexpr auto kPause = std::chrono::milliseconds(200);
constexpr int kLooksMax = 50;
constexpr std::chrono::seconds kBelieveThere{60};
constexpr std::chrono::seconds kBelieveMissing{2};
constexpr size_t kKnownMax = 10'000;  // names come from outside

}  // namespace

bool is_regular_expression(const std::string& text) try {
  const std::regex tried(text);
  return true;
} catch (const std::regex_error&) {
  return false;
}

NamedTopics::NamedTopics(const Settings& settings)
    : allowed_(settings.handler_topics), lookup_(settings) {}

std::optional<std::string> NamedTopics::obstacle(std::string_view name,
                                                 const std::atomic<bool>& stop) {
  // A name with a NUL in it would end there when it is looked up, and a very long one is too much for
  // a regular expression.
  if (!is_topic_name(name)) return "no topic can have that name";
  if (name.starts_with("__") || name.starts_with("muster."))
    return "it is internal, and not for handlers";
  if (!std::regex_match(name.begin(), name.end(), allowed_))
    return "--handler-topics does not allow it";
  const auto now = std::chrono::steady_clock::now();
  auto known = known_.find(name);
  if (known == known_.end() || known->second.until < now) {
    auto obstacle = look(std::string(name), stop);
    if (!obstacle) return std::nullopt;
    if (known_.size() >= kKnownMax) known_.clear();
    const auto until = now + (obstacle->empty() ? kBelieveThere : kBelieveMissing);
    known = known_.insert_or_assign(std::string(name), Known{std::move(*obstacle), until}).first;
  }
  return known->second.obstacle;
}

std::optional<std::string> NamedTopics::look(const std::string& name,
                                             const std::atomic<bool>& stop) {
  using Found = TopicLookup::Found;
  for (int looks = 0; looks < kLooksMax && !stop; ++looks) {
    switch (lookup_.look(name, kCallTimeoutMs)) {
      case Found::kThere:
        return "";
      case Found::kMissing:
        return "it does not exist";
      case Found::kDenied:
        return "the broker denies it to us";
      case Found::kUnknown:
        break;
    }
    log_complaint("named topic", "looking up topic " + name + ": the broker does not say");
    std::this_thread::sleep_for(kPause);
  }
  if (stop) return std::nullopt;
  return "the broker does not say whether it exists";
}

}  // namespace muster::kafka

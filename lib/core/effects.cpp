#include "core/effects.h"

#include <ostream>
#include <utility>

namespace muster::core {
namespace {

std::string_view topic_of(const Produce& e) {
  switch (e.topic) {
    case TopicRole::kInput:
      return "input";
    case TopicRole::kOutput:
      return "output";
    case TopicRole::kDeadLetter:
      return "dead-letter";
    case TopicRole::kRepartition:
      return "repartition";
    case TopicRole::kJournal:
      return "journal";
    case TopicRole::kNamed:
      return e.topic_name;
  }
  return "";
}

void print(std::ostream& out, const Produce& e) {
  out << "Produce " << topic_of(e) << ' ' << e.key << ' ' << e.value;
  for (const Header& header : e.headers)
    out << ' ' << header.name << '=' << header.value.value_or("null");
}
void print(std::ostream& out, const Arm& e) {
  out << "Arm " << e.key.name << " due " << to_ms(e.due);
}
void print(std::ostream& out, const Disarm& e) { out << "Disarm " << e.key.name; }
void print(std::ostream& out, const Touch& e) { out << "Touch " << e.key.name; }
void print(std::ostream& out, const Forget& e) {
  out << "Forget " << e.key.name << " from " << to_ms(e.from);
}
void print(std::ostream& out, const Reject& e) {
  out << "Reject " << e.topic << '/' << raw(e.partition) << '/' << raw(e.offset) << ' ' << e.code
      << ": " << e.message;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Effect& effect) {
  std::visit([&out](const auto& e) { print(out, e); }, effect);
  return out;
}

void Effects::produce(TopicRole topic, std::string_view key, std::string_view value,
                      std::span<const Header> headers, std::optional<Time> time) {
  if (muted_) return;
  Produce effect{topic, {}, bytes_->copy(key), bytes_->copy(value), {}, time};
  for (const Header& header : headers) {
    effect.headers.push_back({bytes_->copy(header.name), std::nullopt});
    if (header.value) effect.headers.back().value = bytes_->copy(*header.value);
  }
  list_.emplace_back(std::move(effect));
}

void Effects::produce_to(std::string_view topic_name, std::string_view key, std::string_view value,
                         std::span<const Header> headers) {
  if (muted_) return;
  produce(TopicRole::kNamed, key, value, headers);
  std::get<Produce>(list_.back()).topic_name = bytes_->copy(topic_name);
}

void Effects::reject(const Record& record, std::string_view code, std::string_view message) {
  if (muted_) return;
  Reject effect;
  effect.partition = record.partition;
  effect.offset = record.offset;
  effect.topic = bytes_->copy(record.topic);
  effect.timestamp = record.timestamp;
  if (record.key) effect.key = bytes_->copy(*record.key);
  if (record.value) effect.value = bytes_->copy(*record.value);
  record.headers.read(scratch_headers_);
  for (const Header& header : scratch_headers_) {
    effect.headers.push_back({bytes_->copy(header.name), std::nullopt});
    if (header.value) effect.headers.back().value = bytes_->copy(*header.value);
  }
  effect.code = code;
  effect.message = bytes_->copy(message);
  list_.emplace_back(std::move(effect));
}

Effects::Counters Effects::take_counters() { return std::exchange(counters_, Counters{}); }

}  // namespace muster::core

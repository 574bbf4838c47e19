#include "collector/outcome.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/json_text.h"
#include "collector/json.h"

namespace muster::collector {
namespace {

// What a Failure has at least, besides its id, entity and sender: 284 bytes.
constexpr size_t kSmallestBytes = 320;

struct Parts {
  bool results = true;
  bool payload = true;
  bool lists = true;
  std::string_view other_payload;  // empty: the group's own
};

template <size_t kDigits>
void put_digits(char* at, unsigned value) {
  for (size_t i = kDigits; i > 0; --i, value /= 10) at[i - 1] = static_cast<char>('0' + value % 10);
}

// `,"name":`, or without the comma for the first of an object.
void begin_field(std::string& out, std::string_view separator, std::string_view name) {
  out.append(separator);
  base::append_json_string(out, name);
  out.push_back(':');
}

void append_results(std::string& out, const OpenGroup& group) {
  std::string_view separator;
  for (uint32_t number = 0; number < group.entity_count(); ++number) {
    if (!group.has_answer(number)) continue;
    begin_field(out, separator, group.entity(number));
    out.append(group.has_failed(number) ? "null" : group.answer(number));
    separator = ",";
  }
}

void append_missing(std::string& out, const OpenGroup& group) {
  std::string_view separator;
  for (uint32_t number = 0; number < group.entity_count(); ++number) {
    if (group.has_answer(number)) continue;
    out.append(separator);
    base::append_json_string(out, group.entity(number));
    separator = ",";
  }
}

void append_errors(std::string& out, const OpenGroup& group) {
  if (group.overflowed()) return;
  std::string_view separator;
  for (uint32_t number = 0; number < group.entity_count(); ++number) {
    if (!group.has_answer(number) || !group.has_failed(number)) continue;
    begin_field(out, separator, group.entity(number));
    base::append_json_string(out, group.answer(number));
    separator = ",";
  }
}

void append_error_text(std::string& out, const OpenGroup& group, const Ending& ending,
                       FailureCode code, const OutcomeRules& rules) {
  switch (code) {
    case FailureCode::kError:
    case FailureCode::kUnreachable:
      if (ending.entity && !group.overflowed()) {
        base::append_json_string(out, group.answer(*ending.entity));
      } else {
        out.append("\"Quorum of ")
            .append(std::to_string(group.head().policy.count))
            .append(" is out of reach\"");
      }
      return;
    case FailureCode::kTimeout:
      out.append("\"Operation timed out after ").append(group.head().ttl_text).append(" seconds\"");
      return;
    case FailureCode::kCancelled:
      base::append_json_string(out, ending.reason.empty() ? "Operation cancelled" : ending.reason);
      return;
    case FailureCode::kTooLarge:
      out.append("\"Outcome is larger than ")
          .append(std::to_string(rules.bytes_max))
          .append(" bytes\"");
      return;
  }
}

void append_error(std::string& out, const OpenGroup& group, const Ending& ending, FailureCode code,
                  const OutcomeRules& rules) {
  out.append(",\"entity\":");
  const bool of_entity = code != FailureCode::kTooLarge && ending.entity.has_value();
  base::append_json_string(out, of_entity ? group.entity(*ending.entity) : group.id());
  out.append(",\"error\":");
  append_error_text(out, group, ending, code, rules);
}

void write(const OpenGroup& group, const Ending& ending, std::optional<FailureCode> code,
           const OutcomeRules& rules, const Parts& parts, std::string& out) {
  const OpenGroup::Head head = group.head();
  out.assign(code ? R"({"type":"EventGroupCollectorFailure","id":)"
                  : R"({"type":"EventGroupCollectorSuccess","id":)");
  base::append_json_string(out, group.id());
  if (!rules.sender.empty()) {
    out.append(",\"sender\":");
    base::append_json_string(out, rules.sender);
  }
  if (code) append_error(out, group, ending, *code, rules);
  out.append(",\"created\":\"");
  append_time(out, head.created);
  out.append("\",\"resolved\":\"");
  // A record of another partition may be older than the Create that it came behind.
  append_time(out, std::max(head.created, ending.resolved));
  out.append("\",\"results\":{");
  if (parts.results) append_results(out, group);
  out.append("},\"payload\":");
  if (parts.payload) {
    out.append(parts.other_payload.empty() ? head.payload : parts.other_payload);
  } else {
    out.append("null");
  }
  if (code) out.append(",\"code\":\"").append(name(*code)).append("\"");
  if (code || head.policy.partial()) {
    out.append(",\"missing\":[");
    if (parts.lists) append_missing(out, group);
    out.append("],\"errors\":{");
    if (parts.lists) append_errors(out, group);
    out.push_back('}');
  }
  out.push_back('}');
}

bool fits(const OpenGroup& group, const OutcomeRules& rules, const std::string& out) {
  return out.size() + group.id().size() + kFramingBytes <= rules.bytes_max;
}

void write_too_large(const OpenGroup& group, const Ending& ending, const OutcomeRules& rules,
                     std::string_view other_payload, std::string& out) {
  for (const Parts parts : {Parts{false, true, true, other_payload}, Parts{false, false, true, {}},
                            Parts{false, false, false, {}}}) {
    write(group, ending, FailureCode::kTooLarge, rules, parts, out);
    if (fits(group, rules, out)) break;
  }
}

}  // namespace

std::string_view name(FailureCode code) {
  switch (code) {
    case FailureCode::kError:
      return "error";
    case FailureCode::kTimeout:
      return "timeout";
    case FailureCode::kCancelled:
      return "cancelled";
    case FailureCode::kUnreachable:
      return "unreachable";
    case FailureCode::kTooLarge:
      return "too-large";
  }
  __builtin_unreachable();
}

Counter counter_of(std::optional<FailureCode> code) {
  if (!code) return Counter::kGroupsSuccess;
  switch (*code) {
    case FailureCode::kError:
      return Counter::kGroupsFailedError;
    case FailureCode::kTimeout:
      return Counter::kGroupsFailedTimeout;
    case FailureCode::kCancelled:
      return Counter::kGroupsFailedCancelled;
    case FailureCode::kUnreachable:
      return Counter::kGroupsFailedUnreachable;
    case FailureCode::kTooLarge:
      return Counter::kGroupsFailedTooLarge;
  }
  __builtin_unreachable();
}

std::optional<FailureCode> write_outcome(const OpenGroup& group, const Ending& ending,
                                         const OutcomeRules& rules, std::string& out) {
  if (!group.overflowed()) {
    write(group, ending, ending.code, rules, Parts{}, out);
    if (fits(group, rules, out)) return ending.code;
  }
  write_too_large(group, ending, rules, {}, out);
  return FailureCode::kTooLarge;
}

void write_for_handler(const OpenGroup& group, const Ending& ending,
                       std::optional<FailureCode> code, const OutcomeRules& rules,
                       std::string_view payload, std::string& out) {
  if (code == FailureCode::kTooLarge) {
    write_too_large(group, ending, rules, payload, out);
  } else {
    write(group, ending, code, rules, Parts{true, true, true, payload}, out);
  }
}

void write_for_parent(const OpenGroup& group, const Ending& ending, std::optional<FailureCode> code,
                      const OutcomeRules& rules, const ParentTarget& parent, uint32_t bytes_max,
                      std::string& out) {
  const auto begin = [&] {
    out.assign(R"({"type":"EventGroupCollectorEntityDone","id":)");
    base::append_json_string(out, parent.id);
    out.append(",\"group\":");
    base::append_json_string(out, parent.group);
  };
  begin();
  if (code) {
    out.append(",\"error\":");
    append_error_text(out, group, ending, *code, rules);
  } else {
    out.append(",\"result\":{");
    append_results(out, group);
    out.push_back('}');
  }
  out.push_back('}');
  const bool too_large = out.size() + parent.group.size() + kFramingBytes > bytes_max;
  // Results lie deeper in it than in the Dones that they came with.
  if (!too_large && is_json(out)) return;
  begin();
  out.append(",\"error\":\"Outcome is ");
  if (too_large) {
    out.append("larger than ").append(std::to_string(bytes_max)).append(" bytes\"}");
  } else {
    out.append("nested over ").append(std::to_string(kJsonNestingMax)).append(" deep\"}");
  }
}

bool outcome_fits(std::string_view group_id, const OutcomeRules& rules) {
  // A byte is escaped as six at most. The id is there three times: as key, id and entity.
  const size_t fixed = kFramingBytes + kSmallestBytes + 6 * rules.sender.size();
  if (fixed + 13 * group_id.size() <= rules.bytes_max) return true;
  if (fixed + 3 * group_id.size() > rules.bytes_max) return false;
  std::string quoted;
  base::append_json_string(quoted, group_id);
  return fixed + group_id.size() + 2 * quoted.size() <= rules.bytes_max;
}

void append_time(std::string& out, core::Time time) {
  namespace chrono = std::chrono;
  constexpr core::Time kFirst{};
  constexpr core::Time kLast = core::Time(chrono::sys_days(chrono::year(9999) / 12 / 31)) +
                               chrono::days(1) - core::Duration(1);
  time = std::clamp(time, kFirst, kLast);
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const auto ms = static_cast<unsigned>((time - day).count());
  char text[] = "0000-00-00T00:00:00.000Z";
  put_digits<4>(text, static_cast<unsigned>(static_cast<int>(date.year())));
  put_digits<2>(text + 5, static_cast<unsigned>(date.month()));
  put_digits<2>(text + 8, static_cast<unsigned>(date.day()));
  put_digits<2>(text + 11, ms / 3'600'000);
  put_digits<2>(text + 14, ms / 60'000 % 60);
  put_digits<2>(text + 17, ms / 1000 % 60);
  put_digits<3>(text + 20, ms % 1000);
  out.append(text, sizeof text - 1);
}

}  // namespace muster::collector

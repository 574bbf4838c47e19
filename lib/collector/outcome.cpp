#include "collector/outcome.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "collector/json.h"

namespace muster::collector {
namespace {

// What a Failure has at least, besides its id, entity and sender: 284 bytes.
constexpr size_t kSmallestBytes = 320;

struct Parts {
  bool results = true;
  bool payload = true;
  bool lists = true;
};

template <size_t kDigits>
void put_digits(char* at, unsigned value) {
  for (size_t i = kDigits; i > 0; --i, value /= 10) at[i - 1] = static_cast<char>('0' + value % 10);
}

// `,"name":`, or without the comma for the first of an object.
void begin_field(std::string& out, std::string_view separator, std::string_view name) {
  out.append(separator);
  append_json_string(out, name);
  out.push_back(':');
}

void append_results(std::string& out, const OpenGroup& group, std::optional<uint32_t> failed) {
  std::string_view separator;
  for (uint32_t number = 0; number < group.entity_count(); ++number) {
    const bool has_failed = failed == number;
    if (!has_failed && !group.has_result(number)) continue;
    begin_field(out, separator, group.entity(number));
    out.append(has_failed ? "null" : group.result(number));
    separator = ",";
  }
}

void append_missing(std::string& out, const OpenGroup& group, std::optional<uint32_t> failed) {
  std::string_view separator;
  for (uint32_t number = 0; number < group.entity_count(); ++number) {
    if (group.has_result(number) || failed == number) continue;
    out.append(separator);
    append_json_string(out, group.entity(number));
    separator = ",";
  }
}

void append_error(std::string& out, const OpenGroup& group, const Ending& ending, FailureCode code,
                  const OutcomeRules& rules) {
  out.append(",\"entity\":");
  const bool of_entity = code == FailureCode::kError;
  append_json_string(out, of_entity ? group.entity(ending.failed.value()) : group.id());
  out.append(",\"error\":");
  switch (code) {
    case FailureCode::kError:
      append_json_string(out, ending.error);
      return;
    case FailureCode::kTimeout:
      out.append("\"Operation timed out after ").append(group.ttl_text()).append(" seconds\"");
      return;
    case FailureCode::kTooLarge:
      out.append("\"Outcome is larger than ")
          .append(std::to_string(rules.bytes_max))
          .append(" bytes\"");
      return;
  }
}

void write(const OpenGroup& group, const Ending& ending, std::optional<FailureCode> code,
           const OutcomeRules& rules, Parts parts, std::string& out) {
  out.assign(code ? R"({"type":"EventGroupCollectorFailure","id":)"
                  : R"({"type":"EventGroupCollectorSuccess","id":)");
  append_json_string(out, group.id());
  if (!rules.sender.empty()) {
    out.append(",\"sender\":");
    append_json_string(out, rules.sender);
  }
  if (code) append_error(out, group, ending, *code, rules);
  out.append(",\"created\":\"");
  append_time(out, group.created());
  out.append("\",\"resolved\":\"");
  append_time(out, ending.resolved);
  out.append("\",\"results\":{");
  if (parts.results) append_results(out, group, ending.failed);
  out.append("},\"payload\":");
  out.append(parts.payload ? group.payload() : "null");
  if (code) {
    out.append(",\"code\":\"").append(name(*code)).append("\",\"missing\":[");
    if (parts.lists) append_missing(out, group, ending.failed);
    out.append("],\"errors\":{");
    if (parts.lists && ending.failed) {
      begin_field(out, "", group.entity(*ending.failed));
      append_json_string(out, ending.error);
    }
    out.push_back('}');
  }
  out.push_back('}');
}

}  // namespace

std::string_view name(FailureCode code) {
  switch (code) {
    case FailureCode::kError:
      return "error";
    case FailureCode::kTimeout:
      return "timeout";
    case FailureCode::kTooLarge:
      return "too-large";
  }
  __builtin_unreachable();
}

std::optional<FailureCode> write_outcome(const OpenGroup& group, const Ending& ending,
                                         const OutcomeRules& rules, std::string& out) {
  const auto fits = [&] {
    return out.size() + group.id().size() + kFramingBytes <= rules.bytes_max;
  };
  if (!group.overflowed()) {
    write(group, ending, ending.code, rules, Parts{}, out);
    if (fits()) return ending.code;
  }
  constexpr FailureCode kCode = FailureCode::kTooLarge;
  for (const Parts parts :
       {Parts{false, true, true}, Parts{false, false, true}, Parts{false, false, false}}) {
    write(group, ending, kCode, rules, parts, out);
    if (fits()) break;
  }
  return kCode;
}

bool outcome_fits(std::string_view group_id, const OutcomeRules& rules) {
  // A byte is escaped as six at most. The id is there three times: as key, id and entity.
  const size_t fixed = kFramingBytes + kSmallestBytes + 6 * rules.sender.size();
  if (fixed + 13 * group_id.size() <= rules.bytes_max) return true;
  if (fixed + 3 * group_id.size() > rules.bytes_max) return false;
  std::string quoted;
  append_json_string(quoted, group_id);
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

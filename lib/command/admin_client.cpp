#include "command/admin_client.h"

#include "command/json_reader.h"
#include "command/text.h"
#include "http/client.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>
#include <stdexcept>
#include <thread>

namespace muster::command {
namespace {

constexpr auto kTimeout = std::chrono::seconds(20);
constexpr int kHopsMax = 5;
constexpr int kTriesMax = 10;
constexpr auto kPause = std::chrono::seconds(1);
constexpr unsigned kMisdirected = 421;
constexpr unsigned kUnavailable = 503;

std::string owner_of(const AdminClient::Answer& answer) {
  const auto owner = json_member(answer.body, "owner");
  return owner ? json_text_of(*owner, "admin") : "";
}

}  // namespace

std::vector<config::OptionSpec> with_admin(std::vector<config::OptionSpec> own) {
  own.insert(own.begin(),
             {{"admin", "the admin server of any of the collectors", "127.0.0.1:9464", "HOST:PORT"},
              {"admin-token", "what it wants to see before it changes something", "", "TOKEN"}});
  return own;
}

std::string AdminAddress::text() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

std::optional<AdminAddress> parse_admin_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool number = !port.empty() && port.size() <= 5 &&
                      std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  const bool brackets = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (brackets) host = host.substr(1, host.size() - 2);
  if (!number || host.empty() || (!brackets && host.find_first_of(":[]") != std::string_view::npos))
    return std::nullopt;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  return AdminAddress{std::string(host), std::string(port)};
}

AdminClient::AdminClient(config::Options& options, const Console& console)
    : token_(options.text("admin-token")), console_(console) {
  const auto address = parse_admin_address(options.text("admin"));
  if (!address) options.wrong("admin", "HOST:PORT, e.g. 127.0.0.1:9464");
  first_ = address.value_or(AdminAddress{});
}

AdminClient::Answer AdminClient::ask_one(const AdminAddress& address, const Wish& wish) const {
  auto incoming = http::ask(
      {address.host, address.port, wish.method, wish.target, token_, wish.body}, kTimeout);
  if (!is_json_object(incoming.body))
    throw std::runtime_error(address.text() + " answered with status " +
                             std::to_string(incoming.status) +
                             " and no JSON: is that a collector's admin server?");
  return {incoming.status, std::move(incoming.body), address.text()};
}

AdminClient::Answer AdminClient::ask(const Wish& wish) {
  AdminAddress address = first_;
  std::string said;
  for (int hops = 0, tries = 0;;) {
    Answer answer = ask_one(address, wish);
    if (answer.status == kMisdirected) {
      const std::string owner = owner_of(answer);
      const auto next = parse_admin_address(owner);
      if (!next) throw std::runtime_error(answer.from + ": " + problem_of(answer));
      if (++hops > kHopsMax)
        throw std::runtime_error("each says that another has it, the last one " + owner +
                                 ": the partitions are moving; try again");
      address = *next;
      continue;
    }
    // A change is not asked for twice: nobody knows what became of the first one.
    if (answer.status != kUnavailable || wish.method != "GET" || ++tries == kTriesMax)
      return answer;
    const std::string why = answer.from + ": " + problem_of(answer);
    if (why != said) console_.note(why);
    said = why;
    std::this_thread::sleep_for(kPause);
    if (owner_of(answer).empty()) address = first_;
  }
}

std::vector<std::string> AdminClient::ask_all(
    const std::string& target,
    const std::function<void(const AdminAddress&, const Answer&)>& take) {
  std::vector<std::string> missing;
  std::deque<AdminAddress> waiting = {first_};
  std::set<std::string> known = {first_.text()};
  std::set<std::string> nowhere;  // partitions whose owner has no address
  while (!waiting.empty()) {
    const AdminAddress address = waiting.front();
    waiting.pop_front();
    Answer answer;
    try {
      answer = ask_one(address, {"GET", target, ""});
    } catch (const std::runtime_error& error) {
      if (address == first_) throw;
      missing.emplace_back(error.what());
      continue;
    }
    for (const auto element : json_elements(json_member(answer.body, "elsewhere").value_or(""))) {
      const std::string owner = json_text_of(element, "admin");
      const auto next = parse_admin_address(owner);
      if (!next) {
        nowhere.insert("partition " + json_text_of(element, "partition") + " is with " +
                       json_text_of(element, "member") + ", which has no admin address");
      } else if (known.insert(next->text()).second) {
        waiting.push_back(*next);
      }
    }
    const std::string unknown = json_text_of(answer.body, "elsewhereUnknown");
    if (!unknown.empty())
      missing.push_back("who has the other partitions is not known: " + unknown);
    for (const auto seat : json_elements(json_member(answer.body, "recovering").value_or("")))
      missing.push_back("partition " + json_text_of(seat, "partition") + " is being recovered by " +
                        answer.from);
    const bool has_none = answer.status == kMisdirected || answer.status == kUnavailable;
    if (answer.status == 200) {
      take(address, answer);
    } else if (!has_none || !json_member(answer.body, "elsewhere")) {
      if (address == first_) throw std::runtime_error(answer.from + ": " + problem_of(answer));
      missing.push_back(answer.from + ": " + problem_of(answer));
    }
  }
  missing.insert(missing.end(), nowhere.begin(), nowhere.end());
  return missing;
}

std::string problem_of(const AdminClient::Answer& answer) {
  const std::string detail = json_text_of(answer.body, "detail");
  return detail.empty() ? "status " + std::to_string(answer.status) : printable(detail, SIZE_MAX);
}

}  // namespace muster::command

// Asks the collectors' admin servers. One address is enough: an instance that does not have what is
// asked for says who does, and that one is asked next. Blocking; what cannot be found out is thrown
// as std::runtime_error. One thread.
#pragma once

#include "command/command.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::command {

std::vector<config::OptionSpec> with_admin(std::vector<config::OptionSpec> own);

struct AdminAddress {
  std::string host;
  std::string port;

  std::string text() const;
  bool operator==(const AdminAddress&) const = default;
};
// "HOST:PORT", "[::1]:9464". A server that listens on all interfaces is asked on this machine.
std::optional<AdminAddress> parse_admin_address(std::string_view text);

class AdminClient {
 public:
  struct Answer {
    unsigned status = 0;
    std::string body;  // a JSON object
    std::string from;  // who gave it
  };
  struct Wish {
    std::string method = "GET";
    std::string target;
    std::string body;
  };

  // What is wrong goes to options.errors().
  AdminClient(config::Options& options, const Console& console);

  // Of whoever has it. Waits a while for one that is recovering.
  Answer ask(const Wish& wish);

  // Asks all instances that can be reached, each once; `take` asks that one again for more of it.
  // Returns, in words, what is missing.
  std::vector<std::string> ask_all(
      const std::string& target,
      const std::function<void(const AdminAddress&, const Answer&)>& take);
  Answer ask_one(const AdminAddress& address, const Wish& wish) const;

 private:
  AdminAddress first_;
  std::string token_;
  const Console& console_;
};

// Why the answer is none: its detail, or its status.
std::string problem_of(const AdminClient::Answer& answer);

}  // namespace muster::command

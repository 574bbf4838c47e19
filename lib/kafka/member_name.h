// The client id of a member of the group, by which others know it: the transactional id under which
// it writes, and where its admin server can be asked:
//
//   muster.<group>.<topic>.<instance>[@HOST:PORT]
//
// No name in front of the '@' can hold one. Stateless.
#pragma once

#include <string>
#include <string_view>

namespace muster::kafka {

struct MemberName {
  std::string transactional_id;
  std::string admin;  // may be empty
};

inline std::string member_name(const std::string& transactional_id, const std::string& admin) {
  return admin.empty() ? transactional_id : transactional_id + "@" + admin;
}

inline MemberName read_member_name(std::string_view client_id) {
  const size_t at = client_id.find('@');
  if (at == std::string_view::npos) return {std::string(client_id), ""};
  return {std::string(client_id.substr(0, at)), std::string(client_id.substr(at + 1))};
}

}  // namespace muster::kafka

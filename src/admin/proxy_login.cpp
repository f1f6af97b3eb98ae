#include "admin/proxy_login.h"

#include <algorithm>

#include "admin/secrets.h"
#include "core/text.h"

namespace nightpost::admin {
namespace {

std::size_t times_there(const HttpCall& call, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count(call.headers, name, [](const auto& each) { return std::string_view(each.first); }));
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kProxyNameBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.@+").contains(c);
  });
}

}  // namespace

bool ProxyLogin::makes_admins() const noexcept {
  return is_on() && (other_role == Role::Admin ||
                     std::ranges::any_of(roles, [](const auto& each) { return each.second == Role::Admin; }));
}

std::expected<std::optional<ProxyPerson>, Refusal> person_by_proxy(const HttpCall& call, const ProxyLogin& login) {
  if (!login.is_on() || !call.from_proxy || times_there(call, login.header) == 0) return std::nullopt;
  if (!login.secret.empty() && !same_secret(call.header(kProxySecretHeader), login.secret)) return std::nullopt;
  // A second one may be the client's own, passed on.
  if (times_there(call, login.header) > 1 ||
      (!login.groups_header.empty() && times_there(call, login.groups_header) > 1))
    return refused(401, "unauthorized", "the proxy's header is there twice: it has to take away what clients send");
  ProxyPerson person{.name = std::string(trimmed(call.header(login.header)))};
  if (!is_name(person.name))
    return refused(401, "unauthorized", "the proxy's header holds no name: 1 to 64 letters, digits and -_.@+");
  std::optional<Role> role = login.other_role;
  std::string_view groups = login.groups_header.empty() ? std::string_view() : call.header(login.groups_header);
  while (!groups.empty()) {
    const std::size_t comma = groups.find(',');
    const std::string_view group = trimmed(groups.substr(0, comma));
    person.reader = person.reader || (!group.empty() && group == login.reader_group);
    const auto found = login.roles.find(group);
    if (found != login.roles.end() && (!role || *role < found->second)) role = found->second;
    groups = comma == groups.npos ? std::string_view() : groups.substr(comma + 1);
  }
  if (!role)
    return refused(403, "forbidden", "none of the groups that the proxy names for " + person.name + " has a role here");
  person.role = *role;
  return person;
}

}  // namespace nightpost::admin

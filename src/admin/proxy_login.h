// Whom a proxy before the console says that a request is from: it has logged the person in (OIDC, say) and names them
// in a header. Pure.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "admin/answer.h"
#include "admin/http_call.h"
#include "admin/role.h"

namespace nightpost::admin {

struct ProxyLogin {
  std::string header;         // lower case: "x-forwarded-email"; empty: nobody logs in so
  std::string groups_header;  // lower case: "x-forwarded-groups", with commas; empty: none
  std::string secret;         // what `x-nightpost-proxy-secret` must say; empty: the peer's address is enough
  std::map<std::string, Role, std::less<>> roles;  // by group
  std::string reader_group;                        // whose people read private messages, too; empty: nobody does
  std::optional<Role> other_role;                  // of those in none of these groups; nullopt: they are refused

  bool is_on() const noexcept { return !header.empty(); }
  /// Whether somebody can be an administrator so.
  bool makes_admins() const noexcept;
};

inline constexpr std::size_t kProxyNameBytesMax = 64;
inline constexpr std::string_view kProxySecretHeader = "x-nightpost-proxy-secret";

struct ProxyPerson {
  std::string name;
  Role role = Role::Viewer;
  bool reader = false;
};

/// nullopt: no proxy that is trusted names anybody, so other ways to log in count. 401: the header is there twice, or
/// holds no name; 403: no group gives a role.
std::expected<std::optional<ProxyPerson>, Refusal> person_by_proxy(const HttpCall& call, const ProxyLogin& login);

}  // namespace nightpost::admin

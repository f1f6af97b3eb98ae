// Who calls: by an API token, or by a session that a token or a one-time link began.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/answer.h"
#include "admin/limits.h"
#include "admin/proxy_login.h"
#include "admin/role.h"
#include "core/ids.h"
#include "core/time.h"
#include "store/admin_store.h"

namespace nightpost::admin {

struct AccessOptions {
  milliseconds session_idle{1'800'000};       // a session that no person uses for so long is over
  milliseconds session_lifetime{43'200'000};  // and at the latest after this
  std::size_t sessions_per_token_max = 20;    // its oldest one ends for one more
  milliseconds link_lifetime{900'000};        // of the one-time link that the first start prints
  bool tls = false;                           // the listener's, or the proxy's before it: cookies are for HTTPS alone
  std::string origin;                         // of the page ("https://console.example.com"); empty: not looked at
  ProxyLogin proxy;
};

struct Caller {
  std::string name;
  Role role = Role::Viewer;
  std::vector<AppId> apps;  // empty: all
  std::int64_t token_id = 0;
  bool reader = false;    // of private messages
  std::string session;    // its secret; empty: an API token calls, or
  bool by_proxy = false;  // a proxy has logged the person in
  std::optional<WallTime> expires_at;

  bool may_see(AppId app) const noexcept;
  bool sees_all() const noexcept { return apps.empty(); }
  std::string csrf() const;        // empty: an API token calls
  std::string counted_as() const;  // whose requests count together
};

/// "HTTPS://Console.example.com:443/" is "https://console.example.com": as browsers say it in Origin. Malformed: no
/// http or https address, or more than a host and a port.
Result<std::string> origin_of(std::string_view url);

/// 401 where nobody is known by what the call brings, 429 where too many such came from there; 403 `csrf`, `origin`, or
/// `forbidden`: a proxy names somebody without a role.
/// `by_person`: no page asks by itself, so a session was used.
std::expected<Caller, Refusal> authenticate(const HttpCall& call, bool by_person, store::AdminStore& store, Gate& gate,
                                            const AccessOptions& options, const Clock& clock);

struct Begun {
  Caller caller;
  std::string cookie;  // a Set-Cookie value
};
/// Begins a session by a token's text or a link's. 401, 429, 403 as above.
std::expected<Begun, Refusal> log_in(const HttpCall& call, const std::string& token, const std::string& link,
                                     store::AdminStore& store, Gate& gate, const AccessOptions& options,
                                     const Clock& clock);
Result<void> end_session(const Caller& caller, store::AdminStore& store);
/// The Set-Cookie value that takes the cookie away.
std::string no_cookie(const AccessOptions& options);

/// Of the first start: the text of a link that logs an admin in, once. Earlier ones that were not used end. Overloaded,
/// Io: the store's.
Result<std::string> new_link(store::AdminStore& store, const AccessOptions& options, WallTime now);
/// Whether some token is good that may do everything: else nobody could ever make one.
Result<bool> has_administrator(store::AdminStore& store, WallTime now);

/// Whether the token is good now; a link is judged by use_link().
std::string_view state_of(const store::AdminToken& token, WallTime now) noexcept;  // "active", "expired", "revoked"

inline constexpr std::size_t kTokensListedMax = 1'000;
inline constexpr std::size_t kSessionsListedMax = 1'000;

}  // namespace nightpost::admin

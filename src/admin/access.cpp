#include "admin/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "admin/secrets.h"
#include "core/text.h"

namespace nightpost::admin {
namespace {

constexpr milliseconds kUseNotedEvery{60'000};  // a write a request would be too many

std::string_view cookie_name(const AccessOptions& options) {
  return options.tls ? "__Host-nightpost" : "nightpost";  // RFC 6265bis §4.1.3.2: the prefix wants Secure
}

/// The value of our cookie; empty: none. Of two, the first: another one could only be planted.
std::string_view cookie_in(const HttpCall& call, std::string_view name) {
  for (const auto& [field, value] : call.headers) {
    if (field != "cookie") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t end = rest.find(';');
      const std::string_view pair = trimmed(rest.substr(0, end));
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
      if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
        return pair.substr(name.size() + 1);
    }
  }
  return {};
}

std::string cookie_with(const AccessOptions& options, std::string_view value, seconds age) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", cookie_name(options), value, age.count(),
                     options.tls ? "; Secure" : "");
}

Caller caller_of(const store::AdminToken& token) {
  return {.name = token.name,
          .role = role_from(token.role).value_or(Role::Viewer),
          .apps = token.apps,
          .token_id = token.id,
          .reader = token.reader,
          .session = {},
          .by_proxy = false,
          .expires_at = token.expires_at};
}

auto too_many(seconds wait, std::string message) {
  return std::unexpected(Refusal{429, "too_many", std::move(message), "", std::to_string(wait.count())});
}

/// Counts the failure; says 429 once there were too many.
std::unexpected<Refusal> nobody(const HttpCall& call, Gate& gate, MonoTime now, std::string message) {
  if (const auto wait = gate.login_wait(call.counted_as, now))
    return too_many(*wait, "too many credentials from your address were refused");
  gate.login_failed(call.counted_as, now);
  return refused(401, "unauthorized", std::move(message));
}

/// A browser says which page sends a change. One of ours is at the address that the config names.
std::optional<Refusal> foreign_page(const HttpCall& call, const AccessOptions& options) {
  const std::string_view origin = call.header("origin");
  if (options.origin.empty() || origin.empty() || origin == options.origin) return std::nullopt;
  return Refusal{403, "origin",
                 fmt::format("a page of another address sent this; console.public_url is {}", options.origin)};
}

/// What a browser sends with its cookies unasked changes nothing.
std::optional<Refusal> forged_change(const HttpCall& call, const Caller& caller, const AccessOptions& options) {
  if (call.method == "GET" || call.method == "HEAD") return std::nullopt;
  if (auto foreign = foreign_page(call, options)) return foreign;
  if (same_secret(call.header("x-nightpost-csrf"), caller.csrf())) return std::nullopt;
  return Refusal{403, "csrf", "X-Nightpost-CSRF is missing or another session's: read it from GET /v1/me"};
}

std::expected<Caller, Refusal> by_token(const HttpCall& call, std::string_view value, store::AdminStore& store,
                                        Gate& gate, const Clock& clock) {
  const WallTime now = clock.wall();
  constexpr std::string_view kBearer = "Bearer ";
  if (!value.starts_with(kBearer)) return nobody(call, gate, clock.mono(), "Authorization: not Bearer and a token");
  const auto found = store.token_of(hash_of(trimmed(value.substr(kBearer.size()))));
  if (!found) return refused(found.error());
  if (!*found) return nobody(call, gate, clock.mono(), "the token is unknown");
  const store::AdminToken& token = **found;
  if (const std::string_view state = state_of(token, now); state != "active")
    return nobody(call, gate, clock.mono(), fmt::format("the token is {}", state));
  // Only a note: a store that takes no writes now still lets people look, until they were idle for too long.
  if (!token.used_at || now - *token.used_at >= kUseNotedEvery) (void)store.touch_token(token.id, now);
  return caller_of(token);
}

std::expected<Caller, Refusal> by_session(const HttpCall& call, bool by_person, std::string_view secret,
                                          store::AdminStore& store, const AccessOptions& options, WallTime now) {
  const std::string hash = hash_of(secret);
  const auto found = store.session(hash);
  if (!found) return refused(found.error());
  if (!*found) return refused(401, "unauthorized", "the session is over: log in again");
  const store::AdminSession& session = **found;
  const bool link = session.token.kind == store::AdminToken::Kind::Link;  // its own end was that of logging in
  const bool over = now >= session.ends_at || now - session.used_at >= options.session_idle;
  if (over || session.token.revoked_at || (!link && state_of(session.token, now) != "active"))
    return refused(401, "unauthorized", "the session is over: log in again");
  const milliseconds noted_every = std::min(kUseNotedEvery, options.session_idle / 4);
  if (by_person && now - session.used_at >= noted_every) (void)store.touch_session(hash, now);  // likewise
  Caller caller = caller_of(session.token);
  caller.session = secret;
  caller.expires_at = session.ends_at;
  if (auto forged = forged_change(call, caller, options)) return std::unexpected(*std::move(forged));
  return caller;
}

}  // namespace

bool Caller::may_see(AppId app) const noexcept { return apps.empty() || std::ranges::find(apps, app) != apps.end(); }

std::string Caller::csrf() const {
  // Of a proxy's it is no secret: another site's page cannot send the header at all without asking first.
  if (by_proxy) return csrf_of("proxy:" + name);
  return session.empty() ? "" : csrf_of(session);
}

std::string Caller::counted_as() const { return by_proxy ? "proxy:" + name : std::to_string(token_id); }

std::string_view state_of(const store::AdminToken& token, WallTime now) noexcept {
  if (token.revoked_at) return "revoked";
  return token.expires_at && now >= *token.expires_at ? "expired" : "active";
}

Result<std::string> origin_of(std::string_view url) {
  std::string text(url);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const bool tls = text.starts_with("https://");
  if (!tls && !text.starts_with("http://")) return fail(Errc::Malformed, "begins with neither https:// nor http://");
  if (text.ends_with('/')) text.pop_back();
  const std::size_t begin = tls ? 8 : 7;
  if (text.size() <= begin) return fail(Errc::Malformed, "names no host");
  const std::string_view place = std::string_view(text).substr(begin);
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyz0123456789.-_[]:";
  if (place.find_first_not_of(kPlain) != place.npos)
    return fail(Errc::Malformed, "is more than a host and a port; a path before the console is not supported");
  const std::size_t colon = place.find(':', place.starts_with('[') ? place.find(']') : 0);
  if (colon == place.npos) return text;
  const std::string_view port = place.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (colon == 0 || error != std::errc{} || end != port.data() + port.size() || number == 0)
    return fail(Errc::Malformed, "names no host, or no port from 1 to 65535");
  const std::string host(place.substr(0, colon));
  return fmt::format("{}{}{}", tls ? "https://" : "http://", host,
                     number == (tls ? 443 : 80) ? "" : fmt::format(":{}", number));
}

std::expected<Caller, Refusal> authenticate(const HttpCall& call, bool by_person, store::AdminStore& store, Gate& gate,
                                            const AccessOptions& options, const Clock& clock) {
  if (const std::string_view value = call.header("authorization"); !value.empty())
    return by_token(call, value, store, gate, clock);
  const auto person = person_by_proxy(call, options.proxy);
  if (!person) return std::unexpected(person.error());
  if (*person) {
    Caller caller{.name = (*person)->name, .role = (*person)->role, .reader = (*person)->reader, .by_proxy = true};
    if (auto forged = forged_change(call, caller, options)) return std::unexpected(*std::move(forged));
    return caller;
  }
  const std::string_view cookie = cookie_in(call, cookie_name(options));
  if (cookie.empty()) return refused(401, "unauthorized", "log in, or send Authorization: Bearer and a token");
  return by_session(call, by_person, cookie, store, options, clock.wall());
}

std::expected<Begun, Refusal> log_in(const HttpCall& call, const std::string& token, const std::string& link,
                                     store::AdminStore& store, Gate& gate, const AccessOptions& options,
                                     const Clock& clock) {
  if (auto foreign = foreign_page(call, options)) return std::unexpected(*std::move(foreign));
  if (const auto wait = gate.login_wait(call.counted_as, clock.mono()))
    return too_many(*wait, "too many log-ins from your address failed");
  const WallTime now = clock.wall();
  const auto found = link.empty() ? store.token_of(hash_of(token)) : store.use_link(hash_of(link), now);
  if (!found) return refused(found.error());
  const std::string_view what = link.empty() ? "token" : "link";
  if (!*found)
    return nobody(call, gate, clock.mono(),
                  link.empty() ? "the token is unknown" : "the link is unknown, was used, or is over");
  if (link.empty() && state_of(**found, now) != "active")
    return nobody(call, gate, clock.mono(), fmt::format("the {} is {}", what, state_of(**found, now)));
  // Each log-in is an entry of the audit log: without a rate a viewer could push all others out of it.
  if (const auto wait = gate.request_wait(std::to_string((*found)->id), clock.mono()))
    return too_many(*wait, "too many requests by this token");
  auto secret = new_secret(kSessionPrefix);
  if (!secret) return refused(secret.error());
  const WallTime ends_at = now + options.session_lifetime;
  if (const auto pruned = store.prune_sessions(now - options.session_idle, now); !pruned)
    return refused(pruned.error());
  if (const auto added =
          store.add_session(hash_of(*secret), (*found)->id, now, ends_at, options.sessions_per_token_max);
      !added)
    return refused(added.error());
  Begun begun{caller_of(**found), cookie_with(options, *secret, std::chrono::floor<seconds>(options.session_lifetime))};
  begun.caller.session = *std::move(secret);
  begun.caller.expires_at = ends_at;
  return begun;
}

Result<void> end_session(const Caller& caller, store::AdminStore& store) {
  return store.remove_session(hash_of(caller.session));
}

std::string no_cookie(const AccessOptions& options) { return cookie_with(options, "", seconds(0)); }

Result<std::string> new_link(store::AdminStore& store, const AccessOptions& options, WallTime now) {
  auto secret = new_secret(kLinkPrefix);
  if (!secret) return secret;
  if (auto ended = store.revoke_unused_links(now); !ended) return std::unexpected(std::move(ended.error()));
  const store::AdminToken link{.name = "first-start",
                               .kind = store::AdminToken::Kind::Link,
                               .role = std::string(name_of(Role::Admin)),
                               .created_at = now,
                               .created_by = "local",
                               .expires_at = now + options.link_lifetime};
  if (auto added = store.add_token(link, hash_of(*secret)); !added) return std::unexpected(std::move(added.error()));
  return secret;
}

Result<bool> has_administrator(store::AdminStore& store, WallTime now) {
  const auto all = store.tokens(kTokensListedMax);
  if (!all) return std::unexpected(all.error());
  return std::ranges::any_of(*all, [now](const store::AdminToken& token) {
    return token.role == name_of(Role::Admin) && token.apps.empty() && state_of(token, now) == "active";
  });
}

}  // namespace nightpost::admin

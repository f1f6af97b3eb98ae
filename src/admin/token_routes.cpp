// API tokens, sessions and the audit log.
#include <algorithm>
#include <charconv>

#include "admin/routes.h"
#include "admin/secrets.h"
#include "admin/views.h"

namespace nightpost::admin {
namespace {

/// An admin of some apps has to do with tokens that are for these alone.
bool may_manage(const Caller& caller, const store::AdminToken& token) {
  if (caller.sees_all()) return true;
  return !token.apps.empty() && std::ranges::all_of(token.apps, [&](AppId app) { return caller.may_see(app); });
}

/// Of a link the rights stand until its session ends.
bool is_good(const store::AdminToken& token, WallTime now) {
  if (token.kind == store::AdminToken::Kind::Link) return !token.revoked_at;
  return state_of(token, now) == "active";
}

/// Empty: an API token calls.
std::string own_session(const Request& request) {
  return request.caller.session.empty() ? "" : hash_of(request.caller.session).substr(0, store::kSessionIdBytes);
}

}  // namespace

Reply list_tokens(Request& request) {
  const auto all = request.tools.admin.tokens(kTokensListedMax);
  if (!all) return refused(all.error());
  nlohmann::json items = nlohmann::json::array();
  for (const store::AdminToken& token : *all)
    if (may_manage(request.caller, token)) items.push_back(token_view(token, request.now));
  return Answer{200, {{"items", std::move(items)}}};
}

Reply add_token(Request& request) {
  const store::AdminToken token{.name = request.body.text("name"),
                                .role = request.body.text("role"),
                                .apps = request.body.apps("apps"),
                                .created_at = request.now,
                                .created_by = request.caller.name,
                                .reader = request.body.flag("reader"),
                                .expires_at = request.body.time("expires_at")};
  if (!may_manage(request.caller, token)) return refused(403, "wrong_app", "nobody gives more than they have", "apps");
  if (token.reader && !request.caller.reader)
    return refused(403, "forbidden",
                   "nobody gives more than they have: the first reader is made by nightpost token add --reader",
                   "reader");
  if (token.expires_at && *token.expires_at <= request.now) return invalid("is past", "expires_at");
  auto secret = new_secret(kTokenPrefix);
  if (!secret) return refused(secret.error());
  request.note = {.made = true, .app = token.apps.size() == 1 ? token.apps.front() : AppId{0}, .object = token.name};
  const auto added = request.tools.admin.add_token(token, hash_of(*secret));
  if (!added) {
    Refusal refusal = refusal_of(added.error());
    if (refusal.status == 422) refusal.path = "name";
    return std::unexpected(std::move(refusal));
  }
  request.note.after = token_view(*added, request.now);
  nlohmann::json shown = token_view(*added, request.now);
  shown["secret"] = *std::move(secret);
  return Answer{201, std::move(shown)};
}

Reply revoke_token(Request& request) {
  const std::string& text = request.in_path.at(0);
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const auto none = [&] { return not_found("no token " + text + " that is not revoked"); };
  if (error != std::errc{} || end != text.data() + text.size()) return none();
  const auto token = request.tools.admin.token(id);
  if (!token && token.error().code != Errc::NotFound) return refused(token.error());
  if (!token || !may_manage(request.caller, *token)) return none();
  const auto revoked = request.tools.admin.revoke_token(id, request.now);
  if (!revoked) return refused(revoked.error());
  request.note = {.made = true,
                  .app = token->apps.size() == 1 ? token->apps.front() : AppId{0},
                  .object = token->name,
                  .before = token_view(*token, request.now)};
  return Answer{204, nullptr};
}

Reply list_sessions(Request& request) {
  const WallTime used_since = request.now - request.tools.options.access.session_idle;
  const auto all = request.tools.admin.sessions(used_since, request.now, kSessionsListedMax + 1);
  if (!all) return refused(all.error());
  const std::string own = own_session(request);
  nlohmann::json items = nlohmann::json::array();
  for (const store::AdminSession& session : std::span(*all).first(std::min(all->size(), kSessionsListedMax)))
    if (may_manage(request.caller, session.token) && is_good(session.token, request.now))
      items.push_back(session_view(session, session.id == own));
  return Answer{200, {{"items", std::move(items)}, {"more", all->size() > kSessionsListedMax}}};
}

Reply end_listed_session(Request& request) {
  const std::string& id = request.in_path.at(0);
  const auto none = [&] { return not_found("no session " + id); };
  const auto session = request.tools.admin.session_of_id(id);
  if (!session) return refused(session.error());
  if (!*session || !may_manage(request.caller, (*session)->token)) return none();
  if (const auto ended = request.tools.admin.remove_session_of_id(id); !ended) return refused(ended.error());
  request.note = {.made = true,
                  .app = (*session)->token.apps.size() == 1 ? (*session)->token.apps.front() : AppId{0},
                  .object = (*session)->token.name,
                  .before = session_view(**session, id == own_session(request))};
  return Answer{204, nullptr};
}

Reply list_audit(Request& request) {
  const Values& query = request.query;
  const auto limit = static_cast<std::size_t>(query.number("limit", 100));
  store::AuditQuery asked{.apps = query.has("app") ? std::vector<AppId>{request.app()} : request.caller.apps,
                          .who = query.text("who"),
                          .what = query.text("what"),
                          .since = query.time("since"),
                          .until = query.time("until")};
  if (query.has("before")) asked.before = query.number("before");
  const auto found = request.tools.admin.audit(asked, limit);
  if (!found) return refused(found.error());
  nlohmann::json items = nlohmann::json::array();
  for (const store::AuditEntry& entry : *found) items.push_back(audit_view(entry));
  const bool last = found->size() < limit;
  return Answer{200,
                {{"items", std::move(items)}, {"next", last ? nlohmann::json() : nlohmann::json(found->back().id)}}};
}

}  // namespace nightpost::admin

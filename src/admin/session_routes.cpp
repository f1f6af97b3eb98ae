// Who I am, logging in and out, how the server is.
#include "admin/routes.h"
#include "admin/views.h"

namespace nightpost::admin {
namespace {

nlohmann::json me_view(const Caller& caller, const Tools& tools) {
  return {{"name", caller.name},
          {"role", name_of(caller.role)},
          {"reader", caller.reader},
          {"apps", apps_or_null(caller.apps)},
          {"csrf", caller.csrf().empty() ? nlohmann::json() : nlohmann::json(caller.csrf())},
          {"session", !caller.session.empty()},
          {"by_proxy", caller.by_proxy},
          {"expires_at", time_or_null(caller.expires_at)},
          {"version", tools.options.version}};
}

}  // namespace

Reply login(Request& request) {
  const std::string token = request.body.text("token"), link = request.body.text("link");
  if (token.empty() == link.empty()) return malformed("name one of token and link", "token");
  const Tools& tools = request.tools;
  auto begun = log_in(request.call, token, link, tools.admin, tools.gate, tools.options.access, tools.clock);
  if (!begun) return std::unexpected(std::move(begun.error()));
  request.caller = begun->caller;
  request.note = {.made = true, .object = token.empty() ? "by link" : "by token"};
  return Answer{200, me_view(begun->caller, tools), {{"set-cookie", begun->cookie}}};
}

Reply logout(Request& request) {
  if (request.caller.by_proxy) return malformed("the proxy has logged you in: log out there");
  if (request.caller.session.empty()) return malformed("an API token has no session to end");
  if (const auto ended = end_session(request.caller, request.tools.admin); !ended) return refused(ended.error());
  request.note = {.made = true};
  return Answer{204, nullptr, {{"set-cookie", no_cookie(request.tools.options.access)}}};
}

Reply me(Request& request) { return Answer{200, me_view(request.caller, request.tools)}; }

Reply health(Request& request) {
  const Tools& tools = request.tools;
  const auto found = tools.store.certificates(std::nullopt);
  const std::string traces = tools.traces.trouble();
  nlohmann::json certificates;
  if (found) {
    std::size_t active = 0, disabled = 0, warned = 0;
    std::optional<WallTime> next;
    for (const Certificate& certificate : *found) {
      if (!request.may_see(certificate.app)) continue;
      if (certificate.status == CertificateStatus::Disabled) {
        ++disabled;
        continue;
      }
      ++active;
      warned += tools.certificates.warnings(certificate, request.now).empty() ? 0 : 1;
      if (const auto ends = tools.certificates.ends(certificate); ends && (!next || *ends < *next)) next = ends;
    }
    certificates = {
        {"active", active}, {"disabled", disabled}, {"warned", warned}, {"expire_next", time_or_null(next)}};
  }
  return Answer{200,
                {{"version", tools.options.version},
                 {"started_at", to_ms(tools.options.started_at)},
                 {"now", to_ms(request.now)},
                 {"store", {{"ready", found.has_value()}, {"why", found ? "" : found.error().detail}}},
                 {"trace", {{"ready", traces.empty()}, {"why", traces}}},
                 {"certificates", std::move(certificates)}}};
}

Reply openapi(Request& request) { return Answer{200, openapi_document(request.tools.options.version)}; }

}  // namespace nightpost::admin

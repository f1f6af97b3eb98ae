#include "admin/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <typeinfo>

#include "admin/explain.h"
#include "admin/routes.h"
#include "admin/static_files.h"
#include "admin/target.h"
#include "observe/log.h"

namespace nightpost::admin {
namespace {

struct Found {
  const Route* route = nullptr;
  std::vector<std::string> in_path;
  std::string allowed;  // methods of that path, where none fits
};

Found find_route(std::string_view method, const std::vector<std::string>& segments) {
  Found found;
  for (const Route& route : routes()) {
    auto in_path = match_path(route.path, segments);
    if (!in_path) continue;
    if (route.method == method) return {&route, *std::move(in_path), ""};
    if (found.allowed.contains(route.method)) continue;  // "…/removed" is "…/{id}", too
    found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return found;
}

std::expected<nlohmann::json, Refusal> read_body(const HttpCall& call, const Route& route) {
  if (call.body.empty() && route.body.empty() && !route.events && !route.lines) return nlohmann::json::object();
  std::string_view type = call.header("content-type");
  type = type.substr(0, type.find(';'));
  // A form on another site cannot send this type without asking us first, and we allow nobody.
  if (route.events && (type == "application/json" || type == "application/x-ndjson")) return nlohmann::json::object();
  if (route.lines && type == "application/x-ndjson") return nlohmann::json::object();
  if (route.lines) return refused(415, "not_json", "Content-Type must be application/x-ndjson");
  if (type != "application/json")
    return refused(415, "not_json",
                   route.events ? "Content-Type must be application/json or application/x-ndjson"
                                : "Content-Type must be application/json");
  return read_members(call.body, route.body);
}

/// The app that a call names must be one of the caller's.
std::optional<Refusal> wrong_app(const Request& request) {
  const auto check = [&](AppId app, const char* path) -> std::optional<Refusal> {
    if (request.may_see(app)) return std::nullopt;
    return Refusal{403, "wrong_app", fmt::format("this token is not for app {}", app.value), path};
  };
  if (request.query.has("app"))
    if (auto wrong = check(request.app(), "query.app")) return wrong;
  if (request.body.has("app_id"))
    if (auto wrong = check(AppId{request.body.number("app_id")}, "app_id")) return wrong;
  for (const AppId app : request.body.apps("apps"))
    if (auto wrong = check(app, "apps")) return wrong;
  return std::nullopt;
}

std::string text_of_note(const nlohmann::json& json) {
  return json.is_null() ? "" : json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// True: it stands in the log.
bool record(const Request& request, const Route& route, const std::string& outcome, observe::Log* log) {
  const AuditNote& note = request.note;
  const store::AuditEntry entry{.at = request.now,
                                .who = note.who.empty() ? request.caller.name : note.who,
                                .token_id = request.caller.token_id,
                                .origin = request.call.from,
                                .app = note.app,
                                .what = std::string(route.deed),
                                .object = note.object,
                                .before = text_of_note(note.before),
                                .after = text_of_note(note.after),
                                .outcome = outcome};
  const auto added = request.tools.admin.add_audit(entry);
  if (log != nullptr) {
    log->info("admin.change", {observe::kv("who", entry.who), observe::kv("what", entry.what),
                               observe::kv("object", entry.object), observe::kv("app_id", entry.app.value),
                               observe::kv("from", entry.origin), observe::kv("outcome", entry.outcome)});
    if (!added)
      log->error("admin.not_recorded", {observe::kv("what", entry.what), observe::kv("why", added.error().detail)});
  }
  return added.has_value();
}

Answered as_answered(const Refusal& refusal) { return {as_http(refusal)}; }

/// REQUIRED: the route's role was checked.
Answered run_route(Request& request, const Route& route, observe::Log* log) {
  Reply reply = route.handler(request);
  if (!reply && route.path.starts_with("/v1/certificates"))
    reply = std::unexpected(explained(std::move(reply.error())));
  // A credential or value that was tried and refused is of interest, too; typing mistakes in JSON are not.
  const bool tried = !reply && request.note.made;
  if (route.deed.empty() || (!tried && !(reply && request.note.made)))
    return {reply ? as_http(*reply) : as_http(reply.error())};
  const bool recorded = record(request, route, reply ? "done" : "failed: " + reply.error().message, log);
  // What is private is shown to nobody of whom the log does not say so; nor that there is nothing.
  const bool looked = route.method == "GET" || route.reader;
  if (!recorded && (reply || looked))
    return {as_http(Refusal{503, "not_recorded",
                            looked ? "the audit log took no entry, so nothing is shown: tell who runs this"
                                   : "the change was made, but the audit log took no entry: tell who runs this"}),
            reply.has_value(), true};
  if (!reply) return {as_http(reply.error()), false, !recorded};
  return {as_http(*reply), true, false};
}

Answered answer_api(const HttpCall& call, const Tools& tools, observe::Log* log) {
  auto target = read_target(call.target);
  if (!target) return as_answered(target.error());
  Found found = find_route(call.method, target->segments);
  if (found.route == nullptr && found.allowed.empty()) return as_answered({404, "not_found", "no such route"});
  if (found.route == nullptr) {
    Answered out = as_answered({405, "method", "not for this path: " + call.method});
    out.http.headers.emplace_back("allow", found.allowed);
    return out;
  }
  const Route& route = *found.route;
  Request request{.tools = tools,
                  .call = call,
                  .caller = {},
                  .in_path = std::move(found.in_path),
                  .query = {},
                  .body = {},
                  .now = tools.clock.wall()};
  if (route.role) {
    // A page that is left open asks on by itself, and would keep its session for ever.
    const bool polls = (route.handler == watch_live && target->query.contains("after")) ||
                       (route.handler == show_workers && target->query.contains("again"));
    auto caller = authenticate(call, !polls, tools.admin, tools.gate, tools.options.access, tools.clock);
    if (!caller) {
      if (log != nullptr)
        log->warn("admin.refused", {observe::kv("code", caller.error().code), observe::kv("from", call.from)});
      return as_answered(caller.error());
    }
    request.caller = *std::move(caller);
    tools.store.write_as("console:" + request.caller.name);  // whose versions of certificates are written
    if (const auto wait = tools.gate.request_wait(request.caller.counted_as(), tools.clock.mono()))
      return as_answered({429, "too_many", "too many requests by this caller", "", std::to_string(wait->count())});
    if (request.caller.role < *route.role)
      return as_answered({403, "forbidden",
                          fmt::format("this wants the role {}, and {} is {}", name_of(*route.role), request.caller.name,
                                      name_of(request.caller.role))});
    if (route.reader && !request.caller.reader)
      return as_answered({403, "forbidden",
                          fmt::format("this wants a reader of private messages, and {} is none: no role includes it",
                                      request.caller.name)});
  }
  auto query = typed_query(target->query, route.query);
  if (!query) return as_answered(query.error());
  request.query = Values(*std::move(query));
  auto body = read_body(call, route);
  if (!body) return as_answered(body.error());
  request.body = Values(*std::move(body));
  if (route.role)
    if (const auto wrong = wrong_app(request)) return as_answered(*wrong);
  return run_route(request, route, log);
}

bool is_api(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  return path == "/v1" || path.starts_with("/v1/");
}

}  // namespace

Answered answer(const HttpCall& call, const Tools& tools, observe::Log* log) {
  if (!is_api(call.target)) return {page_answer(call)};
  try {
    return answer_api(call, tools, log);
  } catch (const std::exception& error) {  // its words may quote the request
    if (log != nullptr)
      log->error("admin.broken", {observe::kv("exception", typeid(error).name()), observe::kv("method", call.method)});
    return as_answered({500, "broken", "a fault of this program; its log has the time of it"});
  }
}

HttpAnswer page_answer(const HttpCall& call) {
  HttpAnswer out{.headers = {{"content-security-policy",
                              "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
                              "object-src 'none'"},
                             {"x-content-type-options", "nosniff"},
                             {"referrer-policy", "no-referrer"},
                             {"cache-control", "no-cache"}}};
  const auto say = [&](int status, std::string text) {
    out.status = status;
    out.headers.emplace_back("content-type", "text/plain; charset=utf-8");
    out.body = std::move(text);
    return out;
  };
  if (call.method != "GET" && call.method != "HEAD") {
    out.headers.emplace_back("allow", "GET, HEAD");
    return say(405, "only GET\n");
  }
  // A map, so no path leads out of it: "/../etc/passwd" is just a name that is not there.
  std::string_view path = std::string_view(call.target).substr(0, call.target.find('?'));
  const auto files = static_files();
  auto file = std::ranges::find(files, path, &StaticFile::path);
  const bool of_the_page = !path.substr(path.rfind('/') + 1).contains('.');
  if (file == files.end() && of_the_page) file = std::ranges::find(files, "/index.html", &StaticFile::path);
  if (file == files.end()) return say(404, "no such file\n");
  out.headers.emplace_back("etag", file->etag);
  if (call.header("if-none-match") == file->etag) {
    out.status = 304;
    return out;
  }
  out.headers.emplace_back("content-type", file->type);
  if (call.method == "GET") out.body = file->bytes;
  return out;
}

}  // namespace nightpost::admin

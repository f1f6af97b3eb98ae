#include "im/rest/rest_api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "core/uuid.h"
#include "im/rest/openapi.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kRequestIdDigits = 16;
constexpr seconds kSignaturesKnownFor{5};  // another IM server of the store may kick an administrator, too
static_assert(RestMetrics::kCommandsMax >= 200);

/// nullopt: no positive number and nothing else.
std::optional<AppId> app_from(std::string_view text) {
  AppId app;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), app.value);
  if (error != std::errc{} || end != text.data() + text.size() || app.value < 1) return std::nullopt;
  return app;
}

std::string envelope(Family family, const Outcome& outcome) {
  RestJson out = {
      {"ActionStatus", outcome.code == 0 ? "OK" : "FAIL"}, {"ErrorInfo", outcome.info}, {"ErrorCode", outcome.code}};
  if (outcome.code != 0 && outcome.info.empty()) out["ErrorInfo"] = "refused";
  if (family == Family::Friend || family == Family::Profile || family == Family::Conversation)
    out["ErrorDisplay"] = outcome.code == 0 ? RestJson("") : out["ErrorInfo"];
  out.update(outcome.members);
  return out.dump(-1, ' ', false, RestJson::error_handler_t::replace);
}

std::int32_t bad_json_code(Family family) {
  return family == Family::Message ? 90001 : family == Family::Group ? 10011 : 60003;
}

std::size_t place_of(const RestCommand* command) { return static_cast<std::size_t>(command - rest_commands().data()); }

}  // namespace

std::string_view name_of(RestRefused why) noexcept {
  static constexpr std::array<std::string_view, std::size_t(RestRefused::Count)> kNames = {
      "url", "signature", "not_administrator", "rate", "body", "unknown_command", "not_offered", "busy"};
  return why < RestRefused::Count ? kNames[std::size_t(why)] : "unknown";
}

server::ServerOptions server_options(const RestOptions& options) {
  server::ServerOptions server;
  server.body_bytes_max = options.body_bytes_max;
  server.headers_bytes_max = 32'768;  // a signature of 8 KiB, percent-encoded
  server.connections_max = options.connections_max;
  server.connections_per_address_max = options.connections_max;  // business servers are few, and behind proxies
  return server;
}

RestApi::RestApi(const Parts& parts, RestOptions options)
    : parts_(parts),
      options_(std::move(options)),
      tools_{parts_.service, parts_.groups, parts_.group_admin, parts_.presence, parts_.clock, parts_.mass},
      rates_(options_) {}

void RestApi::start() {
  for (const auto& [app, users] : options_.administrators)
    for (const std::string& user : users)
      parts_.service.import_account({app, user}, {}, [log = parts_.log](const Answer<void>& made) {
        if (!made && log != nullptr)
          log->error("im.rest.administrator_not_made", {observe::kv("why", made.error().why)});
      });
}

bool RestApi::is_administrator(const UserKey& who) const {
  const auto found = options_.administrators.find(who.app);
  return found != options_.administrators.end() && std::ranges::find(found->second, who.user) != found->second.end();
}

void RestApi::answer(std::string_view method, std::string_view target, std::string_view body, Done done) {
  Request request{
      .id =
          hex_of({std::to_string(to_ms(parts_.clock.wall())), std::to_string(++requests_)}).substr(0, kRequestIdDigits),
      .command = nullptr,
      .administrator = {},
      .body = {},
      .came = parts_.loop.now(),
      .done = std::move(done),
      .slot = {}};
  const auto say = [&](RestRefused why, std::int32_t code, std::string info, int status = 200) {
    refuse(std::move(request), why, code, std::move(info), status);
  };
  if (method == "GET" && target == kOpenapiPath) return request.done({200, request.id, openapi()});
  if (draining_) return say(RestRefused::Busy, 60018, "the server is stopping: repeat", 503);
  if (method != "POST") return say(RestRefused::Url, 60002, "the method is not POST", 405);
  const auto url = rest_url(target);
  if (!url) return say(RestRefused::Url, 60009, "the path is not /v4/SERVICE/COMMAND", 404);
  request.command = find_command(url->service, url->command);
  if (request.command == nullptr)
    return say(RestRefused::Unknown, unknown_command_code(url->service), "the path names no command of the API");
  if (!url->app) return say(RestRefused::Url, 60012, "sdkappid: missing in the URL");
  const auto app = app_from(*url->app);
  if (!app) return say(RestRefused::Url, 60006, "sdkappid: not a positive number");
  if (!url->identifier || url->identifier->empty())
    return say(RestRefused::Url, 60004, "identifier: missing in the URL");
  request.administrator = {*app, *url->identifier};
  const auto signature = parts_.service.verify(*app, *url->identifier, url->signature.value_or(""));
  if (!signature)
    return say(RestRefused::Signature, static_cast<std::int32_t>(signature.error().code), signature.error().why);
  if (!is_administrator(request.administrator))
    return say(RestRefused::NotAdministrator, 60010, "identifier: not an administrator of this app");
  if (const std::int32_t code = rates_.take(*app, *request.command, request.came); code != 0)
    return say(RestRefused::Rate, code,
               code == 60007 ? "this command is called too often" : "this app calls too often");
  const bool without_groups = request.command->family == Family::Group && parts_.groups == nullptr;
  if (request.command->handler == nullptr || without_groups)
    return say(RestRefused::NotOffered, without_groups ? unknown_command_code(url->service) : request.command->code,
               "this server does not offer this command");
  std::string why;
  auto parsed = parse_request(body, why);
  if (!parsed) return say(RestRefused::Body, bad_json_code(request.command->family), std::move(why));
  if (open_ >= options_.calls_open_max) return say(RestRefused::Busy, 60018, "too many calls are at work: repeat", 503);
  request.body = *std::move(parsed);
  request.slot = Slot(*this);
  when_valid(std::move(request), signature->issued);
}

const std::string& RestApi::openapi() {
  if (openapi_.empty()) openapi_ = openapi_document(tools_, options_).dump(2);
  return openapi_;
}

void RestApi::when_valid(Request request, WallTime issued) {
  const auto go_on = [this, issued](Request&& valid, WallTime from) {
    if (issued >= from) return run(std::move(valid));
    refuse(std::move(valid), RestRefused::Signature, static_cast<std::int32_t>(Code::SigRevoked),
           "usersig: this administrator was kicked after it was issued");
  };
  const UserKey who = request.administrator;
  if (const auto known = signatures_from_.find(who);
      known != signatures_from_.end() && request.came - known->second.looked_at < kSignaturesKnownFor)
    return go_on(std::move(request), known->second.signatures_from);
  auto reply = [this, who, go_on, kicks = kicks_,
                request = std::move(request)](Answer<std::vector<AccountState>> got) mutable {
    if (!got)
      return finish(std::move(request), {rest_code(request.command->family, got.error().code), got.error().why, {}});
    const WallTime from = got->front().signatures_from;
    if (kicks == kicks_) signatures_from_.insert_or_assign(who, Known{from, request.came});
    go_on(std::move(request), from);
  };
  parts_.service.accounts(who.app, {who.user}, std::move(reply));
}

void RestApi::run(Request request) {
  const RestCommand* const command = request.command;
  nlohmann::json body = std::move(request.body);
  const UserKey who = request.administrator;
  Call call(tools_, command->family, who, std::move(body),
            [this, request = std::move(request)](Outcome outcome) mutable { finish(std::move(request), outcome); });
  command->handler(std::move(call));
}

void RestApi::finish(Request request, const Outcome& outcome) {
  if (request.command->handler == &kick || request.command->handler == &account_delete) {
    signatures_from_.clear();
    ++kicks_;
  }
  RestMetrics::Command& counts = parts_.metrics.commands[place_of(request.command)];
  (outcome.code == 0 ? counts.done : counts.failed).add();
  respond(request, outcome);
}

void RestApi::refuse(Request request, RestRefused why, std::int32_t code, std::string info, int status) {
  parts_.metrics.refused[std::size_t(why)].add();
  respond(request, {code, std::move(info), RestJson::object()}, status);
}

void RestApi::respond(Request& request, const Outcome& outcome, int status) {
  const RestCommand* const command = request.command;
  if (parts_.log != nullptr) {
    const auto took = std::chrono::floor<milliseconds>(parts_.loop.now() - request.came).count();
    parts_.log->debug("im.rest.call",
                      {observe::kv("request", request.id), observe::kv("app", request.administrator.app.value),
                       observe::kv("service", command == nullptr ? std::string_view() : command->service),
                       observe::kv("command", command == nullptr ? std::string_view() : command->name),
                       observe::kv("code", outcome.code), observe::kv("ms", took)});
  }
  const Family family = command == nullptr ? Family::Config : command->family;
  request.done({status, request.id, envelope(family, outcome)});
}

server::ServerHandler RestApi::handler() {
  return [this](const server::ServerRequest& asked, server::Responder responder) {
    answer(asked.method, asked.target, asked.body, [responder = std::move(responder)](Response reply) mutable {
      responder.respond({.status = reply.status,
                         .headers = {{"content-type", "application/json"}, {"x-request-id", reply.request_id}},
                         .body = std::move(reply.body)});
    });
  };
}

}  // namespace nightpost::im

#include "sandbox/fcm_simulator.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/text.h"
#include "core/uuid.h"
#include "sandbox/fcm_accounts.h"
#include "sandbox/fcm_answer.h"
#include "sandbox/fcm_message.h"
#include "sandbox/json_fields.h"
#include "sandbox/request_parts.h"
#include "sandbox/taught_devices.h"

namespace nightpost::sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t kProjectsMax = 10'000;
constexpr std::int64_t kFcmQuotaMax = 1'000'000'000;
constexpr milliseconds kQuotaWindow{60'000};
constexpr std::size_t kDevicesCountedMax = 100'000;  // of a project in a minute; of more nobody is counted
constexpr std::string_view kProjects = "/v1/projects/";
constexpr std::string_view kSend = "/messages:send";

/// So many a minute, which begins with the first; filled up at once each minute.
struct MinuteQuota {
  std::optional<std::int64_t> most;  // nullopt: unlimited
  WallTime window{};                 // since when is counted
  std::int64_t used = 0;
  std::unordered_map<std::uint64_t, std::int64_t> used_by_device;

  void look(WallTime now) {
    if (now < window + kQuotaWindow && now >= window) return;
    window = now;
    used = 0;
    used_by_device.clear();
  }
  std::int64_t seconds_left(WallTime now) const {
    return std::max<std::int64_t>(1, (window + kQuotaWindow - now).count() / 1000);
  }
};

struct Project {
  std::string id;  // its own, where it was named by its number
  bool disabled = false;
  MinuteQuota requests = {};
  MinuteQuota of_device = {};  // messages to each Android phone
};

class FcmSimulator final : public VendorSimulator {
 public:
  explicit FcmSimulator(const SimulatorOptions& options) : options_(options), accounts_(options.accept_any) {}

  Judgement judge(const server::ServerRequest& request, WallTime now) override {
    const std::string_view path = path_of(request);
    if (path == "/token" && request.method == "POST") return judge_grant(request, now);
    Judgement judgement;
    const bool sends = request.method == "POST" && path.starts_with(kProjects) && path.ends_with(kSend) &&
                       path.size() > kProjects.size() + kSend.size();
    if (!sends) {
      judgement.push = false;
      judgement.status = 404;
      judgement.reason = "NOT_FOUND";
      judgement.detail = "no such address: POST /token or /v1/projects/{project}/messages:send";
      judgement.body = fcm::html_page(404);
      return judgement;
    }
    judgement.topic = path.substr(kProjects.size(), path.size() - kProjects.size() - kSend.size());
    if (const auto refusal = judge_send(request, now, judgement)) {
      fcm::Words words = fcm::words_of(*refusal);
      judgement.status = words.status;
      judgement.reason = refusal->reason == "BAD_FIELD" ? "INVALID_ARGUMENT" : refusal->reason;
      judgement.detail = refusal->message;
      judgement.body = std::move(words.body);
    }
    return judgement;
  }

  server::ServerResponse answer(const Judgement& judgement) const override {
    server::ServerResponse response{.status = judgement.status, .headers = {json_type()}, .body = judgement.body};
    if (judgement.retry_after_s) response.headers.emplace_back("retry-after", std::to_string(*judgement.retry_after_s));
    if (response.body.starts_with('<')) response.headers.front().second = "text/html; charset=UTF-8";
    if (!response.body.empty()) return response;
    response.body = "{";
    append_json_member(response.body, "name", "projects/" + judgement.topic + "/messages/" + judgement.id);
    response.body += '}';
    return response;
  }

  server::ServerResponse answer(const Judgement& judgement, const ScriptedAnswer& scripted) const override {
    if (scripted.reason.empty() && scripted.status == 200) return answer(judgement);
    server::ServerResponse response{.status = scripted.status, .headers = {json_type()}, .body = {}};
    if (scripted.reason.empty()) {
      response.headers.front().second = "text/html; charset=UTF-8";
      response.body = fcm::html_page(scripted.status);
    } else if (judgement.push) {
      response.body = fcm::words_of({.reason = scripted.reason}, scripted.status).body;
    } else {
      response.body = "{";
      append_json_member(response.body, "error", utf8_repaired(scripted.reason));
      append_json_member(response.body, "error_description", "Scripted");
      response.body += '}';
    }
    if (scripted.retry_after_s) response.headers.emplace_back("retry-after", std::to_string(*scripted.retry_after_s));
    return response;
  }

  Result<void> teach(const json& credentials) override {
    JsonFields fields(credentials, "$");
    const json* accounts = fields.array("accounts");
    const json* projects = fields.array("projects");
    const json* static_tokens = fields.array("access_tokens");
    const json* tokens = fields.array("tokens");
    if (static_tokens && !std::ranges::all_of(*static_tokens, [](const json& one) { return one.is_string(); }))
      fields.fault("access_tokens", "not an array of strings");
    if (auto done = fields.finish(); !done) return done;
    auto new_accounts = fcm::Accounts::read(accounts);
    if (!new_accounts) return std::unexpected(new_accounts.error());
    auto new_devices = devices_.read(tokens, options_.tokens_known_max);
    if (!new_devices) return std::unexpected(new_devices.error());
    std::vector<std::pair<std::string, Project>> new_projects;
    for (const auto& [email, account] : *new_accounts)
      if (!projects_.contains(account.project))
        new_projects.emplace_back(account.project, Project{.id = account.project});
    for (std::size_t i = 0; projects && i < projects->size(); ++i)
      if (auto done = read_project((*projects)[i], i, new_projects); !done) return done;
    if (projects_.size() + new_projects.size() > kProjectsMax)
      return fail(Errc::Malformed, "$.projects: more than " + std::to_string(kProjectsMax) + " in all");
    accounts_.add(std::move(*new_accounts));
    devices_.add(std::move(*new_devices));
    for (auto& [name, project] : new_projects) projects_.insert_or_assign(std::move(name), std::move(project));
    for (std::size_t i = 0; static_tokens && i < static_tokens->size(); ++i)
      accounts_.add_static((*static_tokens)[i].get<std::string>());
    return {};
  }

  void forget() override {
    accounts_.clear();
    projects_.clear();
    devices_.clear();
  }

 private:
  static std::pair<std::string, std::string> json_type() { return {"content-type", "application/json; charset=UTF-8"}; }

  static Result<void> read_project(const json& value, std::size_t index,
                                   std::vector<std::pair<std::string, Project>>& out) {
    JsonFields fields(value, "$.projects[" + std::to_string(index) + "]");
    Project project{.id = fields.required_text("project_id"), .disabled = fields.flag("disabled")};
    const auto number = fields.text("number");
    project.requests.most = fields.integer("quota_per_minute", 1, kFcmQuotaMax);
    project.of_device.most = fields.integer("device_per_minute", 1, kFcmQuotaMax);
    if (auto done = fields.finish(); !done) return done;
    out.emplace_back(project.id, project);
    if (number) out.emplace_back(*number, project);
    return {};
  }

  Judgement judge_grant(const server::ServerRequest& request, WallTime now) {
    fcm::Accounts::Reply reply = accounts_.grant(request, now);
    return {.status = reply.status,
            .reason = std::move(reply.error),
            .push = false,
            .authorized = reply.status == 200,
            .body = std::move(reply.body)};
  }

  /// Google's order: who asks, what is asked for, may they, how often, and only then the device.
  std::optional<fcm::Refusal> judge_send(const server::ServerRequest& request, WallTime now, Judgement& judgement) {
    const fcm::Accounts::Caller caller = accounts_.caller_of(header_of(request, "authorization").value_or(""), now);
    if (!caller.refusal.empty()) return fcm::Refusal{.reason = caller.refusal};
    judgement.authorized = true;
    const auto found = projects_.find(judgement.topic);
    if (found == projects_.end() && !options_.accept_any) return fcm::Refusal{.reason = "NOT_FOUND"};
    Project* project = found == projects_.end() ? nullptr : &found->second;
    const std::string& project_id = project ? project->id : judgement.topic;
    if (!caller.project.empty() && caller.project != project_id) return fcm::Refusal{.reason = "IAM_PERMISSION_DENIED"};
    if (project && project->disabled) return fcm::Refusal{.reason = "SERVICE_DISABLED"};
    if (project && !spend(project->requests, now, judgement)) return fcm::Refusal{.reason = "QUOTA_EXCEEDED"};
    if (!has_media_type(request, kJsonType))
      return fcm::Refusal{.reason = "BAD_FIELD", .message = "Invalid JSON payload received. Not application/json."};

    fcm::Message message = fcm::read_message(request.body, parser_);
    if (!message.target.empty()) judgement.tokens.push_back({message.target, {}});
    if (message.refusal) return std::move(message.refusal);
    judgement.id = message.validate_only ? "fake_message_id" : next_id(now);
    if (message.target.empty()) return std::nullopt;
    const Device* device = devices_.find(message.target);
    if (!device) return options_.accept_any ? std::nullopt : std::optional(fcm::Refusal{.reason = "UNREGISTERED"});
    if (device->gone) return fcm::Refusal{.reason = "UNREGISTERED"};
    if (!device->app.empty() && device->app != project_id) return fcm::Refusal{.reason = "SENDER_ID_MISMATCH"};
    const bool counted = project && device->platform != "ios" && !message.validate_only;
    if (counted && !spend(project->of_device, message.target, now, judgement))
      return fcm::Refusal{.reason = "QUOTA_EXCEEDED", .message = "Quota exceeded for this device"};
    if (!device->platform.empty()) judgement.shows = fcm::shown_by(message.message, device->platform == "ios");
    return std::nullopt;
  }

  /// A refused request costs nothing.
  static bool spend(MinuteQuota& quota, WallTime now, Judgement& judgement) {
    if (!quota.most) return true;
    quota.look(now);
    if (++quota.used <= *quota.most) return true;
    judgement.retry_after_s = quota.seconds_left(now);
    return false;
  }
  static bool spend(MinuteQuota& quota, std::string_view token, WallTime now, Judgement& judgement) {
    if (!quota.most) return true;
    quota.look(now);
    const std::uint64_t name = hash128({token}).low;
    if (quota.used_by_device.size() >= kDevicesCountedMax && !quota.used_by_device.contains(name)) return true;
    if (++quota.used_by_device[name] <= *quota.most) return true;
    judgement.retry_after_s = quota.seconds_left(now);
    return false;
  }

  std::string next_id(WallTime now) {
    return "0:" + std::to_string(to_ms(now)) + '%' + hex_of({"fcm", std::to_string(++messages_)}).substr(0, 16);
  }

  SimulatorOptions options_;
  fcm::Accounts accounts_;
  std::map<std::string, Project, std::less<>> projects_;  // by id and by number
  TaughtDevices devices_;
  simdjson::dom::parser parser_;
  std::uint64_t messages_ = 0;
};

}  // namespace

std::unique_ptr<VendorSimulator> make_fcm_simulator(const SimulatorOptions& options) {
  return std::make_unique<FcmSimulator>(options);
}

}  // namespace nightpost::sandbox

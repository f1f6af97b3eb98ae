// nightpost device: what the IM server reports after a login, by hand.
#include <fmt/format.h>

#include <algorithm>

#include "admin/views.h"
#include "app/cli_audit.h"
#include "app/command_print.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/vendors.h"

namespace nightpost::app {
namespace {

constexpr std::size_t kListedMax = 1'000;  // by one request to a server

struct SetOptions {
  CommonOptions common;
  std::int64_t app = 0, certificate = 0, registered_at = 0;
  std::string user, device, token, token_kind = "token", platform, state = "offline", language;
  std::int32_t badge_base = 0;
};

int set_remotely(const SetOptions& options) {
  if (options.registered_at > 0)
    return say_error("--registered-at: goes with the store itself; the server takes the time of the request",
                     kBadUsage);
  nlohmann::json body = {{"app_id", options.app},       {"user_id", options.user},
                         {"device_id", options.device}, {"certificate_id", options.certificate},
                         {"token", options.token},      {"token_kind", options.token_kind},
                         {"state", options.state},      {"badge_base", options.badge_base},
                         {"language", options.language}};
  if (!options.platform.empty()) body["platform"] = options.platform;
  const auto heard = ask_server(options.common.remote, "PUT", "/v1/devices", body);
  if (!heard) return heard.error();
  if (options.common.json)
    print_json(*heard);
  else
    fmt::print("{}\n", options.device);
  return kDone;
}

void say_only_first(std::size_t limit) {
  fmt::print(stderr, "nightpost: only the first {}; --limit shows more\n", limit);
}

int list_remotely(const CommonOptions& common, std::int64_t app, const std::string& user, std::size_t limit) {
  const auto heard = ask_server(common.remote, "GET",
                                target_of("/v1/devices", {{"app", std::to_string(app)},
                                                          {"user", user},
                                                          {"limit", std::to_string(std::min(limit, kListedMax))}}));
  if (!heard) return heard.error();
  print_devices(heard->at("items"), common.json);
  if (!common.json && heard->at("more").get<bool>()) say_only_first(std::min(limit, kListedMax));
  return kDone;
}

int set(const SetOptions& options) {
  if (options.common.is_remote()) return set_remotely(options);
  Device device;
  device.device_id = options.device;
  device.certificate = CertificateId{options.certificate};
  const auto kind = token_kind_from(options.token_kind);
  if (!kind) return say_error(fmt::format("--token-kind {}: none of token, fid, voip", options.token_kind), kBadUsage);
  device.token = DeviceToken(options.token, *kind);
  device.registered_at = options.registered_at > 0 ? wall_from_ms(options.registered_at) : SystemClock().wall();
  device.badge_base = options.badge_base;
  device.language = options.language;
  const auto state = device_state_from(options.state);
  if (!state)
    return say_error(fmt::format("--state {}: not foreground, background, offline or logged_out", options.state),
                     kBadUsage);
  device.state = *state;

  auto store = open_store(options.common, true);
  if (!store) return store.error();
  const auto certificate = (*store)->certificate(device.certificate);
  if (!certificate || certificate->app.value != options.app)
    return say_error(fmt::format("--certificate {}: app {} has no such certificate", options.certificate, options.app),
                     kBadUsage);
  const auto platform = options.platform.empty()
                            ? (certificate->vendor == Vendor::Apns ? Platform::Ios : Platform::Android)
                            : platform_from(options.platform);
  if (!platform)
    return say_error(fmt::format("--platform {}: not ios, android, web, mini_program or desktop", options.platform),
                     kBadUsage);
  device.platform = *platform;
  if (*kind == TokenKind::Fid && certificate->vendor != Vendor::Fcm)
    return say_error(fmt::format("--token-kind fid: only fcm has such, not {}", name_of(certificate->vendor)),
                     kBadUsage);
  if (*kind == TokenKind::Voip && certificate->vendor != Vendor::Apns)
    return say_error(fmt::format("--token-kind voip: only apns has such, not {}", name_of(certificate->vendor)),
                     kBadUsage);
  const auto secret = (*store)->secret(device.certificate);
  if (!secret) return say_error(secret.error());
  const auto parts = make_vendor_parts(*certificate, *secret);
  if (!parts) return say_error(parts.error());
  if (!parts->provider->well_formed(device.token)) {
    const auto topics = certificate->facts.find("topics");
    const std::string served =
        topics == certificate->facts.end() ? "" : fmt::format(", or not of its topics ({})", topics->second);
    return say_error(fmt::format("--token {}: not the form of a token of {}{}", device.token.redacted(),
                                 name_of(certificate->vendor), served),
                     kBadUsage);
  }
  const auto stored = recorded(**store, "device.set", [&](store::AuditEntry& entry) {
    entry.app = AppId{options.app};
    entry.object = options.user + "/" + options.device;
    entry.after = admin::device_note(device).dump();
    return (*store)->set_device(AppId{options.app}, options.user, device);
  });
  if (!stored) return say_error(stored.error());
  if (options.common.json) {
    print_json(admin::device_view({AppId{options.app}, options.user, device}));
  } else {
    fmt::print("{}\n", device.device_id);
  }
  return kDone;
}

int list(const CommonOptions& common, std::int64_t app, const std::string& user, std::size_t limit) {
  if (common.is_remote()) return list_remotely(common, app, user, limit);
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto rows =
      (*store)->devices(AppId{app}, user.empty() ? std::nullopt : std::optional<std::string_view>(user), limit);
  if (!rows) return say_error(rows.error());
  nlohmann::json all = nlohmann::json::array();
  for (const auto& row : *rows) all.push_back(admin::device_view(row));
  print_devices(all, common.json);
  if (!common.json && rows->size() == limit) say_only_first(limit);
  return kDone;
}

int remove(const CommonOptions& common, std::int64_t app, const std::string& user, const std::string& device) {
  if (common.is_remote()) {
    const auto heard =
        ask_server(common.remote, "DELETE",
                   target_of("/v1/devices", {{"app", std::to_string(app)}, {"user", user}, {"device", device}}));
    if (heard && common.json) print_json({{"removed", device}});
    return heard ? int{kDone} : heard.error();
  }
  auto store = open_store(common, false);
  if (!store) return store.error();
  const auto removed = recorded(**store, "device.unbind", [&](store::AuditEntry& entry) {
    entry.app = AppId{app};
    entry.object = user + "/" + device;
    return (*store)->remove_device(AppId{app}, user, device);
  });
  if (!removed) return say_error(removed.error());
  if (common.json) print_json({{"removed", device}});
  return kDone;
}

}  // namespace

void add_device_command(CLI::App& root, int& exit_code) {
  CLI::App* device = root.add_subcommand("device", "Devices and their tokens: set, list, remove, import, export");
  device->require_subcommand(1);

  auto given = std::make_shared<SetOptions>();
  CLI::App* set_command = device->add_subcommand("set", "Bind a token to a user's device; prints the device id");
  given->common.add_store(*set_command);
  given->common.add_json(*set_command);
  set_command->add_option("--app", given->app, "app (tenant) id")->required()->check(CLI::PositiveNumber);
  set_command->add_option("--user", given->user, "user id")->required();
  set_command->add_option("--device", given->device, "device id")->required();
  set_command->add_option("--certificate", given->certificate, "certificate id, from: cert add")->required();
  set_command->add_option("--token", given->token, "the vendor's token for the app on this device")->required();
  set_command
      ->add_option("--token-kind", given->token_kind,
                   "token; fid: a Firebase installation id; voip: PushKit's, of the device <phone>.voip")
      ->capture_default_str();
  set_command->add_option("--platform", given->platform,
                          "ios, android, web, mini_program, desktop; absent: ios for apns, else android");
  set_command->add_option("--state", given->state, "foreground, background, offline, logged_out")
      ->capture_default_str();
  set_command->add_option("--language", given->language, "zh, en, …; absent: the user's");
  set_command->add_option("--badge-base", given->badge_base, "unread total the app reported")
      ->check(CLI::NonNegativeNumber);
  set_command->add_option("--registered-at", given->registered_at, "ms since the epoch; absent: now")
      ->check(CLI::PositiveNumber);
  set_command->footer(
      "Example:\n  nightpost device set --config config/dev.json --app 1400000001 --user vinson --device phone \\\n"
      "    --certificate 1 --token 9d3c0f5b0a7e4d2f8b61c7a4e5d2930f1b8c6a7d4e3f2a1b0c9d8e7f6a5b4c3d");
  set_command->callback([given, &exit_code] { exit_code = set(*given); });

  struct Chosen {
    CommonOptions common;
    std::int64_t app = 0;
    std::string user, device;
    std::size_t limit = 1000;
  };
  auto listed = std::make_shared<Chosen>();
  CLI::App* list_command = device->add_subcommand("list", "Devices of an app or a user; tokens are redacted");
  listed->common.add_store(*list_command);
  listed->common.add_json(*list_command);
  list_command->add_option("--app", listed->app, "app (tenant) id")->required();
  list_command->add_option("--user", listed->user, "only this user's");
  list_command->add_option("--limit", listed->limit, "at most this many")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  list_command->footer("Example:\n  nightpost device list --config config/dev.json --app 1400000001 --user vinson");
  list_command->callback(
      [listed, &exit_code] { exit_code = list(listed->common, listed->app, listed->user, listed->limit); });

  auto removed = std::make_shared<Chosen>();
  CLI::App* remove_command = device->add_subcommand("remove", "Forget a device and its token");
  removed->common.add_store(*remove_command);
  removed->common.add_json(*remove_command);
  remove_command->add_option("--app", removed->app, "app (tenant) id")->required();
  remove_command->add_option("--user", removed->user, "user id")->required();
  remove_command->add_option("--device", removed->device, "device id")->required();
  remove_command->footer(
      "Example:\n  nightpost device remove --config config/dev.json --app 1400000001 --user vinson --device phone");
  remove_command->callback(
      [removed, &exit_code] { exit_code = remove(removed->common, removed->app, removed->user, removed->device); });
  add_device_file_commands(*device, exit_code);
}

}  // namespace nightpost::app

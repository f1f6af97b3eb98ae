#include <algorithm>

#include "admin/routes.h"
#include "admin/views.h"

namespace nightpost::admin {
namespace {

constexpr std::size_t kTokenPrefixMin = 6;
using DeviceRow = store::Store::DeviceRow;

/// Up to `limit` devices whose token begins so, of apps that the caller may see.
Result<std::vector<DeviceRow>> devices_by_token(const Request& request, const std::string& prefix, std::size_t limit) {
  std::vector<std::optional<AppId>> apps;
  if (request.query.has("app")) {
    apps = {request.app()};
  } else {
    for (const AppId app : request.caller.apps) apps.emplace_back(app);
    if (apps.empty()) apps = {std::nullopt};
  }
  std::vector<DeviceRow> rows;
  for (const auto& app : apps) {
    const auto keys = request.tools.admin.devices_by_token(prefix, app, limit - rows.size());
    if (!keys) return std::unexpected(keys.error());
    for (const store::DeviceKey& key : *keys) {
      auto of_user = request.tools.store.devices(key.app, key.user_id, request.tools.options.list_max);
      if (!of_user) return of_user;
      const auto found =
          std::ranges::find(*of_user, key.device_id, [](const DeviceRow& row) { return row.device.device_id; });
      if (found != of_user->end()) rows.push_back(std::move(*found));  // else it went meanwhile
    }
    if (rows.size() >= limit) break;
  }
  return rows;
}

/// What the body says of a device, but for its token's form.
std::expected<Device, Refusal> device_in(const Request& request, const Certificate& certificate) {
  const Values& body = request.body;
  Device device;
  device.device_id = body.text("device_id");
  device.certificate = certificate.id;
  const auto kind = token_kind_from(body.text("token_kind", "token"));
  const auto state = device_state_from(body.text("state", "offline"));
  const auto platform = body.has("platform")                 ? platform_from(body.text("platform"))
                        : certificate.vendor == Vendor::Apns ? std::optional(Platform::Ios)
                                                             : std::optional(Platform::Android);
  if (!kind) return invalid("none of token, fid, voip", "token_kind");
  if (!state) return invalid("none of foreground, background, offline, logged_out", "state");
  if (!platform) return invalid("none of ios, android, web, mini_program, desktop", "platform");
  if (*kind == TokenKind::Fid && certificate.vendor != Vendor::Fcm) return invalid("only fcm has fids", "token_kind");
  if (*kind == TokenKind::Voip && certificate.vendor != Vendor::Apns)
    return invalid("only apns has voip tokens", "token_kind");
  device.token = DeviceToken(body.text("token"), *kind);
  device.platform = *platform;
  device.state = *state;
  device.badge_base = static_cast<std::int32_t>(body.number("badge_base"));
  device.language = body.text("language");
  device.registered_at = request.now;
  return device;
}

}  // namespace

Reply list_devices(Request& request) {
  const auto limit = static_cast<std::size_t>(request.query.number("limit", 100));
  const std::string token = request.query.text("token"), user = request.query.text("user"),
                    device = request.query.text("device");
  if (!token.empty() && token.size() < kTokenPrefixMin) return invalid("at least 6 characters of it", "query.token");
  if (token.empty() && !request.query.has("app")) return malformed("missing, or give token", "query.app");
  if (token.empty() && user.empty() && !device.empty())
    return malformed("missing: device narrows a user's", "query.user");
  // What narrows is looked for before the limit cuts.
  const bool narrowed = !device.empty() || (!token.empty() && !user.empty());
  const std::size_t looked_at = narrowed ? request.tools.options.list_max : limit;
  auto rows = token.empty() ? request.tools.store.devices(
                                  request.app(), user.empty() ? std::nullopt : std::optional<std::string_view>(user),
                                  looked_at + 1)
                            : devices_by_token(request, token, looked_at + 1);
  if (!rows) return refused(rows.error());
  bool more = rows->size() > looked_at;
  if (more) rows->resize(looked_at);
  std::erase_if(*rows, [&](const DeviceRow& row) {
    return (!device.empty() && row.device.device_id != device) || (!user.empty() && row.user_id != user);
  });
  if (rows->size() > limit) {
    more = true;
    rows->resize(limit);
  }
  nlohmann::json items = nlohmann::json::array();
  for (const DeviceRow& row : *rows) items.push_back(device_view(row));
  return Answer{200, {{"items", std::move(items)}, {"more", more}}};
}

Reply set_device(Request& request) {
  const Tools& tools = request.tools;
  const AppId app{request.body.number("app_id")};
  const std::string user = request.body.text("user_id");
  const CertificateId id{request.body.number("certificate_id")};
  const auto certificate = tools.store.certificate(id);
  if (!certificate && certificate.error().code != Errc::NotFound) return refused(certificate.error());
  if (!certificate || certificate->app != app)
    return invalid("app " + std::to_string(app.value) + " has no such certificate", "certificate_id");
  const auto device = device_in(request, *certificate);
  if (!device) return std::unexpected(device.error());
  const auto secret = tools.store.secret(id);
  if (!secret) return refused(secret.error());
  const auto fits = tools.certificates.token_fits(*certificate, *secret, device->token);
  if (!fits) return refused(fits.error());
  if (!*fits)
    return invalid("not the form of a token of " + std::string(nightpost::name_of(certificate->vendor)), "token");
  const auto all = tools.store.devices(app, user, tools.options.list_max);
  if (!all) return refused(all.error());
  const auto before =
      std::ranges::find(*all, device->device_id, [](const DeviceRow& row) { return row.device.device_id; });
  request.note = {.made = true, .app = app, .object = user + "/" + device->device_id, .after = device_note(*device)};
  if (before != all->end()) request.note.before = device_note(before->device);
  if (const auto stored = tools.store.set_device(app, user, *device); !stored) return refused(stored.error());
  return Answer{200, device_view({app, user, *device})};
}

Reply unbind_device(Request& request) {
  const std::string user = request.query.text("user"), device = request.query.text("device");
  const auto all = request.tools.store.devices(request.app(), user, request.tools.options.list_max);
  if (!all) return refused(all.error());
  const auto before = std::ranges::find(*all, device, [](const DeviceRow& row) { return row.device.device_id; });
  const auto removed = request.tools.store.remove_device(request.app(), user, device);
  if (!removed) return refused(removed.error());
  request.note = {.made = true, .app = request.app(), .object = user + "/" + device};
  if (before != all->end()) request.note.before = device_note(before->device);
  return Answer{204, nullptr};
}

}  // namespace nightpost::admin

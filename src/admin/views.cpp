#include "admin/views.h"

#include "admin/access.h"

namespace nightpost::admin {
namespace {

nlohmann::json parsed_or_null(const std::string& text) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return text.empty() ? nlohmann::json() : nlohmann::json(text);  // cut: a text still
  return json;
}

}  // namespace

nlohmann::json time_or_null(std::optional<WallTime> time) {
  return time ? nlohmann::json(to_ms(*time)) : nlohmann::json();
}

nlohmann::json apps_or_null(const std::vector<AppId>& apps) {
  if (apps.empty()) return nullptr;
  nlohmann::json all = nlohmann::json::array();
  for (const AppId app : apps) all.push_back(app.value);
  return all;
}

nlohmann::json certificate_note(const Certificate& certificate, const CertificateDesk& desk) {
  nlohmann::json settings = nlohmann::json::object();
  for (const auto& [name, value] : certificate.settings) settings[name] = desk.shown_setting(value);
  return {{"id", certificate.id.value},
          {"app_id", certificate.app.value},
          {"vendor", nightpost::name_of(certificate.vendor)},
          {"name", certificate.name},
          {"bundle_id", certificate.bundle_id},
          {"environment", nightpost::name_of(certificate.environment)},
          {"status", nightpost::name_of(certificate.status)},
          {"version", certificate.version},
          {"facts", certificate.facts},
          {"settings", std::move(settings)},
          {"host", certificate.host_override},
          {"has_ca", !certificate.ca_pem.empty()}};
}

nlohmann::json certificate_view(const Certificate& certificate, const CertificateDesk& desk, WallTime now) {
  nlohmann::json json = certificate_note(certificate, desk);
  const std::string receipts = desk.receipt_path(certificate);
  json["expires_at"] = time_or_null(desk.ends(certificate));
  json["receipt_path"] = receipts.empty() ? nlohmann::json() : nlohmann::json(receipts);
  json["warnings"] = desk.warnings(certificate, now);
  return json;
}

nlohmann::json device_view(const store::Store::DeviceRow& row) {
  const Device& device = row.device;
  return {{"app_id", row.app.value},
          {"user_id", row.user_id},
          {"device_id", device.device_id},
          {"platform", nightpost::name_of(device.platform)},
          {"certificate_id", device.certificate.value},
          {"token", device.token.redacted()},
          {"token_kind", nightpost::name_of(device.token.kind())},
          {"registered_at", to_ms(device.registered_at)},
          {"state", nightpost::name_of(device.state)},
          {"badge_base", device.badge_base},
          {"language", device.language}};
}

nlohmann::json device_note(const Device& device) {
  return {{"certificate_id", device.certificate.value},
          {"token", device.token.redacted()},
          {"state", nightpost::name_of(device.state)}};
}

nlohmann::json settings_note(const PushSettings& settings) {
  return {{"push", settings.enabled},
          {"badge", settings.badge},
          {"language", settings.language},
          {"sound_c2c", settings.sound_c2c},
          {"sound_group", settings.sound_group}};
}

nlohmann::json mute_view(const Mute& mute, WallTime now) {
  return {{"kind", nightpost::name_of(mute.kind)},
          {"target", mute.target},
          {"until", mute.until == WallTime::max() ? nlohmann::json() : nlohmann::json(to_ms(mute.until))},
          {"unless_mentioned", mute.unless_mentioned},
          {"over", mute.until <= now}};
}

nlohmann::json user_view(AppId app, const std::string& user, const Receiver& receiver, WallTime now) {
  nlohmann::json devices = nlohmann::json::array(), mutes = nlohmann::json::array();
  for (const Device& device : receiver.devices) devices.push_back(device_view({app, user, device}));
  for (const Mute& mute : receiver.mutes) mutes.push_back(mute_view(mute, now));
  const PushSettings& settings = receiver.settings;
  return {{"app_id", app.value},
          {"user_id", user},
          {"push", settings.enabled},
          {"badge", settings.badge},
          {"language", settings.language},
          {"sound_c2c", settings.sound_c2c},
          {"sound_group", settings.sound_group},
          {"devices", std::move(devices)},
          {"mutes", std::move(mutes)}};
}

nlohmann::json token_view(const store::AdminToken& token, WallTime now) {
  return {{"id", token.id},
          {"name", token.name},
          {"role", token.role},
          {"reader", token.reader},
          {"apps", apps_or_null(token.apps)},
          {"created_at", to_ms(token.created_at)},
          {"created_by", token.created_by},
          {"expires_at", time_or_null(token.expires_at)},
          {"last_used_at", time_or_null(token.used_at)},
          {"revoked_at", time_or_null(token.revoked_at)},
          {"state", state_of(token, now)}};
}

nlohmann::json session_view(const store::AdminSession& session, bool own) {
  const bool link = session.token.kind == store::AdminToken::Kind::Link;
  return {{"id", session.id},
          {"name", session.token.name},
          {"by", link ? "link" : "token"},
          {"token_id", link ? nlohmann::json() : nlohmann::json(session.token.id)},
          {"role", session.token.role},
          {"reader", session.token.reader},
          {"apps", apps_or_null(session.token.apps)},
          {"created_at", to_ms(session.created_at)},
          {"last_used_at", to_ms(session.used_at)},
          {"ends_at", to_ms(session.ends_at)},
          {"own", own}};
}

nlohmann::json audit_view(const store::AuditEntry& entry) {
  return {{"id", entry.id},
          {"at", to_ms(entry.at)},
          {"who", entry.who},
          {"token_id", entry.token_id},
          {"from", entry.origin},
          {"app_id", entry.app.value == 0 ? nlohmann::json() : nlohmann::json(entry.app.value)},
          {"what", entry.what},
          {"object", entry.object},
          {"before", parsed_or_null(entry.before)},
          {"after", parsed_or_null(entry.after)},
          {"outcome", entry.outcome}};
}

}  // namespace nightpost::admin

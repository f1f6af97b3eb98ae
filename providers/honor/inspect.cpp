// What ops fill in, and whether it can work.
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "providers/honor/honor.h"
#include "providers/https_url.h"
#include "providers/quota.h"
#include "providers/secret_text.h"

namespace nightpost::honor {
namespace {

std::string check_importance(std::string_view value) {
  return value == "normal" || value == "low" ? "" : "neither normal nor low";
}

constexpr std::array kFields = {
    SettingField{"app_id", true, "App ID, from the app's page in Honor's console", check_digits},
    SettingField{"client_id", true, "Client ID of the app's credential; another number than the App ID", check_plain},
    SettingField{"badge_class", false, "full class name of the launcher's Activity; without it no badges",
                 check_class_name},
    SettingField{"importance", false, "normal (default), or low where Honor granted no service and communication right",
                 check_importance},
    SettingField{"rate_per_s", false,
                 "devices a second that Honor takes of the app, as it granted; unset: not held back", check_quota},
    SettingField{"quota_device_day", false,
                 "messages of low importance a day to one device, as Honor says; unset: not held back", check_quota},
    SettingField{"app_name", false, "stands in for a blank title", nullptr},
    SettingField{"click", false, "what a tap does: app (default), web or page", nullptr},
    SettingField{"click_target", false,
                 "web: the URL; page: an intent URI, intent://…#Intent;…;end, or an intent action", nullptr},
};

std::string fault_of(const Certificate& claimed, std::string_view secret) {
  if (claimed.vendor != Vendor::Honor) return "this is not an Honor certificate";
  if (!check_class_name(claimed.bundle_id).empty())
    return "Honor needs the app's package name, such as com.example.app";
  if (std::string fault = check_secret(secret, "client secret"); !fault.empty()) return fault;
  const Settings& settings = claimed.settings;
  if (setting(settings, "client_id") == secret) return "the secret is the client id; Honor wants the client secret";
  const std::string_view target = setting(settings, "click_target");
  if (setting(settings, "click") == "web" && !target.starts_with("https://"))
    return "click_target: Honor opens https:// pages only";
  if (setting(settings, "click") != "page") return {};
  const bool intent =
      target.starts_with("intent:") && target.find("#Intent;") != std::string_view::npos && target.ends_with(";end");
  if (intent || check_class_name(target).empty()) return {};
  return "click_target: Honor opens a page by an intent URI, intent://…#Intent;…;end, or by an intent action";
}

}  // namespace

std::span<const SettingField> settings() noexcept { return kFields; }

Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime,
                            std::optional<Environment> asked) {
  const std::string_view client_secret = trimmed_secret(secret.bytes);
  if (std::string fault = fault_of(claimed, client_secret); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  if (const auto origin = origin_of(claimed, ""); !origin) return std::unexpected(origin.error());
  claimed.environment = asked.value_or(claimed.environment);
  claimed.facts = {{"kind", "client_secret"}, {"fingerprint", secret_fingerprint(client_secret)}};
  return claimed;
}

std::vector<std::string> warnings(const Certificate& certificate, WallTime) {
  std::vector<std::string> all;
  if (setting(certificate.settings, "importance") == "low")
    all.emplace_back("importance: with low Honor counts the pushes as marketing, of which a device gets few a day");
  if (certificate.environment == Environment::Development)
    all.emplace_back("environment: development sends Honor's test messages, 1000 a day");
  return all;
}

}  // namespace nightpost::honor

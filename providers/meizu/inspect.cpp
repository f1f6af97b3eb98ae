// What ops fill in, and whether it can work.
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "providers/callback_url.h"
#include "providers/https_url.h"
#include "providers/meizu/limits.h"
#include "providers/meizu/meizu.h"
#include "providers/meizu/region.h"
#include "providers/quota.h"
#include "providers/secret_text.h"

namespace nightpost::meizu {
namespace {

std::string check_region(std::string_view value) { return host_of(value) ? "" : "neither china nor overseas"; }

std::string check_message_kind(std::string_view value) {
  return value == "public" || value == "private" ? "" : "neither public nor private";
}

constexpr std::array kFields = {
    SettingField{"app_id", true, "AppID, from the app's page in Meizu's push console", check_digits},
    SettingField{"region", false, "china (default) or overseas", check_region},
    SettingField{"message_kind", false,
                 "private (default), or public where Meizu granted no private messages: then 3 a device and day",
                 check_message_kind},
    SettingField{"rate_per_s", false,
                 "requests a second that Meizu takes of the app: 200 by default; unset: not held back", check_quota},
    SettingField{"quota_device_day", false,
                 "public messages, those of low priority among them, a day to one device: 3 (news 5)", check_quota},
    SettingField{"app_name", false, "stands in for a blank title", nullptr},
    SettingField{"click", false, "what a tap does: app (default), web or page", nullptr},
    SettingField{"click_target", false, "web: the URL; page: an Activity's full class name, or a URI of the app's",
                 nullptr},
    SettingField{"receipt_url", false, "where Meizu posts receipts; must be registered in its console",
                 check_callback_url<kCallbackBytesMax>},
};

std::string fault_of(const Certificate& claimed, std::string_view secret) {
  if (claimed.vendor != Vendor::Meizu) return "this is not a Meizu certificate";
  if (!check_class_name(claimed.bundle_id).empty())
    return "Meizu needs the app's package name, such as com.example.app";
  if (std::string fault = check_secret(secret, "AppSecret"); !fault.empty()) return fault;
  const std::string_view target = setting(claimed.settings, "click_target");
  if (target.size() > kUrlBytesMax)
    return "click_target: longer than Meizu's " + std::to_string(kUrlBytesMax) + " bytes";
  const bool page = setting(claimed.settings, "click") == "page";
  if (page && !check_class_name(target).empty() && target.find("://") == std::string_view::npos)
    return "click_target: Meizu opens a page by an Activity's full class name or by a URI such as shop://order";
  return {};
}

}  // namespace

std::span<const SettingField> settings() noexcept { return kFields; }

Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime,
                            std::optional<Environment> asked) {
  const std::string_view app_secret = trimmed_secret(secret.bytes);
  if (std::string fault = fault_of(claimed, app_secret); !fault.empty()) return fail(Errc::Malformed, std::move(fault));
  const auto host = host_of(setting(claimed.settings, "region"));
  if (const auto origin = origin_of(claimed, host.value_or("")); !origin) return std::unexpected(origin.error());
  claimed.environment = asked.value_or(claimed.environment);
  claimed.facts = {{"kind", "app_secret"}, {"fingerprint", secret_fingerprint(app_secret)}};
  return claimed;
}

std::vector<std::string> warnings(const Certificate& certificate, WallTime) {
  const std::string_view kind = setting(certificate.settings, "message_kind");
  if (kind == "public") return {"message_kind: with public a device gets 3 pushes a day (news 5)"};
  if (kind == "private") return {};
  return {
      "message_kind: not set, so private messages are sent, and Meizu refuses each (201) where it has not granted "
      "them; "
      "set private if it has, else public"};
}

}  // namespace nightpost::meizu

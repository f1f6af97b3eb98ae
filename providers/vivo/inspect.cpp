// Judges an uploaded AppSecret and its settings before they are stored.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "providers/callback_url.h"
#include "providers/https_url.h"
#include "providers/quota.h"
#include "providers/receipt_key.h"
#include "providers/secret_text.h"
#include "providers/vivo/category.h"
#include "providers/vivo/limits.h"
#include "providers/vivo/message.h"
#include "providers/vivo/vivo.h"

namespace nightpost::vivo {
namespace {

std::string check_category(std::string_view value) {
  if (category_of(value) != nullptr) return {};
  std::string expected = "expected one of ";
  for (const Category& each : kCategories)
    expected.append(each.name == kCategories.front().name ? "" : ", ").append(each.name);
  return expected;
}
std::string check_switch(std::string_view value) { return value == "on" || value == "off" ? "" : "expected on or off"; }
std::string check_text_rule(std::string_view value) {
  return value == "new" || value == "old" ? "" : "expected new or old";
}

constexpr std::array kFields = {
    SettingField{"app_id", true, "AppID of the app, a number", check_digits},
    SettingField{"app_key", true, "AppKey of the app", check_plain},
    SettingField{"category", true, "vivo's category of the app's messages, such as IM; says system or operation",
                 check_category},
    SettingField{
        "rate_per_s", false,
        "requests a second that vivo takes of the app: 3000 below 5 million users, up to 5000; unset: not held "
        "back",
        check_quota},
    SettingField{"quota_day", false,
                 "messages of the category's kind a day: system 3, operation 2 (news 3) for each user, at least 10000; "
                 "the console says",
                 check_quota},
    SettingField{"quota_device_day", false, "operation messages a day to one device: 2 (news 5)", check_quota},
    SettingField{"badge", false, "on: a push with a badge adds one to the icon's; needs vivo's permission. Default off",
                 check_switch},
    SettingField{"foreground_show", false, "off: nothing is shown while the app is in front", check_switch},
    SettingField{"text_rule", false, "old: the app's titles and texts count a Chinese character as two",
                 check_text_rule},
    SettingField{"click", false, "what a tap does: app (default), web, page", nullptr},
    SettingField{"click_target", false, "web: a URL; page: an intent URI, intent:…#Intent;…;end", nullptr},
    SettingField{"receipt_id", false, "id of a receipt configuration in vivo's console; wins over receipt_url",
                 check_digits},
    SettingField{"receipt_url", false, "where vivo posts receipts, with ?key=<receipt key>",
                 check_callback_url<kCallbackBytes>},
};

}  // namespace

std::span<const SettingField> settings() noexcept { return kFields; }

Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime,
                            std::optional<Environment> asked) {
  if (claimed.vendor != Vendor::Vivo) return fail(Errc::Malformed, "this is not a vivo certificate");
  const std::string_view app_secret = trimmed_secret(secret.bytes);
  if (std::string fault = check_secret(app_secret, "AppSecret"); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  if (const auto origin = origin_of(claimed, kOrigin); !origin) return std::unexpected(origin.error());
  if (const auto style = style_of(claimed); !style) return std::unexpected(style.error());
  const Category* const category = category_of(setting(claimed.settings, "category"));
  if (category != nullptr && category->classification == Classification::System &&
      !setting(claimed.settings, "quota_device_day").empty())
    return fail(Errc::Malformed, "quota_device_day: vivo counts operation messages so, and " +
                                     std::string(category->name) + " is a system message");
  if (auto receipts = check_receipt_key(claimed, secret); !receipts)
    return std::unexpected(std::move(receipts.error()));
  claimed.environment = asked.value_or(claimed.environment);
  claimed.facts = {{"kind", "app_secret"}, {"fingerprint", secret_fingerprint(app_secret)}};
  return claimed;
}

std::vector<std::string> warnings(const Certificate& certificate, WallTime) {
  std::vector<std::string> all;
  const Category* const category = category_of(setting(certificate.settings, "category"));
  if (category != nullptr && category->classification == Classification::Operation)
    all.push_back("category: vivo counts " + std::string(category->name) +
                  " as an operation message, of which a device gets 2 a day (news 5), from 07:00 to 23:00");
  if (certificate.environment == Environment::Development)
    all.emplace_back("environment: development reaches the test devices of vivo's console, and nobody else");
  return all;
}

}  // namespace nightpost::vivo

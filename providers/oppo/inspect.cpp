// Judges an uploaded MasterSecret and its settings before they are stored.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "providers/callback_url.h"
#include "providers/https_url.h"
#include "providers/oppo/limits.h"
#include "providers/oppo/message.h"
#include "providers/oppo/oppo.h"
#include "providers/oppo/region.h"
#include "providers/quota.h"
#include "providers/receipt_key.h"
#include "providers/secret_text.h"

namespace nightpost::oppo {
namespace {

template <std::size_t N>
std::string one_of(std::string_view value, const std::array<std::string_view, N>& words) {
  if (std::ranges::find(words, value) != words.end()) return {};
  std::string expected = "expected one of ";
  for (const std::string_view word : words) expected.append(word == words.front() ? "" : ", ").append(word);
  return expected;
}

std::string check_region(std::string_view value) {
  return one_of(value, std::to_array<std::string_view>({"cn", "intl"}));
}
std::string check_category(std::string_view value) {
  return one_of(value, std::to_array<std::string_view>({"IM", "ACCOUNT", "DEVICE_REMINDER", "ORDER", "TODO",
                                                        "SUBSCRIPTION", "NEWS", "CONTENT", "MARKETING", "SOCIAL"}));
}
std::string check_level(std::string_view value) {
  return one_of(value, std::to_array<std::string_view>({"1", "2", "16"}));
}
std::string check_page(std::string_view value) {
  return one_of(value, std::to_array<std::string_view>({"activity", "action"}));
}
std::string check_switch(std::string_view value) {
  return one_of(value, std::to_array<std::string_view>({"on", "off"}));
}

constexpr std::array kFields = {
    SettingField{"app_key", true, "AppKey of the app", check_plain},
    SettingField{"app_id", false, "AppID; receipts that name another app are refused", check_digits},
    SettingField{"region", false, "where the app's users are: cn (default) or intl", check_region},
    SettingField{"channel_id", true, "notification channel registered at OPPO; without one nothing is shown",
                 check_plain},
    SettingField{"category", false, "OPPO's category of the app's messages, such as IM", check_category},
    SettingField{"notify_level", false, "1 shade, 2 and lock screen, 16 and banner and ring; needs category",
                 check_level},
    SettingField{"rate_per_s", false,
                 "devices a second that OPPO takes of the app: 5000 to 30000 by its users; unset: not held back",
                 check_quota},
    SettingField{"quota_day", false, "public messages a day: 100000 below 50,000 users, else 2 for each", check_quota},
    SettingField{"quota_device_day", false, "public messages a day to one device: 2 (news 5)", check_quota},
    SettingField{"badge", false, "on: the badge is sent; needs OPPO's permission. Default off", check_switch},
    SettingField{"click", false, "what a tap does: app (default), web, page", nullptr},
    SettingField{"click_target", false, "web: a URL; page: activity class, intent action or URL of the app's scheme",
                 nullptr},
    SettingField{"click_page", false, "what click_target names: activity (default) or action", check_page},
    SettingField{"receipt_url", false, "where OPPO posts receipts, with ?key=<receipt key>",
                 check_callback_url<kCallBackUrlBytes>},
};

}  // namespace

std::span<const SettingField> settings() noexcept { return kFields; }

Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime,
                            std::optional<Environment> asked) {
  if (claimed.vendor != Vendor::Oppo) return fail(Errc::Malformed, "this is not an OPPO certificate");
  if (asked == Environment::Development)
    return fail(Errc::Malformed, "OPPO has no development environment; add test devices in its console");
  const std::string_view master_secret = trimmed_secret(secret.bytes);
  if (std::string fault = check_secret(master_secret, "MasterSecret"); !fault.empty())
    return fail(Errc::Malformed, std::move(fault));
  if (const auto origin = origin_of(claimed, own_origin(Region::China)); !origin)
    return std::unexpected(origin.error());
  if (const auto style = style_of(claimed); !style) return std::unexpected(style.error());
  const std::string_view category = setting(claimed.settings, "category");
  for (const std::string_view name : {"quota_day", "quota_device_day"})
    if (!is_public(category) && !setting(claimed.settings, name).empty())
      return fail(Errc::Malformed,
                  std::string(name) + ": OPPO does not limit messages of category " + std::string(category));
  if (auto receipts = check_receipt_key(claimed, secret); !receipts)
    return std::unexpected(std::move(receipts.error()));
  claimed.environment = Environment::Production;
  claimed.facts = {{"kind", "master_secret"}, {"fingerprint", secret_fingerprint(master_secret)}};
  return claimed;
}

std::vector<std::string> warnings(const Certificate& certificate, WallTime) {
  const std::string_view category = setting(certificate.settings, "category");
  if (category.empty())
    return {
        "category: not set, so OPPO counts the pushes as public ones, of which a device gets 2 a day; set the one that "
        "OPPO granted, such as IM"};
  if (!is_marketing(category)) return {};
  return {"category: OPPO counts " + std::string(category) + " as marketing, of which a device gets 2 a day (news 5)"};
}

}  // namespace nightpost::oppo

// Judges an uploaded secret and settings before they are stored, so that no push has to find out.
#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "providers/https_url.h"
#include "providers/huawei/huawei.h"
#include "providers/huawei/limits.h"
#include "providers/huawei/service_account.h"
#include "providers/huawei/setup.h"
#include "providers/quota.h"
#include "providers/secret_text.h"

namespace nightpost::huawei {
namespace {

std::string check_api(std::string_view value) { return !value.empty() && api_from(value) ? "" : "none of v1, v2, v3"; }

std::string check_collapse_key(std::string_view value) {
  int key = kCollapseKeyMin - 1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), key);
  const bool whole = error == std::errc{} && end == value.data() + value.size();
  return whole && key >= kCollapseKeyMin && key <= kCollapseKeyMax ? "" : "expected a number from -1 to 100";
}

std::string check_category(std::string_view value) {
  return is_category(value, Api::V3) ? "" : "none of Huawei's classes: IM, WORK, EXPRESS, MARKETING, …";
}

std::string check_target(std::string_view value) {
  const bool plain = std::ranges::all_of(value, [](char c) { return c > ' ' && c < 0x7f; });
  return plain && value.size() <= 1024 ? "" : "expected at most 1024 printable ASCII characters without blanks";
}

constexpr std::array kSettings = {
    SettingField{"api", false, "v1 (default), v2: HMS Core; v3: HarmonyOS NEXT and 5", check_api},
    SettingField{"app_id", false, "the app's OAuth client id; v1, and wherever the secret is the app secret",
                 check_digits},
    SettingField{"project_id", false, "v2 and v3, where the secret is no key file that names it", check_digits},
    SettingField{"category", false, "the class of notifications that was granted, such as IM; v3 without it: IM",
                 check_category},
    SettingField{"call_category", false, "the class for calls, VOIP, if Huawei granted it; without it: category",
                 check_category},
    SettingField{"channel_id", false, "the app's notification channel (v1, v2); an event's own wins", check_plain},
    SettingField{"badge_class", false,
                 "full class name of the app's entry activity; v1 and v2 show no badge without it", check_class_name},
    SettingField{"collapse_key", false,
                 "-1 (default): an offline phone keeps all; 0: the newest; 1 to 100: that group's", check_collapse_key},
    SettingField{"receipt_id", false, "which of the receipt URLs configured at Huawei is to be told", check_plain},
    SettingField{"receipt_user", false, "the user name configured with the receipt URL's key", check_plain},
    SettingField{"rate_per_s", false,
                 "devices a second that Huawei takes of the app, as its console shows; unset: not held back",
                 check_quota},
    SettingField{"quota_device_day", false, "marketing messages a day to one device: 2 for most apps, 5 for some",
                 check_quota},
    SettingField{"click", false, "what a tap does: app (default), web, page", nullptr},
    SettingField{"click_target", false, "web: the URL; page: an intent URI or action (v1, v2), an action or URI (v3)",
                 check_target},
};

}  // namespace

std::span<const SettingField> settings() noexcept { return kSettings; }

Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime /*now*/,
                            std::optional<Environment> /*asked*/) {
  if (claimed.vendor != Vendor::Huawei) return fail(Errc::Malformed, "this is not a Huawei certificate");
  if (const auto origin = origin_of(claimed, ""); !origin) return std::unexpected(origin.error());
  if (!claimed.bundle_id.empty())
    if (const std::string wrong = check_class_name(claimed.bundle_id); !wrong.empty())
      return fail(Errc::Malformed, "the package name: " + wrong);
  const std::string_view text = trimmed_secret(secret.bytes);
  if (looks_like_file(text)) {
    const Result<ServiceAccount> account = read_service_account(text);
    if (!account) return std::unexpected(account.error());
    const std::string_view project = setting(claimed.settings, "project_id");
    if (!project.empty() && project != account->project_id)
      return fail(Errc::Malformed, "project_id: the key file is of project " + account->project_id);
    claimed.facts = {{"kind", "service_account"},
                     {"project_id", account->project_id},
                     {"key_id", account->key_id},
                     {"sub_account", account->sub_account},
                     {"fingerprint", account->key.fingerprint()}};
  } else {
    if (std::string wrong = check_secret(text, "app secret"); !wrong.empty())
      return fail(Errc::Malformed, std::move(wrong));
    if (setting(claimed.settings, "api") == "v3")
      return fail(Errc::Malformed, "api=v3 takes no app secret: give the key file of a service account");
    if (setting(claimed.settings, "app_id").empty())
      return fail(Errc::Malformed, "app_id: missing; an app secret is of use only with it");
    claimed.facts = {{"kind", "app_secret"}, {"fingerprint", secret_fingerprint(text)}};
  }
  if (const Result<Setup> setup = setup_of(claimed); !setup) return std::unexpected(setup.error());
  return claimed;
}

std::vector<std::string> warnings(const Certificate& certificate, WallTime) {
  const Result<Setup> setup = setup_of(certificate);
  if (!setup) return {};
  const std::string_view capped = "Huawei counts the pushes as marketing, of which a device gets 2 to 5 a day";
  if (setup->category.empty())
    return {"category: not set, so " + std::string(capped) + "; set the class that Huawei granted, such as IM"};
  if (setup->category == "MARKETING") return {"category: with MARKETING " + std::string(capped)};
  return {};
}

}  // namespace nightpost::huawei

// What ops fill in, and whether it can work.
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
#include "providers/text_fit.h"
#include "providers/xiaomi/limits.h"
#include "providers/xiaomi/message.h"
#include "providers/xiaomi/region.h"
#include "providers/xiaomi/xiaomi.h"

namespace nightpost::xiaomi {
namespace {

std::string check_region(std::string_view value) {
  return host_of(value) ? "" : "none of china, india, europe, russia, global";
}

std::string check_channel_kind(std::string_view value) {
  return value == "public" || value == "private" ? "" : "neither public nor private";
}

std::string check_channels(std::string_view value) {
  const auto channels = channels_in(value);
  return channels ? std::string() : channels.error().detail;
}

std::string check_template_variable(std::string_view value) {
  const bool plain = std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain && !value.empty() && value.size() <= 64 ? "" : "expected 1 to 64 letters, digits and '_'";
}

constexpr std::array kFields = {
    SettingField{"app_id", true, "AppID, from the app's page in Xiaomi's console", check_digits},
    SettingField{"region", false, "china (default), india, europe, russia or global: where the app's users registered",
                 check_region},
    SettingField{"channel_id", false, "notification class of the console, used where an event names none", check_plain},
    SettingField{"channel_kind", false, "public (default) or private: what class channel_id is", check_channel_kind},
    SettingField{"template_id", false, "template of private messages sent in channel_id", check_plain},
    SettingField{"template_title", false, "the template's variable that takes the title", check_template_variable},
    SettingField{"template_body", false, "the template's variable that takes the text", check_template_variable},
    SettingField{"channels", false,
                 "other classes that events name: order=private,template,title variable,text variable; news=public",
                 check_channels},
    SettingField{"rate_per_s", false,
                 "requests a second that Xiaomi takes of the app: 500 to 3000 by its devices; unset: not held back",
                 check_quota},
    SettingField{"quota_day", false,
                 "public messages a day: 2 for each device with notifications on (news 3), at least 10000",
                 check_quota},
    SettingField{"quota_device_day", false, "public messages a day to one device: 5 (news 8); without a class 1",
                 check_quota},
    SettingField{"app_name", false, "stands in for a blank title", nullptr},
    SettingField{"click", false, "what a tap does: app (default), web or page", nullptr},
    SettingField{"click_target", false, "web: the URL; page: an intent URI, intent:#Intent;component=…;end", nullptr},
    SettingField{"receipt_url", false, "where Xiaomi posts receipts, with ?key= and the receipt key in it",
                 check_callback_url<kCallbackBytesMax>},
};

std::string fault_of(const Certificate& claimed, std::string_view secret) {
  if (claimed.vendor != Vendor::Xiaomi) return "this is not a Xiaomi certificate";
  if (!check_class_name(claimed.bundle_id).empty())
    return "Xiaomi needs the app's package name, such as com.example.app";
  if (std::string fault = check_secret(secret, "AppSecret"); !fault.empty()) return fault;
  if (check_digits(secret).empty())
    return "the secret has digits only, as an AppKey or AppID has; Xiaomi wants the AppSecret";
  const Settings& settings = claimed.settings;
  const std::string_view target = setting(settings, "click_target");
  if (utf16_size(target) > kExtraValueMax)
    return "click_target: longer than Xiaomi's " + std::to_string(kExtraValueMax) + " characters";
  if (setting(settings, "click") == "page" && (!target.starts_with("intent:") || !target.ends_with(";end")))
    return "click_target: Xiaomi opens a page by an intent URI, intent:#Intent;component=package/class;end";
  const bool variables = !setting(settings, "template_title").empty() || !setting(settings, "template_body").empty();
  if (variables && setting(settings, "template_id").empty())
    return "template_title and template_body belong to a template: template_id is missing";
  if (setting(settings, "channel_id").empty() && setting(settings, "channel_kind") == "private")
    return "channel_kind: a private class needs its channel_id";
  if (setting(settings, "quota_day").empty() && setting(settings, "quota_device_day").empty()) return {};
  const Result<Profile> profile = profile_of(claimed);
  if (profile && profile->own.is_private && std::ranges::all_of(profile->others, &Channel::is_private))
    return "quota_day, quota_device_day: Xiaomi counts public messages, and these are all private";
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
  if (const auto known = check_receipt_key(claimed, secret); !known) return std::unexpected(known.error());
  claimed.environment = asked.value_or(claimed.environment);
  claimed.facts = {{"kind", "app_secret"}, {"fingerprint", secret_fingerprint(app_secret)}};
  return claimed;
}

std::vector<std::string> warnings(const Certificate& certificate, WallTime) {
  const Result<Profile> profile = profile_of(certificate);
  if (!profile) return {};
  std::vector<std::string> all;
  const auto judge = [&](std::string_view setting, const Channel& channel) {
    const std::string of = channel.id.empty() ? std::string() : " of class " + channel.id;
    if (!channel.is_private)
      all.push_back(std::string(setting) + ": pushes" + of + " are public, of which a device gets 5 a day");
    else if (channel.template_id.empty())
      all.push_back(
          std::string(setting) + ": private pushes" + of +
          " want a template (new apps since 2026-07, all from 2026-12-31); without one Xiaomi may refuse them or "
          "count them as public");
  };
  if (profile->own.id.empty())
    all.emplace_back(
        "channel_id: not set, so a device gets 1 push a day; set a class of Xiaomi's console, best a private one");
  else
    judge(profile->own.is_private ? "template_id" : "channel_kind", profile->own);
  for (const Channel& channel : profile->others) judge("channels", channel);
  return all;
}

}  // namespace nightpost::xiaomi

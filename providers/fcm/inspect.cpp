// Judges an uploaded key file and settings before they are stored, so that no push has to find out.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "providers/fcm/fcm.h"
#include "providers/fcm/limits.h"
#include "providers/fcm/service_account.h"
#include "providers/quota.h"

namespace nightpost::fcm {
namespace {

std::string check_name(std::string_view value) {
  const bool plain =
      std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  return plain && !value.empty() && value.size() <= kChannelIdBytesMax ? "" : "expected 1 to 255 bytes on one line";
}

std::string check_target(std::string_view value) {
  const bool plain =
      std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
  return plain && value.size() <= 1024 ? "" : "expected at most 1024 bytes without blanks";
}

constexpr std::array kSettings = {
    SettingField{"channel_id", false,
                 "the app's notification channel, which decides sound and importance on Android 8+", check_name},
    SettingField{"collapse_key", false, "an offline phone then keeps only the newest push; leave out to keep all",
                 check_name},
    SettingField{"quota_minute", false,
                 "requests a minute that Google granted the project, where it is not 600000, Google's default",
                 check_quota},
    SettingField{"click", false, "what a tap does: app (default), web, page", nullptr},
    SettingField{"click_target", false,
                 "web: the URL, which the app finds in data.click; page: an intent filter's action", check_target},
};

}  // namespace

std::span<const SettingField> settings() noexcept { return kSettings; }

Result<Certificate> inspect(Certificate claimed, const CertificateSecret& secret, WallTime /*now*/,
                            std::optional<Environment> /*asked*/) {
  if (claimed.vendor != Vendor::Fcm) return fail(Errc::Malformed, "this is not an FCM certificate");
  const Result<ServiceAccount> account = read_service_account(secret.bytes, claimed);
  if (!account) return std::unexpected(account.error());
  claimed.facts = {{"kind", "service_account"},
                   {"project_id", account->project_id},
                   {"client_email", account->client_email},
                   {"private_key_id", account->private_key_id},
                   {"token_uri", account->token_uri},
                   {"fingerprint", account->key.fingerprint()}};
  return claimed;
}

// Google caps nothing that a certificate could choose.
std::vector<std::string> warnings(const Certificate&, WallTime) { return {}; }

}  // namespace nightpost::fcm

#include "store/limits.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "core/text.h"

namespace nightpost::store {
namespace {

struct Text {
  std::string_view field;
  std::string_view value;
  std::size_t min, max;
};

/// Names and addresses are text for people and terminals too: no control characters, and what SQLite calls TEXT.
Result<void> check_texts(std::initializer_list<Text> texts) {
  for (const Text& text : texts) {
    const std::string field(text.field);
    if (text.value.size() < text.min) return fail(Errc::Malformed, field + ": missing");
    if (text.value.size() > text.max)
      return fail(Errc::Malformed, field + ": " + std::to_string(text.value.size()) + " bytes, at most " +
                                       std::to_string(text.max) + " fit");
    if (!is_valid_utf8(text.value)) return fail(Errc::Malformed, field + ": not UTF-8");
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(text.value, control)) return fail(Errc::Malformed, field + ": holds a control character");
  }
  return {};
}

bool pushable(const Device& device) {
  return (device.platform == Platform::Ios || device.platform == Platform::Android) &&
         device.state != DeviceState::LoggedOut;  // logging out unbinds the token
}

constexpr bool name_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

}  // namespace

Result<void> check(AppId app) {
  if (app.value > 0) return {};
  return fail(Errc::Malformed, "app id: " + std::to_string(app.value) + " is not positive");
}

Result<void> check_user(AppId app, std::string_view user_id) {
  if (auto ok = check(app); !ok) return ok;
  return check_texts({{"user id", user_id, 1, kUserIdBytesMax}});
}

Result<void> check(const Device& device) {
  const std::size_t token_min = pushable(device) ? 1 : 0;
  if (auto ok = check_texts({{"device id", device.device_id, 1, kDeviceIdBytesMax},
                             {"device token", device.token.text(), token_min, kTokenBytesMax},
                             {"device language", device.language, 0, kLanguageBytesMax}});
      !ok)
    return ok;
  if (!platform_from(name_of(device.platform))) return fail(Errc::Malformed, "device platform: not one of the list");
  if (!token_kind_from(name_of(device.token.kind())))
    return fail(Errc::Malformed, "device token kind: not one of the list");
  if (device.token.kind() == TokenKind::Voip && !is_voip_id(device.device_id))
    return fail(Errc::Malformed, "device id: of a voip token it is the phone's with .voip behind it, as iphone-1.voip");
  if (device.token.kind() == TokenKind::Voip && device.platform != Platform::Ios)
    return fail(Errc::Malformed, "device platform: only ios has voip tokens");
  if (!device_state_from(name_of(device.state))) return fail(Errc::Malformed, "device state: not one of the list");
  if (device.badge_base < 0) return fail(Errc::Malformed, "device badge base: negative");
  if (device.certificate.value < 0) return fail(Errc::Malformed, "device certificate: negative");
  if (device.certificate.value == 0 && pushable(device)) return fail(Errc::Malformed, "device certificate: missing");
  return {};
}

Result<void> check(const PushSettings& settings) {
  return check_texts({{"settings language", settings.language, 0, kLanguageBytesMax},
                      {"settings sound for one-to-one", settings.sound_c2c, 0, kSoundBytesMax},
                      {"settings sound for groups", settings.sound_group, 0, kSoundBytesMax}});
}

Result<void> check(const Mute& mute) {
  if (!mute_kind_from(name_of(mute.kind))) return fail(Errc::Malformed, "mute kind: not one of the list");
  if (mute.kind == Mute::Kind::All && !mute.target.empty())
    return fail(Errc::Malformed, "mute target: a mute of everything has none");
  return check_texts({{"mute target", mute.target, mute.kind == Mute::Kind::All ? 0u : 1u, kTargetBytesMax}});
}

Result<void> check(const Certificate& certificate) {
  if (auto ok = check(certificate.app); !ok) return ok;
  if (!vendor_from(name_of(certificate.vendor)))
    return fail(Errc::Malformed, "certificate vendor: not one of the list");
  if (!environment_from(name_of(certificate.environment)))
    return fail(Errc::Malformed, "certificate environment: not one of the list");
  if (!certificate_status_from(name_of(certificate.status)))
    return fail(Errc::Malformed, "certificate status: not one of the list");
  if (auto ok = check_texts({{"certificate name", certificate.name, 1, kCertificateNameBytesMax},
                             {"certificate bundle id", certificate.bundle_id, 0, kBundleIdBytesMax},
                             {"certificate host", certificate.host_override, 0, kHostBytesMax}});
      !ok)
    return ok;
  if (!std::ranges::all_of(certificate.name, name_character))
    return fail(Errc::Malformed, "certificate name: only English letters, digits, '-', '_' and '.'");
  if (certificate.ca_pem.size() > kCaPemBytesMax) return fail(Errc::Malformed, "certificate trust anchor: too long");
  if (!is_valid_utf8(certificate.ca_pem)) return fail(Errc::Malformed, "certificate trust anchor: not text");
  if (certificate.facts.size() > kFactsMax) return fail(Errc::Malformed, "certificate facts: more than 64");
  for (const auto& [key, value] : certificate.facts)
    if (auto ok = check_texts({{"certificate fact's name", key, 1, kFactKeyBytesMax},
                               {"certificate fact", value, 0, kFactValueBytesMax}});
        !ok)
      return ok;
  if (certificate.settings.size() > kSettingsMax)
    return fail(Errc::Malformed, "certificate settings: " + std::to_string(certificate.settings.size()) + ", at most " +
                                     std::to_string(kSettingsMax) + " fit");
  for (const auto& [name, value] : certificate.settings) {
    if (auto ok = check_texts({{"certificate setting's name", name, 1, kSettingNameBytesMax}}); !ok) return ok;
    if (auto ok = check_texts({{"certificate setting " + name, value, 0, kSettingValueBytesMax}}); !ok) return ok;
  }
  return {};
}

Result<void> check(const CertificateSecret& secret) {
  if (secret.bytes.empty()) return fail(Errc::Malformed, "certificate secret: missing");
  if (secret.bytes.size() > kSecretBytesMax) return fail(Errc::Malformed, "certificate secret: too long");
  if (secret.password.size() > kPasswordBytesMax) return fail(Errc::Malformed, "certificate password: too long");
  if (secret.receipt_key.size() > kReceiptKeyBytesMax)
    return fail(Errc::Malformed, "certificate receipt key: too long");
  return {};
}

}  // namespace nightpost::store

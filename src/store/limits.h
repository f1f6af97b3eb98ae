// What may be written: lengths and shapes, checked before a statement sees them. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/certificate.h"
#include "core/device.h"
#include "core/result.h"

namespace nightpost::store {

/// A number of rows as SQL's integers hold it.
inline std::int64_t bounded(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
}

// In bytes of UTF-8.
inline constexpr std::size_t kUserIdBytesMax = 255;
inline constexpr std::size_t kDeviceIdBytesMax = 255;
inline constexpr std::size_t kTokenBytesMax = 4'096;  // no vendor's is longer
inline constexpr std::size_t kTargetBytesMax = 255;
inline constexpr std::size_t kLanguageBytesMax = 35;  // RFC 5646 §4.4.1
inline constexpr std::size_t kSoundBytesMax = 255;
inline constexpr std::size_t kCertificateNameBytesMax = 64;
inline constexpr std::size_t kBundleIdBytesMax = 255;
inline constexpr std::size_t kHostBytesMax = 512;
inline constexpr std::size_t kCaPemBytesMax = 262'144;
inline constexpr std::size_t kFactsMax = 64;
inline constexpr std::size_t kFactKeyBytesMax = 64;
inline constexpr std::size_t kFactValueBytesMax = 4'096;
inline constexpr std::size_t kSettingsMax = 64;
inline constexpr std::size_t kSettingNameBytesMax = 64;
inline constexpr std::size_t kSettingValueBytesMax = 4'096;
inline constexpr std::size_t kSecretBytesMax = 262'144;
inline constexpr std::size_t kPasswordBytesMax = 1'024;
inline constexpr std::size_t kReceiptKeyBytesMax = 1'024;

// Malformed: the field and what is wrong with it; never its value.
Result<void> check(AppId app);
Result<void> check_user(AppId app, std::string_view user_id);
Result<void> check(const Device& device);
Result<void> check(const PushSettings& settings);
Result<void> check(const Mute& mute);
Result<void> check(const Certificate& certificate);  // all but id and version, which the store gives
Result<void> check(const CertificateSecret& secret);

}  // namespace nightpost::store

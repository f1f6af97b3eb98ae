// The words that configs, stores, metrics and outcomes use for our enums: one table each.
#include <array>
#include <cstddef>

#include "core/certificate.h"
#include "core/device.h"
#include "core/ids.h"
#include "core/outcome.h"
#include "core/result.h"
#include "core/vendor.h"
#include "core/verdict.h"

namespace nightpost {
namespace {

using Names = std::array<std::string_view, 10>;

constexpr Names kErrors = {"timeout",   "connection_lost", "overloaded",    "malformed",
                           "not_found", "unauthorized",    "shutting_down", "io"};
constexpr Names kVendors = {"apns", "fcm", "huawei", "honor", "xiaomi", "oppo", "vivo", "meizu"};
constexpr Names kVerdicts = {"accepted",   "token_gone",     "token_suspect", "suppressed", "throttled",
                             "auth_stale", "credential_bad", "misconfigured", "transient",  "rejected"};
constexpr Names kOutcomes = {"accepted", "token_removed", "suppressed", "expired", "rejected",
                             "retrying", "dead",          "delivered",  "clicked"};
constexpr Names kTokenKinds = {"token", "fid", "voip"};
constexpr Names kStates = {"foreground", "background", "offline", "logged_out"};
constexpr Names kPlatforms = {"ios", "android", "web", "mini_program", "desktop"};
constexpr Names kMuteKinds = {"all", "peer", "group"};
constexpr Names kEnvironments = {"production", "development"};
constexpr Names kStatuses = {"active", "disabled"};

static_assert(!kVendors[static_cast<std::size_t>(Vendor::Count) - 1].empty(), "every vendor has a name");
static_assert(!kVerdicts[static_cast<std::size_t>(Verdict::Count) - 1].empty(), "every verdict has a name");
static_assert(!kOutcomes[static_cast<std::size_t>(OutcomeKind::Count) - 1].empty(), "every outcome has a name");

template <class Enum>
std::string_view at(const Names& names, Enum value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < names.size() && !names[index].empty() ? names[index] : std::string_view("unknown");
}

template <class Enum>
std::optional<Enum> find(const Names& names, std::string_view name) noexcept {
  for (std::size_t i = 0; i < names.size() && !name.empty(); ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Errc code) noexcept { return at(kErrors, code); }

std::string_view name_of(Vendor vendor) noexcept { return at(kVendors, vendor); }
std::optional<Vendor> vendor_from(std::string_view name) noexcept { return find<Vendor>(kVendors, name); }

std::string_view name_of(Verdict verdict) noexcept { return at(kVerdicts, verdict); }
std::string_view name_of(OutcomeKind kind) noexcept { return at(kOutcomes, kind); }

std::string_view name_of(DeviceState state) noexcept { return at(kStates, state); }
std::optional<DeviceState> device_state_from(std::string_view name) noexcept {
  return find<DeviceState>(kStates, name);
}

std::string_view name_of(TokenKind kind) noexcept { return at(kTokenKinds, kind); }
std::optional<TokenKind> token_kind_from(std::string_view name) noexcept { return find<TokenKind>(kTokenKinds, name); }

std::string_view name_of(Platform platform) noexcept { return at(kPlatforms, platform); }
std::optional<Platform> platform_from(std::string_view name) noexcept { return find<Platform>(kPlatforms, name); }

std::string_view name_of(Mute::Kind kind) noexcept { return at(kMuteKinds, kind); }
std::optional<Mute::Kind> mute_kind_from(std::string_view name) noexcept { return find<Mute::Kind>(kMuteKinds, name); }

std::string_view name_of(Environment environment) noexcept { return at(kEnvironments, environment); }
std::optional<Environment> environment_from(std::string_view name) noexcept {
  return find<Environment>(kEnvironments, name);
}

std::string_view name_of(CertificateStatus status) noexcept { return at(kStatuses, status); }
std::optional<CertificateStatus> certificate_status_from(std::string_view name) noexcept {
  return find<CertificateStatus>(kStatuses, name);
}

}  // namespace nightpost

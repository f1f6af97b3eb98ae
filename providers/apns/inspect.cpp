// Judges an uploaded credential before it is stored, so that no push has to find out.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "providers/apns/address.h"
#include "providers/apns/apns.h"
#include "providers/apns/push_certificate.h"
#include "providers/jwt.h"

namespace nightpost::apns {
namespace {

constexpr std::int64_t kWarnDaysBefore = 30;  // a certificate's end

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_plain_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

/// Apple's key ids and team ids.
bool is_apple_id(std::string_view id) {
  return id.size() == 10 && std::ranges::all_of(id, [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c); });
}

std::string iso_utc(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<seconds>(time - day));
  std::array<char, 40> text{};
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                 static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                                 static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

/// What iso_utc() wrote. nullopt: nothing of the kind.
std::optional<WallTime> from_iso_utc(const std::string& text) {
  int year = 0, hour = 0, minute = 0, second = 0;
  unsigned month = 0, day = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute, &second) != 6)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + seconds(second);
}

std::string fact(const Certificate& certificate, const std::string& name) {
  const auto found = certificate.facts.find(name);
  return found == certificate.facts.end() ? std::string() : found->second;
}

Result<Certificate> inspect_p8(Certificate wanted, const CertificateSecret& secret, std::optional<Environment> asked) {
  const std::string key_id = fact(wanted, "key_id");
  const std::string team_id = fact(wanted, "team_id");
  if (!is_apple_id(key_id))
    return fail(Errc::Malformed,
                "a .p8 key needs its key id: 10 capital letters and digits, as in AuthKey_<key id>.p8");
  if (!is_apple_id(team_id))
    return fail(Errc::Malformed,
                "a .p8 key needs the team id: 10 capital letters and digits, from Apple's membership "
                "page");
  if (!is_bundle_id(wanted.bundle_id))
    return fail(Errc::Malformed, "a .p8 key needs the app's bundle id, such as com.example.app (no wildcard)");
  const Result<Es256Key> key = Es256Key::from_pkcs8_pem(secret.bytes);
  if (!key) return fail(Errc::Malformed, "the .p8 file: " + key.error().detail);
  wanted.environment = asked.value_or(wanted.environment);
  wanted.facts = {{"kind", "p8"}, {"key_id", key_id}, {"team_id", team_id}, {"fingerprint", key->fingerprint()}};
  return wanted;
}

constexpr std::string_view kCallsOf = ".voip";  // behind the bundle id: the topic of its calls

/// What the certificate may push to.
std::vector<Topic> topics_of(const PushCertificate& push) {
  if (!push.topics.empty() || push.uid.empty()) return push.topics;
  if (push.voip && push.uid.ends_with(kCallsOf)) return {{push.uid, {"voip"}}};
  std::vector<Topic> topics = {{push.uid, {"app"}}};
  if (push.voip) topics.push_back({push.uid + ".voip", {"voip"}});
  return topics;
}

std::string listed(const std::vector<Topic>& topics, std::string_view separator) {
  std::string text;
  for (const Topic& topic : topics) text.append(text.empty() ? "" : separator).append(topic.name);
  return text;
}

Result<Environment> environment_of(const PushCertificate& push, Environment wanted, std::optional<Environment> asked) {
  if (!push.development && !push.production)
    return fail(Errc::Malformed,
                "this is not a push certificate: it has neither of Apple's extensions for development "
                "and production pushes");
  if (push.development && push.production) return asked.value_or(wanted);
  const Environment only = push.production ? Environment::Production : Environment::Development;
  if (asked && *asked != only)
    return fail(Errc::Malformed, only == Environment::Development
                                     ? "this certificate is for development, and production was asked for: App Store "
                                       "and TestFlight builds need a production certificate"
                                     : "this certificate is for production, and development was asked for");
  return only;
}

Result<Certificate> inspect_p12(Certificate wanted, const CertificateSecret& secret, WallTime now,
                                std::optional<Environment> asked) {
  const Result<PushCertificate> push = open_p12(secret.bytes, secret.password);
  if (!push) return std::unexpected(push.error());
  if (push->not_after <= now)
    return fail(Errc::Malformed, "this certificate expired at " + iso_utc(push->not_after) + "; renew it at Apple");
  if (push->not_before > now)
    return fail(Errc::Malformed, "this certificate is not valid before " + iso_utc(push->not_before));
  const Result<Environment> environment = environment_of(*push, wanted.environment, asked);
  if (!environment) return std::unexpected(environment.error());

  const std::vector<Topic> topics = topics_of(*push);
  std::string bundle_id = wanted.bundle_id.empty() ? push->uid : wanted.bundle_id;
  if (!is_bundle_id(bundle_id))
    return fail(Errc::Malformed,
                "this certificate names no bundle id (its subject has no usable UID), and none was "
                "given");
  auto topic = std::ranges::find(topics, bundle_id, &Topic::name);
  if (topic == topics.end()) topic = std::ranges::find(topics, bundle_id + std::string(kCallsOf), &Topic::name);
  if (topic == topics.end())
    return fail(Errc::Malformed, "this certificate may not push to " + bundle_id + ", only to " + listed(topics, ", "));
  const auto offers = [&](std::string_view service) {
    return std::ranges::find(topic->services, service) != topic->services.end();
  };
  const bool for_calls = topic->name != bundle_id || (offers("voip") && !offers("app"));
  if (for_calls && !topic->name.ends_with(kCallsOf))
    return fail(Errc::Malformed, topic->name + " is a topic for VoIP calls, and does not end in .voip");
  // Its topic is made of the app's own, as with a key: what it serves is told by its list.
  if (for_calls) bundle_id = topic->name.substr(0, topic->name.size() - kCallsOf.size());

  wanted.bundle_id = bundle_id;
  wanted.environment = *environment;
  wanted.facts = {{"kind", "p12"},
                  {"fingerprint", push->fingerprint},
                  {"not_after", iso_utc(push->not_after)},
                  {"topics", listed(topics, ",")}};
  return wanted;
}

}  // namespace

std::span<const SettingField> settings() noexcept { return {}; }

Result<Certificate> inspect(Certificate wanted, const CertificateSecret& secret, WallTime now,
                            std::optional<Environment> asked) {
  if (wanted.vendor != Vendor::Apns) return fail(Errc::Malformed, "this is not an APNs certificate");
  if (!is_plain_name(wanted.name))
    return fail(Errc::Malformed,
                "the certificate's name may have plain English letters, digits, '-', '_' and '.', and "
                "nothing else");
  if (secret.bytes.empty()) return fail(Errc::Malformed, "the file is empty");
  if (const auto origin = origin_of(wanted); !origin) return std::unexpected(origin.error());
  const bool pem = secret.bytes.find("-----BEGIN ") != std::string::npos;
  return pem ? inspect_p8(std::move(wanted), secret, asked) : inspect_p12(std::move(wanted), secret, now, asked);
}

std::vector<std::string> warnings(const Certificate& certificate, WallTime now) {
  std::vector<std::string> all;
  if (!serves(certificate, certificate.bundle_id))
    all.push_back("it is for calls alone: a device with another token that names it gets nothing (token_malformed)");
  const auto end = from_iso_utc(fact(certificate, "not_after"));
  if (!end) return all;
  const auto left = std::chrono::floor<std::chrono::days>(*end - now).count();
  if (*end <= now)
    all.push_back("renew it at Apple: it expired at " + fact(certificate, "not_after") + ", and Apple refuses it");
  else if (left < kWarnDaysBefore)
    all.push_back("renew it at Apple: it expires at " + fact(certificate, "not_after") + ", in " +
                  std::to_string(left) + (left == 1 ? " day" : " days"));
  return all;
}

}  // namespace nightpost::apns

// What authorizes a request: a signed token for .p8 keys, the TLS client certificate for .p12 files.
#include <chrono>
#include <cstdint>
#include <ratio>
#include <string>
#include <utility>

#include "providers/apns/apns.h"
#include "providers/apns/push_certificate.h"
#include "providers/apns/signing.h"
#include "providers/jwt.h"

namespace nightpost::apns {
namespace {

// Apple, "Establishing a token-based connection to APNs": no more often than every 20 minutes, no less than every 60.
constexpr std::chrono::minutes kAgeMin{20};
constexpr std::chrono::minutes kAgeRenew{50};
constexpr std::chrono::minutes kAgeMax{60};
// Apple counts tokens by team and key, over every process that uses them. So a token is dated from the half hour: a
// worker that starts again, or ten at once, say the same, and two tokens that differ lie 30 minutes apart. Made at the
// end of its half hour a token still serves for 20 minutes before it is renewed.
using HalfHours = std::chrono::duration<std::int64_t, std::ratio<1800>>;

class KeyAuthorizer final : public LocalAuthorizer {
 public:
  KeyAuthorizer(Es256Key key, std::string key_id, std::string team_id)
      : key_(std::move(key)), key_id_(std::move(key_id)), team_id_(std::move(team_id)) {}

  Result<GrantStep> begin(WallTime now) const override {
    const std::chrono::sys_seconds issued = std::chrono::floor<HalfHours>(now);  // down: never from the future
    Result<std::string> jwt = key_.sign(jwt_header(key_id_), jwt_claims(team_id_, issued));
    if (!jwt) return std::unexpected(std::move(jwt.error()));
    return Grant{.authorization = "bearer " + *jwt,
                 .issued_at = issued,
                 .renew_at = issued + kAgeRenew,
                 .expires_at = issued + kAgeMax};
  }

  milliseconds age_min() const noexcept override { return kAgeMin; }

  // Without the environment: Apple counts tokens by team and key, and one token serves both. With the key itself: a
  // file uploaded under somebody else's team and key id must neither get that key's tokens nor spoil them.
  std::string signer() const override {
    return "apns:" + team_id_ + ":" + key_id_ + ":" + key_.fingerprint().substr(0, 16);
  }

 private:
  Es256Key key_;
  std::string key_id_;
  std::string team_id_;
};

class CertificateAuthorizer final : public LocalAuthorizer {
 public:
  explicit CertificateAuthorizer(ClientIdentity identity) : identity_(std::move(identity)) {}

  Result<GrantStep> begin(WallTime now) const override {
    return Grant{.authorization = {}, .issued_at = now, .renew_at = WallTime::max(), .expires_at = WallTime::max()};
  }
  milliseconds age_min() const noexcept override { return milliseconds::zero(); }
  std::string signer() const override { return {}; }
  std::optional<ClientIdentity> identity() const override { return identity_; }

 private:
  ClientIdentity identity_;
};

}  // namespace

Result<std::shared_ptr<const Authorizer>> make_authorizer(const Certificate& certificate,
                                                          const CertificateSecret& secret) {
  const auto fact = [&](const char* name) {
    const auto found = certificate.facts.find(name);
    return found == certificate.facts.end() ? std::string() : found->second;
  };
  const std::string kind = fact("kind");
  if (kind == "p8") {
    Result<Es256Key> key = Es256Key::from_pkcs8_pem(secret.bytes);
    if (!key) return fail(Errc::Malformed, "the .p8 file: " + key.error().detail);
    std::string key_id = fact("key_id");
    std::string team_id = fact("team_id");
    if (key_id.empty() || team_id.empty()) return fail(Errc::Malformed, "the certificate names no key id or team id");
    return std::make_shared<const KeyAuthorizer>(std::move(*key), std::move(key_id), std::move(team_id));
  }
  if (kind == "p12") {
    Result<PushCertificate> push = open_p12(secret.bytes, secret.password);
    if (!push) return std::unexpected(std::move(push.error()));
    return std::make_shared<const CertificateAuthorizer>(std::move(push->identity));
  }
  return fail(Errc::Malformed, "the certificate's kind is neither p8 nor p12");
}

}  // namespace nightpost::apns

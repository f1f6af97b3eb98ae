#include "app/cert_verify.h"

#include <algorithm>
#include <array>
#include <utility>

#include "app/send_run.h"
#include "app/vendors.h"
#include "core/json_members.h"
#include "dispatch/rule.h"

namespace nightpost::app {
namespace {

using DispatchRule = dispatch::Rule;

constexpr CertificateId kCandidate{1};

/// The vendor has looked at the token, so it has taken the credential.
constexpr std::array kTakenRules = {
    DispatchRule::Accepted,     DispatchRule::TokenGone,         DispatchRule::TokenAlreadyRemoved,
    DispatchRule::TokenNewer,   DispatchRule::RemovalHeld,       DispatchRule::RemovalFailed,
    DispatchRule::TokenSuspect, DispatchRule::TokenDoubtedTwice, DispatchRule::VendorSuppressed};
constexpr std::array kRefusedRules = {DispatchRule::CredentialBad, DispatchRule::VendorMisconfigured,
                                      DispatchRule::CertificateUnusable};

/// Tokens that nobody has, of which each vendor takes one for a token.
constexpr std::array<std::string_view, 2> kNobody = {"0000000000000000000000000000000000000000000000000000000000000000",
                                                     "XX_00000000000000000000000000000000"};

/// The candidate and one phone, whatever is asked for.
class CandidateSource final : public resolve::Source {
 public:
  CandidateSource(Certificate certificate, CertificateSecret secret, Device phone)
      : certificate_(std::move(certificate)), secret_(std::move(secret)), phone_(std::move(phone)) {}
  void receivers(std::span<const ReceiverKey> keys, Found found) override {
    found(std::vector<Receiver>(keys.size(), Receiver{{}, {phone_}, {}}));
  }
  Result<bool> app_known(AppId) override { return true; }
  void remove_token(AppId, std::string_view, const Device&, Removed removed) override { removed(false); }
  Result<Certificate> certificate(CertificateId) override { return certificate_; }
  Result<CertificateSecret> secret(CertificateId) override { return secret_; }
  Result<Changes> changes() override { return Changes{}; }

 private:
  const Certificate certificate_;
  const CertificateSecret secret_;
  const Device phone_;
};

}  // namespace

std::string_view name_of(Verification::Verdict verdict) noexcept {
  switch (verdict) {
    case Verification::Verdict::Accepted:
      return "accepted";
    case Verification::Verdict::Refused:
      return "refused";
    case Verification::Verdict::Unknown:
      break;
  }
  return "unknown";
}

Verification::Verdict verdict_of(std::string_view rule) noexcept {
  const auto holds = [rule](const auto& rules) {
    return std::ranges::any_of(rules, [rule](DispatchRule one) { return dispatch::name_of(one) == rule; });
  };
  if (holds(kTakenRules)) return Verification::Verdict::Accepted;
  return holds(kRefusedRules) ? Verification::Verdict::Refused : Verification::Verdict::Unknown;
}

Verification verify_credential(const Config& config, const store::NewCertificate& candidate, milliseconds timeout,
                               const Clock& clock) {
  Certificate certificate = candidate.facts;
  certificate.id = kCandidate;
  certificate.status = CertificateStatus::Active;  // a push with one that is switched off would tell nothing
  const auto parts = make_vendor_parts(certificate, candidate.secret);
  if (!parts) return {.verdict = Verification::Verdict::Refused, .reason = parts.error().detail};
  const auto token = std::ranges::find_if(
      kNobody, [&](std::string_view text) { return parts->provider->well_formed(DeviceToken(std::string(text))); });
  // One for calls alone takes no other token.
  const DeviceToken pushkit(std::string(kNobody.front()), TokenKind::Voip);
  const bool call =
      certificate.vendor == Vendor::Apns && token == kNobody.end() && parts->provider->well_formed(pushkit);
  const Device phone{
      .device_id = "nobody",
      .platform = certificate.vendor == Vendor::Apns ? Platform::Ios : Platform::Android,
      .certificate = kCandidate,
      .token = call ? pushkit : DeviceToken(std::string(token == kNobody.end() ? kNobody.front() : *token)),
      .registered_at = clock.wall()};
  const admin::PushQuestion push{.app = certificate.app,
                                 .user = "nobody",
                                 .title = "Nightpost",
                                 .desc = "verification of a credential",
                                 .from = "nightpost",
                                 .priority = "normal",
                                 .ttl_s = 60,
                                 .call = call};
  CandidateSource source(std::move(certificate), candidate.secret, phone);
  Verification verification;
  const auto sent = send_test_push(config, source, push, timeout, clock, [&](const std::string& line) {
    verification.trouble += (verification.trouble.empty() ? "" : "; ") + line;
  });
  if (!sent) {
    verification.reason = sent.error().detail;
    return verification;
  }
  const nlohmann::json& outcome = sent->front()["outcome"];
  if (outcome.is_object()) {
    verification.rule = text_in(outcome, "rule");
    verification.code = text_in(outcome, "code");
    verification.reason = text_in(outcome, "reason");
  }
  verification.verdict = verdict_of(verification.rule);
  return verification;
}

}  // namespace nightpost::app

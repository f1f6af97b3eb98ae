// A vendor for tests of dispatch: its requests say in the clear what was asked, its answers are statuses with a word.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dispatch/ports.h"

namespace nightpost::testing {

class FakeProvider final : public Provider {
 public:
  bool counts_titles = false;  // messages of each title by themselves
  std::vector<Quota> counted;  // of them each message but one titled "free"

  Vendor vendor() const noexcept override { return Vendor::Apns; }
  const std::string& origin() const noexcept override { return origin_; }
  Wire wire() const noexcept override { return Wire::Http2; }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (notification.ext == "too big") return fail(Errc::Malformed, "the ext alone passes the limit");
    std::vector<Planned> planned(1);
    HttpRequest& http = planned.front().http;
    http.path = "/" + tokens.front().text();
    http.headers = {{"authorization", grant.authorization, Indexing::Never},
                    {"push-id", notification.push_id},
                    {"collapse-id", notification.collapse_id},
                    {"sound", notification.sound.value_or("(silent)")},
                    {"lives-for", std::to_string((notification.expires_at - notification.sent_at).count())},
                    {"badge", notification.badge ? std::to_string(*notification.badge) : "(left)"}};
    http.body = notification.badge_only ? "(badge)" : notification.title + "|" + notification.body;
    return planned;
  }

  /// The body is the reason, and after a space the vendor's time or the seconds to wait.
  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    const std::size_t space = reply.body.find(' ');
    Answer answer{.code = reply.body.substr(0, space), .meaning = "status " + std::to_string(reply.status)};
    const long long number = space == std::string::npos ? -1 : std::stoll(reply.body.substr(space));
    switch (reply.status) {
      case 200:
        answer.verdict = Verdict::Accepted;
        answer.vendor_id = answer.code;
        break;
      case 400:
        answer.verdict = answer.code == "BadDeviceToken" ? Verdict::TokenSuspect : Verdict::Rejected;
        break;
      case 403:
        answer.verdict = answer.code == "Expired" ? Verdict::AuthStale : Verdict::CredentialBad;
        answer.may_be_token = answer.code == "NoRight";
        answer.leave_connection = true;
        break;
      case 404:
        answer.verdict = Verdict::Misconfigured;
        break;
      case 410:
        answer.verdict = Verdict::TokenGone;
        if (number >= 0) answer.gone_at = wall_from_ms(number);
        break;
      case 429:
        answer.verdict = Verdict::Throttled;
        answer.scope = answer.code == "Credential"   ? Scope::Credential
                       : answer.code == "Connection" ? Scope::Connection
                       : answer.code == "Class"      ? Scope::Class
                                                     : Scope::Token;
        if (number >= 0) answer.retry_after = seconds(number);
        break;
      case 451:
        answer.verdict = Verdict::Suppressed;
        break;
      default:
        answer.verdict = Verdict::Transient;
        answer.once_more = answer.code == "Failed";
        if (number >= 0) answer.retry_after = seconds(number);
    }
    return std::vector<Answer>(tokens.size(), answer);
  }

  std::string quota_class(const Notification& notification) const override {
    return counts_titles ? "messages titled " + notification.title : "";
  }
  std::span<const Quota> quotas(const Notification& notification) const override {
    return notification.title == "free" ? std::span<const Quota>() : counted;
  }
  bool goodbye_names_credential(std::string_view goodbye) const noexcept override { return goodbye == "credential"; }
  bool takes_badge_only(Platform platform) const noexcept override { return platform == Platform::Ios; }
  bool well_formed(const DeviceToken& token) const noexcept override { return !token.text().starts_with("bad"); }

 private:
  std::string origin_ = "https://fake.example";
};

}  // namespace nightpost::testing

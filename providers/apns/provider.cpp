// Requests and answers of one certificate: header by header as in Apple's "Sending notification requests to APNs".
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "providers/apns/address.h"
#include "providers/apns/apns.h"
#include "providers/apns/payload.h"
#include "providers/apns/reply.h"
#include "providers/aps.h"

namespace nightpost::apns {
namespace {

constexpr std::size_t kTokenDigitsMin = 2;  // Apple says not to assume a size; today it is 64
constexpr std::size_t kTokenDigitsMax = 400;

constexpr bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_token(std::string_view text) {
  return text.size() >= kTokenDigitsMin && text.size() <= kTokenDigitsMax && text.size() % 2 == 0 &&
         std::ranges::all_of(text, is_hex_digit);
}

bool is_voip(const DeviceToken& token) { return token.kind() == TokenKind::Voip; }

/// Canonical and lower case, 8-4-4-4-12: what Apple takes and echoes unchanged.
bool is_canonical_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

std::string path_of(std::string_view token) {
  std::string path;
  path.reserve(10 + token.size());
  path += "/3/device/";
  for (const char c : token) path += c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
  return path;
}

class ApnsProvider final : public Provider {
 public:
  /// By its topics: what it may push.
  struct Serves {
    bool alerts = true, calls = true;
  };
  ApnsProvider(std::string origin, std::string topic, Serves serves)
      : origin_(std::move(origin)), topic_(std::move(topic)), call_topic_(topic_ + ".voip"), serves_(serves) {}

  Vendor vendor() const noexcept override { return Vendor::Apns; }
  Wire wire() const noexcept override { return Wire::Http2; }
  const std::string& origin() const noexcept override { return origin_; }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (!notification.push_id.empty() && !is_canonical_uuid(notification.push_id))
      return fail(Errc::Malformed, "push_id is not a canonical lower-case UUID");
    if (!std::ranges::all_of(tokens, is_token, &DeviceToken::text))
      return fail(Errc::Malformed, "a device token is not an even number of hex digits");
    std::string alert, call;
    for (const DeviceToken& token : tokens) {
      std::string& body = is_voip(token) ? call : alert;
      if (!body.empty()) continue;
      Result<std::string> made = is_voip(token) ? call_payload_of(notification) : payload_of(notification);
      if (!made) return std::unexpected(std::move(made.error()));
      body = *std::move(made);
    }

    std::vector<Planned> requests(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      Planned& planned = requests[i];
      planned.first = i;
      planned.http.path = path_of(tokens[i].text());
      planned.http.headers = headers_of(notification, grant, is_voip(tokens[i]));
      std::string& body = is_voip(tokens[i]) ? call : alert;
      planned.http.body = i + 1 < tokens.size() ? body : std::move(body);  // nearly always the only one
    }
    return requests;
  }

  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return std::vector<Answer>(tokens.size(), answer_of(reply));
  }
  bool goodbye_names_credential(std::string_view goodbye) const noexcept override { return blames_credential(goodbye); }
  bool takes_badge_only(Platform) const noexcept override { return true; }
  bool well_formed(const DeviceToken& token) const noexcept override {
    return is_token(token.text()) && (is_voip(token) ? serves_.calls : serves_.alerts);
  }

 private:
  // Apple's table is 4096 bytes: ids that never come twice would push out the values that always do.
  std::vector<Header> headers_of(const Notification& n, const Grant& grant, bool voip) const {
    std::vector<Header> headers;
    headers.reserve(7);
    if (!grant.authorization.empty()) headers.push_back({"authorization", grant.authorization, Indexing::Never});
    headers.push_back({"apns-topic", voip ? call_topic_ : topic_, Indexing::Always});
    headers.push_back({"apns-push-type", voip ? "voip" : "alert", Indexing::Always});
    if (!n.push_id.empty()) headers.push_back({"apns-id", n.push_id, Indexing::FirstOnly});
    if (n.expires_at > WallTime{}) headers.push_back({"apns-expiration", apns_expiration(n), Indexing::FirstOnly});
    // Nobody waits for a number that falls.
    const bool patient = !voip && (n.badge_only || n.priority == Priority::Low);
    headers.push_back({"apns-priority", patient ? "5" : "10", Indexing::Always});
    if (!n.collapse_id.empty() && !voip)  // PushKit shows nothing that another could replace
      headers.push_back({"apns-collapse-id", apns_collapse_id(n.collapse_id), Indexing::FirstOnly});
    return headers;
  }

  std::string origin_;
  std::string topic_, call_topic_;
  Serves serves_;
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  if (!is_bundle_id(certificate.bundle_id)) return fail(Errc::Malformed, "the certificate names no usable bundle id");
  Result<std::string> origin = origin_of(certificate);
  if (!origin) return std::unexpected(std::move(origin.error()));
  return std::make_shared<const ApnsProvider>(
      std::move(*origin), certificate.bundle_id,
      ApnsProvider::Serves{.alerts = serves(certificate, certificate.bundle_id),
                           .calls = serves(certificate, certificate.bundle_id + ".voip")});
}

}  // namespace nightpost::apns

// Requests and answers of one certificate: Google, FCM HTTP v1 REST reference.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "providers/fcm/fcm.h"
#include "providers/fcm/limits.h"
#include "providers/fcm/message.h"
#include "providers/fcm/reply.h"
#include "providers/https_url.h"

namespace nightpost::fcm {
namespace {

constexpr bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Anything that Google could have made; its alphabet is not documented for tokens, and base64url for installations.
bool is_target(const DeviceToken& token) {
  const std::string& text = token.text();
  if (text.empty()) return false;
  if (token.kind() == TokenKind::Fid) return text.size() <= kFidBytesMax && std::ranges::all_of(text, is_id_character);
  if (text.size() > kTokenBytesMax) return false;
  bool odd = false;  // all of it is looked at, which the compiler does sixteen at a time
  for (const char c : text) odd |= (c <= ' ') | (c >= 0x7f) | (c == '"') | (c == '\\');
  return !odd;
}

class FcmProvider final : public Provider {
 public:
  FcmProvider(std::string origin, std::string_view project, RequestRate rate, Style style)
      : origin_(std::move(origin)),
        path_("/v1/projects/" + std::string(project) + "/messages:send"),
        rate_(rate),
        style_(std::move(style)) {}

  Vendor vendor() const noexcept override { return Vendor::Fcm; }
  const std::string& origin() const noexcept override { return origin_; }
  Wire wire() const noexcept override { return Wire::Http2; }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (!std::ranges::all_of(tokens, is_target)) return fail(Errc::Malformed, "a token is not one of FCM's");
    const Result<Message> message = Message::of(notification, style_);
    if (!message) return std::unexpected(message.error());
    std::vector<Planned> requests(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      requests[i].first = i;
      HttpRequest& http = requests[i].http;
      http.path = path_;
      http.headers = {{"authorization", grant.authorization, Indexing::Never},
                      {"content-type", "application/json; charset=UTF-8"}};
      http.body = message->to(tokens[i]);
    }
    return requests;
  }

  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return std::vector<Answer>(tokens.size(), answer_of(reply));
  }
  RequestRate request_rate() const noexcept override { return rate_; }
  /// An iPhone's messages are Apple's to count.
  std::span<const Quota> quotas(const Notification& notification) const override {
    static const std::array kOfDevice = {
        Quota{.name = "messages", .of = Quota::Of::Device, .per = Quota::Per::Minute, .most = kDevicePerMinute},
        Quota{.name = "messages", .of = Quota::Of::Device, .per = Quota::Per::Hour, .most = kDevicePerHour}};
    return notification.platform == Platform::Android ? std::span<const Quota>(kOfDevice) : std::span<const Quota>();
  }
  bool takes_badge_only(Platform) const noexcept override { return true; }
  bool well_formed(const DeviceToken& token) const noexcept override { return is_target(token); }

 private:
  std::string origin_;
  std::string path_;
  RequestRate rate_;
  Style style_;
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  const std::string_view project = setting(certificate.facts, "project_id");
  if (project.empty()) return fail(Errc::Malformed, "the certificate names no project");
  Result<std::string> origin = origin_of(certificate, "https://fcm.googleapis.com");
  if (!origin) return std::unexpected(std::move(origin.error()));
  Result<Click> click = click_of(certificate.settings);
  if (!click) return std::unexpected(std::move(click.error()));
  const std::uint32_t granted = quota_in(certificate.settings, "quota_minute");
  return std::make_shared<const FcmProvider>(
      *std::move(origin), project, RequestRate(granted > 0 ? granted : kProjectPerMinute),
      Style{.channel_id = std::string(setting(certificate.settings, "channel_id")),
            .collapse_key = std::string(setting(certificate.settings, "collapse_key")),
            .click = *std::move(click)});
}

}  // namespace nightpost::fcm

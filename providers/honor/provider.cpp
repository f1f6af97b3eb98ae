// Requests and answers of one certificate.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/honor/honor.h"
#include "providers/honor/limits.h"
#include "providers/honor/message.h"
#include "providers/honor/reply.h"
#include "providers/https_url.h"

namespace nightpost::honor {
namespace {

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kTokenBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string with_tokens(std::string_view start, std::span<const DeviceToken> tokens) {
  std::string body;
  body.reserve(start.size() + tokens.size() * (tokens.front().text().size() + 3) + 16);
  body.append(start).append(R"(,"token":[)");
  for (const DeviceToken& token : tokens) {
    body += body.ends_with('[') ? "\"" : ",\"";
    append_json_escaped(body, token.text());
    body += '"';
  }
  return body += "]}";
}

class HonorProvider final : public Provider {
 public:
  HonorProvider(std::string origin, const Settings& settings, Profile profile)
      : origin_(std::move(origin)),
        path_("/api/v1/" + std::string(setting(settings, "app_id")) + "/sendMessage"),
        profile_(std::move(profile)) {
    add_quota(quotas_, settings, "rate_per_s", {.name = "devices", .of = Quota::Of::App, .per = Quota::Per::Second});
    if (profile_.test_messages)
      quotas_.push_back({.name = "test messages", .per = Quota::Per::Day, .most = kTestMessagesPerDay});
    of_all_ = quotas_.size();
    if (!profile_.test_messages)
      add_quota(quotas_, settings, "quota_device_day",
                {.name = "messages of low importance", .of = Quota::Of::Device, .per = Quota::Per::Day});
  }

  Vendor vendor() const noexcept override { return Vendor::Honor; }
  const std::string& origin() const noexcept override { return origin_; }
  Batching batching() const noexcept override {
    return {.tokens = true, .badge = !profile_.badge_class.empty(), .sound = false};
  }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (!std::ranges::all_of(tokens, is_token, &DeviceToken::text))
      return fail(Errc::Malformed, "a token is empty, too long or not printable");
    const Result<std::string> start = message_start(profile_, notification);
    if (!start) return std::unexpected(start.error());
    std::vector<Planned> requests;
    requests.reserve((tokens.size() + kTokensMax - 1) / kTokensMax);
    for (std::size_t first = 0; first < tokens.size(); first += kTokensMax) {
      Planned& planned = requests.emplace_back();
      planned.first = first;
      planned.count = std::min(kTokensMax, tokens.size() - first);
      planned.http.path = path_;
      planned.http.headers = {{"authorization", grant.authorization, Indexing::Never},
                              {"content-type", "application/json; charset=UTF-8"},
                              {"timestamp", std::to_string(to_ms(notification.sent_at)), Indexing::FirstOnly}};
      planned.http.body = with_tokens(*start, tokens.subspan(first, planned.count));
    }
    return requests;
  }

  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return answers_of(tokens, reply);
  }
  std::span<const Quota> quotas(const Notification& notification) const override {
    return std::span(quotas_).first(is_low(profile_, notification) ? quotas_.size() : of_all_);
  }
  bool well_formed(const DeviceToken& token) const noexcept override { return is_token(token.text()); }

 private:
  std::string origin_;
  std::string path_;
  Profile profile_;
  std::vector<Quota> quotas_;
  std::size_t of_all_ = 0;  // the first of them: of all messages, whatever their importance
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  const std::string_view app_id = setting(certificate.settings, "app_id");
  if (!check_digits(app_id).empty()) return fail(Errc::Malformed, "the certificate names no usable app id");
  Result<std::string> origin = origin_of(certificate, "https://push-api.cloud.honor.com");
  if (!origin) return std::unexpected(std::move(origin.error()));
  Result<Profile> profile = profile_of(certificate);
  if (!profile) return std::unexpected(std::move(profile.error()));
  return std::make_shared<const HonorProvider>(*std::move(origin), certificate.settings, *std::move(profile));
}

}  // namespace nightpost::honor

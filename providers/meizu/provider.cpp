// Requests and answers of one certificate.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/https_url.h"
#include "providers/meizu/limits.h"
#include "providers/meizu/meizu.h"
#include "providers/meizu/message.h"
#include "providers/meizu/region.h"
#include "providers/meizu/reply.h"
#include "providers/meizu/signature.h"

namespace nightpost::meizu {
namespace {

constexpr std::string_view kPath = "/garcia/api/server/push/varnished/pushByPushId";

/// Anything printable but the comma that parts ids: Meizu publishes no form of them.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kTokenBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ','; });
}

std::string joined(std::span<const DeviceToken> tokens) {
  std::string ids;
  ids.reserve(tokens.size() * (tokens.front().text().size() + 1));
  for (const DeviceToken& token : tokens) ids.append(ids.empty() ? "" : ",").append(token.text());
  return ids;
}

class MeizuProvider final : public Provider {
 public:
  MeizuProvider(std::string origin, const Settings& settings, Profile profile)
      : origin_(std::move(origin)),
        app_id_(setting(settings, "app_id")),
        rate_(rate_in(settings)),
        profile_(std::move(profile)) {
    add_quota(quotas_, settings, "quota_device_day",
              {.name = "public messages", .of = Quota::Of::Device, .per = Quota::Per::Day});
  }

  Vendor vendor() const noexcept override { return Vendor::Meizu; }
  const std::string& origin() const noexcept override { return origin_; }
  Batching batching() const noexcept override { return {.tokens = true, .badge = false, .sound = true}; }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (!std::ranges::all_of(tokens, is_token, &DeviceToken::text))
      return fail(Errc::Malformed, "a push id is empty, too long or not printable");
    const Result<std::string> message = message_json(profile_, notification);
    if (!message) return std::unexpected(message.error());
    std::string encoded_message;
    append_form_field(encoded_message, "messageJson", *message);

    std::vector<Planned> requests;
    requests.reserve((tokens.size() + kTokensMax - 1) / kTokensMax);
    for (std::size_t first = 0; first < tokens.size(); first += kTokensMax) {
      Planned& planned = requests.emplace_back();
      planned.first = first;
      planned.count = std::min(kTokensMax, tokens.size() - first);
      planned.http.path = kPath;
      planned.http.headers = {{"content-type", "application/x-www-form-urlencoded;charset=UTF-8"}};
      const std::string ids = joined(tokens.subspan(first, planned.count));
      const std::string sign =
          signature_of({{"appId", app_id_}, {"messageJson", *message}, {"pushIds", ids}}, grant.authorization);
      if (sign.empty()) return fail(Errc::Malformed, "libcrypto offers no MD5, which Meizu's signature needs");
      std::string& body = planned.http.body;
      append_form_field(body, "appId", app_id_);
      append_form_field(body, "pushIds", ids);
      body.append("&").append(encoded_message);
      append_form_field(body, "sign", sign);
    }
    return requests;
  }

  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return answers_of(tokens, reply);
  }
  RequestRate request_rate() const noexcept override { return rate_; }
  std::span<const Quota> quotas(const Notification& notification) const override {
    return is_private(profile_, notification) ? std::span<const Quota>() : quotas_;
  }
  bool well_formed(const DeviceToken& token) const noexcept override { return is_token(token.text()); }

 private:
  std::string origin_;
  std::string app_id_;
  RequestRate rate_;
  std::vector<Quota> quotas_;
  Profile profile_;
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  const std::string_view app_id = setting(certificate.settings, "app_id");
  if (!check_digits(app_id).empty()) return fail(Errc::Malformed, "the certificate names no usable app id");
  const auto host = host_of(setting(certificate.settings, "region"));
  if (!host) return fail(Errc::Malformed, "the certificate names no region of Meizu's");
  Result<std::string> origin = origin_of(certificate, *host);
  if (!origin) return std::unexpected(std::move(origin.error()));
  Result<Profile> profile = profile_of(certificate);
  if (!profile) return std::unexpected(std::move(profile.error()));
  return std::make_shared<const MeizuProvider>(*std::move(origin), certificate.settings, *std::move(profile));
}

}  // namespace nightpost::meizu

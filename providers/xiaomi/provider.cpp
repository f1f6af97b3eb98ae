// Requests and answers of one certificate.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "providers/https_url.h"
#include "providers/xiaomi/limits.h"
#include "providers/xiaomi/message.h"
#include "providers/xiaomi/region.h"
#include "providers/xiaomi/reply.h"
#include "providers/xiaomi/xiaomi.h"

namespace nightpost::xiaomi {
namespace {

constexpr std::string_view kPath = "/v3/message/regid";

/// Anything printable but the comma that parts ids: Xiaomi publishes no form of them.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kTokenBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ','; });
}

class XiaomiProvider final : public Provider {
 public:
  XiaomiProvider(std::string origin, const Settings& settings, Profile profile)
      : origin_(std::move(origin)), rate_(rate_in(settings)), profile_(std::move(profile)) {
    const std::string name = profile_.own.id.empty() ? "messages without a channel" : "public messages";
    add_quota(quotas_, settings, "quota_day", {.name = name, .of = Quota::Of::App, .per = Quota::Per::Day});
    add_quota(quotas_, settings, "quota_device_day", {.name = name, .of = Quota::Of::Device, .per = Quota::Per::Day});
  }

  Vendor vendor() const noexcept override { return Vendor::Xiaomi; }
  const std::string& origin() const noexcept override { return origin_; }
  Batching batching() const noexcept override { return {.tokens = true, .badge = false, .sound = true}; }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (!std::ranges::all_of(tokens, is_token, &DeviceToken::text))
      return fail(Errc::Malformed, "a registration id is empty, too long or not printable");
    const Result<std::string> fields = message_fields(profile_, notification);
    if (!fields) return std::unexpected(fields.error());
    std::vector<Planned> requests;
    requests.reserve((tokens.size() + kTokensMax - 1) / kTokensMax);
    for (std::size_t first = 0; first < tokens.size(); first += kTokensMax) {
      Planned& planned = requests.emplace_back();
      planned.first = first;
      planned.count = std::min(kTokensMax, tokens.size() - first);
      planned.http.path = kPath;
      planned.http.headers = {{"authorization", grant.authorization, Indexing::Never},
                              {"content-type", "application/x-www-form-urlencoded;charset=UTF-8"}};
      planned.http.body = body_of(tokens.subspan(first, planned.count), *fields);
    }
    return requests;
  }

  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return answers_of(tokens, reply);
  }
  std::string quota_class(const Notification& notification) const override {
    const std::string_view channel = channel_id_of(profile_, notification);
    return channel.empty() ? "messages without a channel" : "messages of channel " + std::string(channel);
  }
  RequestRate request_rate() const noexcept override { return rate_; }
  std::span<const Quota> quotas(const Notification& notification) const override {
    return has_quota(profile_, notification) ? quotas_ : std::span<const Quota>();
  }
  bool well_formed(const DeviceToken& token) const noexcept override { return is_token(token.text()); }

 private:
  static std::string body_of(std::span<const DeviceToken> tokens, std::string_view fields) {
    constexpr std::string_view kComma = "%2C";
    std::string body = "registration_id=";
    body.reserve(body.size() + tokens.size() * (tokens.front().text().size() + 16) + fields.size());
    for (const DeviceToken& token : tokens) {
      if (!body.ends_with('=')) body += kComma;
      append_form_escaped(body, token.text());
    }
    return body += fields;
  }

  std::string origin_;
  RequestRate rate_;
  std::vector<Quota> quotas_;
  Profile profile_;
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  if (!check_class_name(certificate.bundle_id).empty())
    return fail(Errc::Malformed, "the certificate names no usable package");
  const auto host = host_of(setting(certificate.settings, "region"));
  if (!host) return fail(Errc::Malformed, "the certificate names no region of Xiaomi's");
  Result<std::string> origin = origin_of(certificate, *host);
  if (!origin) return std::unexpected(std::move(origin.error()));
  Result<Profile> profile = profile_of(certificate);
  if (!profile) return std::unexpected(std::move(profile.error()));
  return std::make_shared<const XiaomiProvider>(*std::move(origin), certificate.settings, *std::move(profile));
}

}  // namespace nightpost::xiaomi

// Requests and answers of one certificate (OPPO, PUSH server API).
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/text.h"
#include "providers/https_url.h"
#include "providers/oppo/limits.h"
#include "providers/oppo/message.h"
#include "providers/oppo/oppo.h"
#include "providers/oppo/region.h"
#include "providers/oppo/reply.h"

namespace nightpost::oppo {
namespace {

// Below this a second round trip costs more than repeating the content for each token.
constexpr std::size_t kBroadcastMin = 10;

/// In Planned::kind beside what was asked: Notification::repeat.
constexpr std::uint8_t kRepeat = 0x80;

Planned planned_for(Asked asked, bool repeat, std::string_view path, std::string body, std::size_t first,
                    std::size_t count) {
  Planned planned;
  planned.http.path = "/server/v1/message/notification/";
  planned.http.path += path;
  planned.http.headers = {{"content-type", "application/x-www-form-urlencoded;charset=utf-8"}};
  planned.http.body = std::move(body);
  planned.first = first;
  planned.count = count;
  planned.kind = static_cast<std::uint8_t>(static_cast<std::uint8_t>(asked) | (repeat ? kRepeat : 0));
  planned.prepares = asked == Asked::Save;
  return planned;
}

/// The access token goes first and into the body: proxies drop headers with underscores, and auth_token has one.
std::string body_with(const Grant& grant) {
  std::string body;
  append_form_field(body, "auth_token", grant.authorization);
  return body;
}

std::string joined(std::span<const DeviceToken> tokens) {
  std::string all;
  for (const DeviceToken& token : tokens) all.append(token.text()).append(";");
  return all;
}

class OppoProvider final : public Provider {
 public:
  OppoProvider(std::string origin, Region region, const Settings& settings, Style style)
      : origin_(std::move(origin)), region_(region), style_(std::move(style)) {
    add_quota(quotas_, settings, "rate_per_s", {.name = "devices", .of = Quota::Of::App, .per = Quota::Per::Second});
    if (!is_public(style_.category)) return;
    const std::string name = "public messages";
    add_quota(quotas_, settings, "quota_day", {.name = name, .of = Quota::Of::App, .per = Quota::Per::Day});
    add_quota(quotas_, settings, "quota_device_day", {.name = name, .of = Quota::Of::Device, .per = Quota::Per::Day});
  }

  Vendor vendor() const noexcept override { return Vendor::Oppo; }
  const std::string& origin() const noexcept override { return origin_; }

  Batching batching() const noexcept override {
    return {.tokens = true,
            .badge = style_.badge,
            .sound = style_.rings(),
            .tokens_min = kBroadcastMin,
            .mixed_max = kTargetsMax};
  }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    std::vector<Planned> planned;
    if (tokens.empty()) return planned;
    Result<Message> message = message_of(notification, style_);
    if (!message) return std::unexpected(std::move(message.error()));
    std::string body = body_with(grant);
    if (tokens.size() == 1) {
      std::string json;
      const std::string& token = tokens.front().text();
      append_unicast(json, *message, style_, app_message_id_of(notification, token), tokens.front());
      append_form_field(body, "message", json);
      planned.push_back(planned_for(Asked::Unicast, notification.repeat, "unicast", std::move(body), 0, 1));
    } else {
      append_saved_fields(body, *message, style_, app_message_id_of(notification, joined(tokens)));
      planned.push_back(
          planned_for(Asked::Save, notification.repeat, "save_message_content", std::move(body), 0, tokens.size()));
    }
    return planned;
  }

  Result<std::vector<Planned>> build_mixed(std::span<const Letter> letters, const Grant& grant) const override {
    std::vector<Planned> planned;
    std::string json;
    std::unordered_set<std::string_view> seen;
    std::size_t first = 0;
    bool repeat = false;  // of all letters of the request that is being written
    const auto close = [&](std::size_t end) {
      std::string body = body_with(grant);
      append_form_field(body, "messages", json += ']');
      planned.push_back(planned_for(Asked::Batch, repeat, "unicast_batch", std::move(body), first, end - first));
      seen.clear();
      first = end;
    };
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const auto& [notification, token] = letters[i];
      Result<Message> message = message_of(*notification, style_);
      if (!message) return std::unexpected(std::move(message.error()));
      // OPPO counts only the first of two messages to one id in a request.
      if (seen.size() == kTargetsMax || seen.contains(token->text()) ||
          (!seen.empty() && repeat != notification->repeat))
        close(i);
      repeat = notification->repeat;
      json = seen.empty() ? "[" : std::move(json += ',');
      append_unicast(json, *message, style_, app_message_id_of(*notification, token->text()), *token);
      seen.insert(token->text());
    }
    if (first < letters.size()) close(letters.size());
    return planned;
  }

  std::optional<std::vector<Planned>> address(const Notification& notification, std::span<const DeviceToken> tokens,
                                              const HttpResponse& reply, const Grant& grant) const override {
    const std::optional<Saved> saved = saved_in(reply);
    if (!saved) return std::nullopt;
    if (saved->message_id.empty()) return one_by_one(notification, tokens, grant);
    std::vector<Planned> planned;
    for (std::size_t first = 0; first < tokens.size(); first += kTargetsMax) {
      const auto part = tokens.subspan(first, std::min(kTargetsMax, tokens.size() - first));
      std::string body = body_with(grant);
      append_form_field(body, "message_id", saved->message_id);
      append_form_field(body, "target_type", "2");
      append_form_field(body, "target_value", distinct(part));
      planned.push_back(
          planned_for(Asked::Broadcast, notification.repeat, "broadcast", std::move(body), first, part.size()));
    }
    return planned;
  }

  std::vector<Answer> classify(std::uint8_t kind, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    const auto asked = std::min(static_cast<std::uint8_t>(kind & ~kRepeat), static_cast<std::uint8_t>(Asked::Batch));
    return answers_of(static_cast<Asked>(asked), (kind & kRepeat) != 0, tokens, reply);
  }

  /// OPPO has a quota of public messages; those of communication and service are not limited.
  std::string quota_class(const Notification&) const override {
    return is_public(style_.category) ? "public messages" : "communication and service messages";
  }
  std::span<const Quota> quotas(const Notification&) const override { return quotas_; }

  // An id of the other region would be called invalid, and then be removed.
  bool well_formed(const DeviceToken& token) const noexcept override {
    const std::string& id = token.text();
    const auto fits = [](char c) { return c > ' ' && c < 0x7f && c != ';' && c != ','; };
    return !id.empty() && id.size() <= kTokenBytes && std::ranges::all_of(id, fits) && region_of(id) == region_;
  }

 private:
  /// OPPO kept the content of an attempt before this one and does not say where: each token gets a copy of its own.
  std::optional<std::vector<Planned>> one_by_one(const Notification& notification, std::span<const DeviceToken> tokens,
                                                 const Grant& grant) const {
    std::vector<Letter> letters;
    letters.reserve(tokens.size());
    for (const DeviceToken& token : tokens) letters.push_back({&notification, &token});
    Result<std::vector<Planned>> planned = build_mixed(letters, grant);
    return planned ? std::optional(*std::move(planned)) : std::nullopt;
  }

  static std::string distinct(std::span<const DeviceToken> tokens) {
    std::unordered_set<std::string_view> seen;
    std::string joined;
    for (const DeviceToken& token : tokens)
      if (seen.insert(token.text()).second) joined.append(joined.empty() ? "" : ";").append(token.text());
    return joined;
  }

  std::string origin_;
  Region region_;
  Style style_;
  std::vector<Quota> quotas_;
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  const Region region = region_from(setting(certificate.settings, "region"));
  Result<std::string> origin = origin_of(certificate, own_origin(region));
  if (!origin) return std::unexpected(std::move(origin.error()));
  Result<Style> style = style_of(certificate);
  if (!style) return std::unexpected(std::move(style.error()));
  return std::make_shared<const OppoProvider>(std::move(*origin), region, certificate.settings, std::move(*style));
}

}  // namespace nightpost::oppo

// Requests and answers of one certificate (vivo, push server API).
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "providers/https_url.h"
#include "providers/vivo/category.h"
#include "providers/vivo/limits.h"
#include "providers/vivo/message.h"
#include "providers/vivo/reply.h"
#include "providers/vivo/vivo.h"

namespace nightpost::vivo {
namespace {

std::string joined(std::span<const DeviceToken> tokens) {
  std::string all;
  for (const DeviceToken& token : tokens) all.append(token.text()).append(";");
  return all;
}

Planned planned_for(Asked asked, std::string_view path, std::string body, const Grant& grant, std::size_t first,
                    std::size_t count) {
  Planned planned;
  planned.http.path = path;
  planned.http.headers = {{"authtoken", grant.authorization, Indexing::Never},
                          {"content-type", "application/json;charset=UTF-8"}};
  planned.http.body = std::move(body);
  planned.first = first;
  planned.count = count;
  planned.kind = static_cast<std::uint8_t>(asked);
  planned.prepares = asked == Asked::Save;
  return planned;
}

class VivoProvider final : public Provider {
 public:
  VivoProvider(std::string origin, const Settings& settings, Style style)
      : origin_(std::move(origin)), rate_(rate_in(settings)), style_(std::move(style)) {
    if (style_.test) return;  // vivo does not count those
    const std::string name = class_name();
    add_quota(quotas_, settings, "quota_day", {.name = name, .of = Quota::Of::App, .per = Quota::Per::Day});
    add_quota(quotas_, settings, "quota_device_day", {.name = name, .of = Quota::Of::Device, .per = Quota::Per::Day});
  }

  Vendor vendor() const noexcept override { return Vendor::Vivo; }
  const std::string& origin() const noexcept override { return origin_; }
  Batching batching() const noexcept override { return {.tokens = true, .badge = style_.badge, .sound = true}; }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    std::vector<Planned> planned;
    if (tokens.empty()) return planned;
    // A list is of two ids at least, and the same one twice is one.
    const bool single = std::ranges::all_of(tokens, [&](const DeviceToken& each) { return each == tokens.front(); });
    const std::string request_id = single ? request_id_of(notification, "send", joined(tokens.first(1)))
                                          : request_id_of(notification, "save", joined(tokens));
    Result<std::string> body = message_of(notification, style_, single ? &tokens.front() : nullptr, request_id);
    if (!body) return std::unexpected(std::move(body.error()));
    planned.push_back(planned_for(single ? Asked::Send : Asked::Save,
                                  single ? "/message/send" : "/message/saveListPayload", std::move(*body), grant, 0,
                                  tokens.size()));
    return planned;
  }

  // Chunks of even size, so that none is left with a single id: 1001 are 501 and 500.
  std::optional<std::vector<Planned>> address(const Notification& notification, std::span<const DeviceToken> tokens,
                                              const HttpResponse& reply, const Grant& grant) const override {
    const std::optional<std::string> task_id = task_id_in(reply);
    if (!task_id) return std::nullopt;
    std::vector<Planned> planned;
    const std::size_t chunks = (tokens.size() + kListMax - 1) / kListMax;
    for (std::size_t i = 0, first = 0; i < chunks; ++i) {
      const std::size_t count = tokens.size() / chunks + (i < tokens.size() % chunks ? 1 : 0);
      const auto part = tokens.subspan(first, count);
      std::string body = list_of(part, style_, *task_id, request_id_of(notification, "list", joined(part)));
      planned.push_back(planned_for(Asked::List, "/message/pushToList", std::move(body), grant, first, count));
      first += count;
    }
    return planned;
  }

  std::vector<Answer> classify(std::uint8_t kind, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return answers_of(static_cast<Asked>(std::min(kind, static_cast<std::uint8_t>(Asked::List))), tokens, reply);
  }

  std::optional<WallTime> closed_until(const Notification&, WallTime now) const override {
    if (style_.category.classification == Classification::System) return std::nullopt;
    return operation_opens(now);
  }

  std::string quota_class(const Notification&) const override { return class_name(); }
  RequestRate request_rate() const noexcept override { return rate_; }
  std::span<const Quota> quotas(const Notification&) const override { return quotas_; }

  // No length or prefix is vivo's for good: 23 digits, then "v2-" and more than 50 characters.
  bool well_formed(const DeviceToken& token) const noexcept override {
    const std::string& id = token.text();
    const auto fits = [](char c) { return c > ' ' && c < 0x7f && c != ';' && c != ','; };
    return !id.empty() && id.size() <= kTokenBytes && std::ranges::all_of(id, fits);
  }

 private:
  std::string class_name() const {
    return style_.category.classification == Classification::System ? "system messages" : "operation messages";
  }

  std::string origin_;
  RequestRate rate_;
  Style style_;
  std::vector<Quota> quotas_;
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  Result<std::string> origin = origin_of(certificate, kOrigin);
  if (!origin) return std::unexpected(std::move(origin.error()));
  Result<Style> style = style_of(certificate);
  if (!style) return std::unexpected(std::move(style.error()));
  return std::make_shared<const VivoProvider>(std::move(*origin), certificate.settings, std::move(*style));
}

}  // namespace nightpost::vivo

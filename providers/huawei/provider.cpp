// Requests and answers of one certificate: Huawei, Push Kit REST API.
#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "providers/https_url.h"
#include "providers/huawei/huawei.h"
#include "providers/huawei/limits.h"
#include "providers/huawei/message.h"
#include "providers/huawei/reply.h"
#include "providers/huawei/setup.h"

namespace nightpost::huawei {
namespace {

bool is_token(const DeviceToken& token) {
  const std::string& text = token.text();
  return !text.empty() && text.size() <= kTokenBytesMax && token.kind() == TokenKind::Token &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

/// How many of them one request takes: up to Huawei's limit, or to the first that it has already.
std::size_t share_of(std::span<const DeviceToken> tokens) {
  const std::size_t most = std::min(tokens.size(), kTokensMax);
  std::unordered_set<std::string_view> seen;
  seen.reserve(most);
  std::size_t count = 0;
  while (count < most && seen.insert(tokens[count].text()).second) ++count;
  return count;
}

class HuaweiProvider final : public Provider {
 public:
  HuaweiProvider(std::string origin, const Settings& settings, Setup setup)
      : origin_(std::move(origin)), path_(setup.path()), setup_(std::move(setup)) {
    add_quota(quotas_, settings, "rate_per_s", {.name = "devices", .of = Quota::Of::App, .per = Quota::Per::Second});
    of_all_ = quotas_.size();
    add_quota(quotas_, settings, "quota_device_day",
              {.name = "marketing messages", .of = Quota::Of::Device, .per = Quota::Per::Day});
  }

  Vendor vendor() const noexcept override { return Vendor::Huawei; }
  const std::string& origin() const noexcept override { return origin_; }
  Batching batching() const noexcept override { return {.tokens = true, .badge = setup_.shows_badge(), .sound = true}; }

  Result<std::vector<Planned>> build(const Notification& notification, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    if (!std::ranges::all_of(tokens, is_token)) return fail(Errc::Malformed, "a token is not one of Huawei's");
    const Result<Message> message = message_of(notification, setup_);
    if (!message) return std::unexpected(message.error());
    std::vector<Planned> requests;
    for (std::size_t first = 0; first < tokens.size(); first += requests.back().count) {
      const std::size_t count = share_of(tokens.subspan(first));
      requests.push_back(
          {.http = {.path = path_, .headers = headers(grant), .body = message->to(tokens.subspan(first, count))},
           .first = first,
           .count = count});
    }
    return requests;
  }

  std::vector<Answer> classify(std::uint8_t, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return answers_of(tokens, reply);
  }
  std::span<const Quota> quotas(const Notification& notification) const override {
    const bool all = quotas_.size() == of_all_ || is_marketing(notification, setup_);
    return std::span(quotas_).first(all ? quotas_.size() : of_all_);
  }
  bool well_formed(const DeviceToken& token) const noexcept override { return is_token(token); }

 private:
  std::vector<Header> headers(const Grant& grant) const {
    std::vector<Header> all = {{"authorization", grant.authorization, Indexing::Never}};
    if (setup_.api == Api::V3) {
      all.push_back({"content-type", "application/json"});
      all.push_back({"push-type", "0"});  // an alert
    } else {
      all.push_back({"content-type", "application/json; charset=UTF-8"});
    }
    return all;
  }

  std::string origin_;
  std::string path_;
  Setup setup_;
  std::vector<Quota> quotas_;
  std::size_t of_all_ = 0;  // the first of them: of all messages, whatever their class
};

}  // namespace

Result<std::shared_ptr<const Provider>> make_provider(const Certificate& certificate) {
  Result<Setup> setup = setup_of(certificate);
  if (!setup) return std::unexpected(std::move(setup.error()));
  Result<std::string> origin = origin_of(certificate, "https://push-api.cloud.huawei.com");
  if (!origin) return std::unexpected(std::move(origin.error()));
  return std::make_shared<const HuaweiProvider>(*std::move(origin), certificate.settings, *std::move(setup));
}

}  // namespace nightpost::huawei

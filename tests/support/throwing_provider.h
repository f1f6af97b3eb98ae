// A vendor's room with a bug: it throws where it promises not to, as often as a test wants.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "providers/provider.h"

namespace nightpost::testing {

class ThrowingProvider final : public Provider {
 public:
  /// `throws`: asked with the call's name before each of build, build_mixed, address, classify, closed_until,
  /// quota_class and quotas.
  ThrowingProvider(std::shared_ptr<const Provider> real, std::function<bool(std::string_view call)> throws)
      : real_(std::move(real)), throws_(std::move(throws)) {}

  Vendor vendor() const noexcept override { return real_->vendor(); }
  const std::string& origin() const noexcept override { return real_->origin(); }
  Batching batching() const noexcept override { return real_->batching(); }
  RequestRate request_rate() const noexcept override { return real_->request_rate(); }
  std::span<const Quota> quotas(const Notification& said) const override {
    const std::span<const Quota> counted = real_->quotas(said);
    if (!counted.empty()) maybe_throw("quotas", {});
    return counted;
  }
  bool well_formed(const DeviceToken& token) const noexcept override { return real_->well_formed(token); }
  std::optional<WallTime> closed_until(const Notification& said, WallTime now) const override {
    maybe_throw("closed_until", {});
    return real_->closed_until(said, now);
  }
  std::string quota_class(const Notification& said) const override {
    maybe_throw("quota_class", {});
    return real_->quota_class(said);
  }
  Result<std::vector<Planned>> build(const Notification& said, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    maybe_throw("build", tokens);
    return real_->build(said, tokens, grant);
  }
  Result<std::vector<Planned>> build_mixed(std::span<const Letter> letters, const Grant& grant) const override {
    maybe_throw("build_mixed", {});
    return real_->build_mixed(letters, grant);
  }
  std::optional<std::vector<Planned>> address(const Notification& said, std::span<const DeviceToken> tokens,
                                              const HttpResponse& reply, const Grant& grant) const override {
    maybe_throw("address", tokens);
    return real_->address(said, tokens, reply, grant);
  }
  std::vector<Answer> classify(std::uint8_t kind, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    maybe_throw("classify", tokens);
    return real_->classify(kind, tokens, reply);
  }

 private:
  /// Its words quote a token, as a parser's would.
  void maybe_throw(std::string_view call, std::span<const DeviceToken> tokens) const {
    if (throws_(call))
      throw std::runtime_error(std::string(call) + " near " + (tokens.empty() ? "" : std::string(tokens[0].text())));
  }

  std::shared_ptr<const Provider> real_;
  std::function<bool(std::string_view)> throws_;
};

}  // namespace nightpost::testing

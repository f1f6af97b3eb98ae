// FakeBatchProvider, whose requests also say in headers what the world checks: for whom they are and what is shown.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/fake_batch_provider.h"

namespace nightpost::sim {

/// What a phone would show: compared with what its user should have been told.
inline std::string shown(const Batching& batching, std::string_view title, std::optional<int> badge, bool sounds) {
  return std::string(title) + (batching.badge && badge ? " " + std::to_string(*badge) : "") +
         (batching.sound && !sounds ? " silently" : "");
}

class BatchVendor final : public Provider {
 public:
  testing::FakeBatchProvider fake;

  Vendor vendor() const noexcept override { return fake.vendor(); }
  const std::string& origin() const noexcept override { return fake.origin(); }
  Batching batching() const noexcept override { return fake.batching(); }
  bool well_formed(const DeviceToken& token) const noexcept override { return fake.well_formed(token); }
  std::optional<WallTime> closed_until(const Notification& said, WallTime now) const override {
    return fake.closed_until(said, now);
  }
  std::vector<Answer> classify(std::uint8_t kind, std::span<const DeviceToken> tokens,
                               const HttpResponse& reply) const override {
    return fake.classify(kind, tokens, reply);
  }

  Result<std::vector<Planned>> build(const Notification& said, std::span<const DeviceToken> tokens,
                                     const Grant& grant) const override {
    auto planned = fake.build(said, tokens, grant);
    if (planned) describe(*planned, said, tokens);
    return planned;
  }
  Result<std::vector<Planned>> build_mixed(std::span<const Letter> letters, const Grant& grant) const override {
    auto planned = fake.build_mixed(letters, grant);
    if (planned)
      for (const Letter& letter : letters) describe(planned->front(), *letter.notification, *letter.token);
    return planned;
  }
  std::optional<std::vector<Planned>> address(const Notification& said, std::span<const DeviceToken> tokens,
                                              const HttpResponse& reply, const Grant& grant) const override {
    auto planned = fake.address(said, tokens, reply, grant);
    if (!planned) return planned;
    describe(*planned, said, tokens);
    for (Planned& each : *planned) each.http.headers.push_back({"content", reply.body});
    return planned;
  }

 private:
  void describe(std::vector<Planned>& planned, const Notification& said, std::span<const DeviceToken> tokens) const {
    for (Planned& each : planned)
      for (const DeviceToken& token : tokens.subspan(each.first, each.count)) describe(each, said, token);
  }
  /// "e3/t-1-0/m3/news 2"
  void describe(Planned& planned, const Notification& said, const DeviceToken& token) const {
    planned.http.headers.push_back({"to", said.receipt_tag + "/" + token.text() + "/" + said.collapse_id + "/" +
                                              shown(fake.wants, said.title, said.badge, said.sound.has_value())});
  }
};

}  // namespace nightpost::sim

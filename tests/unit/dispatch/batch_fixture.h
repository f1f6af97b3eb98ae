// A Fixture whose certificate 1 is a vendor that batches.
#pragma once

#include <algorithm>

#include "dispatch_fixture.h"
#include "support/fake_batch_provider.h"

namespace nightpost::testing {

struct BatchFixture : Fixture {
  std::shared_ptr<FakeBatchProvider> provider = std::make_shared<FakeBatchProvider>();

  BatchFixture() {
    world.routes[1]->certificate.vendor = Vendor::Xiaomi;
    world.routes[1]->provider = provider;
  }
  /// Users u0 … u(n-1), each with one Android phone whose token is t0 … t(n-1).
  json members(int n, int from = 0) {
    json event = event_for({});
    for (int i = from; i < from + n; ++i) {
      const std::string user = "u" + std::to_string(i);
      Device& phone = world.add(user).devices.front();
      phone.platform = Platform::Android;
      phone.token = DeviceToken("t" + std::to_string(i));
      event["to"].push_back({{"user_id", user}, {"unread", 3}});
    }
    return event;
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const World::Sent& each : world.sent) all.push_back(each.http.path);
    return all;
  }
  int outcomes(const std::string& rule) const {
    return int(std::ranges::count_if(world.outcomes, [&](const json& each) { return each["rule"] == rule; }));
  }
};

}  // namespace nightpost::testing

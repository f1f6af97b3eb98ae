// Two real services on one PostgreSQL that tell each other by two real links: what a commit did is told alike on both.
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "im/nodes/peer_link.h"
#include "unit/im/service/service_world.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

ServiceOptions named_node(const std::string& name) {
  ServiceOptions options;
  options.node_name = name;
  return options;
}

struct NobodyHere final : Presence {
  std::vector<Device> connected(const UserKey&) const override { return {}; }
};

/// A service with its link. What is published is heard once a loop is turned, by both.
struct LinkedService final : PeerChannel {
  explicit LinkedService(World& of, PeerId self) : world(of) {
    link.emplace(PeerLink::Parts{.loop = world.loop,
                                 .channel = *this,
                                 .ears = *world.service,
                                 .local = nobody,
                                 .metrics = metrics,
                                 .self = self,
                                 .name = "n"},
                 PeerOptions{});
    link->start();
    world.service->set_peers(&*link);
  }
  ~LinkedService() override { world.service->set_peers(nullptr); }
  void listen(PeerChannelEar* to) override { ear = to; }
  bool publish(std::string_view bytes) override {
    if (other == nullptr) return false;
    for (LinkedService* const each : {this, other})
      each->world.loop.post([each, text = std::string(bytes)] {
        if (each->ear != nullptr) each->ear->message(text);
      });
    return true;
  }
  void turn() {
    bool ran = false;
    world.loop.post([&ran] { ran = true; });
    world.loop.until([&ran] { return ran; });
  }
  World& world;
  NobodyHere nobody;
  NodesMetrics metrics;
  LinkedService* other = nullptr;
  PeerChannelEar* ear = nullptr;
  std::optional<PeerLink> link;
};

}  // namespace

TEST_CASE("services: what commits of either node did is told alike on both, in one order", "[im][nodes][postgres]") {
  World north(named_node("north"), StoreKind::Postgres), south(named_node("south"), north);
  LinkedService one(north, 11), two(south, 22);
  one.other = &two;
  two.other = &one;
  one.ear->subscribed(true);
  two.ear->subscribed(true);
  const auto settle = [&] {
    const std::int64_t last = north.number("SELECT number FROM im_commits");
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (north.service->told_up_to() < last || south.service->told_up_to() < last) {
      REQUIRE(std::chrono::steady_clock::now() < limit);
      one.turn();
      two.turn();
      std::this_thread::sleep_for(milliseconds(1));
    }
  };
  settle();
  const Terminal anna = north.login("anna");
  settle();
  const Terminal denny = south.login("denny");
  settle();
  north.told.clear();
  south.told.clear();
  const SendReply first = north.send(anna, "denny");
  settle();
  south.send(denny, south.text("anna", "你好"));
  settle();
  REQUIRE(north.recall(anna, first.id));
  settle();
  REQUIRE(south.read(denny, {.peer = "anna"}));
  settle();
  REQUIRE(north.change(anna, {.peer = "denny", .pinned = true}));
  settle();
  REQUIRE(south.kick("anna"));
  settle();

  std::map<std::int64_t, std::string> here, there;  // by number
  for (const Committed& each : north.told)
    if (each.number > 0) here[each.number] = encode_commit(1, 0, each);
  for (const Committed& each : south.told)
    if (each.number > 0) there[each.number] = encode_commit(1, 0, each);
  CHECK(here.size() >= 6);
  CHECK(here == there);
  CHECK(north.missed_since.empty());
  CHECK(south.missed_since.empty());
  std::size_t ended = 0;
  for (const Committed& each : north.told) ended += each.ended.size();
  CHECK(ended == 1);  // asked for at the other
  CHECK(one.metrics.malformed.read() == 0);
  CHECK(one.metrics.commits_heard.read() >= 3);
  CHECK(two.metrics.commits_heard.read() >= 3);
}

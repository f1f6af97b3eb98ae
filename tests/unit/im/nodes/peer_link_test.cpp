// Two nodes over a channel that loses what it is told to lose, on manual time.
#include "im/nodes/peer_link.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/manual_loop.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {

using Words = std::vector<std::string>;

UserKey linked(const std::string& name) { return {AppId{7}, name}; }

/// All nodes' channel.
struct Air {
  struct Port final : PeerChannel {
    Port(Air& air_in, std::unique_ptr<EventLoop> loop_in) : air(air_in), loop(std::move(loop_in)) {}
    void listen(PeerChannelEar* to) override { ear = to; }
    bool publish(std::string_view bytes) override {
      if (!up) return false;
      sent.emplace_back(bytes);
      if (std::exchange(lose_next, false)) return true;
      for (Port* const each : air.ports)
        each->loop->post([each, text = std::string(bytes)] {
          if (each->up && each->ear != nullptr) each->ear->message(text);
        });
      return true;
    }
    void set_up(bool on) {
      up = on;
      if (ear != nullptr) ear->subscribed(on);
    }
    Air& air;
    std::unique_ptr<EventLoop> loop;
    PeerChannelEar* ear = nullptr;
    bool up = false;
    bool lose_next = false;
    std::vector<std::string> sent;
  };
  std::vector<Port*> ports;
};

struct LinkedGateway final : Presence {
  std::map<UserKey, std::vector<Device>> devices;
  std::set<std::pair<UserKey, std::string>> may;
  std::vector<Device> connected(const UserKey& user) const override {
    const auto at = devices.find(user);
    return at == devices.end() ? std::vector<Device>{} : at->second;
  }
  bool may_acknowledge(const UserKey& user, const std::string& device, MessageId) const override {
    return may.contains({user, device});
  }
};

struct HeardCommits final : PeerEars {
  Words all;
  void heard(Committed commit) override { all.push_back("commit " + std::to_string(commit.number)); }
  void may_have_missed() override { all.push_back("may have missed"); }
  std::int64_t told = 0;
  std::int64_t told_up_to() const noexcept override { return told; }
  std::vector<LiveRooms::Count> live_counts(std::size_t most) const override {
    return {live.begin(), live.begin() + static_cast<std::ptrdiff_t>(std::min(most, live.size()))};
  }
  std::vector<LiveRooms::Count> live;
};

struct LinkedRelays final : PresenceEvents {
  Words all;
  void acknowledged(const UserKey& user, const std::string&, Ver ver) override {
    all.push_back(user.user + " has " + std::to_string(ver.value));
  }
  void has_messages(const UserKey& user, const std::string&, std::span<const MessageId> messages) override {
    all.push_back(user.user + " has " + std::to_string(messages.size()) + " of groups");
  }
  void has_all_messages(const UserKey& user, const std::string&, std::span<const MessageId> but) override {
    all.push_back(user.user + " has all but " + std::to_string(but.size()));
  }
  void left_foreground(const UserKey& user, const std::string&) override { all.push_back(user.user + " left"); }
  void came(const UserKey& user, const std::string&) override { all.push_back(user.user + " came"); }
};

struct LinkedNode {
  LinkedNode(support::ManualLoop& clock, Air& air, PeerId self, PeerOptions options)
      : loop(clock.port()), port(air, clock.port()) {
    air.ports.push_back(&port);
    link.emplace(PeerLink::Parts{.loop = *loop,
                                 .channel = port,
                                 .ears = ears,
                                 .local = gateway,
                                 .metrics = metrics,
                                 .self = self,
                                 .name = "node"},
                 options);
    link->inform(&relays);
    link->start();
    port.set_up(true);
  }
  PresenceEvents& events() { return link->local_events(); }
  Words told() { return std::exchange(relays.all, {}); }
  Words heard() { return std::exchange(ears.all, {}); }
  /// "phone 5 foreground".
  Words connected(const std::string& user) const {
    Words lines;
    for (const auto& each : link->connected(linked(user)))
      lines.push_back(each.device + " " + std::to_string(each.acknowledged.value) +
                      (each.foreground ? " foreground" : ""));
    return lines;
  }

  std::unique_ptr<EventLoop> loop;
  NodesMetrics metrics;
  LinkedGateway gateway;
  HeardCommits ears;
  LinkedRelays relays;
  Air::Port port;
  std::optional<PeerLink> link;
};

struct TwoNodes {
  explicit TwoNodes(PeerOptions options = {}) : one(clock, air, 11, options), two(clock, air, 22, options) {
    pass(milliseconds(3'000));
    one.heard();
    two.heard();
  }
  void pass(milliseconds time) { clock.pass(time); }
  support::ManualLoop clock;
  Air air;
  LinkedNode one, two;
};

Committed commit_of(std::int64_t number) {
  Committed commit;
  commit.number = number;
  return commit;
}

}  // namespace

TEST_CASE("peer link: a commit reaches the other node, and not its own", "[im][nodes]") {
  TwoNodes nodes;
  nodes.one.link->tell(commit_of(5));
  nodes.one.link->tell(commit_of(6));
  nodes.pass(milliseconds(0));
  CHECK(nodes.two.heard() == Words{"commit 5", "commit 6"});
  CHECK(nodes.one.heard().empty());
  CHECK(nodes.one.metrics.commits_told.read() == 2);
  CHECK(nodes.two.metrics.commits_heard.read() == 2);
}

TEST_CASE("peer link: with each beat a node tells who is in its live groups", "[im][nodes][live]") {
  TwoNodes nodes;
  const auto users = [&] { return nodes.two.link->live_elsewhere(ConvId{5}); };
  CHECK(users() == 0);
  nodes.one.ears.live = {{ConvId{5}, 8}};
  nodes.pass(milliseconds(1'000));
  CHECK(users() == 8);
  CHECK(nodes.one.link->live_elsewhere(ConvId{5}) == 0);  // of others
  nodes.one.ears.live.clear();
  nodes.pass(milliseconds(1'000));
  CHECK(users() == 0);
}

TEST_CASE("peer link: a commit above the limit is not told, and counted", "[im][nodes]") {
  TwoNodes nodes({.message_bytes_max = 1'000});
  Committed commit = commit_of(5);
  commit.callbacks.resize(2'000);
  nodes.one.link->tell(commit);
  nodes.pass(milliseconds(10));
  CHECK(nodes.two.heard().empty());
  CHECK(nodes.one.metrics.too_large.read() == 1);
  CHECK(nodes.two.metrics.malformed.read() == 0);
}

TEST_CASE("peer link: of live groups so much is told in a message as the others read", "[im][nodes][live]") {
  TwoNodes nodes({.message_bytes_max = 1'000});
  SECTION("messages that have no number go in parts") {
    Committed said;
    for (int i = 0; i < 5; ++i) {
      const Message message{.elements = std::string(400, 'x')};
      said.deliveries.push_back(
          {.item = NewMessage{.message = std::make_shared<const Message>(message)}, .group = ConvId{5}});
    }
    nodes.one.link->tell(said);
    nodes.pass(milliseconds(10));
    CHECK(nodes.two.metrics.commits_heard.read() == nodes.one.metrics.commits_told.read());
    CHECK(nodes.one.metrics.commits_told.read() > 1);
    CHECK(nodes.one.metrics.too_large.read() == 0);
  }
  SECTION("one that is too long alone is counted") {
    const Message message{.elements = std::string(2'000, 'x')};
    nodes.one.link->tell({.deliveries = {{.item = NewMessage{.message = std::make_shared<const Message>(message)}}}});
    CHECK(nodes.one.metrics.too_large.read() == 1);
  }
  SECTION("users of groups") {
    for (std::int64_t i = 1; i <= 200; ++i) nodes.one.ears.live.push_back({ConvId{i << 40}, std::int64_t{1} << 40});
    nodes.pass(milliseconds(1'000));
    CHECK(nodes.two.link->live_elsewhere(ConvId{std::int64_t{1} << 40}) == std::int64_t{1} << 40);
  }
  CHECK(nodes.two.metrics.malformed.read() == 0);
}

TEST_CASE("peer link: devices of one are known to the other", "[im][nodes]") {
  TwoNodes nodes;
  nodes.one.events().came(linked("mei"), "phone");
  nodes.one.events().acknowledged(linked("mei"), "phone", Ver{4});
  nodes.one.events().acknowledged(linked("mei"), "phone", Ver{5});
  nodes.one.events().has_messages(linked("mei"), "phone", std::vector<MessageId>{{ConvId{1}, Seq{1}}});
  nodes.one.events().has_all_messages(linked("mei"), "phone", {});
  CHECK(nodes.one.told() == Words{"mei came", "mei has 4", "mei has 5", "mei has 1 of groups", "mei has all but 0"});
  nodes.pass(milliseconds(20));
  CHECK(nodes.two.told() == Words{"mei came", "mei has 5", "mei has 1 of groups", "mei has all but 0"});
  CHECK(nodes.two.connected("mei") == Words{"phone 5 foreground"});
  nodes.one.events().left_foreground(linked("mei"), "phone");
  nodes.one.events().gone(linked("mei"), "phone");
  nodes.pass(milliseconds(20));
  CHECK(nodes.two.told() == Words{"mei left"});
  CHECK(nodes.two.connected("mei").empty());
}

TEST_CASE("peer link: what devices say in one go is one message, up to the limit", "[im][nodes]") {
  TwoNodes nodes({.batch_events_max = 4});
  nodes.one.port.sent.clear();
  for (int i = 0; i < 10; ++i) nodes.one.events().came(linked("u" + std::to_string(i)), "phone");
  nodes.pass(milliseconds(20));
  CHECK(nodes.one.port.sent.size() == 3);
  CHECK(nodes.two.told().size() == 10);
}

TEST_CASE("peer link: who failed to log in is nobody's news", "[im][nodes]") {
  TwoNodes nodes;
  nodes.one.port.sent.clear();
  nodes.one.events().gone(linked("mei"), "phone");
  nodes.pass(milliseconds(20));
  CHECK(nodes.one.port.sent.empty());
}

TEST_CASE("peer link: a node that joins hears of all devices, in pages", "[im][nodes]") {
  TwoNodes nodes({.page_devices_max = 3});
  for (int i = 0; i < 10; ++i) nodes.one.events().came(linked("u" + std::to_string(i)), "phone");
  nodes.one.events().left_foreground(linked("u4"), "phone");
  nodes.pass(milliseconds(2'000));
  LinkedNode late(nodes.clock, nodes.air, 33, {});
  nodes.pass(milliseconds(1'500));
  for (int i = 0; i < 10; ++i) {
    CAPTURE(i);
    CHECK(late.connected("u" + std::to_string(i)) == Words{i == 4 ? "phone 0" : "phone 0 foreground"});
  }
  CHECK(nodes.two.connected("u9") == Words{"phone 0 foreground"});
  CHECK(nodes.two.metrics.gaps.read() == 0);
  nodes.air.ports.pop_back();
}

TEST_CASE("peer link: news that got lost are made good within a heartbeat", "[im][nodes]") {
  TwoNodes nodes;
  nodes.one.events().came(linked("mei"), "phone");
  nodes.pass(milliseconds(20));
  nodes.two.told();
  nodes.one.port.lose_next = true;
  nodes.one.events().left_foreground(linked("mei"), "phone");
  nodes.pass(milliseconds(20));
  CHECK(nodes.two.connected("mei") == Words{"phone 0 foreground"});
  nodes.pass(milliseconds(2'100));
  CHECK(nodes.two.connected("mei") == Words{"phone 0"});
  CHECK(nodes.two.told() == Words{"mei left"});
  CHECK(nodes.two.metrics.gaps.read() == 1);
}

TEST_CASE("peer link: without its channel a node is alone after the lease, and whole again after it", "[im][nodes]") {
  TwoNodes nodes;
  nodes.one.events().came(linked("mei"), "phone");
  nodes.pass(milliseconds(20));
  CHECK(nodes.two.link->hears());
  nodes.two.told();
  nodes.two.port.set_up(false);
  CHECK_FALSE(nodes.two.link->hears());
  nodes.pass(milliseconds(8'000));
  CHECK(nodes.two.connected("mei") == Words{"phone 0 foreground"});
  nodes.pass(milliseconds(3'000));
  CHECK(nodes.two.told() == Words{"mei left"});
  CHECK(nodes.two.connected("mei").empty());
  nodes.one.link->tell(commit_of(9));
  nodes.pass(milliseconds(100));
  CHECK(nodes.two.heard().empty());
  nodes.two.port.set_up(true);
  nodes.pass(milliseconds(2'000));
  CHECK(nodes.two.heard() == Words{"may have missed"});
  CHECK(nodes.two.connected("mei") == Words{"phone 0 foreground"});
  CHECK(nodes.two.link->hears());
}

TEST_CASE("peer link: a channel that is there and carries nothing is not heard", "[im][nodes]") {
  TwoNodes nodes;
  nodes.air.ports.clear();
  nodes.pass(milliseconds(8'000));
  CHECK(nodes.one.link->hears());
  nodes.pass(milliseconds(3'000));
  CHECK_FALSE(nodes.one.link->hears());
  CHECK(nodes.one.metrics.nodes.read() == 0);
}

TEST_CASE("peer link: a node that leaves is not waited for, and says nothing more", "[im][nodes]") {
  TwoNodes nodes;
  nodes.one.events().came(linked("mei"), "phone");
  nodes.pass(milliseconds(20));
  nodes.two.told();
  nodes.one.link->leave();
  nodes.pass(milliseconds(0));
  CHECK(nodes.two.told() == Words{"mei left"});
  const std::size_t sent = nodes.one.port.sent.size();
  nodes.one.link->tell(commit_of(3));
  nodes.one.events().came(linked("denny"), "phone");
  nodes.one.link->leave();
  nodes.pass(milliseconds(5'000));
  CHECK(nodes.one.port.sent.size() == sent);
  CHECK(nodes.two.metrics.nodes.read() == 0);
}

TEST_CASE("peer link: bytes that are none are counted, and nothing else", "[im][nodes]") {
  TwoNodes nodes;
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string("NPim\x01\x03", 6),
                                   std::string("NPim\x09") + std::string(30, 'x')})
    nodes.two.port.ear->message(bytes);
  CHECK(nodes.two.metrics.malformed.read() == 3);
  CHECK(nodes.two.metrics.unknown.read() == 1);
  CHECK(nodes.two.told().empty());
  CHECK(nodes.two.heard().empty());
}

TEST_CASE("peer link: a group's message is waited for where the device is", "[im][nodes]") {
  TwoNodes nodes;
  const MessageId message{ConvId{1}, Seq{1}};
  nodes.one.events().came(linked("mei"), "phone");
  nodes.two.gateway.devices[linked("denny")] = {{"phone", true, {}}};
  nodes.two.events().came(linked("denny"), "phone");
  nodes.pass(milliseconds(20));
  nodes.two.told();
  CHECK_FALSE(nodes.two.link->may_acknowledge(linked("vinson"), "phone", message));
  CHECK_FALSE(nodes.two.link->may_acknowledge(linked("denny"), "phone", message));  // here, and has it
  nodes.two.gateway.may.insert({linked("denny"), "phone"});
  CHECK(nodes.two.link->may_acknowledge(linked("denny"), "phone", message));
  CHECK(nodes.two.link->may_acknowledge(linked("mei"), "phone", message));
  nodes.pass(milliseconds(13'100));  // and nobody says that she has it
  CHECK(nodes.two.told() == Words{"mei left"});
}

TEST_CASE("peer link: who has caught up has what his node was told of, and no more", "[im][nodes]") {
  TwoNodes nodes;
  const auto of_number = [&](std::int64_t number) {
    Committed commit = commit_of(number);
    const Message message{.id = {ConvId{1}, Seq{number}}};
    commit.group_intents.push_back({.message = std::make_shared<const Message>(message)});
    nodes.two.link->committed(commit);
  };
  of_number(7);
  of_number(8);
  nodes.one.ears.told = 7;
  nodes.one.events().came(linked("mei"), "phone");
  nodes.one.events().has_all_messages(linked("mei"), "phone", {});
  of_number(9);
  nodes.pass(milliseconds(20));
  CHECK(nodes.two.told() == Words{"mei came", "mei has all but 2"});
}

TEST_CASE("peer link: a one-to-one message is waited for where the device is", "[im][nodes]") {
  TwoNodes nodes;
  nodes.one.events().came(linked("mei"), "phone");
  nodes.pass(milliseconds(20));
  nodes.two.told();
  Committed commit = commit_of(4);
  commit.intents.push_back({.to = linked("mei"), .ver = Ver{8}});
  nodes.two.link->committed(commit);
  nodes.pass(milliseconds(5'000));
  nodes.one.events().acknowledged(linked("mei"), "phone", Ver{8});
  nodes.pass(milliseconds(20'000));
  CHECK(nodes.two.told() == Words{"mei has 8"});
}

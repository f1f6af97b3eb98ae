// Who is on other nodes: the contract of Presence, whatever gets lost.
#include "im/nodes/directory.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace nightpost;
using namespace nightpost::im;

namespace {

using Lines = std::vector<std::string>;

constexpr PeerId kSelf = 1, kNorth = 2, kSouth = 3;

UserKey of_app(const std::string& name) { return {AppId{7}, name}; }
MessageId of_group(std::int64_t seq) { return {ConvId{50}, Seq{seq}}; }

struct HeardEvents final : PresenceEvents {
  Lines all;
  void add(const UserKey& user, const std::string& device, const std::string& what) {
    all.push_back(user.user + " " + device + " " + what);
  }
  static std::string ids(std::span<const MessageId> messages) {
    std::string text;
    for (const MessageId id : messages) text += " " + std::to_string(id.seq.value);
    return text;
  }
  void acknowledged(const UserKey& user, const std::string& device, Ver ver) override {
    add(user, device, "has " + std::to_string(ver.value));
  }
  void has_messages(const UserKey& user, const std::string& device, std::span<const MessageId> messages) override {
    add(user, device, "has of groups" + ids(messages));
  }
  void has_all_messages(const UserKey& user, const std::string& device, std::span<const MessageId> but) override {
    add(user, device, "has all of groups but" + ids(but));
  }
  void left_foreground(const UserKey& user, const std::string& device) override { add(user, device, "left"); }
  void came(const UserKey& user, const std::string& device) override { add(user, device, "came"); }
};

/// The words of nodes, numbered as they number them.
struct DirectoryBed {
  explicit DirectoryBed(DirectoryOptions options = {}) : directory(options, kSelf, metrics) { directory.tell(&events); }

  bool say(PeerId node, PeerBody body) { return directory.heard({node, seqs[node], std::move(body)}, now); }
  bool say_numbered(PeerId node, PeerBody body) {
    ++seqs[node];
    return say(node, std::move(body));
  }
  void lose(PeerId node) { ++seqs[node]; }
  void news(PeerId node, DeviceNews::Kind kind, const std::string& user, std::int64_t ver = 0,
            std::vector<MessageId> messages = {}) {
    say_numbered(node, peer::News{{{kind, of_app(user), "phone", Ver{ver}, std::move(messages)}}});
  }
  /// The first time after it has said its state, which is nobody.
  void came(PeerId node, const std::string& user, std::int64_t ver = 0) {
    if (introduced.insert(node).second) state(node, {});
    news(node, DeviceNews::Kind::Came, user, ver);
  }
  void acknowledged(PeerId node, const std::string& user, std::int64_t ver) {
    news(node, DeviceNews::Kind::Acknowledged, user, ver);
  }
  void state(PeerId node, std::vector<DeviceNow> devices) {
    say_numbered(node, peer::State{true, true, std::move(devices)});
  }
  void commit(const std::string& user, std::int64_t ver) {
    Committed made;
    made.intents.push_back({.to = of_app(user), .ver = Ver{ver}});
    directory.committed(made, now);
  }
  /// So that no lease ends meanwhile.
  void pass(milliseconds time) {
    const MonoTime until = now + time;
    while (now < until) {
      now = std::min(now + milliseconds(500), until);
      for (const auto& [node, seq] : seqs)
        if (!silent.contains(node)) say(node, peer::Beat{"n" + std::to_string(node)});
      directory.pass(now);
    }
  }
  /// "phone 5 foreground".
  Lines connected(const std::string& user) const {
    std::vector<Presence::Device> devices;
    directory.add_connected(of_app(user), devices);
    Lines lines;
    for (const auto& each : devices)
      lines.push_back(each.device + " " + std::to_string(each.acknowledged.value) +
                      (each.foreground ? " foreground" : ""));
    return lines;
  }
  Lines told() { return std::exchange(events.all, {}); }

  NodesMetrics metrics;
  HeardEvents events;
  Directory directory;
  MonoTime now = MonoTime(std::chrono::hours(1));
  std::map<PeerId, std::uint64_t> seqs;
  std::set<PeerId> silent, introduced;
};

DeviceNow phone_of(const std::string& user, bool foreground, std::int64_t ver) {
  return {of_app(user), "phone", foreground, Ver{ver}};
}

}  // namespace

TEST_CASE("directory: a device comes, acknowledges, leaves and goes", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei", 3);
  CHECK(bed.connected("mei") == Lines{"phone 3 foreground"});
  bed.acknowledged(kNorth, "mei", 5);
  bed.acknowledged(kNorth, "mei", 4);  // never falls
  CHECK(bed.connected("mei") == Lines{"phone 5 foreground"});
  bed.news(kNorth, DeviceNews::Kind::Left, "mei");
  bed.news(kNorth, DeviceNews::Kind::Left, "mei");  // said once
  CHECK(bed.connected("mei") == Lines{"phone 5"});
  bed.news(kNorth, DeviceNews::Kind::Gone, "mei");
  CHECK(bed.connected("mei").empty());
  CHECK(bed.told() == Lines{"mei phone has 3", "mei phone came", "mei phone has 5", "mei phone left"});
  CHECK(bed.directory.devices() == 0);
}

TEST_CASE("directory: what it does not know of changes nothing", "[im][nodes]") {
  DirectoryBed bed;
  CHECK_FALSE(bed.say(kSelf, peer::Beat{}));
  CHECK_FALSE(bed.say(0, peer::Beat{}));
  CHECK_FALSE(bed.say(kNorth, peer::Farewell{}));
  CHECK(bed.directory.nodes() == 0);
  bed.news(kNorth, DeviceNews::Kind::Left, "mei");
  bed.news(kNorth, DeviceNews::Kind::Gone, "mei");
  CHECK(bed.told().empty());
  bed.acknowledged(kNorth, "mei", 5);  // the relays may want to know all the same
  bed.news(kNorth, DeviceNews::Kind::Has, "mei", 0, {of_group(1)});
  CHECK(bed.told() == Lines{"mei phone has 5", "mei phone has of groups 1"});
  CHECK(bed.connected("mei").empty());
  CHECK_FALSE(bed.directory.may_acknowledge(of_app("mei"), "phone", of_group(1), bed.now));
}

TEST_CASE("directory: a message that is acknowledged in time is due nowhere", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei");
  bed.told();
  bed.commit("mei", 5);
  bed.pass(milliseconds(11'000));
  bed.acknowledged(kNorth, "mei", 5);
  bed.pass(milliseconds(30'000));
  CHECK(bed.told() == Lines{"mei phone has 5"});
  CHECK(bed.metrics.overdue.read() == 0);
}

TEST_CASE("directory: a message that nobody speaks of is due after the ack timeout", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei");
  bed.told();
  bed.commit("mei", 5);
  bed.acknowledged(kNorth, "mei", 4);  // of an earlier one: it moves, so it has its time again
  bed.pass(milliseconds(11'500));
  CHECK(bed.told() == Lines{"mei phone has 4"});
  bed.pass(milliseconds(1'000));
  CHECK(bed.told() == Lines{"mei phone left"});
  CHECK(bed.connected("mei") == Lines{"phone 4"});
  bed.commit("mei", 6);  // due at once: it is not in the foreground
  bed.pass(milliseconds(60'000));
  CHECK(bed.told().empty());
  bed.acknowledged(kNorth, "mei", 6);
  CHECK(bed.told() == Lines{"mei phone has 6", "mei phone came"});
  CHECK(bed.connected("mei") == Lines{"phone 6 foreground"});
}

TEST_CASE("directory: a message from before a device has it is not waited for", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei", 9);
  bed.commit("mei", 9);
  bed.commit("vinson", 1);
  bed.news(kNorth, DeviceNews::Kind::Left, "mei");
  bed.commit("mei", 10);
  bed.told();
  bed.pass(milliseconds(60'000));
  CHECK(bed.told().empty());
}

TEST_CASE("directory: groups' messages are waited for where somebody asks for them", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei");
  bed.told();
  const auto asks = [&](std::int64_t seq) {
    return bed.directory.may_acknowledge(of_app("mei"), "phone", of_group(seq), bed.now);
  };
  CHECK(asks(1));
  CHECK(asks(2));
  SECTION("one by one") {
    bed.news(kNorth, DeviceNews::Kind::Has, "mei", 0, {of_group(2), of_group(3)});
    bed.news(kNorth, DeviceNews::Kind::Has, "mei", 0, {of_group(1)});
    bed.pass(milliseconds(30'000));
    CHECK(bed.told() == Lines{"mei phone has of groups 2 3", "mei phone has of groups 1"});
  }
  SECTION("all at once") {
    bed.news(kNorth, DeviceNews::Kind::HasAllBut, "mei");
    bed.pass(milliseconds(30'000));
    CHECK(bed.told() == Lines{"mei phone has all of groups but"});
  }
  SECTION("one is missing") {
    bed.news(kNorth, DeviceNews::Kind::HasAllBut, "mei", 0, {of_group(2)});
    bed.pass(milliseconds(30'000));
    CHECK(bed.told() == Lines{"mei phone has all of groups but 2", "mei phone left"});
    CHECK_FALSE(asks(4));
  }
  SECTION("none comes") {
    bed.pass(milliseconds(12'500));
    CHECK(bed.told() == Lines{"mei phone left"});
    bed.news(kNorth, DeviceNews::Kind::Has, "mei", 0, {of_group(1), of_group(2)});
    CHECK(bed.told() == Lines{"mei phone has of groups 1 2", "mei phone came"});
    CHECK(asks(4));
  }
}

TEST_CASE("directory: a device that acknowledges anything again is there again", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei");
  bed.commit("mei", 5);
  CHECK(bed.directory.may_acknowledge(of_app("mei"), "phone", of_group(1), bed.now));
  bed.pass(milliseconds(12'500));
  bed.told();
  SECTION("a message of a group") {
    bed.news(kNorth, DeviceNews::Kind::Has, "mei", 0, {of_group(2)});
    CHECK(bed.told() == Lines{"mei phone has of groups 2", "mei phone came"});
  }
  SECTION("one of its own") {
    bed.acknowledged(kNorth, "mei", 4);
    CHECK(bed.told() == Lines{"mei phone has 4", "mei phone came"});
  }
  bed.pass(milliseconds(30'000));
  CHECK(bed.told().empty());
  bed.commit("mei", 6);
  bed.pass(milliseconds(12'500));
  CHECK(bed.told() == Lines{"mei phone left"});
}

TEST_CASE("directory: of a device that owes more groups' messages than are listed all are waited for", "[im][nodes]") {
  DirectoryBed bed({.owed_messages_max = 2});
  bed.came(kNorth, "mei");
  bed.told();
  for (const std::int64_t seq : {1, 2, 3})
    CHECK(bed.directory.may_acknowledge(of_app("mei"), "phone", of_group(seq), bed.now));
  bed.news(kNorth, DeviceNews::Kind::Has, "mei", 0, {of_group(1), of_group(2)});
  SECTION("the third does not come") {
    bed.pass(milliseconds(13'000));
    CHECK(bed.told() == Lines{"mei phone has of groups 1 2", "mei phone left"});
  }
  SECTION("it has all") {
    bed.news(kNorth, DeviceNews::Kind::HasAllBut, "mei");
    bed.pass(milliseconds(13'000));
    CHECK(bed.told() == Lines{"mei phone has of groups 1 2", "mei phone has all of groups but"});
  }
}

TEST_CASE("directory: who has all may lack what was committed here since, or not known any more", "[im][nodes]") {
  DirectoryBed bed({.group_commits_max = 2});
  bed.came(kNorth, "mei");
  const auto commit = [&](std::int64_t number) {
    Committed made;
    made.number = number;
    const Message message{.id = of_group(number)};
    made.group_intents.push_back({.message = std::make_shared<const Message>(message)});
    made.group_intents.push_back({.message = nullptr});  // recalled
    bed.directory.committed(made, bed.now);
  };
  const auto has_all = [&](std::int64_t told) {
    bed.told();
    bed.say_numbered(kNorth, peer::News{{{.kind = DeviceNews::Kind::HasAllBut,
                                          .user = of_app("mei"),
                                          .device = "phone",
                                          .messages = {of_group(1)},
                                          .told = told}}});
    return bed.told();
  };
  CHECK(has_all(0) == Lines{"mei phone has all of groups but 1"});
  commit(5);
  CHECK(bed.directory.may_acknowledge(of_app("mei"), "phone", of_group(5), bed.now));
  CHECK(has_all(4) == Lines{"mei phone has all of groups but 1 5"});
  commit(6);
  commit(7);
  CHECK(has_all(4).empty());
  CHECK(has_all(5) == Lines{"mei phone has all of groups but 1 7 6"});
  CHECK(has_all(7) == Lines{"mei phone has all of groups but 1"});
  SECTION("another node's commit that comes late changes nothing") {
    Committed late;
    late.number = 6;
    late.ended.push_back({});
    bed.directory.committed(late, bed.now);
    CHECK(has_all(6) == Lines{"mei phone has all of groups but 1 7"});
  }
  SECTION("the store was set back: what was told before it is not known") {
    commit(3);
    CHECK(has_all(1).empty());
    CHECK(has_all(2) == Lines{"mei phone has all of groups but 1 3"});
  }
}

TEST_CASE("directory: a node that falls silent has no device after its lease", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei");
  bed.came(kSouth, "vinson");
  bed.news(kNorth, DeviceNews::Kind::Came, "denny");
  bed.news(kNorth, DeviceNews::Kind::Left, "denny");
  bed.say(kNorth, peer::Beat{"north"});
  bed.state(kNorth, {phone_of("mei", true, 0), phone_of("denny", false, 0)});
  bed.state(kSouth, {phone_of("vinson", true, 0)});
  bed.told();
  bed.silent.insert(kNorth);
  bed.pass(milliseconds(9'500));
  CHECK(bed.told().empty());
  CHECK(bed.connected("mei") == Lines{"phone 0 foreground"});
  bed.pass(milliseconds(500));
  CHECK(bed.told() == Lines{"mei phone left"});
  CHECK(bed.connected("mei").empty());
  CHECK(bed.connected("vinson") == Lines{"phone 0 foreground"});
  CHECK(bed.directory.nodes() == 1);
  CHECK(bed.metrics.leases_ended.read() == 1);
  const auto changes = bed.directory.take_changes();
  CHECK(changes.back().what == Directory::Change::What::Silent);
  CHECK(changes.back().name == "north");
  CHECK(changes.back().devices == 2);
}

TEST_CASE("directory: a node that says farewell has no device at once", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei");
  bed.told();
  bed.say(kNorth, peer::Farewell{});
  CHECK(bed.told() == Lines{"mei phone left"});
  CHECK(bed.directory.nodes() == 0);
}

TEST_CASE("directory: after something was missed the state says what holds", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei", 4);
  bed.came(kNorth, "vinson", 4);
  bed.came(kNorth, "denny", 4);
  bed.state(kNorth, {phone_of("mei", true, 4), phone_of("vinson", true, 4), phone_of("denny", true, 4)});
  CHECK(bed.directory.take_asks(milliseconds(1'000), bed.now).empty());
  bed.told();
  bed.commit("mei", 5);
  bed.lose(kNorth);
  CHECK(bed.metrics.devices_owing.read() == 1);
  CHECK(bed.metrics.nodes_unknown.read() == 0);
  bed.say(kNorth, peer::Beat{});
  CHECK(bed.metrics.gaps.read() == 1);
  CHECK(bed.metrics.nodes_unknown.read() == 1);
  CHECK(bed.directory.take_asks(milliseconds(1'000), bed.now) == std::vector<PeerId>{kNorth});
  CHECK(bed.directory.take_asks(milliseconds(1'000), bed.now).empty());  // asked a moment ago
  CHECK(bed.connected("mei") == Lines{"phone 4 foreground"});
  bed.say_numbered(kNorth, peer::State{true, false, {phone_of("mei", true, 5)}});
  bed.say_numbered(kNorth, peer::State{false, true, {phone_of("vinson", false, 4)}});
  // Mei has it; what she did not acknowledge by then is due. Denny is not there any more.
  CHECK(bed.told() ==
        Lines{"mei phone has 5", "mei phone left", "mei phone came", "vinson phone left", "denny phone left"});
  CHECK(bed.connected("mei") == Lines{"phone 5 foreground"});
  CHECK(bed.connected("denny").empty());
  CHECK(bed.directory.take_asks(milliseconds(1'000), bed.now).empty());
}

TEST_CASE("directory: who comes while a state is told stays", "[im][nodes]") {
  DirectoryBed bed;
  bed.say_numbered(kNorth, peer::State{true, false, {phone_of("denny", true, 1)}});
  bed.news(kNorth, DeviceNews::Kind::Came, "adam", 2);  // before the page's end, which does not name him any more
  bed.news(kNorth, DeviceNews::Kind::Gone, "denny");
  bed.say_numbered(kNorth, peer::State{false, true, {phone_of("mei", true, 3)}});
  CHECK(bed.connected("adam") == Lines{"phone 2 foreground"});
  CHECK(bed.connected("denny").empty());
  CHECK(bed.directory.devices() == 2);
}

TEST_CASE("directory: pages without a beginning, or with a hole, are no state", "[im][nodes]") {
  DirectoryBed bed;
  bed.say_numbered(kNorth, peer::State{false, true, {phone_of("mei", true, 3)}});
  CHECK(bed.connected("mei").empty());
  CHECK(bed.directory.take_asks(milliseconds(1'000), bed.now) == std::vector<PeerId>{kNorth});
  bed.say_numbered(kNorth, peer::State{true, false, {phone_of("mei", true, 3)}});
  bed.lose(kNorth);
  bed.say_numbered(kNorth, peer::State{false, true, {phone_of("denny", true, 3)}});
  CHECK(bed.connected("denny").empty());
  bed.now += milliseconds(1'000);
  CHECK(bed.directory.take_asks(milliseconds(1'000), bed.now) == std::vector<PeerId>{kNorth});
}

TEST_CASE("directory: a node that beats and does not say its state has no device", "[im][nodes]") {
  DirectoryBed bed;
  bed.news(kNorth, DeviceNews::Kind::Came, "mei");
  bed.told();
  bed.pass(milliseconds(9'500));
  CHECK(bed.told().empty());
  bed.pass(milliseconds(1'000));
  CHECK(bed.told() == Lines{"mei phone left"});
  CHECK(bed.connected("mei").empty());
  CHECK(bed.directory.nodes() == 1);
}

TEST_CASE("directory: a device that moves to another node owes there what it owed", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei");
  bed.commit("mei", 5);
  bed.came(kSouth, "mei");
  CHECK(bed.connected("mei") == Lines{"phone 0 foreground"});  // one device, on two nodes for a moment
  bed.told();
  SECTION("its old connection ends") { bed.news(kNorth, DeviceNews::Kind::Gone, "mei"); }
  SECTION("its old node ends") { bed.say(kNorth, peer::Farewell{}); }
  SECTION("its old connection falls behind") { bed.news(kNorth, DeviceNews::Kind::Left, "mei"); }
  CHECK(bed.told().empty());
  bed.state(kSouth, {phone_of("mei", true, 0)});
  bed.silent.insert(kNorth);
  bed.pass(milliseconds(12'500));
  CHECK(bed.told() == Lines{"mei phone left"});
}

TEST_CASE("directory: what finds no room counts as away", "[im][nodes]") {
  DirectoryBed bed({.remote_devices_max = 1, .nodes_max = 1});
  bed.came(kNorth, "mei");
  bed.came(kNorth, "denny");
  CHECK(bed.connected("denny").empty());
  CHECK(bed.metrics.devices_refused.read() == 1);
  bed.news(kSouth, DeviceNews::Kind::Came, "vinson");
  CHECK(bed.connected("vinson").empty());
  CHECK(bed.metrics.nodes_refused.read() == 1);
  bed.told();
  bed.acknowledged(kNorth, "denny", 7);  // pushed to already; what it says is heard all the same
  CHECK(bed.told() == Lines{"denny phone has 7"});
  bed.news(kNorth, DeviceNews::Kind::Gone, "mei");
  bed.came(kNorth, "denny");
  CHECK(bed.connected("denny") == Lines{"phone 0 foreground"});
}

TEST_CASE("directory: who is in live groups elsewhere, for as long as a lease holds", "[im][nodes][live]") {
  DirectoryBed bed({.live_rooms_max = 2});
  CHECK(bed.directory.live_users(ConvId{5}) == 0);
  bed.say(kNorth, peer::Live{{{ConvId{5}, 3}, {ConvId{6}, 1}, {ConvId{7}, 9}}});
  bed.say(kSouth, peer::Live{{{ConvId{5}, 4}}});
  CHECK(bed.directory.live_users(ConvId{5}) == 7);
  CHECK(bed.directory.live_users(ConvId{7}) == 0);  // no room
  CHECK(bed.metrics.live_rooms.read() == 3);
  bed.say(kNorth, peer::Live{{{ConvId{5}, 1}}});  // all that it has
  CHECK(bed.directory.live_users(ConvId{5}) == 5);
  CHECK(bed.directory.live_users(ConvId{6}) == 0);
  bed.say(kNorth, peer::Farewell{});
  CHECK(bed.directory.live_users(ConvId{5}) == 4);
  bed.silent.insert(kSouth);
  bed.pass(milliseconds(10'000));
  CHECK(bed.directory.live_users(ConvId{5}) == 0);
  CHECK(bed.metrics.live_rooms.read() == 0);
}

TEST_CASE("directory: beside a device of this node the better of both counts", "[im][nodes]") {
  DirectoryBed bed;
  bed.came(kNorth, "mei", 8);
  std::vector<Presence::Device> devices = {{"phone", false, Ver{3}}, {"pad", true, Ver{9}}};
  bed.directory.add_connected(of_app("mei"), devices);
  REQUIRE(devices.size() == 2);
  CHECK(devices[0].foreground);
  CHECK(devices[0].acknowledged == Ver{8});
  CHECK(devices[1].acknowledged == Ver{9});
}

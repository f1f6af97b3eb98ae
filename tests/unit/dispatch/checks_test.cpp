// Rules one by one, for people: the first that stops is what decide.h says, whatever the push.
#include "dispatch/checks.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "dispatch/decide.h"
#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

OfflineEvent checked_message() {
  OfflineEvent e;
  e.from_user = "denny";
  e.elements = {{ElementType::Text, "hi"}};
  e.to = {{.user_id = "vinson"}};
  return e;
}

Device checked_phone(const char* id = "phone", TokenKind kind = TokenKind::Token) {
  Device device;
  device.device_id = id;
  device.token = DeviceToken("token", kind);
  device.state = DeviceState::Background;
  return device;
}

const Check& check_of(const std::vector<Check>& all, Rule rule) {
  const auto found = std::ranges::find(all, rule, &Check::rule);
  REQUIRE(found != all.end());
  return *found;
}

std::vector<Rule> rules_of(const std::vector<Check>& all) {
  std::vector<Rule> rules;
  for (const Check& each : all) rules.push_back(each.rule);
  return rules;
}

}  // namespace

TEST_CASE("checks: the receiver's, in the order of the rules", "[dispatch][checks]") {
  OfflineEvent e = checked_message();
  const Receiver receiver{.devices = {checked_phone()}};
  const auto all = checks_of_receiver(e, e.to[0], receiver, kToday);
  CHECK(rules_of(all) == std::vector{Rule::SenderItself, Rule::UserPushOff, Rule::MutedAll, Rule::MutedPeer,
                                     Rule::MutedGroup, Rule::NoDevice});
  CHECK(first_stop(all) == Rule::None);
  CHECK(check_of(all, Rule::SenderItself).value == "denny");
  CHECK(check_of(all, Rule::UserPushOff).value == "on");
  CHECK(check_of(all, Rule::MutedPeer).value == "none");
  CHECK(check_of(all, Rule::MutedPeer).mute == nullptr);
  CHECK(check_of(all, Rule::NoDevice).value == "1");
  CHECK(first_stop({}) == Rule::None);

  e.kind = EventKind::Badge;
  CHECK(rules_of(checks_of_receiver(e, e.to[0], receiver, kToday)) ==
        std::vector{Rule::UserPushOff, Rule::BadgeOff, Rule::NoDevice});
}

TEST_CASE("checks: rules behind one that stops are looked at, too", "[dispatch][checks]") {
  OfflineEvent e = checked_message();
  e.from_user = "vinson";
  const Receiver receiver{.settings = {.enabled = false}, .mutes = {Mute{}}};
  const auto all = checks_of_receiver(e, e.to[0], receiver, kToday);
  CHECK(first_stop(all) == Rule::SenderItself);
  for (const Rule rule : {Rule::SenderItself, Rule::UserPushOff, Rule::MutedAll, Rule::NoDevice})
    CHECK(check_of(all, rule).stops);
  CHECK_FALSE(check_of(all, Rule::MutedPeer).stops);
  CHECK(check_of(all, Rule::UserPushOff).value == "off");
  CHECK(check_of(all, Rule::NoDevice).value == "0");
}

TEST_CASE("checks: why a mute holds or not", "[dispatch][checks]") {
  using Kind = Mute::Kind;
  struct Row {
    const char* name;
    std::vector<Mute> mutes;
    bool mentioned;
    const char* value;
  };
  const Row row = GENERATE(values<Row>({
      {"no mute", {}, false, "none"},
      {"of another kind", {{.kind = Kind::Group, .target = "denny"}}, false, "none"},
      {"of the sender", {{.kind = Kind::Peer, .target = "denny"}}, false, "muted"},
      {"of somebody else", {{.kind = Kind::Peer, .target = "lily"}}, false, "others"},
      {"over to the ms", {{.kind = Kind::Peer, .target = "denny", .until = kToday}}, false, "over"},
      {"for one ms more", {{.kind = Kind::Peer, .target = "denny", .until = kToday + milliseconds(1)}}, false, "muted"},
      {"yields to a mention", {{.kind = Kind::Peer, .target = "denny", .unless_mentioned = true}}, true, "mentioned"},
      {"would yield", {{.kind = Kind::Peer, .target = "denny", .unless_mentioned = true}}, false, "muted"},
      {"a mention is nothing to it", {{.kind = Kind::Peer, .target = "denny"}}, true, "muted"},
      {"the one that holds is told",
       {{.kind = Kind::Peer, .target = "lily"}, {.kind = Kind::Peer, .target = "denny"}},
       false,
       "muted"},
  }));
  CAPTURE(row.name);
  OfflineEvent e = checked_message();
  e.to[0].mentioned = row.mentioned;
  const Receiver receiver{.devices = {checked_phone()}, .mutes = row.mutes};
  const auto all = checks_of_receiver(e, e.to[0], receiver, kToday);
  const Check& check = check_of(all, Rule::MutedPeer);
  CHECK(check.value == row.value);
  CHECK(check.stops == (check.value == "muted"));
  CHECK((check.mute == nullptr) == (check.value == "none"));
  if (check.stops) CHECK(check.mute->target == "denny");
}

TEST_CASE("checks: the device's and the certificate's values", "[dispatch][checks]") {
  OfflineEvent e = checked_message();
  const Receiver receiver{.devices = {checked_phone(), checked_phone("phone.voip", TokenKind::Voip)}};
  const auto phone = checks_of_device(e, e.to[0], receiver, receiver.devices[0]);
  CHECK(first_stop(phone) == Rule::None);
  CHECK(check_of(phone, Rule::LoggedOut).value == "background");
  CHECK(check_of(phone, Rule::WebTerminal).value == "ios");
  CHECK(check_of(phone, Rule::NoToken).value == "there");
  CHECK(check_of(phone, Rule::NoContent).value == "there");
  CHECK(check_of(phone, Rule::RungByVoip).value == "phone.voip");
  const auto voip = checks_of_device(e, e.to[0], receiver, receiver.devices[1]);
  CHECK(first_stop(voip) == Rule::CallsOnly);
  CHECK(check_of(voip, Rule::CallsOnly).value == "voip");
  e.kind = EventKind::Call;
  CHECK(first_stop(checks_of_device(e, e.to[0], receiver, receiver.devices[0])) == Rule::RungByVoip);
  CHECK(first_stop(checks_of_device(e, e.to[0], receiver, receiver.devices[1])) == Rule::None);

  Certificate certificate{.vendor = Vendor::Xiaomi, .status = CertificateStatus::Disabled};
  const auto of_certificate = checks_of_certificate(receiver.devices[0], certificate);
  CHECK(first_stop(of_certificate) == Rule::CertificateDisabled);
  CHECK(check_of(of_certificate, Rule::CertificateDisabled).value == "disabled");
  CHECK(check_of(of_certificate, Rule::WrongVendor).stops);
  CHECK(check_of(of_certificate, Rule::WrongVendor).value == "xiaomi");
}

TEST_CASE("checks: the first that stops is what decides, of any push", "[dispatch][checks][property]") {
  const auto seed = GENERATE(take(20, random(1u, 1'000'000'000u)));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto one_of = [&](std::size_t n) { return std::size_t(random()) % n; };
  const auto coin = [&] { return one_of(2) == 0; };
  constexpr const char* kUsers[] = {"vinson", "denny", "lily"};
  for (int turn = 0; turn < 400; ++turn) {
    OfflineEvent e = checked_message();
    e.kind = static_cast<EventKind>(one_of(6));
    e.cancel = static_cast<CancelReason>(one_of(3));
    e.from_user = kUsers[one_of(3)];
    e.group_id = coin() ? "team" : "";
    if (one_of(4) == 0) e.elements = {{ElementType::Custom, ""}};
    if (one_of(4) == 0) e.elements.clear();
    if (one_of(4) == 0) e.android.desc = "for Android";
    e.to[0].mentioned = coin();
    e.to[0].due_count = coin() ? 1 : 0;
    Receiver receiver{.settings = {.enabled = one_of(4) != 0, .badge = coin()}};
    for (std::size_t i = one_of(4); i > 0; --i)
      receiver.mutes.push_back({.kind = static_cast<Mute::Kind>(one_of(3)),
                                .target = coin() ? "team" : kUsers[one_of(3)],
                                .until = kToday + milliseconds(std::int64_t(one_of(3)) - 1),
                                .unless_mentioned = coin()});
    constexpr const char* kRows[] = {"phone", "phone.voip", "pad", "alone.voip"};
    for (const char* id : kRows) {
      if (coin()) continue;
      Device device = checked_phone(id, coin() ? TokenKind::Voip : TokenKind::Token);
      device.state = static_cast<DeviceState>(one_of(4));
      device.platform = static_cast<Platform>(one_of(5));
      if (one_of(5) == 0) device.token = DeviceToken("", device.token.kind());
      receiver.devices.push_back(std::move(device));
    }
    CAPTURE(turn);
    CHECK(first_stop(checks_of_receiver(e, e.to[0], receiver, kToday)) ==
          decide_receiver(e, e.to[0], receiver, kToday));
    for (const Device& device : receiver.devices) {
      const Rule first = decide_device(e, e.to[0], device);
      const Rule want = first != Rule::None ? first : decide_row(e, e.to[0], receiver, device);
      CHECK(first_stop(checks_of_device(e, e.to[0], receiver, device)) == want);
      const Certificate certificate{.vendor = static_cast<Vendor>(one_of(std::size_t(Vendor::Count))),
                                    .status = static_cast<CertificateStatus>(one_of(2))};
      CHECK(first_stop(checks_of_certificate(device, certificate)) == decide_certificate(device, certificate));
    }
  }
}

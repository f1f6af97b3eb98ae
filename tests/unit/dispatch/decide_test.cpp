#include "dispatch/decide.h"

#include <catch2/catch.hpp>
#include <functional>

#include "times.h"

using namespace nightpost;
using namespace nightpost::dispatch;

namespace {

constexpr milliseconds kDay{86'400'000};

OfflineEvent a_message() {
  OfflineEvent e;
  e.kind = EventKind::C2c;
  e.from_user = "denny";
  e.group_id = "g1";
  e.occurred_at = kToday;
  e.expires_at = kToday + seconds(60);
  e.elements = {{ElementType::Text, "hi"}};
  e.to = {{.user_id = "vinson"}};
  return e;
}

Device phone() {
  Device device;
  device.device_id = "phone";
  device.token = DeviceToken("token");
  device.state = DeviceState::Background;
  return device;
}

}  // namespace

TEST_CASE("decide: the event, in the order of the rules", "[dispatch][decide]") {
  struct Row {
    const char* name;
    std::function<void(OfflineEvent&)> change;
    Rule want;
  };
  const auto row = GENERATE(values<Row>({
      {"an ordinary message", [](auto&) {}, Rule::None},
      {"a group message", [](auto& e) { e.kind = EventKind::Group; }, Rule::None},
      {"switched off", [](auto& e) { e.push_disabled = true; }, Rule::PushDisabled},
      {"online only", [](auto& e) { e.online_only = true; }, Rule::OnlineOnly},
      {"switched off comes before online only", [](auto& e) { e.push_disabled = e.online_only = true; },
       Rule::PushDisabled},
      {"a system message", [](auto& e) { e.kind = EventKind::System; }, Rule::SystemMessage},
      {"a system message with a text", [](auto& e) { e.kind = EventKind::System, e.common.desc = "x"; },
       Rule::SystemMessage},
      {"a silent custom element", [](auto& e) { e.elements = {{ElementType::Custom, ""}}; }, Rule::CustomWithoutDesc},
      {"a custom element with its own desc", [](auto& e) { e.elements = {{ElementType::Custom, "poll"}}; }, Rule::None},
      {"a silent one beside a picture",
       [](auto& e) { e.elements = {{ElementType::Custom, ""}, {ElementType::Image, ""}}; }, Rule::None},
      {"a type from the future", [](auto& e) { e.elements = {{ElementType::Other, ""}}; }, Rule::CustomWithoutDesc},
      {"a silent one, but the sender wrote a text",
       [](auto& e) { e.elements = {{ElementType::Custom, ""}}, e.common.desc = "x"; }, Rule::None},
      {"a text for one platform is a text", [](auto& e) { e.elements.clear(), e.android.desc = "x"; }, Rule::None},
      {"no elements", [](auto& e) { e.elements.clear(); }, Rule::NoContent},
      {"empty text", [](auto& e) { e.elements = {{ElementType::Text, ""}}; }, Rule::NoContent},
      {"a recall has no elements", [](auto& e) { e.kind = EventKind::Cancel, e.elements.clear(); }, Rule::None},
      {"a recall that shows nothing", [](auto& e) { e.kind = EventKind::Cancel, e.push_disabled = true; },
       Rule::PushDisabled},
      {"a recall that comes too late", [](auto& e) { e.kind = EventKind::Cancel, e.expires_at = kToday; },
       Rule::Expired},
      {"read elsewhere", [](auto& e) { e.kind = EventKind::Cancel, e.cancel = CancelReason::Read; },
       Rule::ReadElsewhere},
      {"why a cancel came says nothing of a message", [](auto& e) { e.cancel = CancelReason::Read; }, Rule::None},
      {"a badge has no elements", [](auto& e) { e.kind = EventKind::Badge, e.elements.clear(); }, Rule::None},
      {"a badge of yesterday", [](auto& e) { e.kind = EventKind::Badge, e.expires_at = kToday; }, Rule::Expired},
      {"a call has no elements", [](auto& e) { e.kind = EventKind::Call, e.elements.clear(); }, Rule::None},
      {"a call that rings no more", [](auto& e) { e.kind = EventKind::Call, e.expires_at = kToday; }, Rule::Expired},
      {"a call that is not to be pushed", [](auto& e) { e.kind = EventKind::Call, e.push_disabled = true; },
       Rule::PushDisabled},
      {"a call's end shows something", [](auto& e) { e.kind = EventKind::Cancel, e.cancel = CancelReason::CallEnded; },
       Rule::None},
      {"one ms before it expires", [](auto& e) { e.expires_at = kToday + milliseconds(1); }, Rule::None},
      {"expired to the ms", [](auto& e) { e.expires_at = kToday; }, Rule::Expired},
      {"silent comes before expired", [](auto& e) { e.elements.clear(), e.expires_at = kToday; }, Rule::NoContent},
  }));
  CAPTURE(row.name);
  OfflineEvent e = a_message();
  row.change(e);
  CHECK(decide_event(e, kToday, kDay) == row.want);
}

TEST_CASE("decide: how old an event may be", "[dispatch][decide]") {
  struct Row {
    const char* name;
    milliseconds age, age_max;
    Rule want;
  };
  const auto row = GENERATE(values<Row>({
      {"just so", kDay, kDay, Rule::None},
      {"one ms more", kDay + milliseconds(1), kDay, Rule::TooOld},
      {"a week", 7 * kDay, kDay, Rule::TooOld},
      {"a week, and no limit", 7 * kDay, milliseconds(0), Rule::None},
      {"twenty years, and no limit", 20 * 365 * kDay, milliseconds(0), Rule::None},
      {"the least limit", milliseconds(2), milliseconds(1), Rule::TooOld},
      {"the producer's clock is ahead", -7 * kDay, milliseconds(1), Rule::None},
  }));
  CAPTURE(row.name);
  OfflineEvent e = a_message();
  e.occurred_at = kToday - row.age;
  CHECK(decide_event(e, kToday, row.age_max) == row.want);
  e.expires_at = kToday;
  CHECK(decide_event(e, kToday, row.age_max) == Rule::Expired);
  e.push_disabled = true;
  CHECK(decide_event(e, kToday, row.age_max) == Rule::PushDisabled);
}

TEST_CASE("decide: the receiver", "[dispatch][decide]") {
  struct Row {
    const char* name;
    EventKind kind;
    bool mentioned;
    std::vector<Mute> mutes;
    Rule want;
  };
  const auto all = Mute::Kind::All;
  const auto peer = Mute::Kind::Peer;
  const auto group = Mute::Kind::Group;
  const auto row = GENERATE_COPY(values<Row>({
      {"no mutes", EventKind::C2c, false, {}, Rule::None},
      {"everything", EventKind::C2c, false, {{.kind = all}}, Rule::MutedAll},
      {"everything, until now", EventKind::C2c, false, {{.kind = all, .until = kToday}}, Rule::None},
      {"everything, one ms longer",
       EventKind::C2c,
       false,
       {{.kind = all, .until = kToday + milliseconds(1)}},
       Rule::MutedAll},
      {"the sender", EventKind::C2c, false, {{.kind = peer, .target = "denny"}}, Rule::MutedPeer},
      {"another sender", EventKind::C2c, false, {{.kind = peer, .target = "den"}}, Rule::None},
      {"the sender, but in a group", EventKind::Group, false, {{.kind = peer, .target = "denny"}}, Rule::None},
      {"the group", EventKind::Group, false, {{.kind = group, .target = "g1"}}, Rule::MutedGroup},
      {"another group", EventKind::Group, false, {{.kind = group, .target = "g2"}}, Rule::None},
      {"the group, but one-to-one", EventKind::C2c, false, {{.kind = group, .target = "g1"}}, Rule::None},
      {"the group, mentioned all the same",
       EventKind::Group,
       true,
       {{.kind = group, .target = "g1"}},
       Rule::MutedGroup},
      {"unless mentioned, and was",
       EventKind::Group,
       true,
       {{.kind = group, .target = "g1", .unless_mentioned = true}},
       Rule::None},
      {"unless mentioned, and was not",
       EventKind::Group,
       false,
       {{.kind = group, .target = "g1", .unless_mentioned = true}},
       Rule::MutedGroup},
      {"the first of the rules names it, not of the list",
       EventKind::Group,
       false,
       {{.kind = group, .target = "g1"}, {.kind = all}},
       Rule::MutedAll},
  }));
  CAPTURE(row.name);
  OfflineEvent e = a_message();
  e.kind = row.kind;
  e.to[0].mentioned = row.mentioned;
  Receiver receiver{.devices = {phone()}, .mutes = row.mutes};
  CHECK(decide_receiver(e, e.to[0], receiver, kToday) == row.want);

  receiver.settings.enabled = false;
  CHECK(decide_receiver(e, e.to[0], receiver, kToday) == Rule::UserPushOff);
  e.to[0].user_id = "denny";
  CHECK(decide_receiver(e, e.to[0], receiver, kToday) == Rule::SenderItself);
}

TEST_CASE("decide: a cancel and a call ring where a message would, a badge wherever a number is wanted",
          "[dispatch][decide]") {
  struct Row {
    const char* name;
    EventKind kind;
    const char* group;
    void (*change)(Receiver& receiver);
    Rule want;
  };
  const auto row = GENERATE(values<Row>({
      {"nothing against it", EventKind::Cancel, "", [](Receiver&) {}, Rule::None},
      {"the sender muted", EventKind::Cancel, "",
       [](Receiver& r) { r.mutes = {{.kind = Mute::Kind::Peer, .target = "denny"}}; }, Rule::MutedPeer},
      {"the sender muted, recalled in a group", EventKind::Cancel, "g1",
       [](Receiver& r) { r.mutes = {{.kind = Mute::Kind::Peer, .target = "denny"}}; }, Rule::None},
      {"the group muted", EventKind::Cancel, "g1",
       [](Receiver& r) { r.mutes = {{.kind = Mute::Kind::Group, .target = "g1"}}; }, Rule::MutedGroup},
      {"no number wanted, but a recall is no number", EventKind::Cancel, "",
       [](Receiver& r) { r.settings.badge = false; }, Rule::None},
      {"pushes off", EventKind::Cancel, "", [](Receiver& r) { r.settings.enabled = false; }, Rule::UserPushOff},
      {"everything muted, and a badge", EventKind::Badge, "", [](Receiver& r) { r.mutes = {Mute{}}; }, Rule::None},
      {"pushes off, and a badge", EventKind::Badge, "", [](Receiver& r) { r.settings.enabled = false; },
       Rule::UserPushOff},
      {"no number wanted", EventKind::Badge, "", [](Receiver& r) { r.settings.badge = false; }, Rule::BadgeOff},
      {"a call", EventKind::Call, "", [](Receiver&) {}, Rule::None},
      {"a call, and the caller muted", EventKind::Call, "",
       [](Receiver& r) { r.mutes = {{.kind = Mute::Kind::Peer, .target = "denny"}}; }, Rule::MutedPeer},
      {"a call in a group, and the caller muted", EventKind::Call, "g1",
       [](Receiver& r) { r.mutes = {{.kind = Mute::Kind::Peer, .target = "denny"}}; }, Rule::None},
      {"a call in a muted group", EventKind::Call, "g1",
       [](Receiver& r) { r.mutes = {{.kind = Mute::Kind::Group, .target = "g1"}}; }, Rule::MutedGroup},
      {"a call one to one, and the group muted", EventKind::Call, "",
       [](Receiver& r) { r.mutes = {{.kind = Mute::Kind::Group, .target = "g1"}}; }, Rule::None},
      {"a call, and nothing is to disturb", EventKind::Call, "", [](Receiver& r) { r.mutes = {Mute{}}; },
       Rule::MutedAll},
      {"a call, and pushes off", EventKind::Call, "", [](Receiver& r) { r.settings.enabled = false; },
       Rule::UserPushOff},
      {"a call, and no number wanted", EventKind::Call, "", [](Receiver& r) { r.settings.badge = false; }, Rule::None},
      {"a call, and no phone", EventKind::Call, "", [](Receiver& r) { r.devices.clear(); }, Rule::NoDevice},
      {"nowhere to show it", EventKind::Badge, "", [](Receiver& r) { r.devices.clear(); }, Rule::NoDevice},
  }));
  CAPTURE(row.name);
  OfflineEvent e = a_message();
  e.kind = row.kind;
  e.group_id = row.group;
  Receiver receiver{.devices = {phone()}};
  row.change(receiver);
  CHECK(decide_receiver(e, e.to[0], receiver, kToday) == row.want);
  // One's own number is nobody's message.
  e.to[0].user_id = "denny";
  if (row.kind == EventKind::Badge) CHECK(decide_receiver(e, e.to[0], receiver, kToday) == row.want);
  if (row.kind == EventKind::Call) CHECK(decide_receiver(e, e.to[0], receiver, kToday) == Rule::SenderItself);
}

TEST_CASE("decide: a receiver without devices; a mute comes first", "[dispatch][decide]") {
  OfflineEvent e = a_message();
  Receiver receiver;
  CHECK(decide_receiver(e, e.to[0], receiver, kToday) == Rule::NoDevice);
  receiver.mutes = {Mute{}};
  CHECK(decide_receiver(e, e.to[0], receiver, kToday) == Rule::MutedAll);
}

TEST_CASE("decide: the device", "[dispatch][decide]") {
  struct Row {
    DeviceState state;
    Platform platform;
    const char* token;
    Rule want;
  };
  const auto row = GENERATE(values<Row>({
      {DeviceState::Background, Platform::Ios, "t", Rule::None},
      {DeviceState::Offline, Platform::Ios, "t", Rule::None},
      {DeviceState::Offline, Platform::Desktop, "t", Rule::None},
      {DeviceState::Foreground, Platform::Ios, "t", Rule::Foreground},
      {DeviceState::LoggedOut, Platform::Ios, "t", Rule::LoggedOut},
      {DeviceState::LoggedOut, Platform::Web, "", Rule::LoggedOut},
      {DeviceState::Offline, Platform::Web, "t", Rule::WebTerminal},
      {DeviceState::Offline, Platform::MiniProgram, "t", Rule::WebTerminal},
      {DeviceState::Foreground, Platform::Web, "t", Rule::Foreground},
      {DeviceState::Offline, Platform::Ios, "", Rule::NoToken},
  }));
  CAPTURE(static_cast<int>(row.state), static_cast<int>(row.platform), row.token);
  Device device = phone();
  device.state = row.state;
  device.platform = row.platform;
  device.token = DeviceToken(row.token);
  CHECK(decide_device(a_message(), {}, device) == row.want);
  // Named as due: the foreground is the producer's judgement, and nothing else is.
  if (row.state == DeviceState::Foreground) device.state = DeviceState::Background;
  const Rule background = decide_device(a_message(), {}, device);
  device.state = row.state;
  CHECK(decide_device(a_message(), {.due_count = 1}, device) == background);
}

TEST_CASE("decide: a text for the other platform is none for this one", "[dispatch][decide]") {
  OfflineEvent e = a_message();
  e.elements = {{ElementType::Custom, ""}};
  e.android.desc = "for Android";
  Device device = phone();
  CHECK(decide_event(e, kToday, kDay) == Rule::None);
  CHECK(decide_device(e, {}, device) == Rule::CustomWithoutDesc);
  device.platform = Platform::Android;
  CHECK(decide_device(e, {}, device) == Rule::None);
}

TEST_CASE("decide: the certificate", "[dispatch][decide]") {
  Device device = phone();
  Certificate certificate;
  CHECK(decide_certificate(device, certificate) == Rule::None);
  certificate.status = CertificateStatus::Disabled;
  CHECK(decide_certificate(device, certificate) == Rule::CertificateDisabled);
  certificate.status = CertificateStatus::Active;
  device.platform = Platform::Android;
  CHECK(decide_certificate(device, certificate) == Rule::WrongVendor);
}

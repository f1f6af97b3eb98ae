#include "app/demo_scenes.h"

#include "app/dev_account.h"

namespace nightpost::app::demo {
namespace {

using Json = nlohmann::json;

Device phone(const std::string& owner, WallTime now, const std::string& id = "phone",
             const std::string& language = "en", Vendor vendor = Vendor::Apns) {
  Device device;
  device.device_id = id;
  device.platform = vendor == Vendor::Apns ? Platform::Ios : Platform::Android;
  device.token = DeviceToken(token_of(vendor, owner + "/" + id));
  device.registered_at = now - std::chrono::hours(24);
  device.language = language;
  return device;
}

Resident resident(const std::string& user, std::vector<Device> devices) {
  return {.user_id = user, .devices = std::move(devices), .settings = std::nullopt, .mutes = {}};
}

/// Somebody with an Android phone of each vendor.
struct Friend {
  Vendor vendor;
  const char* user;
  const char* phone;  // for people
};
constexpr Friend kFriends[] = {
    {Vendor::Fcm, "ada", "an Android phone with Google's services"},
    {Vendor::Huawei, "hua", "a Huawei phone"},
    {Vendor::Honor, "hong", "an Honor phone"},
    {Vendor::Xiaomi, "xia", "a Xiaomi phone"},
    {Vendor::Oppo, "ou", "an OPPO phone"},
    {Vendor::Vivo, "wei", "a vivo phone"},
    {Vendor::Meizu, "zhu", "a Meizu phone"},
};

/// Her app is gone, and only the vendor knows.
std::string gone_friend(const Friend& one) { return std::string("ex-") + one.user; }

/// One of those who left together.
std::string left_friend(std::size_t i) { return "left-" + std::to_string(i); }

Json receiver(const std::string& user, int unread = 1, bool mentioned = false) {
  return {{"user_id", user}, {"unread", unread}, {"mentioned", mentioned}};
}

/// Builds one scene after the other, each with ids of its own.
class Playwright {
 public:
  explicit Playwright(WallTime now) : now_(to_ms(now)) {}

  Json event(const std::string& kind, Json elements, std::vector<Json> to) {
    const std::string id = "demo-" + std::to_string(++count_);
    return {{"event_id", id},
            {"app_id", kApp},
            {"occurred_at", now_},
            {"expires_at", now_ + 86'400'000},
            {"kind", kind},
            {"from", {{"user_id", "denny"}, {"nick", "Denny"}, {"name_card", ""}}},
            {"group", kind == "group" ? Json{{"group_id", "climbers"}, {"name", "Climbing club"}} : Json()},
            {"message",
             {{"id", "144115-1-" + std::to_string(count_)},
              {"seq", count_},
              {"sent_at", now_},
              {"priority", "normal"},
              {"elements", std::move(elements)}}},
            {"push", {{"disabled", false}, {"title", ""}, {"desc", ""}, {"ext", "{\"conv\":\"c2c_denny\"}"}}},
            {"to", Json(std::move(to))}};
  }
  void play(std::string title, const Json& event, std::vector<Expected> expected, std::string dead_reason = "") {
    scenes.push_back(
        {std::move(title), event.value("event_id", ""), event.dump(), std::move(expected), std::move(dead_reason)});
  }
  std::vector<Scene> scenes;

 private:
  std::int64_t now_;
  int count_ = 0;
};

}  // namespace

std::string token_of(Vendor vendor, const std::string& name) { return dev_token(vendor, name).text(); }

std::vector<Resident> residents(WallTime now) {
  std::vector<Resident> all = {
      resident("vinson", {phone("vinson", now)}),
      resident("mei", {phone("mei", now, "phone", "zh"), phone("mei", now, "tablet", "zh")}),
      resident("muted-max", {phone("muted-max", now)}),
      resident("quiet-quinn", {phone("quiet-quinn", now)}),
      resident("gone-gina", {phone("gone-gina", now)}),
      resident("busy-bo", {phone("busy-bo", now)}),
      resident("lost-lee", {phone("lost-lee", now)}),
      resident("out-otto", {phone("out-otto", now)}),
      resident("here-hana", {phone("here-hana", now)}),
      resident("web-wim", {phone("web-wim", now, "browser")}),
      resident("old-ole", {phone("old-ole", now)}),
  };
  const auto named = [&](const std::string& user) -> Resident& {
    return *std::ranges::find(all, user, &Resident::user_id);
  };
  named("muted-max").mutes = {Mute{.kind = Mute::Kind::Group, .target = "climbers", .unless_mentioned = true}};
  named("quiet-quinn").settings = PushSettings{.enabled = false};
  named("out-otto").devices[0].state = DeviceState::LoggedOut;
  named("here-hana").devices[0].state = DeviceState::Foreground;
  named("web-wim").devices[0].platform = Platform::Web;
  named("gone-gina").uninstalled = true;
  for (const Friend& one : kFriends)
    for (const bool gone : {false, true}) {
      const std::string user = gone ? gone_friend(one) : one.user;
      Resident made = resident(user, {phone(user, now, "phone", "en", one.vendor)});
      made.vendor = one.vendor;
      made.uninstalled = gone;
      all.push_back(std::move(made));
    }
  {
    Resident made = resident("ida", {phone("ida", now, "phone", "en", Vendor::Fcm)});
    made.vendor = Vendor::Fcm;
    made.devices[0].platform = Platform::Ios;
    all.push_back(std::move(made));
  }
  {
    Resident made = resident("rita", {phone("rita", now), phone("rita", now, "phone.voip")});
    made.devices[1].token = DeviceToken(made.devices[1].token.text(), TokenKind::Voip);
    all.push_back(std::move(made));
  }
  {
    Resident made = resident("new-nia", {phone("old-ole", now)});  // his phone is hers now
    made.devices[0].registered_at = now - std::chrono::hours(1);
    all.push_back(std::move(made));
  }
  for (std::size_t i = 1; i <= kLeftAtOnce; ++i) {
    const std::string user = left_friend(i);
    Resident made = resident(user, {phone(user, now, "phone", "en", Vendor::Honor)});
    made.vendor = Vendor::Honor;
    made.uninstalled = true;
    all.push_back(std::move(made));
  }
  return all;
}

std::vector<Scene> scenes(WallTime now) {
  Playwright p(now);
  const Expected vinson{"vinson", "phone", "accepted", ""};
  const auto say = [](const std::string& text) { return Json::array({{{"type", "text"}, {"text", text}}}); };

  p.play("a text, one to one", p.event("c2c", say("are you coming tonight?"), {receiver("vinson", 3)}), {vinson});
  for (const char* type : {"voice", "file", "image", "video", "location", "face", "merged", "card"})
    p.play(std::string("an element of type ") + type,
           p.event("c2c", Json::array({{{"type", type}}}), {receiver("vinson")}), {vinson});
  p.play("a custom message with a description",
         p.event("c2c", Json::array({{{"type", "custom"}, {"desc", "sent you a red packet"}}}), {receiver("vinson")}),
         {vinson});
  p.play("a custom message without one", p.event("c2c", Json::array({{{"type", "custom"}}}), {receiver("vinson")}),
         {{"vinson", "", "suppressed", "custom_without_desc"}});
  p.play("two devices, in the reader's language",
         p.event("c2c", Json::array({{{"type", "text"}, {"text", "看 "}}, {{"type", "image"}}}), {receiver("mei", 12)}),
         {{"mei", "phone", "accepted", ""}, {"mei", "tablet", "accepted", ""}});
  p.play("a group; one member has muted it",
         p.event("group", say("rope at eight?"), {receiver("vinson"), receiver("mei"), receiver("muted-max")}),
         {vinson,
          {"mei", "phone", "accepted", ""},
          {"mei", "tablet", "accepted", ""},
          {"muted-max", "", "suppressed", "muted_group"}});
  p.play("the same group mentions him", p.event("group", say("@Max bring the rope"), {receiver("muted-max", 1, true)}),
         {{"muted-max", "phone", "accepted", ""}});
  {
    Json event = p.event("c2c", say("ignored"), {receiver("vinson")});
    event["push"]["title"] = "Order shipped";
    event["push"]["desc"] = "ProducerBatch 8841 left the warehouse";
    event["push"]["apns"] = {{"sound", "batch.caf"}, {"badge", "ignore"}, {"mutable_content", true}};
    p.play("the sender's own words and sound", event, {vinson});
  }
  {
    std::string long_text;
    for (int i = 0; i < 400; ++i) long_text += "👨‍👩‍👧 家族 ";
    p.play("more than fits: cut at a whole character", p.event("c2c", say(long_text), {receiver("vinson")}), {vinson});
  }
  {
    Json event = p.event("c2c", say("psst"), {receiver("vinson")});
    event["push"]["disabled"] = true;
    p.play("the sender asked for no push", event, {{"vinson", "", "suppressed", "push_disabled"}});
  }
  for (const Friend& one : kFriends) {
    Json event = p.event("c2c", say("are you coming tonight?"), {receiver(one.user, 3)});
    event["push"]["android"] = {{"channel", {{"fcm", "chat"}, {"oppo", "chat"}}}};
    p.play(std::string("a text to ") + one.phone, event, {{one.user, "phone", "accepted", ""}});
  }
  p.play("a text to an iPhone that uses Google's service",
         p.event("c2c", say("are you coming tonight?"), {receiver("ida", 3)}), {{"ida", "phone", "accepted", ""}});
  {
    std::vector<Json> members = {receiver("vinson")};
    std::vector<Expected> expected = {vinson};
    for (const Friend& one : kFriends) {
      members.push_back(receiver(one.user));
      expected.push_back({one.user, "phone", "accepted", ""});
      members.push_back(receiver(gone_friend(one)));
      expected.push_back({gone_friend(one), "phone", "token_removed", ""});
    }
    p.play("a group on all of them; some have left", p.event("group", say("summit photos are up"), members), expected);
  }
  p.play("a user who switched push off", p.event("c2c", say("hello?"), {receiver("quiet-quinn")}),
         {{"quiet-quinn", "", "suppressed", "user_push_off"}});
  p.play("a device that logged out", p.event("c2c", say("hello?"), {receiver("out-otto")}),
         {{"out-otto", "phone", "suppressed", "logged_out"}});
  p.play("a phone with a new owner gets one push: hers",
         p.event("group", say("who is in?"), {receiver("old-ole"), receiver("new-nia")}),
         {{"old-ole", "", "suppressed", "no_device"}, {"new-nia", "phone", "accepted", ""}});
  {
    Json event = p.event("call", Json::array(), {receiver("rita"), receiver("vinson"), receiver("ada")});
    event["expires_at"] = to_ms(now) + 60'000;
    p.play("a call: by PushKit where the phone has it", event,
           {{"rita", "phone", "suppressed", "rung_by_voip"},
            {"rita", "phone.voip", "accepted", ""},
            vinson,
            {"ada", "phone", "accepted", ""}});
  }
  p.play("an app in the foreground", p.event("c2c", say("hello?"), {receiver("here-hana")}),
         {{"here-hana", "phone", "suppressed", "foreground"}});
  p.play("a browser", p.event("c2c", say("hello?"), {receiver("web-wim")}),
         {{"web-wim", "browser", "suppressed", "web_terminal"}});
  p.play("nobody of that name has a device", p.event("c2c", say("hello?"), {receiver("nobody")}),
         {{"nobody", "", "suppressed", "no_device"}});
  p.play("Apple is busy once: retried", p.event("c2c", say("try again"), {receiver("busy-bo")}),
         {{"busy-bo", "phone", "accepted", ""}});
  p.play("a lost answer: repeated, same collapse id", p.event("c2c", say("lost and found"), {receiver("lost-lee")}),
         {{"lost-lee", "phone", "accepted", ""}});
  p.play("a dead token: removed", p.event("c2c", say("are you there?"), {receiver("gone-gina")}),
         {{"gone-gina", "phone", "token_removed", ""}});
  {
    std::vector<Json> members;
    std::vector<Expected> expected;
    for (std::size_t i = 1; i <= kLeftAtOnce; ++i) {
      members.push_back(receiver(left_friend(i)));
      expected.push_back({left_friend(i), "phone", "rejected", "removal_held"});
    }
    p.play("all of a group are dead at once: kept for ops", p.event("group", say("anybody there?"), members), expected,
           "removal_held");
  }
  {
    Json event = p.event("c2c", say("yesterday's news"), {receiver("vinson")});
    event["occurred_at"] = to_ms(now) - 172'800'000;
    event["expires_at"] = to_ms(now) - 86'400'000;
    p.play("too late", event, {{"vinson", "", "expired", "expired"}});
  }
  {
    Json event = p.event("c2c", say("who is this for?"), {receiver("vinson")});
    event["app_id"] = 99;
    p.play("an app nobody knows", event, {{"vinson", "", "dead", "unknown_app"}}, "unknown_app");
  }
  {
    Json event = p.event("c2c", say("almost"), {receiver("vinson")});
    event["to"][0].erase("user_id");
    p.play("a malformed event", event, {}, "malformed");
  }
  p.scenes.push_back({"not even JSON", "", "{\"event_id\":\"demo-", {}, "malformed"});
  return std::move(p.scenes);
}

nlohmann::json script(WallTime now) {
  const auto rule = [](const char* user, Json act, bool once) {
    Json match = {{"token", token_of(Vendor::Apns, std::string(user) + "/phone")}};
    if (once) match["times"] = 1;
    return Json{{"name", user}, {"match", std::move(match)}, {"act", std::move(act)}};
  };
  return {
      {"rules", Json::array({
                    rule("busy-bo", {{"status", 503}, {"reason", "ServiceUnavailable"}}, true),
                    rule("lost-lee", {{"reset", 8}}, true),  // RST_STREAM CANCEL: was it taken or not?
                    rule("gone-gina", {{"status", 410}, {"reason", "Unregistered"}, {"timestamp", to_ms(now)}}, false),
                })}};
}

}  // namespace nightpost::app::demo

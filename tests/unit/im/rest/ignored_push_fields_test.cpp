// Each command that takes OfflinePushInfo says which of its fields changed nothing.
#include <catch2/catch.hpp>
#include <set>

#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

/// Every command of the document that has the member.
std::vector<std::string> doors_of(const Json& document) {
  std::vector<std::string> out;
  for (const auto& [path, methods] : document.at("paths").items()) {
    const Json& schema =
        methods.at("post").at("requestBody").at("content").at("application/json").at("schema").at("properties");
    if (schema.contains("OfflinePushInfo")) out.push_back(path.substr(std::string("/v4/").size()));
  }
  return out;
}

struct PushDoors : RestBed {
  PushDoors() {
    open_api(service.get());
    import_users({"alice", "bob"});
    done("group_open_http_svc/create_group",
         {{"Type", "Public"}, {"GroupId", "g"}, {"Name", "g"}, {"Owner_Account", "alice"}});
    doors = doors_of(Json::parse(ask_raw("/v4/openapi.json", "", "GET").body));
  }
  Json body_of(const std::string& door, const Json& info) {
    Json body = {{"From_Account", "alice"}, {"MsgBody", text_body("hello")}, {"OfflinePushInfo", info}};
    body[door.ends_with("send_group_msg") ? "Random" : "MsgRandom"] = ++random_;
    if (door.ends_with("send_group_msg")) body["GroupId"] = "g";
    if (door.ends_with("/sendmsg")) body["To_Account"] = "bob";
    if (door.ends_with("batchsendmsg") || door.ends_with("/batch")) body["To_Account"] = Json::array({"bob"});
    return body;
  }
  std::vector<std::string> doors;

 private:
  std::uint32_t random_ = 50;
};

const Json kPlainPush = {{"Title", "t"}, {"Desc", "d"}};
const Json kPushWithSound = {{"Title", "t"}, {"Desc", "d"}, {"AndroidInfo", {{"Sound", "a.mp3"}}}};
const std::string kSoundIgnored =
    "OfflinePushInfo: ignored AndroidInfo.Sound (on Android a notification's channel has the sound)";

TEST_CASE("rest push: each command that takes OfflinePushInfo names what it ignored", "[im][rest][push]") {
  PushDoors bed;
  CHECK(std::set(bed.doors.begin(), bed.doors.end()) ==
        std::set<std::string>{"all_member_push/im_push", "group_open_http_svc/send_group_msg", "openim/batchsendmsg",
                              "openim/im_push", "openim/sendmsg", "timpush/batch", "timpush/push"});
  for (const std::string& door : bed.doors) {
    CAPTURE(door);
    const Json advised = bed.done(door, bed.body_of(door, kPushWithSound));
    CHECK(advised.at("ActionStatus") == "OK");
    CHECK(advised.at("ErrorInfo") == kSoundIgnored);
    CHECK(bed.done(door, bed.body_of(door, kPlainPush)).at("ErrorInfo") == "");
    // A refusal says why, and nothing else.
    Json bad = kPushWithSound;
    bad["PushFlag"] = 2;
    CHECK(bed.call(door, bed.body_of(door, bad)).at("ErrorInfo") == "OfflinePushInfo.PushFlag: not in 0-1");
    Json of_nobody = bed.body_of(door, kPushWithSound);
    of_nobody["From_Account"] = "nobody";
    const Json refused = bed.call(door, of_nobody);
    CHECK(refused.at("ErrorCode") != 0);
    CHECK_FALSE(refused.at("ErrorInfo").get<std::string>().contains("ignored"));
  }
}

TEST_CASE("rest push: what was ignored is said beside a repeat and to a batch of which some failed",
          "[im][rest][push]") {
  PushDoors bed;
  const Json once = bed.body_of("openim/sendmsg", kPushWithSound);
  const Json first = bed.done("openim/sendmsg", once), again = bed.done("openim/sendmsg", once);
  CHECK(again.at("MsgKey") == first.at("MsgKey"));
  CHECK(again.at("ErrorInfo") == kSoundIgnored);

  Json batch = bed.body_of("openim/batchsendmsg", kPushWithSound);
  batch["To_Account"] = {"bob", "nobody"};
  const Json some = bed.done("openim/batchsendmsg", batch);
  CHECK(some.at("ErrorList").size() == 1);
  CHECK(some.at("ErrorInfo") == kSoundIgnored);
  batch = bed.body_of("openim/batchsendmsg", kPushWithSound);
  batch["To_Account"] = {"nobody", "none"};
  const Json none = bed.call("openim/batchsendmsg", batch);
  CHECK(none.at("ErrorCode") == 90012);
  CHECK_FALSE(none.at("ErrorInfo").get<std::string>().contains("ignored"));
}

TEST_CASE("rest push: the document says of an ignored field why", "[im][rest][push]") {
  PushDoors bed;
  const Json document = Json::parse(bed.ask_raw("/v4/openapi.json", "", "GET").body);
  for (const std::string& door : bed.doors) {
    const Json& push = document.at("paths")
                           .at("/v4/" + door)
                           .at("post")
                           .at("requestBody")
                           .at("content")
                           .at("application/json")
                           .at("schema")
                           .at("properties")
                           .at("OfflinePushInfo")
                           .at("properties");
    for (const PushField& field : push_fields()) {
      CAPTURE(door, field.section, field.name);
      const Json& described = field.section.empty()
                                  ? push.at(field.name)
                                  : push.at(std::string(field.section)).at("properties").at(field.name);
      CHECK(described.value("description", "") == (field.why.empty() ? "" : "ignored: " + std::string(field.why)));
      CHECK(described.contains("type") == field.why.empty());
    }
  }
}

}  // namespace
}  // namespace nightpost::im

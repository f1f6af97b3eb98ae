#include "im/rest/tim_elements.h"

#include <catch2/catch.hpp>
#include <set>

#include "im/domain/elements.h"
#include "im/domain/push_info.h"
#include "im/rest/tim_push.h"

namespace nightpost::im {
namespace {

using Json = nlohmann::json;

struct Read {
  Fault fault;
  TimBody body;
};
Read read(const Json& msg_body) {
  const Json request = {{"MsgBody", msg_body}};
  Read out;
  Fields fields(request, "", 90001, out.fault);
  out.body = elements_from_tim(fields);
  return out;
}

TEST_CASE("rest elements: each of the eight kinds, there and back", "[im][rest][elements]") {
  struct Row {
    std::string tim, ours;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"MsgType":"TIMTextElem","MsgContent":{"Text":"hi, beauty"}})", R"([{"type":"text","text":"hi, beauty"}])"},
      {R"({"MsgType":"TIMLocationElem","MsgContent":{"Desc":"somewhere","Latitude":29.340656774469956,"Longitude":116.77497920478824}})",
       R"([{"type":"location","desc":"somewhere","latitude":29.340656774469956,"longitude":116.77497920478824}])"},
      {R"({"MsgType":"TIMFaceElem","MsgContent":{"Index":1,"Data":"content"}})",
       R"([{"type":"face","index":1,"data":"content"}])"},
      {R"({"MsgType":"TIMCustomElem","MsgContent":{"Data":"message","Desc":"notification","Ext":"url","Sound":"dingdong.aiff"}})",
       R"([{"type":"custom","data":"message","desc":"notification","ext":"url","sound":"dingdong.aiff"}])"},
      {R"({"MsgType":"TIMSoundElem","MsgContent":{"Url":"https://1.2.3.4/v","UUID":"0 1053D4B3D61040894AC3DE44CDF28B3EC7EB7C0F","Size":62351,"Second":1,"Download_Flag":2}})",
       R"([{"type":"voice","uuid":"0 1053D4B3D61040894AC3DE44CDF28B3EC7EB7C0F","url":"https://1.2.3.4/v","size":62351,"seconds":1}])"},
      {R"({"MsgType":"TIMImageElem","MsgContent":{"UUID":"1_D61040894AC3DE44CDFFFB3EC7EB720F","ImageFormat":1,"ImageInfoArray":[{"Type":1,"Size":1853095,"Width":2448,"Height":3264,"URL":"http://xxx/3200490432214177468"},{"Type":2,"Size":2565240,"Width":0,"Height":0,"URL":"http://xxx/3200490432214177468"},{"Type":3,"Size":12535,"Width":0,"Height":0,"URL":"http://xxx/3200490432214177468"}]}})",
       R"([{"type":"image","uuid":"1_D61040894AC3DE44CDFFFB3EC7EB720F","format":"jpg","images":[{"type":"original","url":"http://xxx/3200490432214177468","size":1853095,"width":2448,"height":3264},{"type":"large","url":"http://xxx/3200490432214177468","size":2565240,"width":0,"height":0},{"type":"thumb","url":"http://xxx/3200490432214177468","size":12535,"width":0,"height":0}]}])"},
      {R"({"MsgType":"TIMFileElem","MsgContent":{"Url":"https://7492.com/a","UUID":"1_D61040","FileSize":1773552,"FileName":"file:///private/var/Application/tmp/trim.MOV","Download_Flag":2}})",
       R"([{"type":"file","name":"file:///private/var/Application/tmp/trim.MOV","uuid":"1_D61040","url":"https://7492.com/a","size":1773552}])"},
      {R"({"MsgType":"TIMVideoFileElem","MsgContent":{"VideoUrl":"https://0345.com/v","VideoUUID":"5da38","VideoSize":1194603,"VideoSecond":5,"VideoFormat":"mp4","VideoDownloadFlag":2,"ThumbUrl":"https://0345.com/t","ThumbUUID":"6edaf","ThumbSize":13907,"ThumbWidth":720,"ThumbHeight":1280,"ThumbFormat":"JPG","ThumbDownloadFlag":2}})",
       R"([{"type":"video","uuid":"5da38","url":"https://0345.com/v","format":"mp4","size":1194603,"seconds":5,"snapshot":{"uuid":"6edaf","url":"https://0345.com/t","format":"JPG","size":13907,"width":720,"height":1280}}])"},
  }));
  CAPTURE(row.tim);
  const Json tim = Json::array({Json::parse(row.tim)});
  const Read got = read(tim);
  CHECK(got.fault.info == "");
  const auto checked = check_elements(got.body.elements, {});
  if (!checked) FAIL(checked.error().why);
  CHECK(Json::parse(checked->canonical) == Json::parse(row.ours));
  CHECK(Json(elements_to_tim(checked->canonical)) == tim);
}

TEST_CASE("rest elements: what clients leave out or leave empty", "[im][rest][elements]") {
  CHECK(Json::parse(read(Json::parse(R"([{"MsgType":"TIMCustomElem","MsgContent":{}}])")).body.elements) ==
        Json::parse(R"([{"type":"custom","data":""}])"));
  CHECK(Json::parse(read(Json::parse(R"([{"MsgType":"TIMSoundElem","MsgContent":{"UUID":"u","Url":"","Size":null}}])"))
                        .body.elements) == Json::parse(R"([{"type":"voice","uuid":"u"}])"));
  CHECK(
      Json::parse(
          read(
              Json::parse(
                  R"([{"MsgType":"TIMImageElem","MsgContent":{"ImageFormat":77,"ImageInfoArray":[{"Type":1,"URL":"http://x"}]}}])"))
              .body.elements) ==
      Json::parse(R"([{"type":"image","format":"other","images":[{"type":"original","url":"http://x"}]}])"));
  CHECK(read(Json::parse(R"([{"MsgType":"TIMCustomElem","MsgContent":{"Data":"d","Ext":"e"}}])")).body.custom_ext ==
        "e");
  CHECK(read(Json::parse(R"([{"MsgType":"TIMTextElem","MsgContent":{"Text":"d"},"more":1}])")).body.custom_ext == "");
}

TEST_CASE("rest elements: what is refused, by its place", "[im][rest][elements]") {
  struct Row {
    const char* name;
    std::string json;
    std::int32_t code;
    std::string info;
  };
  const Row row = GENERATE(values<Row>({
      {"missing", "null", 90002, "MsgBody: missing"},
      {"an object", "{}", 90007, "MsgBody: not an array"},
      {"a text", R"("hi")", 90007, "MsgBody: not an array"},
      {"empty", "[]", 90010, "MsgBody: empty"},
      {"an item that is no object", "[1]", 90010, "MsgBody[0]: not an object"},
      {"no type", R"([{"MsgContent":{}}])", 90010, "MsgBody[0].MsgType: missing"},
      {"a type of another type", R"([{"MsgType":1}])", 90010, "MsgBody[0].MsgType: not a string"},
      {"an unknown type", R"([{"MsgType":"TIMRelayElem","MsgContent":{}}])", 90010, "MsgBody[0].MsgType: not one of"},
      {"our own word", R"([{"MsgType":"text","MsgContent":{}}])", 90010, "MsgBody[0].MsgType: not one of"},
      {"no content", R"([{"MsgType":"TIMTextElem"}])", 90010, "MsgBody[0].MsgContent: missing"},
      {"content of another type", R"([{"MsgType":"TIMTextElem","MsgContent":"x"}])", 90010,
       "MsgBody[0].MsgContent: not an object"},
      {"a number for a text", R"([{"MsgType":"TIMTextElem","MsgContent":{"Text":1}}])", 90010,
       "MsgBody[0].MsgContent.Text: not a string"},
      {"a text for a number", R"([{"MsgType":"TIMFaceElem","MsgContent":{"Index":"1"}}])", 90010,
       "MsgBody[0].MsgContent.Index: not an integer"},
      {"a text for a degree", R"([{"MsgType":"TIMLocationElem","MsgContent":{"Latitude":"1"}}])", 90010,
       "MsgBody[0].MsgContent.Latitude: not a number"},
      {"a picture without pictures", R"([{"MsgType":"TIMImageElem","MsgContent":{}}])", 90010,
       "MsgBody[0].MsgContent.ImageInfoArray: missing"},
      {"a picture of no kind", R"([{"MsgType":"TIMImageElem","MsgContent":{"ImageInfoArray":[{"Type":4}]}}])", 90010,
       "MsgBody[0].MsgContent.ImageInfoArray[0].Type: not in 1-3"},
      {"two custom elements",
       R"([{"MsgType":"TIMCustomElem","MsgContent":{}},{"MsgType":"TIMCustomElem","MsgContent":{}}])", 90010,
       "MsgBody[1]: a second TIMCustomElem"},
  }));
  CAPTURE(row.name);
  const Read got = read(Json::parse(row.json));
  CHECK(got.fault.code == row.code);
  CAPTURE(got.fault.info);
  CHECK(got.fault.info.starts_with(row.info));
}

TEST_CASE("rest elements: what TIM has no word for goes out as a custom element", "[im][rest][elements]") {
  const std::string card = R"([{"type":"card","user":"bob","nick":"Bob"}])";
  const Json out = elements_to_tim(card);
  REQUIRE(out.size() == 1);
  CHECK(out.at(0).at("MsgType") == "TIMCustomElem");
  CHECK(out.at(0).at("MsgContent").at("Desc") == "card");
  CHECK(Json::array({Json::parse(out.at(0).at("MsgContent").at("Data").get<std::string>())}) == Json::parse(card));
  CHECK(Json(elements_to_tim("")) == Json::array());
  CHECK(as_msg_body("elements[0].text: empty") == "MsgBody[0].text: empty");
  CHECK(as_msg_body("to: empty") == "to: empty");
}

std::pair<Fault, std::string> push_of(const Json& info, const std::string& ext = "") {
  const Json request = {{"OfflinePushInfo", info}};
  Fault fault;
  Fields fields(request, "", 90001, fault);
  std::string push = push_from_tim(fields, ext).push;
  return {fault, std::move(push)};
}
std::string ignored_of(const Json& info) {
  const Json request = {{"OfflinePushInfo", info}};
  Fault fault;
  Fields fields(request, "", 90001, fault);
  return push_from_tim(fields, "").ignored;
}

TEST_CASE("rest push: every published field is in the table, and no other", "[im][rest][push]") {
  const std::set<std::string> published = {
      "/PushFlag",
      "/Title",
      "/Desc",
      "/Ext",
      "AndroidInfo/Sound",
      "AndroidInfo/PushStyle",
      "AndroidInfo/XiaoMiChannelID",
      "AndroidInfo/OPPOChannelID",
      "AndroidInfo/OPPOCategory",
      "AndroidInfo/OPPONotifyLevel",
      "AndroidInfo/HuaWeiChannelID",
      "AndroidInfo/GoogleChannelID",
      "AndroidInfo/HuaWeiImportance",
      "AndroidInfo/HuaWeiCategory",
      "AndroidInfo/HuaWeiImage",
      "AndroidInfo/ExtAsHuaweiIntentParam",
      "AndroidInfo/HonorImportance",
      "AndroidInfo/HonorImage",
      "AndroidInfo/GoogleImage",
      "AndroidInfo/VIVOClassification",
      "AndroidInfo/VIVOCategory",
      "AndroidInfo/MeiZuNoticeMsgType",
      "ApnsInfo/Sound",
      "ApnsInfo/BadgeMode",
      "ApnsInfo/Title",
      "ApnsInfo/SubTitle",
      "ApnsInfo/Image",
      "ApnsInfo/MutableContent",
      "ApnsInfo/InterruptionLevel",
      "ApnsInfo/ContentAvailable",
  };
  std::set<std::string> known;
  for (const PushField& field : push_fields()) known.insert(std::string(field.section) + "/" + field.name);
  CHECK(known == published);
  CHECK(push_fields().size() == published.size());
}

TEST_CASE("rest push: every field that has a member reaches it, and what it becomes is the event's",
          "[im][rest][push]") {
  for (const PushField& field : push_fields()) {
    CAPTURE(field.section, field.name);
    CHECK(field.member.empty() != field.why.empty());
    const Json value = field.is == PushField::Is::Text    ? Json("https://x.example/a")
                       : field.is == PushField::Is::Level ? Json("passive")
                                                          : Json(1);
    Json info;
    (field.section.empty() ? info : info[std::string(field.section)])[field.name] = value;
    const auto [fault, push] = push_of(info);
    CHECK(fault.info == "");
    const auto checked = check_push(push);
    if (!checked) FAIL(checked.error().why);
    if (field.member.empty()) {
      CHECK(push == "");
      continue;
    }
    std::string pointer = "/" + std::string(field.member);
    std::ranges::replace(pointer, '.', '/');
    const Json canonical = Json::parse(checked->canonical);
    const Json expected = field.is == PushField::Is::Flag    ? Json(true)
                          : field.is == PushField::Is::Badge ? Json("ignore")
                                                             : value;
    CHECK(canonical.at(Json::json_pointer(pointer)) == expected);
  }
}

TEST_CASE("rest push: the published sample, and the rules around it", "[im][rest][push]") {
  const Json sample = Json::parse(R"({"PushFlag":0,"Title":"title","Desc":"text","Ext":"{\"entity\":{\"k\":\"v\"}}",
    "AndroidInfo":{"Sound":"android.mp3","PushStyle":0,"XiaoMiChannelID":"","OPPOChannelID":"o","HuaWeiChannelID":"h",
      "GoogleChannelID":"","HuaWeiImportance":"NORMAL","ExtAsHuaweiIntentParam":1,"VIVOClassification":1},
    "ApnsInfo":{"Sound":"default","BadgeMode":1,"Title":"apns","SubTitle":"sub","Image":"https://a/i.png",
      "MutableContent":1,"InterruptionLevel":"active","ContentAvailable":0}})");
  const auto [fault, push] = push_of(sample, "from the element");
  CHECK(fault.code == 0);
  CHECK(Json::parse(check_push(push)->canonical) ==
        Json::parse(R"({"title":"title","desc":"text","subtitle":"sub","image":"https://a/i.png",
          "ext":"{\"entity\":{\"k\":\"v\"}}","android":{"channel":{"huawei":"h","oppo":"o"}},
          "apns":{"title":"apns","sound":"default","badge":"ignore","mutable_content":true,
                  "interruption_level":"active"}})"));
  CHECK(push_of(nullptr).second == "");
  CHECK(Json::parse(push_of(nullptr, "e").second) == Json{{"ext", "e"}});
  CHECK(Json::parse(push_of(Json{{"PushFlag", 1}}).second) == Json{{"disabled", true}});

  struct Row {
    std::string json, info;
  };
  for (const Row& row : std::vector<Row>{
           {R"([])", "OfflinePushInfo: not an object"},
           {R"({"Ext":{}})", "OfflinePushInfo.Ext: not a string"},
           {R"({"PushFlag":2})", "OfflinePushInfo.PushFlag: not in 0-1"},
           {R"({"PushFlag":"0"})", "OfflinePushInfo.PushFlag: not an integer"},
           {R"({"Title":1})", "OfflinePushInfo.Title: not a string"},
           {R"({"AndroidInfo":1})", "OfflinePushInfo.AndroidInfo: not an object"},
           {R"({"AndroidInfo":{"OPPOChannelID":7}})", "OfflinePushInfo.AndroidInfo.OPPOChannelID: not a string"},
           {R"({"ApnsInfo":{"BadgeMode":2}})", "OfflinePushInfo.ApnsInfo.BadgeMode: not in 0-1"},
           {R"({"ApnsInfo":{"MutableContent":true}})", "OfflinePushInfo.ApnsInfo.MutableContent: not an integer"},
       }) {
    CAPTURE(row.json);
    CHECK(push_of(Json::parse(row.json)).first.info == row.info);
  }
}

TEST_CASE("rest push: every field that changes nothing is named, with why, and no other is", "[im][rest][push]") {
  constexpr const char* kCertificate = " (the app's certificate of that vendor says it for all messages)";
  struct Row {
    const char *name, *json, *ignored;  // without what begins each; "": nothing is said
    const char* why = kCertificate;
  };
  constexpr const char* kSound = " (on Android a notification's channel has the sound)";
  constexpr const char* kStyle = " (a long text is shown as the phone does)";
  constexpr const char* kExt = " (Ext reaches the app in any case)";
  constexpr const char* kSilent = " (a message's push is one that shows)";
  constexpr const char* kPicture = " (a push has one picture, the first that is named)";
  const Row rows[] = {
      {"a sound", R"({"AndroidInfo":{"Sound":"a.mp3"}})", "AndroidInfo.Sound", kSound},
      {"a style", R"({"AndroidInfo":{"PushStyle":1}})", "AndroidInfo.PushStyle", kStyle},
      {"OPPO's category", R"({"AndroidInfo":{"OPPOCategory":"IM"}})", "AndroidInfo.OPPOCategory"},
      {"OPPO's level", R"({"AndroidInfo":{"OPPONotifyLevel":16}})", "AndroidInfo.OPPONotifyLevel"},
      {"vivo's class", R"({"AndroidInfo":{"VIVOClassification":1}})", "AndroidInfo.VIVOClassification"},
      {"vivo's class 0, marketing", R"({"AndroidInfo":{"VIVOClassification":0}})", "AndroidInfo.VIVOClassification"},
      {"vivo's category", R"({"AndroidInfo":{"VIVOCategory":"IM"}})", "AndroidInfo.VIVOCategory"},
      {"Huawei's importance", R"({"AndroidInfo":{"HuaWeiImportance":"LOW"}})", "AndroidInfo.HuaWeiImportance"},
      {"Huawei's category", R"({"AndroidInfo":{"HuaWeiCategory":"IM"}})", "AndroidInfo.HuaWeiCategory"},
      {"Honor's importance", R"({"AndroidInfo":{"HonorImportance":"NORMAL"}})", "AndroidInfo.HonorImportance"},
      {"Meizu's type", R"({"AndroidInfo":{"MeiZuNoticeMsgType":1}})", "AndroidInfo.MeiZuNoticeMsgType"},
      {"Meizu's type 0, marketing", R"({"AndroidInfo":{"MeiZuNoticeMsgType":0}})", "AndroidInfo.MeiZuNoticeMsgType"},
      {"an intent", R"({"AndroidInfo":{"ExtAsHuaweiIntentParam":1}})", "AndroidInfo.ExtAsHuaweiIntentParam", kExt},
      {"a silent push", R"({"ApnsInfo":{"ContentAvailable":1}})", "ApnsInfo.ContentAvailable", kSilent},
      {"a value of another type", R"({"AndroidInfo":{"Sound":{"a":[]}}})", "AndroidInfo.Sound", kSound},
      {"two of one reason", R"({"AndroidInfo":{"VIVOCategory":"IM","OPPOCategory":"IM"}})",
       "AndroidInfo.OPPOCategory, AndroidInfo.VIVOCategory"},
      {"beside one that counts", R"({"Title":"t","AndroidInfo":{"OPPOChannelID":"o","OPPOCategory":"IM"}})",
       "AndroidInfo.OPPOCategory"},
      {"another picture", R"({"AndroidInfo":{"HonorImage":"https://a/1","GoogleImage":"https://a/2"}})",
       "AndroidInfo.GoogleImage", kPicture},
      {"another picture for Apple",
       R"({"AndroidInfo":{"HuaWeiImage":"https://a/1"},"ApnsInfo":{"Image":"https://a/2"}})", "ApnsInfo.Image",
       kPicture},
      {"the same picture", R"({"AndroidInfo":{"HuaWeiImage":"https://a/1"},"ApnsInfo":{"Image":"https://a/1"}})", ""},
      {"no push", "null", ""},
      {"a push without members", "{}", ""},
      {"sections without members", R"({"AndroidInfo":{},"ApnsInfo":{}})", ""},
      {"null", R"({"AndroidInfo":{"Sound":null,"OPPOCategory":null},"ApnsInfo":{"ContentAvailable":null}})", ""},
      {"empty texts", R"({"AndroidInfo":{"Sound":"","OPPOCategory":"","HuaWeiImage":""}})", ""},
      {"what is so in any case",
       R"({"AndroidInfo":{"PushStyle":0,"ExtAsHuaweiIntentParam":0},"ApnsInfo":{"ContentAvailable":0}})", ""},
      {"Apple's own sound", R"({"ApnsInfo":{"Sound":"a.caf"}})", ""},
      {"a name of another place", R"({"Sound":"a","OPPOCategory":"IM","ApnsInfo":{"VIVOCategory":"IM"}})", ""},
      {"a name that the API has not", R"({"AndroidInfo":{"Colour":"red"}})", ""},
      {"no object", "7", ""},
      {"a section that is no object", R"({"AndroidInfo":"Sound"})", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::string wanted = *row.ignored == 0 ? "" : std::string(kIgnoredPush) + row.ignored + row.why;
    CHECK(ignored_of(Json::parse(row.json)) == wanted);
  }
  // Two reasons, and the table walked: who adds a field decides.
  CHECK(ignored_of(Json::parse(R"({"AndroidInfo":{"Sound":"a","VIVOCategory":"IM"}})")) ==
        std::string(kIgnoredPush) + "AndroidInfo.Sound" + kSound + "; AndroidInfo.VIVOCategory" + kCertificate);
  std::size_t ignored = 0;
  for (const PushField& field : push_fields()) {
    CAPTURE(field.section, field.name);
    Json info;
    (field.section.empty() ? info : info[std::string(field.section)])[field.name] = "https://x.example/a";
    CHECK(ignored_of(info).empty() == field.why.empty());
    ignored += field.why.empty() ? 0 : 1;
  }
  CHECK(ignored == 12);
}

}  // namespace
}  // namespace nightpost::im

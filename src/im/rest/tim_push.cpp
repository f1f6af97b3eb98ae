#include "im/rest/tim_push.h"

#include <array>

namespace nightpost::im {
namespace {

using PushIs = PushField::Is;
constexpr std::string_view kAndroid = "AndroidInfo";
constexpr std::string_view kApns = "ApnsInfo";
constexpr std::string_view kOfCertificate = "the app's certificate of that vendor says it for all messages";
constexpr std::string_view kOfChannel = "on Android a notification's channel has the sound";

// Where several fields become one member, the first that says something counts: ours has one picture for all vendors.
constexpr std::array kFields = {
    PushField{"", "PushFlag", PushIs::Flag, "disabled", ""},
    PushField{"", "Title", PushIs::Text, "title", ""},
    PushField{"", "Desc", PushIs::Text, "desc", ""},
    PushField{"", "Ext", PushIs::Text, "ext", ""},
    PushField{kAndroid, "Sound", PushIs::Any, "", kOfChannel},
    PushField{kAndroid, "PushStyle", PushIs::Any, "", "a long text is shown as the phone does"},
    PushField{kAndroid, "XiaoMiChannelID", PushIs::Text, "android.channel.xiaomi", ""},
    PushField{kAndroid, "OPPOChannelID", PushIs::Text, "android.channel.oppo", ""},
    PushField{kAndroid, "GoogleChannelID", PushIs::Text, "android.channel.fcm", ""},
    PushField{kAndroid, "HuaWeiChannelID", PushIs::Text, "android.channel.huawei", ""},
    PushField{kAndroid, "OPPOCategory", PushIs::Any, "", kOfCertificate},
    PushField{kAndroid, "OPPONotifyLevel", PushIs::Any, "", kOfCertificate},
    PushField{kAndroid, "VIVOClassification", PushIs::Any, "", kOfCertificate},
    PushField{kAndroid, "VIVOCategory", PushIs::Any, "", kOfCertificate},
    PushField{kAndroid, "HuaWeiImportance", PushIs::Any, "", kOfCertificate},
    PushField{kAndroid, "HuaWeiCategory", PushIs::Any, "", kOfCertificate},
    PushField{kAndroid, "HuaWeiImage", PushIs::Text, "image", ""},
    PushField{kAndroid, "HonorImage", PushIs::Text, "image", ""},
    PushField{kAndroid, "GoogleImage", PushIs::Text, "image", ""},
    PushField{kAndroid, "HonorImportance", PushIs::Any, "", kOfCertificate},
    PushField{kAndroid, "ExtAsHuaweiIntentParam", PushIs::Any, "", "Ext reaches the app in any case"},
    PushField{kAndroid, "MeiZuNoticeMsgType", PushIs::Any, "", kOfCertificate},
    PushField{kApns, "Sound", PushIs::Text, "apns.sound", ""},
    PushField{kApns, "BadgeMode", PushIs::Badge, "apns.badge", ""},
    PushField{kApns, "Title", PushIs::Text, "apns.title", ""},
    PushField{kApns, "SubTitle", PushIs::Text, "subtitle", ""},
    PushField{kApns, "Image", PushIs::Text, "image", ""},
    PushField{kApns, "MutableContent", PushIs::Flag, "apns.mutable_content", ""},
    PushField{kApns, "InterruptionLevel", PushIs::Level, "apns.interruption_level", ""},
    PushField{kApns, "ContentAvailable", PushIs::Any, "", "a message's push is one that shows"},
};

/// "android.channel.oppo" as the place in `push`, made where it is not there.
RestJson& place(RestJson& push, std::string_view member) {
  RestJson* at = &push;
  while (!member.empty()) {
    const std::size_t dot = member.find('.');
    at = &(*at)[std::string(member.substr(0, dot))];
    member.remove_prefix(dot == member.npos ? member.size() : dot + 1);
  }
  return *at;
}

void read(Fields& from, const PushField& field, RestJson& push) {
  switch (field.is) {
    case PushIs::Text:
    case PushIs::Level: {
      const auto text = from.text_if(field.name);
      if (text && !text->empty() && place(push, field.member).is_null()) place(push, field.member) = *text;
      break;
    }
    case PushIs::Flag:
      if (const auto flag = from.number_if(field.name, 0, 1)) place(push, field.member) = *flag == 1;
      break;
    case PushIs::Badge:
      if (const auto mode = from.number_if(field.name, 0, 1))
        place(push, field.member) = *mode == 1 ? "ignore" : "count";
      break;
    case PushIs::Any:
      break;
  }
}

}  // namespace

std::span<const PushField> push_fields() noexcept { return kFields; }

std::string push_from_tim(Fields& request, const std::string& ext) {
  RestJson push = RestJson::object();
  Fields info = request.object("OfflinePushInfo");
  Fields android = info.object("AndroidInfo");
  Fields apns = info.object("ApnsInfo");
  for (const PushField& field : kFields)
    if (!field.member.empty())
      read(field.section == kAndroid ? android : field.section == kApns ? apns : info, field, push);
  if (!ext.empty() && !push.contains("ext")) push["ext"] = ext;
  return push.empty() ? std::string() : push.dump(-1, ' ', false, RestJson::error_handler_t::replace);
}

std::string as_push_info(std::string why) { return why.starts_with("push") ? "OfflinePushInfo: " + why : why; }

}  // namespace nightpost::im

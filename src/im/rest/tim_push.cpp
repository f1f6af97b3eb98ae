#include "im/rest/tim_push.h"

#include <array>
#include <utility>
#include <vector>

namespace nightpost::im {
namespace {

using PushIs = PushField::Is;
constexpr std::string_view kAndroid = "AndroidInfo";
constexpr std::string_view kApns = "ApnsInfo";
constexpr std::string_view kOfCertificate = "the app's certificate of that vendor says it for all messages";
constexpr std::string_view kOfChannel = "on Android a notification's channel has the sound";
constexpr std::string_view kOnePicture = "a push has one picture, the first that is named";

// Where several fields become one member, the first that says something counts: ours has one picture for all vendors.
constexpr std::array kFields = {
    PushField{"", "PushFlag", PushIs::Flag, "disabled", ""},
    PushField{"", "Title", PushIs::Text, "title", ""},
    PushField{"", "Desc", PushIs::Text, "desc", ""},
    PushField{"", "Ext", PushIs::Text, "ext", ""},
    PushField{kAndroid, "Sound", PushIs::Any, "", kOfChannel},
    PushField{kAndroid, "PushStyle", PushIs::AnyBut0, "", "a long text is shown as the phone does"},
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
    PushField{kAndroid, "ExtAsHuaweiIntentParam", PushIs::AnyBut0, "", "Ext reaches the app in any case"},
    PushField{kAndroid, "MeiZuNoticeMsgType", PushIs::Any, "", kOfCertificate},
    PushField{kApns, "Sound", PushIs::Text, "apns.sound", ""},
    PushField{kApns, "BadgeMode", PushIs::Badge, "apns.badge", ""},
    PushField{kApns, "Title", PushIs::Text, "apns.title", ""},
    PushField{kApns, "SubTitle", PushIs::Text, "subtitle", ""},
    PushField{kApns, "Image", PushIs::Text, "image", ""},
    PushField{kApns, "MutableContent", PushIs::Flag, "apns.mutable_content", ""},
    PushField{kApns, "InterruptionLevel", PushIs::Level, "apns.interruption_level", ""},
    PushField{kApns, "ContentAvailable", PushIs::AnyBut0, "", "a message's push is one that shows"},
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

/// Fields that change nothing, gathered by why.
class Ignored {
 public:
  void add(const PushField& field, std::string_view why) {
    std::string name = field.section.empty() ? field.name : std::string(field.section) + "." + field.name;
    for (auto& [reason, names] : by_reason_)
      if (reason == why) return void(names += ", " + name);
    by_reason_.emplace_back(why, std::move(name));
  }
  std::string words() const {
    std::string out;
    for (const auto& [reason, names] : by_reason_)
      out.append(out.empty() ? kIgnoredPush : "; ").append(names).append(" (").append(reason).append(")");
    return out;
  }

 private:
  std::vector<std::pair<std::string_view, std::string>> by_reason_;
};

void read(Fields& from, const PushField& field, RestJson& push, Ignored& ignored) {
  switch (field.is) {
    case PushIs::Text:
    case PushIs::Level: {
      const auto text = from.text_if(field.name);
      if (!text || text->empty()) break;
      RestJson& member = place(push, field.member);
      if (member.is_null())
        member = *text;
      else if (member != *text)
        ignored.add(field, kOnePicture);
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
    case PushIs::AnyBut0: {
      const nlohmann::json* const value = from.passed_over(field.name, field.why);
      const bool says_nothing = value == nullptr || *value == "" || (field.is == PushIs::AnyBut0 && *value == 0);
      if (!says_nothing) ignored.add(field, field.why);
      break;
    }
  }
}

}  // namespace

std::span<const PushField> push_fields() noexcept { return kFields; }

TimPush push_from_tim(Fields& request, const std::string& ext) {
  RestJson push = RestJson::object();
  Ignored ignored;
  Fields info = request.object("OfflinePushInfo");
  Fields android = info.object("AndroidInfo");
  Fields apns = info.object("ApnsInfo");
  for (const PushField& field : kFields)
    read(field.section == kAndroid ? android : field.section == kApns ? apns : info, field, push, ignored);
  if (!ext.empty() && !push.contains("ext")) push["ext"] = ext;
  return {.push = push.empty() ? std::string() : push.dump(-1, ' ', false, RestJson::error_handler_t::replace),
          .ignored = ignored.words()};
}

std::string as_push_info(std::string why) { return why.starts_with("push") ? "OfflinePushInfo: " + why : why; }

}  // namespace nightpost::im

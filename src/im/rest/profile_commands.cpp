// profile, and who may not speak (openconfigsvr).
#include <algorithm>
#include <array>
#include <chrono>

#include "im/rest/commands.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kProfilesMax = 100;
constexpr std::size_t kProfileTagsMax = 100;
constexpr std::size_t kValueMax = 500;  // bytes
constexpr std::string_view kNick = "Tag_Profile_IM_Nick";
constexpr std::string_view kImageTag = "Tag_Profile_IM_Image";
constexpr std::string_view kCustomTag = "Tag_Profile_Custom_";
constexpr std::size_t kCustomNameMax = 32;
// The API's.
constexpr std::int32_t kTagUnknown = 40009, kTooLong = 40601, kNotAllowed = 40605, kWrongType = 40610;

enum class TagIs : std::uint8_t { Text, Number, Word };
struct Tag {
  std::string_view name;
  TagIs is;
  std::array<std::string_view, 3> words{};
};
constexpr std::array kTags = {
    Tag{kNick, TagIs::Text},
    Tag{"Tag_Profile_IM_Gender", TagIs::Word, {"Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"}},
    Tag{"Tag_Profile_IM_BirthDay", TagIs::Number},
    Tag{"Tag_Profile_IM_Location", TagIs::Text},
    Tag{"Tag_Profile_IM_SelfSignature", TagIs::Text},
    Tag{"Tag_Profile_IM_AllowType",
        TagIs::Word,
        {"AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"}},
    Tag{"Tag_Profile_IM_Language", TagIs::Number},
    Tag{kImageTag, TagIs::Text},
    Tag{"Tag_Profile_IM_MsgSettings", TagIs::Number},
    Tag{"Tag_Profile_IM_AdminForbidType", TagIs::Word, {"AdminForbid_Type_None", "AdminForbid_Type_SendOut", ""}},
    Tag{"Tag_Profile_IM_Level", TagIs::Number},
    Tag{"Tag_Profile_IM_Role", TagIs::Number},
};

bool is_custom(std::string_view tag) {
  if (!tag.starts_with(kCustomTag)) return false;
  tag.remove_prefix(kCustomTag.size());
  return !tag.empty() && tag.size() <= kCustomNameMax && std::ranges::all_of(tag, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// The value as a JSON string or number.
std::string value_of(Fields& item, const Tag* tag) {
  const nlohmann::json* const raw = item.raw("Value");
  const bool number_wanted = tag != nullptr && tag->is == TagIs::Number;
  const bool is_number = raw != nullptr && raw->is_number_integer();
  if (number_wanted || (tag == nullptr && is_number))
    return std::to_string(item.number("Value", 0, kU32Max, is_number ? kNotAllowed : kWrongType));
  const std::string text = item.text_if("Value", kWrongType).value_or("");
  if (text.size() > kValueMax) item.fail("Value", "longer than 500 bytes", kTooLong);
  if (tag != nullptr && tag->is == TagIs::Word && std::ranges::find(tag->words, text) == tag->words.end())
    item.fail("Value", "none of this field's words", kNotAllowed);
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

struct ProfileChange {
  Profile profile;
  std::vector<ProfileField> fields;
};
void read_item(Fields& item, ProfileChange& out) {
  const std::string name = item.text("Tag");
  if (item.raw("Value") == nullptr) item.fail("Value", "missing");  // of the type that the tag has
  const auto* const tag = std::ranges::find(kTags, name, &Tag::name);
  const bool standard = tag != kTags.end();
  if (!item.failed() && !standard && !is_custom(name))
    return item.fail("Tag", "neither a standard field nor Tag_Profile_Custom_…", kTagUnknown);
  std::string value = value_of(item, standard ? tag : nullptr);
  if (item.failed()) return;
  if (name == kNick)
    out.profile.nick = item.text("Value");
  else if (name == kImageTag)
    out.profile.face = item.text("Value");
  else
    out.fields.push_back({name, std::move(value)});
}

/// Those asked for that have a value.
RestJson items_of(const FullProfile& profile, const std::vector<std::string>& tags) {
  RestJson out = RestJson::array();
  const auto add = [&](std::string_view tag, RestJson value) {
    if (tags.empty() || std::ranges::find(tags, tag) != tags.end())
      out.push_back({{"Tag", tag}, {"Value", std::move(value)}});
  };
  add(kNick, profile.nick);
  add(kImageTag, profile.face);
  for (const ProfileField& field : profile.fields) add(field.tag, RestJson::parse(field.value, nullptr, false));
  return out;
}

WallTime silent_until(std::int64_t seconds_long, WallTime now) {
  if (seconds_long == kU32Max) return kForEver;
  return seconds_long == 0 ? WallTime{} : now + seconds(seconds_long);
}

std::int64_t silent_for(WallTime until, WallTime now) {
  if (until >= kForEver) return kU32Max;
  return until <= now ? 0 : std::chrono::ceil<seconds>(until - now).count();
}

}  // namespace

void portrait_set(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("From_Account"));
  ProfileChange change;
  body.each("ProfileItem", kProfileTagsMax, [&](Fields& item) { read_item(item, change); });
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  service.set_full_profile(std::move(who), std::move(change.profile), std::move(change.fields),
                           std::move(call).plain());
}

void portrait_get(Call call) {
  Fields body = call.fields();
  const std::vector<std::string> users = body.texts("To_Account", kProfilesMax);
  const std::vector<std::string> tags = body.texts_if("TagList", kProfileTagsMax);
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const AppId app = call.administrator.app;
  const auto write = [users, tags](RestJson& out, const std::vector<FullProfile>& profiles) {
    RestJson items = RestJson::array(), failed = RestJson::array();
    for (std::size_t i = 0; i < users.size(); ++i) {
      const FullProfile& profile = profiles[i];
      items.push_back({{"To_Account", users[i]},
                       {"ProfileItem", profile.known ? items_of(profile, tags) : RestJson::array()},
                       {"ResultCode", profile.known ? 0 : 40003},
                       {"ResultInfo", profile.known ? "" : "no such account"}});
      if (!profile.known) failed.push_back(users[i]);
    }
    out["UserProfileItem"] = std::move(items);
    if (!failed.empty()) out["Fail_Account"] = std::move(failed);
  };
  service.full_profiles(app, users, std::move(call).reply<std::vector<FullProfile>>(write));
}

void setnospeaking(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("Set_Account"));
  const auto chats = body.u32_if("C2CmsgNospeakingTime"), groups = body.u32_if("GroupmsgNospeakingTime");
  if (!chats && !groups) body.fail("", "neither C2CmsgNospeakingTime nor GroupmsgNospeakingTime");
  if (call.answered_fault()) return;
  const WallTime now = call.tools.clock.wall();
  SilenceChange change;
  if (chats) change.chats = silent_until(*chats, now);
  if (groups) change.groups = silent_until(*groups, now);
  auto& service = call.tools.service;
  service.set_silence(std::move(who), change, std::move(call).plain());
}

void getnospeaking(Call call) {
  Fields body = call.fields();
  UserKey who = call.user(body.text("Get_Account"));
  if (call.answered_fault()) return;
  auto& service = call.tools.service;
  const WallTime now = call.tools.clock.wall();
  service.silence(std::move(who), std::move(call).reply<Silence>([now](RestJson& out, const Silence& silence) {
    out["C2CmsgNospeakingTime"] = silent_for(silence.chats, now);
    out["GroupmsgNospeakingTime"] = silent_for(silence.groups, now);
  }));
}

}  // namespace nightpost::im

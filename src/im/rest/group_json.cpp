#include "im/rest/group_json.h"

#include <algorithm>
#include <array>
#include <utility>

#include "im/rest/tim_elements.h"

namespace nightpost::im {
namespace {

constexpr std::int64_t kForEverSecond = 4'294'967'295;
constexpr std::size_t kAppFieldsMax = 100;

template <class Value, std::size_t N>
using Words = std::array<std::pair<std::string_view, Value>, N>;
constexpr Words<GroupRole, 3> kRoles = {
    {{"Owner", GroupRole::Owner}, {"Admin", GroupRole::Admin}, {"Member", GroupRole::Member}}};
constexpr Words<JoinOption, 3> kJoins = {{{"FreeAccess", JoinOption::Free},
                                          {"NeedPermission", JoinOption::Approval},
                                          {"DisableApply", JoinOption::Disabled}}};
constexpr Words<InviteOption, 3> kInviteWords = {{{"FreeAccess", InviteOption::Free},
                                                  {"NeedPermission", InviteOption::Approval},
                                                  {"DisableInvite", InviteOption::Disabled}}};
constexpr Words<ReceiveOption, 3> kOptions = {{{"AcceptAndNotify", ReceiveOption::Notify},
                                               {"AcceptNotNotify", ReceiveOption::NotNotify},
                                               {"Discard", ReceiveOption::Discard}}};
constexpr Words<Priority, 4> kPriorities = {
    {{"High", Priority::High}, {"Normal", Priority::Normal}, {"Low", Priority::Low}, {"Lowest", Priority::Lowest}}};

template <class Value, std::size_t N>
std::optional<Value> value_of(const Words<Value, N>& words, std::string_view name) noexcept {
  for (const auto& [word, value] : words)
    if (word == name) return value;
  return std::nullopt;
}
template <class Value, std::size_t N>
std::string_view word_of(const Words<Value, N>& words, Value sought) noexcept {
  for (const auto& [word, value] : words)
    if (value == sought) return word;
  return words.front().first;
}

}  // namespace

std::int64_t rest_until(WallTime until) { return std::clamp<std::int64_t>(second_of(until), 0, kForEverSecond); }

std::string_view rest_role_name(GroupRole role) noexcept { return word_of(kRoles, role); }
std::optional<GroupRole> group_role_from_rest(std::string_view name) noexcept { return value_of(kRoles, name); }
std::optional<JoinOption> join_option_from_rest(std::string_view name) noexcept { return value_of(kJoins, name); }
std::optional<ReceiveOption> receive_option_from_rest(std::string_view name) noexcept {
  return value_of(kOptions, name);
}
std::optional<Priority> priority_from_rest(std::string_view name) noexcept { return value_of(kPriorities, name); }

RestJson group_json(const GroupInfo& info, AppId app) {
  RestJson fields = RestJson::array();
  for (const auto& [key, value] : info.fields) fields.push_back({{"Key", key}, {"Value", value}});
  const char* const silent = info.all_silenced ? "On" : "Off";
  return {{"GroupId", info.group},
          {"Type", rest_name_of(info.type)},
          {"Name", info.name},
          {"Appid", app.value},
          {"Introduction", info.introduction},
          {"Notification", info.notification},
          {"FaceUrl", info.face},
          {"Owner_Account", info.owner},
          {"CreateTime", second_of(info.created_at)},
          {"InfoSeq", 0},
          {"LastInfoTime", second_of(info.info_at)},
          {"LastMsgTime", second_of(info.last_at)},
          {"NextMsgSeq", info.head.value + 1},
          {"MemberNum", info.members},
          {"MaxMemberNum", info.members_max},
          {"ApplyJoinOption", word_of(kJoins, info.join)},
          {"InviteJoinOption", word_of(kInviteWords, info.invite)},
          {"MuteAllMember", silent},
          {"ShutUpAllMember", silent},
          {"AppDefinedData", std::move(fields)}};
}

RestJson self_json(const GroupSelf& self) {
  return {{"Role", rest_role_name(self.role)},
          {"JoinTime", second_of(self.joined_at)},
          {"MsgFlag", word_of(kOptions, self.option)},
          {"UnreadMsgNum", self.unread},
          {"MsgSeq", self.read.value}};
}

RestJson member_json(const GroupMember& member) {
  const std::int64_t until = rest_until(member.silenced_until);
  return {{"Member_Account", member.user},
          {"Role", rest_role_name(member.role)},
          {"JoinTime", second_of(member.joined_at)},
          {"MsgSeq", member.read.value},
          {"MsgFlag", word_of(kOptions, member.option)},
          {"LastSendMsgTime", second_of(member.last_sent_at)},
          {"NameCard", member.card},
          {"MuteUntil", until},
          {"ShutUpUntil", until},
          {"UnreadMsgNum", member.unread},
          {"AppMemberDefinedData", RestJson::array()}};
}

RestJson group_message_json(const Message& message) {
  RestJson out = {{"From_Account", message.from},
                  {"IsPlaceMsg", message.flags.recalled ? 2 : 0},
                  {"MsgBody", elements_to_tim(message.elements)},
                  {"MsgPriority", static_cast<int>(message.priority) + 1},
                  {"MsgRandom", 0},
                  {"MsgSeq", message.id.seq.value},
                  {"MsgTimeStamp", second_of(message.at)}};
  if (!message.cloud_data.empty()) out["CloudCustomData"] = message.cloud_data;
  return out;
}

std::optional<InviteOption> invite_option_of(Fields& body) {
  const auto word = body.text_if("InviteJoinOption");
  if (!word) return std::nullopt;
  if (const auto option = value_of(kInviteWords, *word)) return option;
  body.fail("InviteJoinOption", "none of FreeAccess, NeedPermission, DisableInvite");
  return std::nullopt;
}

std::optional<JoinOption> join_option_of(Fields& body) {
  const auto word = body.text_if("ApplyJoinOption");
  if (!word) return std::nullopt;
  if (const auto option = join_option_from_rest(*word)) return option;
  body.fail("ApplyJoinOption", "none of FreeAccess, NeedPermission, DisableApply");
  return std::nullopt;
}

std::map<std::string, std::string> group_fields_of(Fields& body) {
  std::map<std::string, std::string> out;
  body.each_if("AppDefinedData", kAppFieldsMax,
               [&](Fields& item) { out.insert_or_assign(item.text("Key"), item.text("Value")); });
  return out;
}

GroupCreate new_group_of(Fields& body) {
  GroupCreate group;
  const auto type = group_type_from(body.text("Type"));
  if (!type) body.fail("Type", "none of Public, Private, ChatRoom, AVChatRoom");
  group.type = type.value_or(GroupType::Work);
  group.group = body.text_if("GroupId").value_or("");
  group.name = body.text("Name");
  group.introduction = body.text_if("Introduction").value_or("");
  group.notification = body.text_if("Notification").value_or("");
  group.face = body.text_if("FaceUrl").value_or("");
  group.members_max = static_cast<std::size_t>(body.number_if("MaxMemberCount", 0, kGroupCountMax).value_or(0));
  group.join = join_option_of(body);
  group.invite = invite_option_of(body);
  group.fields = group_fields_of(body);
  return group;
}

RestJson filtered(RestJson all, const std::vector<std::string>& names, std::initializer_list<std::string_view> always) {
  if (names.empty()) return all;
  RestJson out = RestJson::object();
  for (auto& [name, value] : all.items())
    if (std::ranges::find(names, name) != names.end() || std::ranges::find(always, name) != always.end())
      out[name] = std::move(value);
  return out;
}

}  // namespace nightpost::im

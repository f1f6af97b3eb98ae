// group_open_http_svc: groups brought from elsewhere, and the list of all.
#include <utility>

#include "im/rest/commands.h"
#include "im/rest/group_json.h"
#include "im/rest/tim_elements.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kImportedMembersMax = 300;
constexpr std::size_t kImportedMessagesMax = 20;
constexpr std::int64_t kListedGroupsMax = 10'000;
constexpr std::int64_t kConvMax = (std::int64_t(1) << 53) - 1;
constexpr std::int32_t kTooManyImported = 10005;

std::optional<WallTime> import_time(Fields& item, Names names) {
  const auto second = item.u32_if(names);
  return second && *second > 0 ? std::optional(wall_from_ms(std::int64_t{*second} * 1'000)) : std::nullopt;
}

MemberImport imported_member(Fields& item) {
  MemberImport out;
  out.user = item.text("Member_Account");
  const std::string word = item.text_if("Role").value_or("Member");
  const auto role = group_role_from_rest(word);
  if (!role || *role == GroupRole::Owner) item.fail("Role", "neither Admin nor Member");
  out.role = role.value_or(GroupRole::Member);
  out.joined_at = import_time(item, "JoinTime");
  out.unread = item.number_if("UnreadMsgNum", 0, kU32Max).value_or(0);
  return out;
}

GroupMessageImport imported_message(Fields& item) {
  GroupMessageImport out;
  out.from = item.text("From_Account");
  out.at = wall_from_ms(std::int64_t{item.u32("SendTime")} * 1'000);
  out.random = item.u32_if("Random").value_or(0);
  out.elements = elements_from_tim(item).elements;
  out.cloud_data = item.text_if("CloudCustomData").value_or("");
  return out;
}

}  // namespace

void import_group(Call call) {
  Fields body = call.fields();
  const std::string owner = body.text_if("Owner_Account").value_or("");
  GroupCreate group = new_group_of(body);
  group.created_at = import_time(body, "CreateTime").value_or(call.tools.clock.wall());
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor who{call.user(owner), std::nullopt};
  groups.create_group(who, std::move(group),
                      std::move(call).reply<GroupCreated>(
                          [](RestJson& out, const GroupCreated& made) { out["GroupId"] = made.group; }));
}

void import_group_member(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  std::vector<MemberImport> all;
  body.each(
      "MemberList", kImportedMembersMax, [&](Fields& item) { all.push_back(imported_member(item)); }, 0,
      kTooManyImported);
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  const auto write = [](RestJson& out, const std::vector<MemberOutcome>& done) {
    RestJson list = RestJson::array();
    for (const MemberOutcome& member : done)
      list.push_back({{"Member_Account", member.user}, {"Result", static_cast<int>(member.result)}});
    out["MemberList"] = std::move(list);
  };
  admin.import_members(app, std::move(group), std::move(all), std::move(call).reply<std::vector<MemberOutcome>>(write));
}

void import_group_msg(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  body.number_if("RecentContactFlag", 0, 1);  // conversations always show their newest message
  std::vector<GroupMessageImport> all;
  body.each("MsgList", kImportedMessagesMax, [&](Fields& item) { all.push_back(imported_message(item)); });
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  const auto write = [](RestJson& out, const GroupAdmin::Imported& done) {
    RestJson list = RestJson::array();
    for (const Answer<SendReply>& each : done)
      list.push_back({{"MsgSeq", each ? each->id.seq.value : 0},
                      {"MsgTime", each ? second_of(each->at) : 0},
                      {"Result", each ? 0 : rest_code(Family::Group, each.error().code)}});
    out["ImportMsgResult"] = std::move(list);
  };
  admin.import_to_group(app, std::move(group), std::move(all), std::move(call).reply<GroupAdmin::Imported>(write));
}

void get_appid_group_list(Call call) {
  Fields body = call.fields();
  GroupIdsRequest request;
  request.limit = static_cast<std::size_t>(body.number_if("Limit", 1, kListedGroupsMax).value_or(kListedGroupsMax));
  request.after = {body.number_if("Next", 0, kConvMax).value_or(0)};
  if (const auto word = body.text_if({"GroupType", "Type"}); word && !word->empty()) {
    request.type = group_type_from(*word);
    if (!request.type) body.fail("GroupType", "none of Public, Private, ChatRoom, AVChatRoom");
  }
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  admin.group_ids(app, request, std::move(call).reply<GroupIds>([](RestJson& out, const GroupIds& page) {
    RestJson list = RestJson::array();
    for (const std::string& group : page.groups) list.push_back({{"GroupId", group}});
    out["TotalCount"] = page.total;
    out["GroupIdList"] = std::move(list);
    out["Next"] = page.next.value;
  }));
}

void set_unread_msg_num(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  const std::string user = body.text("Member_Account");
  const std::int64_t unread = body.number("UnreadMsgNum", 0, kU32Max);
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  UserKey who = call.user(user);
  admin.set_group_unread(std::move(who), std::move(group), unread, std::move(call).plain());
}

}  // namespace nightpost::im

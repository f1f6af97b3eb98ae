// group_open_http_svc: groups, their members, their messages.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "core/uuid.h"
#include "im/rest/commands.h"
#include "im/rest/group_json.h"
#include "im/rest/tim_elements.h"
#include "im/rest/tim_push.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kGroupsMax = 50;
constexpr std::size_t kInvitedMax = 300;
constexpr std::size_t kKickedMax = 100;
constexpr std::size_t kGroupsNamedMax = 500;
constexpr std::size_t kFieldsMax = 100;
constexpr std::size_t kTargetsMax = 50;
constexpr std::size_t kRecalledMax = 10;
constexpr std::size_t kWordsMax = 16;
constexpr std::size_t kPage = 100;  // of the service
constexpr std::int64_t kMembersMax = 6'000;
constexpr std::int64_t kSimpleMax = 20;
constexpr std::int32_t kTooManyAccounts = 10005;
constexpr std::int32_t kForbidden = 10007;

/// The app itself: every right, nobody's name.
Actor the_app(const Call& call) { return {call.user(""), std::nullopt}; }

std::vector<std::string> members_of(Fields& body) {
  std::vector<std::string> out;
  body.each(
      "MemberList", kInvitedMax, [&](Fields& item) { out.push_back(item.text("Member_Account")); }, 0,
      kTooManyAccounts);
  return out;
}

/// A list of members that is read page by page, up to `wanted` of `roles` (empty: of all) behind `skip`.
struct MemberWalk {
  Call call;
  MembersRequest request;
  std::size_t skip = 0, wanted = 0;
  std::function<void(Call, std::vector<GroupMember>, std::int64_t)> done;
  std::vector<GroupRole> roles = {};
  std::vector<GroupMember> found = {};

  static void step(std::unique_ptr<MemberWalk> walk) {
    GroupService& groups = *walk->call.tools.groups;
    const Actor app = the_app(walk->call);
    const MembersRequest request = walk->request;
    groups.members(app, request, [walk = std::move(walk)](Answer<MembersPage> page) mutable {
      if (!page) return std::move(walk->call).refuse(page.error());
      const bool more = page->more && !page->members.empty();
      if (more) walk->request.after = page->members.back().user;
      for (GroupMember& member : page->members) {
        if (!walk->roles.empty() && std::ranges::find(walk->roles, member.role) == walk->roles.end()) continue;
        if (walk->skip > 0)
          --walk->skip;
        else if (walk->found.size() < walk->wanted)
          walk->found.push_back(std::move(member));
      }
      if (more && walk->found.size() < walk->wanted) return step(std::move(walk));
      auto finish = std::move(walk->done);
      finish(std::move(walk->call), std::move(walk->found), page->total);
    });
  }
};

/// The groups of a user, likewise.
struct JoinedWalk {
  Call call;
  Actor who;
  JoinedRequest request;
  std::size_t skip = 0, wanted = 0;
  std::vector<std::string> base, self;
  RestJson list = RestJson::array();

  static void step(std::unique_ptr<JoinedWalk> walk) {
    GroupService& groups = *walk->call.tools.groups;
    const Actor who = walk->who;
    const JoinedRequest request = walk->request;
    groups.joined_groups(who, request, [walk = std::move(walk)](Answer<JoinedGroups> page) mutable {
      if (!page) return std::move(walk->call).refuse(page.error());
      const bool more = page->more && !page->groups.empty();
      if (more) walk->request.after = page->groups.back().conv;
      for (const GroupInfo& info : page->groups) {
        if (walk->skip > 0) {
          --walk->skip;
        } else if (walk->list.size() < walk->wanted) {
          RestJson item = filtered(group_json(info, walk->who.user.app), walk->base, {"GroupId"});
          if (info.self) item["SelfInfo"] = filtered(self_json(*info.self), walk->self, {});
          walk->list.push_back(std::move(item));
        }
      }
      if (more && walk->list.size() < walk->wanted) return step(std::move(walk));
      Outcome outcome;
      outcome.members = {{"TotalCount", page->total}, {"GroupIdList", std::move(walk->list)}};
      std::move(walk->call).answer(std::move(outcome));
    });
  }
};

/// To_Account: a list; one name from an SDK that says it so.
std::vector<std::string> targets_of(Fields& body) {
  const nlohmann::json* const raw = body.raw("To_Account");
  if (raw == nullptr || !raw->is_string()) return body.texts_if("To_Account", kTargetsMax);
  return {body.text("To_Account")};
}

Reply<Ver> plain_ver(Call call) {
  return std::move(call).reply<Ver>([](RestJson&, Ver) {});
}

/// An equal call within it gets the first result, whatever server answers: the time of day is in its name.
constexpr seconds kGroupRepeatWindow{300};

void name_call(const Call& call, GroupSendRequest& request, const std::string& from, std::uint32_t random) {
  const std::int64_t window = call.tools.clock.wall().time_since_epoch() / kGroupRepeatWindow;
  const auto name_in = [&](std::int64_t in) {
    return "rest-" + hex_of({request.group, from, std::to_string(random), request.elements, request.cloud_data,
                             std::to_string(call.administrator.app.value), std::to_string(in)});
  };
  request.client_id = name_in(window);
  request.earlier_client_id = name_in(window - 1);
  request.repeat_window = kGroupRepeatWindow;
}

}  // namespace

void create_group(Call call) {
  Fields body = call.fields();
  const std::string owner = body.text_if("Owner_Account").value_or("");
  GroupCreate group = new_group_of(body);
  body.each_if(
      "MemberList", kPage,
      [&](Fields& item) {
        const std::string role = item.text_if("Role").value_or("Member");
        if (role != "Admin" && role != "Member") item.fail("Role", "neither Admin nor Member");
        group.members.push_back({item.text("Member_Account"), role == "Admin" ? GroupRole::Admin : GroupRole::Member});
      },
      0, kTooManyAccounts);
  if (group.type == GroupType::Live && !group.members.empty())
    body.fail("MemberList", "a live group has no list of members", kForbidden);
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor who{call.user(owner), std::nullopt};
  const std::string type(rest_name_of(group.type));
  groups.create_group(who, std::move(group),
                      std::move(call).reply<GroupCreated>([type](RestJson& out, const GroupCreated& made) {
                        out["GroupId"] = made.group;
                        out["Type"] = type;
                      }));
}

void destroy_group(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  groups.dismiss_group(app, std::move(group), plain_ver(std::move(call)));
}

void change_group_owner(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  std::string owner = body.text("NewOwner_Account");
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  groups.transfer_group(app, std::move(group), std::move(owner), plain_ver(std::move(call)));
}

void modify_group_base_info(Call call) {
  Fields body = call.fields();
  GroupInfoChange change;
  change.group = body.text("GroupId");
  change.name = body.text_if("Name");
  change.introduction = body.text_if("Introduction");
  change.notification = body.text_if("Notification");
  change.face = body.text_if("FaceUrl");
  if (const auto most = body.number_if({"MaxMemberNum", "MaxMemberCount"}, 1, kGroupCountMax))
    change.members_max = static_cast<std::size_t>(*most);
  change.join = join_option_of(body);
  change.invite = invite_option_of(body);
  if (const auto all = body.text_if({"MuteAllMember", "ShutUpAllMember"})) {
    if (*all != "On" && *all != "Off") body.fail("MuteAllMember", "neither On nor Off");
    change.all_silenced = *all == "On";
  }
  change.fields = group_fields_of(body);
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  groups.change_group(app, std::move(change), plain_ver(std::move(call)));
}

void get_group_info(Call call) {
  Fields body = call.fields();
  std::vector<std::string> ids = body.texts("GroupIdList", kGroupsMax);
  Fields filter = body.object("ResponseFilter");
  const std::vector<std::string> base = filter.texts_if("GroupBaseInfoFilter", kFieldsMax);
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  using Infos = std::vector<std::pair<std::string, Answer<GroupInfo>>>;
  auto reply = std::move(call).reply<Infos>([base, id = app.user.app](RestJson& out, const Infos& infos) {
    RestJson list = RestJson::array();
    for (const auto& [group, info] : infos) {
      RestJson item = {{"GroupId", group}, {"ErrorCode", 0}, {"ErrorInfo", ""}};
      if (info) {
        item.update(filtered(group_json(*info, id), base, {"Type"}));
      } else {
        item["ErrorCode"] = rest_code(Family::Group, info.error().code);
        item["ErrorInfo"] = info.error().why;
      }
      list.push_back(std::move(item));
    }
    out["GroupInfo"] = std::move(list);
  });
  groups.group_infos(app, std::move(ids), std::move(reply));
}

void get_joined_group_list(Call call) {
  Fields body = call.fields();
  const std::string user = body.text("Member_Account");
  JoinedRequest request;
  request.limit = kPage;
  const auto limit = static_cast<std::size_t>(body.number_if("Limit", 0, kU32Max).value_or(0));
  const auto offset = static_cast<std::size_t>(body.number_if("Offset", 0, kU32Max).value_or(0));
  if (const auto word = body.text_if({"GroupType", "Type"})) {
    request.type = group_type_from(*word);
    if (!request.type) body.fail("GroupType", "none of Public, Private, ChatRoom, AVChatRoom");
  }
  Fields filter = body.object("ResponseFilter");
  std::vector<std::string> base = filter.texts_if("GroupBaseInfoFilter", kFieldsMax);
  std::vector<std::string> self = filter.texts_if("SelfInfoFilter", kFieldsMax);
  if (call.answered_fault()) return;
  const Actor who{call.user(user), std::nullopt};
  const std::size_t wanted = limit == 0 ? std::size_t(kMembersMax) : std::min(limit, std::size_t(kMembersMax));
  JoinedWalk::step(
      std::make_unique<JoinedWalk>(std::move(call), who, request, offset, wanted, std::move(base), std::move(self)));
}

void add_group_member(Call call) {
  Fields body = call.fields();
  MembersChange change;
  change.group = body.text("GroupId");
  change.users = members_of(body);
  change.silent = body.number_if("Silence", 0, 1).value_or(0) == 1;
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  groups.invite(app, std::move(change),
                std::move(call).reply<MembersChanged>([](RestJson& out, const MembersChanged& changed) {
                  RestJson list = RestJson::array();
                  for (const MemberOutcome& member : changed.members)
                    list.push_back({{"Member_Account", member.user}, {"Result", static_cast<int>(member.result)}});
                  out["MemberList"] = std::move(list);
                }));
}

void delete_group_member(Call call) {
  Fields body = call.fields();
  MembersChange change;
  change.group = body.text("GroupId");
  change.users = body.texts("MemberToDel_Account", kKickedMax, 0, kTooManyAccounts);
  change.reason = body.text_if("Reason").value_or("");
  change.silent = body.number_if("Silence", 0, 1).value_or(0) == 1;
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  groups.kick_members(app, std::move(change),
                      std::move(call).reply<MembersChanged>([](RestJson&, const MembersChanged&) {}));
}

void modify_group_member_info(Call call) {
  Fields body = call.fields();
  MemberChange change;
  change.group = body.text("GroupId");
  change.user = body.text("Member_Account");
  if (const auto role = body.text_if("Role")) {
    if (*role != "Admin" && *role != "Member") body.fail("Role", "neither Admin nor Member");
    change.role = *role == "Admin" ? GroupRole::Admin : GroupRole::Member;
  }
  if (const auto flag = body.text_if("MsgFlag")) {
    change.option = receive_option_from_rest(*flag);
    if (!change.option) body.fail("MsgFlag", "none of AcceptAndNotify, AcceptNotNotify, Discard");
  }
  change.card = body.text_if("NameCard");
  const Names mute{"MuteTime", "ShutUpTime"};
  // Once more older: seconds from now, whatever the name says.
  if (const auto time = body.u32_if(body.has(mute) ? mute : Names("ShutUpUntil"))) change.silence = seconds(*time);
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  groups.change_member(app, std::move(change), plain_ver(std::move(call)));
}

void get_group_member_info(Call call) {
  Fields body = call.fields();
  MembersRequest request;
  request.group = body.text("GroupId");
  request.limit = kPage;
  const auto limit = static_cast<std::size_t>(body.number_if("Limit", 0, kMembersMax).value_or(0));
  const auto offset = static_cast<std::size_t>(body.number_if("Offset", 0, kU32Max).value_or(0));
  const std::vector<std::string> filter = body.texts_if("MemberInfoFilter", kFieldsMax);
  std::vector<GroupRole> roles;
  for (const std::string& word : body.texts_if("MemberRoleFilter", kWordsMax)) {
    const auto role = group_role_from_rest(word);
    if (!role) body.fail("MemberRoleFilter", "none of Owner, Admin, Member");
    roles.push_back(role.value_or(GroupRole::Member));
  }
  if (roles.size() == 1) request.role = roles.front();
  if (call.answered_fault()) return;
  const std::size_t wanted = limit == 0 ? std::size_t(kMembersMax) : limit;
  const auto done = [filter](Call whose, const std::vector<GroupMember>& found, std::int64_t total) {
    RestJson list = RestJson::array();
    for (const GroupMember& member : found) list.push_back(filtered(member_json(member), filter, {"Member_Account"}));
    Outcome outcome;
    outcome.members = {{"MemberNum", total}, {"MemberList", std::move(list)}};
    std::move(whose).answer(std::move(outcome));
  };
  MemberWalk::step(
      std::make_unique<MemberWalk>(std::move(call), std::move(request), offset, wanted, done, std::move(roles)));
}

void get_specified_group_member_info(Call call) {
  Fields body = call.fields();
  const std::string group = body.text("GroupId");
  std::vector<std::string> users = body.texts("Member_List_Account", kGroupsNamedMax, 0, kTooManyAccounts);
  const std::vector<std::string> filter = body.texts_if("MemberInfoFilter", kFieldsMax);
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  groups.members_named(app, group, std::move(users),
                       std::move(call).reply<std::vector<GroupMember>>(
                           [group, filter](RestJson& out, const std::vector<GroupMember>& found) {
                             RestJson list = RestJson::array();
                             for (const GroupMember& member : found)
                               list.push_back(filtered(member_json(member), filter, {"Member_Account"}));
                             out["GroupId"] = group;
                             out["MemberList"] = std::move(list);
                           }));
}

void get_role_in_group(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  const std::vector<std::string> users = body.texts("User_Account", kGroupsNamedMax, 0, kTooManyAccounts);
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  auto reply =
      std::move(call).reply<std::vector<GroupMember>>([users](RestJson& out, const std::vector<GroupMember>& found) {
        RestJson list = RestJson::array();
        for (const std::string& user : users) {
          const auto member = std::ranges::find(found, user, &GroupMember::user);
          list.push_back(
              {{"Member_Account", user}, {"Role", member == found.end() ? "NotMember" : rest_role_name(member->role)}});
        }
        out["UserIdList"] = std::move(list);
      });
  groups.members_named(app, std::move(group), users, std::move(reply));
}

void forbid_send_msg(Call call) {
  Fields body = call.fields();
  MemberChange change;
  change.group = body.text("GroupId");
  const std::vector<std::string> users =
      body.texts({"Members_Account", "Member_Account"}, kGroupsNamedMax, 0, kTooManyAccounts);
  change.silence = seconds(body.u32({"MuteTime", "ShutUpTime"}));
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  struct Rest {
    Call call;
    std::size_t open;
    std::optional<Refusal> first;
  };
  // Shared by the replies, of which the last one answers.
  const auto rest = std::make_shared<Rest>(std::move(call), users.size(), std::nullopt);
  for (const std::string& user : users) {
    change.user = user;
    groups.change_member(app, change, [rest](const Answer<Ver>& changed) {
      if (!changed && !rest->first) rest->first = changed.error();
      if (--rest->open > 0) return;
      if (rest->first) return std::move(rest->call).refuse(*rest->first);
      std::move(rest->call).answer({});
    });
  }
}

void get_group_muted_account(Call call) {
  Fields body = call.fields();
  MembersRequest request;
  request.group = body.text("GroupId");
  request.limit = kPage;
  request.silenced = true;
  if (call.answered_fault()) return;
  const auto done = [](Call whose, const std::vector<GroupMember>& found, std::int64_t) {
    RestJson now = RestJson::array(), old = RestJson::array();
    for (const GroupMember& member : found) {
      const std::int64_t until = rest_until(member.silenced_until);
      now.push_back({{"Member_Account", member.user}, {"MutedUntil", until}});
      old.push_back({{"Member_Account", member.user}, {"ShuttedUntil", until}});
    }
    Outcome outcome;
    outcome.members = {{"MutedAccountList", std::move(now)}, {"ShuttedUinList", std::move(old)}};
    std::move(whose).answer(std::move(outcome));
  };
  MemberWalk::step(std::make_unique<MemberWalk>(std::move(call), std::move(request), std::size_t{0},
                                                std::size_t(kMembersMax), done));
}

void get_group_ban_member(Call call) {
  Fields body = call.fields();
  MembersRequest request;
  request.group = body.text("GroupId");
  request.limit = kPage;
  request.banned = true;
  const auto limit = static_cast<std::size_t>(body.number_if("Limit", 1, kMembersMax).value_or(kPage));
  const auto offset = static_cast<std::size_t>(body.number_if("Offset", 0, kU32Max).value_or(0));
  if (call.answered_fault()) return;
  const auto done = [limit, offset](Call whose, const std::vector<GroupMember>& found, std::int64_t) {
    RestJson list = RestJson::array();
    for (const GroupMember& member : found)
      if (list.size() < limit)
        list.push_back({{"Member_Account", member.user}, {"BannedUntil", rest_until(member.silenced_until)}});
    Outcome outcome;  // one more was asked for, so that the last page says that it is
    outcome.members = {{"BannedAccountList", std::move(list)},
                       {"NextOffset", found.size() > limit ? offset + limit : 0}};
    std::move(whose).answer(std::move(outcome));
  };
  MemberWalk::step(std::make_unique<MemberWalk>(std::move(call), std::move(request), offset, limit + 1, done));
}

void send_group_msg(Call call) {
  Fields body = call.fields();
  GroupSendRequest request;
  request.group = body.text("GroupId");
  const std::uint32_t random = body.u32("Random");
  const std::string from = body.text_if("From_Account").value_or(call.administrator.user);
  if (const auto word = body.text_if("MsgPriority")) {
    const auto priority = priority_from_rest(*word);
    if (!priority) body.fail("MsgPriority", "none of High, Normal, Low, Lowest");
    request.priority = priority.value_or(Priority::Normal);
  }
  request.online_only = body.number_if({"OnlineOnlyFlag", "MsgOnlineOnlyFlag"}, 0, 1).value_or(0) == 1;
  for (const std::string& word : body.texts_if("SendMsgControl", kWordsMax)) {
    request.no_unread = request.no_unread || word == "NoUnread";
    request.no_last = request.no_last || word == "NoLastMsg";
  }
  read_callback_control(body, request.ask_before, request.tell_after);
  request.cloud_data = body.text_if("CloudCustomData").value_or("");
  request.targets = targets_of(body);
  body.each_if("GroupAtInfo", kTargetsMax, [&](Fields& at) {
    const bool all = at.number("GroupAtAllFlag", 0, 1) == 1;
    const auto one = at.text_if("GroupAt_Account");
    if (!all && !one) at.fail("GroupAt_Account", "missing");
    request.mentions.push_back(all ? std::string(kMentionAll) : one.value_or(""));
  });
  const TimBody content = elements_from_tim(body);
  request.elements = content.elements;
  TimPush push = push_from_tim(body, content.custom_ext);
  request.push = std::move(push.push);
  call.advise(std::move(push.ignored));
  if (call.answered_fault()) return;
  name_call(call, request, from, random);
  GroupService& groups = *call.tools.groups;
  const Actor who{call.user(from), std::nullopt};
  groups.send_to_group(who, std::move(request), [call = std::move(call)](const Answer<SendReply>& sent) mutable {
    if (!sent) return std::move(call).refuse({sent.error().code, as_push_info(as_msg_body(sent.error().why))});
    Outcome outcome;
    outcome.members = {{"MsgTime", second_of(sent->at)}, {"MsgSeq", sent->id.seq.value}};
    if (sent->repeated) outcome.members["MsgDropReason"] = "repeated";
    std::move(call).answer(std::move(outcome));
  });
}

void group_msg_recall(Call call) {
  Fields body = call.fields();
  const std::string group = body.text("GroupId");
  std::vector<std::int64_t> seqs;
  body.each("MsgSeqList", kRecalledMax, [&](Fields& item) { seqs.push_back(item.number("MsgSeq", 1, kU32Max)); });
  body.text_if("Reason");
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  struct Rest {
    Call call;
    std::vector<std::int64_t> seqs;
    std::vector<std::int32_t> codes;
    std::size_t open;
    void finish() {
      RestJson list = RestJson::array();
      for (std::size_t i = 0; i < seqs.size(); ++i) list.push_back({{"MsgSeq", seqs[i]}, {"RetCode", codes[i]}});
      Outcome outcome;
      outcome.members = {{"RecallRetList", list}, {"Results", list}};  // by both names
      std::move(call).answer(std::move(outcome));
    }
  };
  const std::size_t count = seqs.size();
  const auto rest = std::make_shared<Rest>(std::move(call), std::move(seqs), std::vector<std::int32_t>(count), count);
  using Infos = std::vector<std::pair<std::string, Answer<GroupInfo>>>;
  groups.group_infos(app, {group}, [rest, app, &groups](const Answer<Infos>& infos) {
    if (!infos) return std::move(rest->call).refuse(infos.error());
    const Answer<GroupInfo>& info = infos->front().second;
    if (!info) return std::move(rest->call).refuse(info.error());
    for (std::size_t i = 0; i < rest->seqs.size(); ++i)
      groups.recall_in_group(app, {info->conv, Seq{rest->seqs[i]}}, [rest, i](const Answer<Ver>& recalled) {
        if (!recalled) rest->codes[i] = rest_code(Family::Group, recalled.error().code);
        if (--rest->open == 0) rest->finish();
      });
  });
}

void group_msg_get_simple(Call call) {
  Fields body = call.fields();
  GroupPullRequest request;
  request.group = body.text("GroupId");
  request.limit = static_cast<std::size_t>(std::min(body.number("ReqMsgNumber", 1, kU32Max), kSimpleMax));
  if (const auto newest = body.u32_if("ReqMsgSeq"); newest && *newest > 0)  // 0: the newest
    request.before = Seq{std::int64_t{*newest} + 1};
  const bool with_recalled = body.number_if("WithRecalledMsg", 0, 1).value_or(1) == 1;
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const Actor app = the_app(call);
  const std::string group = request.group;
  groups.pull_group(app, std::move(request),
                    std::move(call).reply<PullReply>([group, with_recalled](RestJson& out, const PullReply& page) {
                      RestJson list = RestJson::array();
                      for (auto message = page.messages.rbegin(); message != page.messages.rend(); ++message)
                        if (with_recalled || !message->flags.recalled) list.push_back(group_message_json(*message));
                      out["GroupId"] = group;
                      out["IsFinished"] = page.more ? 0 : 1;
                      out["RspMsgList"] = std::move(list);
                    }));
}

}  // namespace nightpost::im

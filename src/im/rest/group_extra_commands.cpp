// Groups: notices, edited messages, receipts, what is kept with a group.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "im/rest/commands.h"
#include "im/rest/message_edit.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kNotifiedMax = 500;
constexpr std::size_t kBannedMax = 100;
constexpr std::int32_t kTooManyBanned = 10005;
constexpr std::size_t kReceiptSeqsMax = 100;
constexpr std::int64_t kReceiptPageMax = 100;
constexpr std::size_t kKeptMax = 100;  // attributes, counters; the service has limits of its own
constexpr std::int64_t kCounterMax = std::numeric_limits<std::int64_t>::max();

/// Recalls page after page, and answers once nothing is left.
void recall_all(std::unique_ptr<Call> call, std::string group, std::string sender, Seq below) {
  GroupAdmin& admin = *call->tools.group_admin;
  const AppId app = call->administrator.app;
  admin.recall_of_sender(app, group, sender, below,
                         [call = std::move(call), group, sender](const Answer<Seq>& next) mutable {
                           if (!next) return std::move(*call).refuse(next.error());
                           if (next->value == 0) return std::move(*call).answer({});
                           recall_all(std::move(call), std::move(group), std::move(sender), *next);
                         });
}

void change_attributes(Call call, bool clear) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  AttributesChange change{.clear = clear, .set = {}};
  body.each("GroupAttr", kKeptMax,
            [&](Fields& item) { change.set.emplace_back(item.text("key"), item.text("value")); });
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  admin.change_group_attributes(app, std::move(group), std::move(change), std::move(call).plain());
}

/// Puts users out of a live group for a time, or lets them in again (0); of other groups the service refuses it.
/// Done for all it can be done for; refused by what the first of the others was.
void change_bans(Call call, milliseconds time, std::vector<std::string> users, std::string group, std::string reason) {
  GroupService& groups = *call.tools.groups;
  const Actor app{call.user(""), std::nullopt};
  groups.kick_members(
      app, {.group = std::move(group), .users = std::move(users), .reason = std::move(reason), .ban = time},
      [call = std::move(call)](const Answer<MembersChanged>& changed) mutable {
        if (!changed) return std::move(call).refuse(changed.error());
        const auto failed = std::ranges::find(changed->members, MemberResult::Failed, &MemberOutcome::result);
        if (failed != changed->members.end())
          return std::move(call).refuse({Code::GroupForbidden, failed->user + ": " + failed->why});
        std::move(call).answer({});
      });
}

/// Of a group whose members are rows.
void count_online(Call call, std::string group) {
  GroupAdmin& admin = *call.tools.group_admin;
  const Presence& presence = call.tools.presence;
  const AppId app = call.administrator.app;
  const auto write = [&presence, app](RestJson& out, const std::vector<std::string>& members) {
    std::int64_t online = 0;
    for (const std::string& member : members) online += presence.connected({app, member}).empty() ? 0 : 1;
    out["OnlineMemberNum"] = online;
  };
  admin.member_names(app, std::move(group), std::move(call).reply<std::vector<std::string>>(write));
}

void write_counters(RestJson& out, const GroupCounters& counters) {
  RestJson list = RestJson::array();
  for (const auto& [name, value] : counters) list.push_back({{"Key", name}, {"Value", value}});
  out["GroupCounter"] = std::move(list);
}

}  // namespace

void send_group_system_notification(Call call) {
  Fields body = call.fields();
  GroupNotice notice;
  notice.group = body.text("GroupId");
  notice.content = body.text("Content");
  notice.to = body.texts_if("ToMembers_Account", kNotifiedMax);
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  admin.notify_group(app, std::move(notice), std::move(call).plain());
}

void ban_group_member(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  std::vector<std::string> users = body.texts("Members_Account", kBannedMax, 0, kTooManyBanned);
  const seconds time{body.number("Duration", 1, kU32Max)};
  std::string reason = body.text_if("Description").value_or("");
  if (call.answered_fault()) return;
  change_bans(std::move(call), time, std::move(users), std::move(group), std::move(reason));
}

void unban_group_member(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  std::vector<std::string> users = body.texts("Members_Account", kBannedMax, 0, kTooManyBanned);
  if (call.answered_fault()) return;
  change_bans(std::move(call), milliseconds(0), std::move(users), std::move(group), "");
}

void get_online_member_num(Call call) {
  using Infos = std::vector<std::pair<std::string, Answer<GroupInfo>>>;
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  if (call.answered_fault()) return;
  GroupService& groups = *call.tools.groups;
  const AppId app = call.administrator.app;
  groups.group_infos({{app, ""}, std::nullopt}, {group}, [call = std::move(call), group](Answer<Infos> infos) mutable {
    if (!infos) return std::move(call).refuse(infos.error());
    const Answer<GroupInfo>& info = infos->front().second;
    if (!info) return std::move(call).refuse(info.error());
    if (info->type == GroupType::Live)  // whose members are those that are there
      return std::move(call).answer({.members = {{"OnlineMemberNum", info->members}}});
    count_online(std::move(call), std::move(group));
  });
}

void delete_group_msg_by_sender(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  std::string sender = body.text("Sender_Account");
  if (call.answered_fault()) return;
  recall_all(std::make_unique<Call>(std::move(call)), std::move(group), std::move(sender), {});
}

void modify_group_msg(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  const Seq seq{body.number("MsgSeq", 1, kU32Max)};
  MessageEdit edit = edit_of(body);
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  admin.edit_in_group(app, std::move(group), seq, std::move(edit), as_edit_reply(std::move(call)));
}

void get_group_msg_receipt(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  std::vector<Seq> seqs;
  body.each("MsgSeqList", kReceiptSeqsMax, [&](Fields& item) { seqs.push_back({item.number("MsgSeq", 1, kU32Max)}); });
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  const auto write = [](RestJson& out, const std::vector<Receipt>& receipts) {
    RestJson list = RestJson::array();
    for (const Receipt& one : receipts)
      list.push_back({{"MsgSeq", one.seq.value},
                      {"Code", one.known ? 0 : rest_code(Family::Group, Code::GroupMessageUnknown)},
                      {"ReadNum", one.read},
                      {"UnreadNum", one.unread}});
    out["GroupMsgReceiptList"] = std::move(list);
  };
  admin.receipts(app, std::move(group), std::move(seqs), std::move(call).reply<std::vector<Receipt>>(write));
}

void get_group_msg_receipt_detail(Call call) {
  Fields body = call.fields();
  ReceiptUsersRequest request;
  request.group = body.text("GroupId");
  request.seq = {body.number("MsgSeq", 1, kU32Max)};
  request.read = body.number_if({"Filter", "Flag"}, 0, 1).value_or(0) == 0;
  request.after = body.text_if("Cursor").value_or("");
  request.limit =
      static_cast<std::size_t>(body.number_if({"Count", "Num"}, 1, kReceiptPageMax).value_or(kReceiptPageMax));
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  const auto write = [read = request.read, seq = request.seq](RestJson& out, const ReceiptUsers& page) {
    RestJson list = RestJson::array();
    for (const std::string& user : page.users) list.push_back({{read ? "Read_Account" : "Unread_Account", user}});
    out["IsFinished"] = page.more ? 0 : 1;
    out["MsgSeq"] = seq.value;
    out["ReadList"] = read ? list : RestJson::array();
    out["UnreadList"] = read ? RestJson::array() : list;
    out["Cursor"] = page.more ? page.users.back() : "";
  };
  admin.receipt_users(app, std::move(request), std::move(call).reply<ReceiptUsers>(write));
}

void get_group_attr(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  const auto write = [](RestJson& out, const GroupAttributes& attributes) {
    RestJson list = RestJson::array();
    for (const auto& [name, value] : attributes) list.push_back({{"key", name}, {"value", value}});
    out["GroupAttrAry"] = std::move(list);
  };
  admin.group_attributes(app, std::move(group), std::move(call).reply<GroupAttributes>(write));
}

void set_group_attr(Call call) { change_attributes(std::move(call), true); }
void modify_group_attr(Call call) { change_attributes(std::move(call), false); }

void clear_group_attr(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  admin.change_group_attributes(app, std::move(group), {.clear = true, .set = {}}, std::move(call).plain());
}

void get_group_counter(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  const std::vector<std::string> names = body.texts_if("GroupCounterKeys", kKeptMax);
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  const auto write = [names](RestJson& out, GroupCounters counters) {
    std::erase_if(counters, [&](const auto& counter) {
      return !names.empty() && std::ranges::find(names, counter.first) == names.end();
    });
    write_counters(out, counters);
  };
  admin.group_counters(app, std::move(group), std::move(call).reply<GroupCounters>(write));
}

void update_group_counter(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  CountersChange change;
  const std::string mode = body.text("Mode");
  if (mode != "Set" && mode != "Increase" && mode != "Decrease") body.fail("Mode", "none of Set, Increase, Decrease");
  const std::int64_t sign = mode == "Decrease" ? -1 : 1;
  if (mode != "Set") change.mode = CountersChange::Mode::Add;
  body.each("GroupCounter", kKeptMax, [&](Fields& item) {
    change.values.emplace_back(item.text("Key"), sign * item.number("Value", -kCounterMax, kCounterMax));
  });
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  admin.change_group_counters(app, std::move(group), std::move(change),
                              std::move(call).reply<GroupCounters>(write_counters));
}

void delete_group_counter(Call call) {
  Fields body = call.fields();
  std::string group = body.text("GroupId");
  CountersChange change{.mode = CountersChange::Mode::Remove, .values = {}};
  for (std::string& name : body.texts_if("GroupCounterKeys", kKeptMax)) change.values.emplace_back(std::move(name), 0);
  if (call.answered_fault()) return;
  GroupAdmin& admin = *call.tools.group_admin;
  const AppId app = call.administrator.app;
  admin.change_group_counters(app, std::move(group), std::move(change),
                              std::move(call).reply<GroupCounters>([](RestJson&, const GroupCounters&) {}));
}

}  // namespace nightpost::im

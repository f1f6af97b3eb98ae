#include "im/service/before_questions.h"

#include "im/domain/before_callback.h"
#include "im/service/callback_body.h"

namespace nightpost::im {
namespace {

CallbackBody question_of(Before what) { return CallbackBody(traits_of(what).command); }

}  // namespace

void ask_send(Work& work, const Actor& who, const Draft& draft, const WireName& name, WallTime at) {
  *work.question = question_of(Before::Send)
                       .text("From_Account", who.user.user)
                       .text("To_Account", draft.to)
                       .number("MsgSeq", name.seq)
                       .number("MsgRandom", name.random)
                       .number("MsgTime", callback_second(at))
                       .text("MsgKey", callback_msg_key(name, at))
                       .number("OnlineOnlyFlag", draft.online_only ? 1 : 0)
                       .raw("MsgBody", draft.elements)
                       .text("CloudCustomData", draft.cloud_data)
                       .take();
}

void ask_group_send(Work& work, const Actor& who, const GroupRow& group, const GroupDraft& draft) {
  *work.question = question_of(Before::GroupSend)
                       .text("GroupId", group.id)
                       .text("Type", rest_name_of(group.type))
                       .text("From_Account", who.user.user)
                       .text("Operator_Account", who.user.user)
                       .number("Random", 0)
                       .number("OnlineOnlyFlag", draft.online_only ? 1 : 0)
                       .raw("MsgBody", draft.elements)
                       .text("CloudCustomData", draft.cloud_data)
                       .text("TopicId", "")
                       .number("EventTime", to_ms(work.now))
                       .take();
}

void ask_group_create(Work& work, const Actor& who, const GroupCreate& request, const std::string& name) {
  std::vector<std::string> members;
  for (const NewMember& member : request.members) members.push_back(member.user);
  CallbackBody body = question_of(Before::GroupCreate);
  body.text("Operator_Account", who.user.user)
      .text("Owner_Account", who.user.user)
      .text("Type", rest_name_of(request.type))
      .text("Name", name)
      .users("MemberList", "Member_Account", members);
  if (!request.group.empty()) body.text("GroupId", request.group);
  *work.question = body.number("EventTime", to_ms(work.now)).take();
}

void ask_join(Work& work, const Actor& who, const GroupRow& group) {
  *work.question = question_of(Before::GroupJoin)
                       .text("GroupId", group.id)
                       .text("Type", rest_name_of(group.type))
                       .text("Requestor_Account", who.user.user)
                       .take();
}

void ask_invite(Work& work, const Actor& who, const GroupRow& group, const std::vector<std::string>& users) {
  *work.question = question_of(Before::GroupInvite)
                       .text("GroupId", group.id)
                       .text("Type", rest_name_of(group.type))
                       .text("Operator_Account", who.user.user)
                       .users("DestinationMembers", "Member_Account", users)
                       .take();
}

void ask_friends(Work& work, const UserKey& who, const std::vector<FriendChange>& all, bool both, bool force) {
  std::string items = "[";
  for (const FriendChange& change : all) {
    items += items.ends_with('[') ? "{" : ",{";
    append_json_member(items, "To_Account", change.user);
    append_json_member(items, "Remark", change.remark.value_or(""));
    append_json_member(items, "GroupName", change.labels && !change.labels->empty() ? change.labels->front() : "");
    append_json_member(items, "AddSource", change.source.value_or(""));
    append_json_member(items, "AddWording", change.wording.value_or(""));
    items += '}';
  }
  *work.question = question_of(Before::FriendAdd)
                       .text("Requester_Account", who.user)
                       .text("From_Account", who.user)
                       .raw("FriendItem", items + "]")
                       .text("AddType", both ? "Add_Type_Both" : "Add_Type_Single")
                       .number("ForceAddFlags", force ? 1 : 0)
                       .take();
}

}  // namespace nightpost::im

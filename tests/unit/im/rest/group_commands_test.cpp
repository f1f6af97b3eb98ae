// What commands of groups ask of GroupService, and how its answers look.
#include <catch2/catch.hpp>

#include "unit/im/rest/fake_groups.h"
#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

const std::string kService = "group_open_http_svc/";

struct Groups : RestBed {
  FakeGroups groups{loop};
  Groups() {
    open_api(&groups);
    done("im_open_login_svc/account_import", {{"UserID", "alice"}});
  }
  Json group(const std::string& command, const Json& body) { return done(kService + command, body); }
  int group_code(const std::string& command, const Json& body) { return code(kService + command, body); }
};

TEST_CASE("rest groups: created with all that may be said", "[im][rest][groups]") {
  Groups bed;
  const Json body = Json::parse(R"({"Owner_Account":"alice","Type":"Public","GroupId":"order-7","Name":"Order 7",
    "Introduction":"i","Notification":"n","FaceUrl":"f","MaxMemberCount":500,"ApplyJoinOption":"NeedPermission",
    "InviteJoinOption":"FreeAccess","AppDefinedData":[{"Key":"k","Value":"v"}],
    "MemberList":[{"Member_Account":"bob","Role":"Admin"},{"Member_Account":"carol"}]})");
  const Json reply = bed.group("create_group", body);
  CHECK(reply.at("GroupId") == "order-7");
  CHECK(reply.at("Type") == "Public");
  CHECK(bed.groups.who->user == UserKey{kApp, "alice"});
  CHECK(bed.groups.who->admin());
  const GroupCreate& made = bed.groups.created;
  CHECK(made.type == GroupType::Public);
  CHECK(made.name == "Order 7");
  CHECK(made.introduction + made.notification + made.face == "inf");
  CHECK(made.members_max == 500);
  CHECK(made.join == JoinOption::Approval);
  CHECK(made.invite == InviteOption::Free);
  CHECK(made.fields == std::map<std::string, std::string>{{"k", "v"}});
  REQUIRE(made.members.size() == 2);
  CHECK(made.members[0].role == GroupRole::Admin);
  CHECK(made.members[1].role == GroupRole::Member);

  for (const auto& [word, type] : std::map<std::string, GroupType>{{"Private", GroupType::Work},
                                                                   {"Work", GroupType::Work},
                                                                   {"ChatRoom", GroupType::Meeting},
                                                                   {"AVChatRoom", GroupType::Live}}) {
    bed.group("create_group", {{"Type", word}, {"Name", "g"}});
    CHECK(bed.groups.created.type == type);
    CHECK(bed.groups.who->user.user.empty());
  }
  struct Row {
    std::string patch;
    int code;
  };
  for (const Row& row : std::vector<Row>{
           {R"({"Type":null})", 10004},
           {R"({"Type":"Community"})", 10004},
           {R"({"Name":null})", 10004},
           {R"({"Name":7})", 10004},
           {R"({"ApplyJoinOption":"Free"})", 10004},
           {R"({"InviteJoinOption":"DisableApply"})", 10004},
           {R"({"MaxMemberCount":-1})", 10004},
           {R"({"AppDefinedData":[{"Key":"k"}]})", 10004},
           {R"({"MemberList":["bob"]})", 10004},
           {R"({"MemberList":[{"Member_Account":"bob","Role":"Owner"}]})", 10004},
           {R"({"Type":"AVChatRoom"})", 10007},
       }) {
    CAPTURE(row.patch);
    Json bad = body;
    bad.merge_patch(Json::parse(row.patch));
    CHECK(bed.group_code("create_group", bad) == row.code);
  }
  Json many = body;
  many["MemberList"] = Json(std::vector<Json>(101, Json{{"Member_Account", "bob"}}));
  CHECK(bed.group_code("create_group", many) == 10005);
  bed.groups.refusal = Refusal{Code::GroupIdUsed, "used"};
  CHECK(bed.group_code("create_group", body) == 10021);
  bed.groups.refusal = Refusal{Code::AccountUnknown, "nobody"};
  CHECK(bed.group_code("create_group", body) == 10019);
  bed.groups.refusal = Refusal{Code::Busy, "busy"};
  CHECK(bed.group_code("create_group", body) == 10002);
}

TEST_CASE("rest groups: a story on the real service", "[im][rest][groups]") {
  RestBed bed;
  const Terminal alice = bed.login("alice"), bob = bed.login("bob");
  bed.open_api(bed.service.get());
  const auto group = [&](const std::string& command, const Json& body) { return bed.done(kService + command, body); };
  const Json members = Json::parse(R"([{"Member_Account":"bob"}])");
  group("create_group", {{"Owner_Account", "alice"},
                         {"Type", "Public"},
                         {"GroupId", "order-7"},
                         {"Name", "Order 7"},
                         {"MemberList", members}});
  CHECK(bed.code(kService + "create_group",
                 {{"Owner_Account", "alice"}, {"Type", "Public"}, {"GroupId", "order-7"}, {"Name", "again"}}) == 10025);
  CHECK(group("get_role_in_group", {{"GroupId", "order-7"}, {"User_Account", {"alice", "bob", "carol"}}})
            .at("UserIdList") ==
        Json::parse(R"([{"Member_Account":"alice","Role":"Owner"},{"Member_Account":"bob","Role":"Member"},
                        {"Member_Account":"carol","Role":"NotMember"}])"));
  CHECK(group("get_role_in_group", {{"GroupId", "order-7"}, {"User_Account", std::vector<std::string>(500, "carol")}})
            .at("UserIdList")
            .size() == 500);
  group("modify_group_member_info", {{"GroupId", "order-7"},
                                     {"Member_Account", "bob"},
                                     {"Role", "Admin"},
                                     {"MsgFlag", "AcceptNotNotify"},
                                     {"MuteTime", 1}});
  const Json changed =
      group("get_specified_group_member_info", {{"GroupId", "order-7"}, {"Member_List_Account", {"bob"}}})
          .at("MemberList")
          .at(0);
  CHECK(changed.at("Role") == "Admin");
  CHECK(changed.at("MsgFlag") == "AcceptNotNotify");
  CHECK(changed.at("MuteUntil") > 0);
  group("modify_group_member_info",
        {{"GroupId", "order-7"}, {"Member_Account", "bob"}, {"Role", "Member"}, {"MsgFlag", "AcceptAndNotify"}});
  CHECK(group("get_joined_group_list", {{"Member_Account", "bob"}}).at("TotalCount") == 1);
  bed.news();
  const Json sent =
      group("send_group_msg",
            {{"GroupId", "order-7"}, {"From_Account", "alice"}, {"Random", 1}, {"MsgBody", text_body("on its way")}});
  CHECK_FALSE(bed.news().deliveries.empty());
  CHECK(group("send_group_msg",
              {{"GroupId", "order-7"}, {"From_Account", "alice"}, {"Random", 1}, {"MsgBody", text_body("on its way")}})
            .at("MsgSeq") == sent.at("MsgSeq"));
  Json page = group("group_msg_get_simple", {{"GroupId", "order-7"}, {"ReqMsgNumber", 1}});
  CHECK(page.at("RspMsgList").at(0).at("MsgBody") == text_body("on its way"));
  CHECK(group("group_msg_recall", {{"GroupId", "order-7"}, {"MsgSeqList", {{{"MsgSeq", sent.at("MsgSeq")}}}}})
            .at("RecallRetList")
            .at(0)
            .at("RetCode") == 0);

  // May not speak in groups: a client, until it may again; one-to-one is another matter.
  const auto say = [&] {
    return bed.ask<SendReply>([&](auto reply) {
      GroupSendRequest request;
      request.group = "order-7";
      request.client_id = "c" + std::to_string(to_ms(bed.clock.wall()));
      request.elements = R"([{"type":"text","text":"x"}])";
      bed.service->send_to_group(actor_of(bob), std::move(request), std::move(reply));
    });
  };
  bed.done("openconfigsvr/setnospeaking", {{"Set_Account", "bob"}, {"GroupmsgNospeakingTime", 60}});
  const auto refused = say();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::GroupSilenced);
  CHECK(bed.try_send(bob, bed.text("alice")));
  bed.clock.pass(milliseconds(60'000));
  CHECK(say());
  bed.api.reset();
  bed.open_api();
}

TEST_CASE("rest groups: changed, handed over, dissolved", "[im][rest][groups]") {
  Groups bed;
  // A list that may be left out may be empty.
  const Json nobody = Json::array();
  bed.group("create_group", {{"Type", "Public"}, {"Name", "n"}, {"MemberList", nobody}, {"AppDefinedData", nobody}});
  CHECK(bed.groups.created.members.empty());
  bed.group("send_group_msg", {{"GroupId", "g"}, {"Random", 1}, {"GroupAtInfo", nobody}, {"MsgBody", text_body("x")}});
  CHECK(bed.groups.sent.back().mentions.empty());
  bed.group("modify_group_base_info",
            {{"GroupId", "g"}, {"Name", "n"}, {"ShutUpAllMember", "On"}, {"MaxMemberNum", 9}});
  CHECK(bed.groups.changed.name == "n");
  CHECK_FALSE(bed.groups.changed.introduction);
  CHECK(bed.groups.changed.all_silenced == true);
  CHECK(bed.groups.changed.members_max == 9u);
  CHECK_FALSE(bed.groups.changed.join);
  bed.group("modify_group_base_info", {{"GroupId", "g"},
                                       {"MuteAllMember", "Off"},
                                       {"ApplyJoinOption", "DisableApply"},
                                       {"InviteJoinOption", "NeedPermission"}});
  CHECK(bed.groups.changed.all_silenced == false);
  CHECK(bed.groups.changed.join == JoinOption::Disabled);
  CHECK(bed.group_code("modify_group_base_info", {{"GroupId", "g"}, {"MuteAllMember", "on"}}) == 10004);
  CHECK(bed.group_code("modify_group_base_info", {{"Name", "n"}}) == 10004);
  bed.group("change_group_owner", {{"GroupId", "g"}, {"NewOwner_Account", "bob"}});
  CHECK(bed.groups.owner == "bob");
  CHECK(bed.group_code("change_group_owner", {{"GroupId", "g"}}) == 10004);
  bed.group("destroy_group", {{"GroupId", "g"}});
  CHECK(bed.groups.group == "g");
  bed.groups.refusal = Refusal{Code::GroupUnknown, "no such group"};
  CHECK(bed.group_code("destroy_group", {{"GroupId", "g"}}) == 10010);
}

TEST_CASE("rest groups: their info, whole and filtered", "[im][rest][groups]") {
  Groups bed;
  GroupInfo info{.group = "g", .type = GroupType::Work, .name = "n", .owner = "alice"};
  info.created_at = wall_from_ms(1'700'000'000'999);
  info.head = Seq{7};
  info.members = 3;
  info.all_silenced = true;
  info.fields = {{"k", "v"}};
  bed.groups.infos = {{"g", info}, {"x", refuse(Code::GroupUnknown, "no such group")}};
  Json list = bed.group("get_group_info", {{"GroupIdList", {"g", "x"}}}).at("GroupInfo");
  CHECK(list.at(0).at("Type") == "Private");
  CHECK(list.at(0).at("CreateTime") == 1'700'000'000);
  CHECK(list.at(0).at("NextMsgSeq") == 8);
  CHECK(list.at(0).at("MemberNum") == 3);
  CHECK(list.at(0).at("MuteAllMember") == "On");
  CHECK(list.at(0).at("ShutUpAllMember") == "On");
  CHECK(list.at(0).at("AppDefinedData") == Json::parse(R"([{"Key":"k","Value":"v"}])"));
  CHECK(list.at(1).at("ErrorCode") == 10010);
  CHECK(list.at(1).at("GroupId") == "x");
  list = bed.group("get_group_info", {{"GroupIdList", {"g"}}, {"ResponseFilter", {{"GroupBaseInfoFilter", {"Name"}}}}})
             .at("GroupInfo");
  CHECK(list.at(0).contains("Name"));
  CHECK(list.at(0).contains("Type"));
  CHECK_FALSE(list.at(0).contains("MemberNum"));
  CHECK(bed.group_code("get_group_info", {{"GroupIdList", std::vector<std::string>(51, "g")}}) == 10004);
  CHECK(bed.group_code("get_group_info", {{"GroupIdList", {"g"}}, {"ResponseFilter", 1}}) == 10004);

  for (int i = 1; i <= 150; ++i) {
    GroupInfo one = info;
    one.group = "g" + std::to_string(i);
    one.conv = ConvId{i};
    one.self = GroupSelf{.role = GroupRole::Admin, .option = ReceiveOption::NotNotify, .unread = 4};
    bed.groups.joined.push_back(one);
  }
  Json page = bed.group("get_joined_group_list", {{"Member_Account", "alice"}});
  CHECK(bed.groups.who->user.user == "alice");
  CHECK(page.at("TotalCount") == 150);
  CHECK(page.at("GroupIdList").size() == 150);
  CHECK(page.at("GroupIdList").at(149).at("SelfInfo").at("Role") == "Admin");
  CHECK(page.at("GroupIdList").at(149).at("SelfInfo").at("MsgFlag") == "AcceptNotNotify");
  page = bed.group("get_joined_group_list",
                   {{"Member_Account", "alice"},
                    {"Offset", 98},
                    {"Limit", 4},
                    {"ResponseFilter", {{"GroupBaseInfoFilter", {"Name"}}, {"SelfInfoFilter", {"UnreadMsgNum"}}}}});
  REQUIRE(page.at("GroupIdList").size() == 4);
  CHECK(page.at("GroupIdList").at(3) == Json::parse(R"({"GroupId":"g102","Name":"n","SelfInfo":{"UnreadMsgNum":4}})"));
  CHECK(bed.group_code("get_joined_group_list", {{"Member_Account", "alice"}, {"GroupType", "Company"}}) == 10004);
}

TEST_CASE("rest groups: members", "[im][rest][groups]") {
  Groups bed;
  bed.groups.outcome.members = {{"bob", MemberResult::Done, ""},
                                {"carol", MemberResult::Already, ""},
                                {"nobody", MemberResult::Failed, "no such user"}};
  const Json three =
      Json::parse(R"([{"Member_Account":"bob"},{"Member_Account":"carol"},{"Member_Account":"nobody"}])");
  Json reply = bed.group("add_group_member", {{"GroupId", "g"}, {"MemberList", three}, {"Silence", 1}});
  CHECK(reply.at("MemberList") == Json::parse(R"([{"Member_Account":"bob","Result":1},
    {"Member_Account":"carol","Result":2},{"Member_Account":"nobody","Result":0}])"));
  CHECK(bed.groups.members_changed.silent);
  CHECK(bed.groups.members_changed.users == std::vector<std::string>{"bob", "carol", "nobody"});
  bed.group("delete_group_member", {{"GroupId", "g"}, {"MemberToDel_Account", {"bob"}}, {"Reason", "r"}});
  CHECK(bed.groups.members_changed.reason == "r");
  CHECK_FALSE(bed.groups.members_changed.silent);
  CHECK(bed.group_code("delete_group_member",
                       {{"GroupId", "g"}, {"MemberToDel_Account", std::vector<std::string>(101, "u")}}) == 10005);
  CHECK(bed.group_code("add_group_member", {{"GroupId", "g"}}) == 10004);

  for (int i = 0; i < 250; ++i) {
    GroupMember member{.user = "u" + std::to_string(1'000 + i)};
    if (i == 0) member.role = GroupRole::Owner;
    member.silenced_until = i == 1   ? wall_from_ms(5'000)
                            : i == 2 ? WallTime{milliseconds(253'402'300'799'000)}
                                     : WallTime{};
    bed.groups.all_members.push_back(member);
  }
  reply = bed.group("get_group_member_info", {{"GroupId", "g"}});
  CHECK(reply.at("MemberNum") == 250);
  CHECK(reply.at("MemberList").size() == 250);
  CHECK(bed.groups.member_pages == 3);
  const Json owner = reply.at("MemberList").at(0);
  CHECK(owner.at("Role") == "Owner");
  for (const char* name : {"JoinTime", "MsgSeq", "MsgFlag", "LastSendMsgTime", "NameCard", "MuteUntil", "ShutUpUntil"})
    CHECK(owner.contains(name));
  CHECK(reply.at("MemberList").at(2).at("MuteUntil") == 4'294'967'295);
  reply = bed.group("get_group_member_info", {{"GroupId", "g"},
                                              {"Offset", 199},
                                              {"Limit", 2},
                                              {"MemberInfoFilter", {"Role"}},
                                              {"MemberRoleFilter", {"Member"}}});
  CHECK(reply.at("MemberList") ==
        Json::parse(R"([{"Member_Account":"u1200","Role":"Member"},{"Member_Account":"u1201","Role":"Member"}])"));
  CHECK(bed.groups.asked_members->role == GroupRole::Member);
  reply = bed.group("get_group_member_info", {{"GroupId", "g"}, {"MemberRoleFilter", {"Owner", "Admin"}}});
  CHECK(reply.at("MemberList").size() == 1);
  CHECK(bed.group_code("get_group_member_info", {{"GroupId", "g"}, {"Limit", 6'001}}) == 10004);
  CHECK(bed.group_code("get_group_member_info", {{"GroupId", "g"}, {"MemberRoleFilter", {"Guest"}}}) == 10004);

  reply =
      bed.group("get_specified_group_member_info", {{"GroupId", "g"}, {"Member_List_Account", {"u1001", "nobody"}}});
  CHECK(reply.at("GroupId") == "g");
  CHECK(reply.at("MemberList").size() == 1);
  reply = bed.group("get_role_in_group", {{"GroupId", "g"}, {"User_Account", {"u1000", "u1001", "nobody"}}});
  CHECK(reply.at("UserIdList") == Json::parse(R"([{"Member_Account":"u1000","Role":"Owner"},
    {"Member_Account":"u1001","Role":"Member"},{"Member_Account":"nobody","Role":"NotMember"}])"));
  bed.groups.all_members.resize(3);
  for (const char* command : {"get_group_muted_account", "get_group_shutted_uin"}) {
    reply = bed.group(command, {{"GroupId", "g"}});
    CHECK(bed.groups.asked_members->silenced);
    CHECK(reply.at("MutedAccountList").at(1) == Json::parse(R"({"Member_Account":"u1001","MutedUntil":5})"));
    CHECK(reply.at("ShuttedUinList").at(1) == Json::parse(R"({"Member_Account":"u1001","ShuttedUntil":5})"));
  }

  bed.group("modify_group_member_info", {{"GroupId", "g"},
                                         {"Member_Account", "bob"},
                                         {"Role", "Admin"},
                                         {"MsgFlag", "Discard"},
                                         {"NameCard", "Bob"},
                                         {"ShutUpTime", 86'400}});
  const MemberChange& change = bed.groups.member_changes.back();
  CHECK(change.role == GroupRole::Admin);
  CHECK(change.option == ReceiveOption::Discard);
  CHECK(change.card == "Bob");
  CHECK(change.silence == milliseconds(86'400'000));
  CHECK(bed.group_code("modify_group_member_info", {{"GroupId", "g"}, {"Member_Account", "bob"}, {"Role", "Owner"}}) ==
        10004);
  CHECK(bed.group_code("modify_group_member_info",
                       {{"GroupId", "g"}, {"Member_Account", "bob"}, {"MsgFlag", "None"}}) == 10004);

  bed.group("modify_group_member_info", {{"GroupId", "g"}, {"Member_Account", "bob"}, {"ShutUpUntil", 60}});
  CHECK(bed.groups.member_changes.back().silence == milliseconds(60'000));

  bed.groups.member_changes.clear();
  bed.group("forbid_send_msg", {{"GroupId", "g"}, {"Members_Account", {"bob", "carol"}}, {"MuteTime", 4'294'967'295}});
  REQUIRE(bed.groups.member_changes.size() == 2);
  CHECK(bed.groups.member_changes[1].user == "carol");
  CHECK(bed.groups.member_changes[1].silence == MemberChange::kForever);
  CHECK(bed.group_code("forbid_send_msg", {{"GroupId", "g"}, {"Members_Account", {"bob"}}}) == 10004);
  bed.groups.refusal = Refusal{Code::GroupForbidden, "no"};
  CHECK(bed.group_code("forbid_send_msg", {{"GroupId", "g"}, {"Members_Account", {"bob", "carol"}}, {"MuteTime", 0}}) ==
        10007);
}

TEST_CASE("rest groups: messages, said once, taken back, read", "[im][rest][groups]") {
  Groups bed;
  bed.groups.send_reply = {
      .id = {ConvId{9}, Seq{12}}, .at = wall_from_ms(1'700'000'000'500), .ver = {}, .repeated = false};
  const Json body = Json::parse(R"({"GroupId":"g","Random":8912345,"From_Account":"alice","MsgPriority":"High",
    "MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"red packet"}}],"CloudCustomData":"c",
    "SendMsgControl":["NoUnread","NoLastMsg"],"To_Account":["bob"],"MsgOnlineOnlyFlag":1,
    "GroupAtInfo":[{"GroupAtAllFlag":1},{"GroupAtAllFlag":0,"GroupAt_Account":"bob"}],
    "OfflinePushInfo":{"Title":"t"}})");
  Json reply = bed.group("send_group_msg", body);
  CHECK(reply.at("MsgSeq") == 12);
  CHECK(reply.at("MsgTime") == 1'700'000'000);
  const GroupSendRequest first = bed.groups.sent.back();
  CHECK(bed.groups.who->user.user == "alice");
  CHECK(first.priority == Priority::High);
  CHECK((first.online_only && first.no_unread && first.no_last));
  CHECK(first.targets == std::vector<std::string>{"bob"});
  CHECK(first.mentions == std::vector<std::string>{std::string(kMentionAll), "bob"});
  CHECK(Json::parse(first.push) == Json{{"title", "t"}});
  CHECK(first.client_id.size() <= 64);
  CHECK(first.repeat_window == seconds(300));
  const auto is_repeat = [&] {
    const GroupSendRequest& last = bed.groups.sent.back();
    return last.client_id == first.client_id || last.earlier_client_id == first.client_id;
  };

  bed.clock.pass(milliseconds(299'000));
  bed.groups.send_reply.repeated = true;
  reply = bed.group("send_group_msg", body);
  CHECK(is_repeat());
  CHECK(reply.contains("MsgDropReason"));
  Json other = body;
  other["Random"] = 1;
  bed.group("send_group_msg", other);
  CHECK_FALSE(is_repeat());
  bed.clock.pass(milliseconds(301'000));  // beyond two spans of the clock, whenever the first began
  bed.group("send_group_msg", body);
  CHECK_FALSE(is_repeat());

  for (const char* patch :
       {R"({"GroupId":null})", R"({"Random":null})", R"({"Random":"1"})", R"({"MsgPriority":"high"})",
        R"({"GroupAtInfo":[{"GroupAtAllFlag":0}]})", R"({"MsgOnlineOnlyFlag":2})"}) {
    CAPTURE(patch);
    Json bad = body;
    bad.merge_patch(Json::parse(patch));
    CHECK(bed.group_code("send_group_msg", bad) == 10004);
  }
  bed.groups.refusal = Refusal{Code::TooLarge, "elements: more than 12288 bytes"};
  CHECK(bed.call(kService + "send_group_msg", body).at("ErrorInfo") == "MsgBody: more than 12288 bytes");
  CHECK(bed.group_code("send_group_msg", body) == 80002);
  bed.groups.refusal.reset();

  GroupInfo info{.group = "g", .conv = ConvId{9}};
  bed.groups.infos = {{"g", info}};
  reply = bed.group("group_msg_recall", {{"GroupId", "g"}, {"MsgSeqList", {{{"MsgSeq", 12}}, {{"MsgSeq", 404}}}}});
  CHECK(reply.at("RecallRetList") == Json::parse(R"([{"MsgSeq":12,"RetCode":0},{"MsgSeq":404,"RetCode":10030}])"));
  CHECK(reply.at("Results") == reply.at("RecallRetList"));
  CHECK(bed.groups.recalled.front() == MessageId{ConvId{9}, Seq{12}});
  bed.groups.infos = {{"g", refuse(Code::GroupUnknown, "no such group")}};
  CHECK(bed.group_code("group_msg_recall", {{"GroupId", "g"}, {"MsgSeqList", {{{"MsgSeq", 1}}}}}) == 10010);
  CHECK(bed.group_code("group_msg_recall",
                       {{"GroupId", "g"}, {"MsgSeqList", std::vector<Json>(11, Json{{"MsgSeq", 1}})}}) == 10004);

  Message message{.from = "alice", .priority = Priority::Low, .elements = R"([{"type":"text","text":"x"}])"};
  message.id = {ConvId{9}, Seq{11}};
  bed.groups.pull.messages = {message, message};
  bed.groups.pull.messages[1].id.seq = Seq{12};
  bed.groups.pull.messages[1].flags.recalled = true;
  bed.groups.pull.messages[1].elements = "";
  bed.groups.pull.more = true;
  reply = bed.group("group_msg_get_simple", {{"GroupId", "g"}, {"ReqMsgNumber", 50}, {"ReqMsgSeq", 12}});
  CHECK(bed.groups.pulled.before == Seq{13});
  CHECK(bed.groups.pulled.limit == 20);
  CHECK(reply.at("IsFinished") == 0);
  CHECK(reply.at("RspMsgList").at(0).at("MsgSeq") == 12);
  CHECK(reply.at("RspMsgList").at(0).at("IsPlaceMsg") == 2);
  CHECK(reply.at("RspMsgList").at(1).at("MsgBody") == text_body("x"));
  CHECK(reply.at("RspMsgList").at(1).at("MsgPriority") == 3);
  reply = bed.group("group_msg_get_simple",
                    {{"GroupId", "g"}, {"ReqMsgNumber", 5}, {"ReqMsgSeq", 0}, {"WithRecalledMsg", 0}});
  CHECK_FALSE(bed.groups.pulled.before);
  CHECK(reply.at("RspMsgList").size() == 1);
  CHECK(bed.group_code("group_msg_get_simple", {{"GroupId", "g"}}) == 10004);
}

}  // namespace
}  // namespace nightpost::im

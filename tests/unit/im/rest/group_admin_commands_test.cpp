// The commands of groups, edits and friend groups that came last, on the real service: what is asked and answered, and
// what is refused.
#include <catch2/catch.hpp>

#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

const std::string kGroupService = "group_open_http_svc/";

struct GroupBed : RestBed {
  GroupBed() {
    open_api(service.get());
    for (const char* user : {"alice", "bob", "carol"}) done("im_open_login_svc/account_import", {{"UserID", user}});
    group("create_group", {{"Owner_Account", "alice"},
                           {"Type", "Public"},
                           {"GroupId", "g"},
                           {"Name", "G"},
                           {"MemberList", {{{"Member_Account", "bob"}}}}});
    news();
  }
  Json group(const std::string& command, const Json& body) { return done(kGroupService + command, body); }
  int group_code(const std::string& command, const Json& body) { return code(kGroupService + command, body); }
  std::int64_t say(const std::string& from, const std::string& text) {
    return group("send_group_msg",
                 {{"GroupId", "g"}, {"From_Account", from}, {"Random", ++random}, {"MsgBody", text_body(text)}})
        .at("MsgSeq");
  }
  Json newest() {
    return group("group_msg_get_simple", {{"GroupId", "g"}, {"ReqMsgNumber", 1}}).at("RspMsgList").at(0);
  }
  std::uint32_t random = 0;
};

TEST_CASE("rest groups: listed, imported, counted", "[im][rest][groups]") {
  GroupBed bed;
  const std::int64_t then = std::chrono::floor<seconds>(bed.clock.wall()).time_since_epoch().count() - 1'000;
  CHECK(bed.group("import_group", {{"Owner_Account", "alice"},
                                   {"Type", "Private"},
                                   {"GroupId", "old"},
                                   {"Name", "Old"},
                                   {"CreateTime", then}})
            .at("GroupId") == "old");
  Json page = bed.group("get_appid_group_list", {{"Limit", 1}, {"Next", 0}});
  CHECK(page.at("TotalCount") == 2);
  CHECK(page.at("GroupIdList") == Json::parse(R"([{"GroupId":"g"}])"));
  page = bed.group("get_appid_group_list", {{"Limit", 1}, {"Next", page.at("Next")}, {"Type", "Work"}});
  CHECK(page.at("GroupIdList") == Json::parse(R"([{"GroupId":"old"}])"));
  CHECK(page.at("Next") == 0);
  const auto message = [&](std::int64_t at, const std::string& from = "carol") {
    return Json{{"From_Account", from}, {"SendTime", at}, {"Random", 7}, {"MsgBody", text_body("old")}};
  };
  const Json imported =
      bed.group("import_group_msg",
                {{"GroupId", "old"}, {"RecentContactFlag", 1}, {"MsgList", {message(then + 1), message(then)}}});
  CHECK(imported.at("ImportMsgResult") == Json::parse(R"([{"MsgSeq":1,"MsgTime":)" + std::to_string(then + 1) +
                                                      R"(,"Result":0},{"MsgSeq":0,"MsgTime":0,"Result":10004}])"));
  CHECK(bed.group("import_group_member", {{"GroupId", "old"},
                                          {"MemberList",
                                           {{{"Member_Account", "bob"}, {"JoinTime", then}, {"UnreadMsgNum", 1}},
                                            {{"Member_Account", "alice"}},
                                            {{"Member_Account", "nobody"}}}}})
            .at("MemberList") == Json::parse(R"([{"Member_Account":"bob","Result":1},{"Member_Account":"alice",
            "Result":2},{"Member_Account":"nobody","Result":0}])"));
  const auto self = [&] {
    return bed.group("get_joined_group_list", {{"Member_Account", "bob"}, {"Type", "Work"}})
        .at("GroupIdList")
        .at(0)
        .at("SelfInfo");
  };
  CHECK(self().at("UnreadMsgNum") == 1);
  CHECK(self().at("JoinTime") == then);
  bed.group("set_unread_msg_num", {{"GroupId", "old"}, {"Member_Account", "bob"}, {"UnreadMsgNum", 0}});
  CHECK(self().at("UnreadMsgNum") == 0);
  CHECK(bed.group("get_online_member_num", {{"GroupId", "old"}}).at("OnlineMemberNum") == 0);
  bed.presence.online[{kApp, "bob"}] = {{}};
  bed.presence.online[{kApp, "carol"}] = {{}};
  CHECK(bed.group("get_online_member_num", {{"GroupId", "old"}}).at("OnlineMemberNum") == 1);

  struct Row {
    std::string command;
    Json body;
    int code;
  };
  for (const Row& row : std::vector<Row>{
           {"get_appid_group_list", {{"Limit", 0}}, 10004},
           {"get_appid_group_list", {{"Limit", 10'001}}, 10004},
           {"get_appid_group_list", {{"Next", -1}}, 10004},
           {"get_appid_group_list", {{"GroupType", "Community"}}, 10004},
           {"import_group", {{"Type", "Public"}}, 10004},
           {"import_group", {{"Type", "Public"}, {"Name", "x"}, {"CreateTime", "now"}}, 10004},
           {"import_group", {{"Type", "Public"}, {"Name", "x"}, {"CreateTime", then + 10'000}}, 10004},
           {"import_group", {{"Type", "Public"}, {"Name", "x"}, {"GroupId", "g"}}, 10021},
           {"import_group", {{"Type", "Public"}, {"Name", "x"}, {"Owner_Account", "nobody"}}, 10019},
           {"import_group_msg", {{"GroupId", "old"}, {"MsgList", Json::array()}}, 10004},
           {"import_group_msg", {{"GroupId", "none"}, {"MsgList", Json::array({message(then)})}}, 10010},
           {"import_group_msg", {{"GroupId", "old"}, {"MsgList", {{{"From_Account", "bob"}}}}}, 10004},
           {"import_group_msg", {{"GroupId", "old"}, {"MsgList", std::vector<Json>(21, message(then))}}, 10004},
           {"import_group_member", {{"GroupId", "old"}}, 10004},
           {"import_group_member", {{"GroupId", "none"}, {"MemberList", {{{"Member_Account", "bob"}}}}}, 10010},
           {"import_group_member",
            {{"GroupId", "old"}, {"MemberList", {{{"Member_Account", "bob"}, {"Role", "Owner"}}}}},
            10004},
           {"import_group_member",
            {{"GroupId", "old"}, {"MemberList", std::vector<Json>(301, {{"Member_Account", "bob"}})}},
            10005},
           {"set_unread_msg_num", {{"GroupId", "old"}, {"Member_Account", "carol"}, {"UnreadMsgNum", 0}}, 10007},
           {"set_unread_msg_num", {{"GroupId", "none"}, {"Member_Account", "bob"}, {"UnreadMsgNum", 0}}, 10010},
           {"set_unread_msg_num", {{"GroupId", "old"}, {"Member_Account", "bob"}}, 10004},
           {"get_online_member_num", {{"GroupId", "none"}}, 10010},
           {"get_online_member_num", Json::object(), 10004},
       }) {
    CAPTURE(row.command, row.body.dump());
    CHECK(bed.group_code(row.command, row.body) == row.code);
  }
}

TEST_CASE("rest groups: users are banned from a live group, and let in again", "[im][rest][groups]") {
  GroupBed bed;
  bed.group("create_group",
            {{"Owner_Account", "alice"}, {"Type", "AVChatRoom"}, {"GroupId", "show"}, {"Name", "Show"}});
  bed.group("ban_group_member",
            {{"GroupId", "show"}, {"Members_Account", {"bob", "carol"}}, {"Duration", 60}, {"Description", "spam"}});
  Json list = bed.group("get_group_ban_member", {{"GroupId", "show"}});
  REQUIRE(list.at("BannedAccountList").size() == 2);
  CHECK(list.at("BannedAccountList").at(0).at("Member_Account") == "bob");
  CHECK(list.at("BannedAccountList").at(0).at("BannedUntil").get<std::int64_t>() > 1'700'000'000);  // s
  CHECK(list.at("NextOffset") == 0);
  list = bed.group("get_group_ban_member", {{"GroupId", "show"}, {"Limit", 1}});
  CHECK(list.at("BannedAccountList").size() == 1);
  CHECK(list.at("NextOffset") == 1);
  list = bed.group("get_group_ban_member", {{"GroupId", "show"}, {"Limit", 1}, {"Offset", 1}});
  CHECK(list.at("BannedAccountList").at(0).at("Member_Account") == "carol");
  CHECK(list.at("NextOffset") == 0);
  const Terminal phone = bed.login("bob");
  std::optional<Code> joined;
  bed.service->join_group(actor_of(phone), "show", "",
                          [&](const Answer<JoinReply>& in) { joined = in ? Code{} : in.error().code; });
  REQUIRE(bed.loop.until([&] { return joined.has_value(); }));
  CHECK(joined == Code::GroupForbidden);
  bed.group("unban_group_member", {{"GroupId", "show"}, {"Members_Account", {"bob", "nobody"}}});
  CHECK(bed.group("get_group_ban_member", {{"GroupId", "show"}}).at("BannedAccountList").size() == 1);

  bed.group("create_group", {{"Owner_Account", "alice"}, {"Type", "Public"}, {"GroupId", "team"}, {"Name", "Team"}});
  struct Row {
    const char* command;
    Json body;
    int code;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"ban_group_member",
            {{"GroupId", "show"}, {"Members_Account", {"alice"}}, {"Duration", 5}},
            10007},  // owner
           {"ban_group_member", {{"GroupId", "team"}, {"Members_Account", {"bob"}}, {"Duration", 5}}, 10007},
           {"ban_group_member", {{"GroupId", "none"}, {"Members_Account", {"bob"}}, {"Duration", 5}}, 10010},
           {"ban_group_member", {{"GroupId", "show"}, {"Members_Account", {"bob"}}}, 10004},
           {"ban_group_member", {{"GroupId", "show"}, {"Members_Account", {"bob"}}, {"Duration", 0}}, 10004},
           {"ban_group_member", {{"GroupId", "show"}, {"Members_Account", "bob"}, {"Duration", 5}}, 10004},
           {"ban_group_member", {{"Members_Account", {"bob"}}, {"Duration", 5}}, 10004},
           {"unban_group_member", {{"GroupId", "none"}, {"Members_Account", {"bob"}}}, 10010},
           {"unban_group_member", {{"GroupId", "show"}}, 10004},
           {"get_group_ban_member", {{"GroupId", "team"}}, 10007},
           {"get_group_ban_member", {{"GroupId", "show"}, {"Limit", 0}}, 10004},
           // One of two is the owner: the other is banned, and the caller hears that not all are.
           {"ban_group_member", {{"GroupId", "show"}, {"Members_Account", {"dave", "alice"}}, {"Duration", 5}}, 10007},
       }) {
    CAPTURE(row.command, row.body);
    CHECK(bed.group_code(row.command, row.body) == row.code);
  }
  list = bed.group("get_group_ban_member", {{"GroupId", "show"}}).at("BannedAccountList");
  REQUIRE(list.size() == 2);
  CHECK(list.at(0).at("Member_Account") == "carol");
  CHECK(list.at(1).at("Member_Account") == "dave");
}

TEST_CASE("rest groups: a live group has whom it has now", "[im][rest][groups]") {
  GroupBed bed;
  bed.group("create_group",
            {{"Owner_Account", "alice"}, {"Type", "AVChatRoom"}, {"GroupId", "show"}, {"Name", "Show"}});
  CHECK(bed.group("get_online_member_num", {{"GroupId", "show"}}).at("OnlineMemberNum") == 0);
  const Terminal phone = bed.login("bob");
  bool joined = false;
  bed.service->join_group(actor_of(phone), "show", "", [&](const Answer<JoinReply>& in) { joined = in.has_value(); });
  REQUIRE(bed.loop.until([&] { return joined; }));
  CHECK(bed.group("get_online_member_num", {{"GroupId", "show"}}).at("OnlineMemberNum") == 1);
  bed.news();
  const auto say = [&](const char* text) {
    return bed.group("send_group_msg",
                     {{"GroupId", "show"}, {"From_Account", "alice"}, {"Random", 5}, {"MsgBody", text_body(text)}});
  };
  CHECK(say("welcome").at("MsgSeq") == 0);
  const Committed told = bed.news();
  REQUIRE(told.deliveries.size() == 1);
  CHECK(std::get<NewMessage>(told.deliveries[0].item).online_only);
  CHECK(told.group_intents.empty());
  bed.group("forbid_send_msg", {{"GroupId", "show"}, {"Members_Account", {"bob"}}, {"MuteTime", 60}});
  CHECK(bed.group("get_group_muted_account", {{"GroupId", "show"}}).at("MutedAccountList").size() == 1);
  bed.group("delete_group_member", {{"GroupId", "show"}, {"MemberToDel_Account", {"bob"}}});
  CHECK(bed.group("get_online_member_num", {{"GroupId", "show"}}).at("OnlineMemberNum") == 0);
  for (const auto& [command, body] : std::initializer_list<std::pair<const char*, Json>>{
           {"get_group_member_info", {{"GroupId", "show"}}},
           {"add_group_member", {{"GroupId", "show"}, {"MemberList", {{{"Member_Account", "bob"}}}}}},
           {"import_group_member", {{"GroupId", "show"}, {"MemberList", {{{"Member_Account", "bob"}}}}}},
           {"change_group_owner", {{"GroupId", "show"}, {"NewOwner_Account", "bob"}}},
       }) {
    CAPTURE(command);
    CHECK(bed.group_code(command, body) == 10007);
  }
}

TEST_CASE("rest groups: notices, edits, receipts, all of a sender's", "[im][rest][groups]") {
  GroupBed bed;
  const std::int64_t first = bed.say("alice", "first");
  bed.news();
  bed.group("send_group_system_notification", {{"GroupId", "g"}, {"Content", "closed at 8"}});
  bed.group("send_group_system_notification", {{"GroupId", "g"}, {"Content", "you"}, {"ToMembers_Account", {"bob"}}});
  const Committed told = bed.news();
  REQUIRE(told.deliveries.size() == 2);
  CHECK(*told.deliveries[1].only == std::vector<std::string>{"bob"});

  bed.done("openim/modify_group_msg",
           {{"GroupId", "g"}, {"MsgSeq", first}, {"MsgBody", text_body("second")}, {"CloudCustomData", "c"}});
  CHECK(bed.newest().at("MsgBody") == text_body("second"));
  CHECK(bed.newest().at("CloudCustomData") == "c");
  CHECK(bed.group("get_group_msg_receipt", {{"GroupId", "g"}, {"MsgSeqList", {{{"MsgSeq", first}}, {{"MsgSeq", 99}}}}})
            .at("GroupMsgReceiptList") ==
        Json::parse(R"([{"MsgSeq":1,"Code":0,"ReadNum":0,"UnreadNum":1},{"MsgSeq":99,"Code":10030,"ReadNum":0,
                        "UnreadNum":0}])"));
  Json detail = bed.group("get_group_msg_receipt_detail", {{"GroupId", "g"}, {"MsgSeq", first}, {"Filter", 1}});
  CHECK(detail.at("UnreadList") == Json::parse(R"([{"Unread_Account":"bob"}])"));
  CHECK(detail.at("ReadList").empty());
  CHECK(detail.at("IsFinished") == 1);
  bed.group("set_unread_msg_num", {{"GroupId", "g"}, {"Member_Account", "bob"}, {"UnreadMsgNum", 0}});
  detail = bed.group("get_group_msg_receipt_detail", {{"GroupId", "g"}, {"MsgSeq", first}, {"Flag", 0}, {"Num", 10}});
  CHECK(detail.at("ReadList") == Json::parse(R"([{"Read_Account":"bob"}])"));
  for (int i = 0; i < 120; ++i) {
    bed.say("bob", "spam " + std::to_string(i));
    if (i % 100 == 0) bed.loop.pass(milliseconds(1'000));
  }
  bed.group("delete_group_msg_by_sender", {{"GroupId", "g"}, {"Sender_Account", "bob"}});
  CHECK(bed.number("SELECT count(*) FROM im_messages WHERE recalled = 1") == 120);
  CHECK(bed.newest().at("IsPlaceMsg") == 2);

  struct Row {
    std::string command;
    Json body;
    int code;
  };
  for (const Row& row : std::vector<Row>{
           {kGroupService + "send_group_system_notification", {{"GroupId", "none"}, {"Content", "x"}}, 10010},
           {kGroupService + "send_group_system_notification", {{"GroupId", "g"}}, 10004},
           {kGroupService + "send_group_system_notification", {{"GroupId", "g"}, {"Content", ""}}, 10004},
           {kGroupService + "send_group_system_notification",
            {{"GroupId", "g"}, {"Content", std::string(2'049, 'x')}},
            80002},
           {"openim/modify_group_msg", {{"GroupId", "g"}, {"MsgSeq", 1}}, 10004},
           {"openim/modify_group_msg", {{"GroupId", "g"}, {"MsgSeq", 0}, {"MsgBody", text_body("x")}}, 10004},
           {"openim/modify_group_msg", {{"GroupId", "g"}, {"MsgSeq", 99}, {"MsgBody", text_body("x")}}, 10030},
           {"openim/modify_group_msg", {{"GroupId", "none"}, {"MsgSeq", 1}, {"MsgBody", text_body("x")}}, 10010},
           {"openim/modify_group_msg", {{"GroupId", "g"}, {"MsgSeq", 1}, {"MsgBody", "x"}}, 90007},
           {kGroupService + "get_group_msg_receipt", {{"GroupId", "g"}}, 10004},
           {kGroupService + "get_group_msg_receipt",
            {{"GroupId", "g"}, {"MsgSeqList", std::vector<Json>(101, {{"MsgSeq", 1}})}},
            10004},
           {kGroupService + "get_group_msg_receipt_detail", {{"GroupId", "g"}, {"MsgSeq", 99}}, 10030},
           {kGroupService + "get_group_msg_receipt_detail", {{"GroupId", "g"}, {"MsgSeq", 1}, {"Count", 0}}, 10004},
           {kGroupService + "delete_group_msg_by_sender", {{"GroupId", "g"}}, 10004},
           {kGroupService + "delete_group_msg_by_sender", {{"GroupId", "none"}, {"Sender_Account", "bob"}}, 10010},
       }) {
    CAPTURE(row.command, row.body.dump());
    CHECK(bed.code(row.command, row.body) == row.code);
  }
}

TEST_CASE("rest groups: attributes and counters", "[im][rest][groups]") {
  GroupBed bed;
  const auto attr = [](const std::string& key, const std::string& value) {
    return Json{{"key", key}, {"value", value}};
  };
  bed.group("set_group_attr", {{"GroupId", "g"}, {"GroupAttr", Json::array({attr("b", "1"), attr("a", "2")})}});
  bed.group("modify_group_attr", {{"GroupId", "g"}, {"GroupAttr", Json::array({attr("b", "3")})}});
  CHECK(bed.done("group_open_attr_http_svc/get_group_attr", {{"GroupId", "g"}}).at("GroupAttrAry") ==
        Json{attr("a", "2"), attr("b", "3")});
  bed.group("set_group_attr", {{"GroupId", "g"}, {"GroupAttr", Json::array({attr("c", "4")})}});
  CHECK(bed.done("group_open_attr_http_svc/get_group_attr", {{"GroupId", "g"}}).at("GroupAttrAry") ==
        Json::array({attr("c", "4")}));
  bed.group("clear_group_attr", {{"GroupId", "g"}});
  CHECK(bed.done("group_open_attr_http_svc/get_group_attr", {{"GroupId", "g"}}).at("GroupAttrAry").empty());

  const auto counter = [](const std::string& key, std::int64_t value) { return Json{{"Key", key}, {"Value", value}}; };
  const auto update = [&](const std::string& mode, const Json& all) {
    return bed.group("update_group_counter", {{"GroupId", "g"}, {"Mode", mode}, {"GroupCounter", all}})
        .at("GroupCounter");
  };
  CHECK(update("Set", {counter("likes", 5), counter("views", 1)}) == Json{counter("likes", 5), counter("views", 1)});
  CHECK(update("Increase", Json::array({counter("likes", 2)})) == Json::array({counter("likes", 7)}));
  CHECK(update("Decrease", Json::array({counter("views", 2)})) == Json::array({counter("views", -1)}));
  CHECK(
      bed.group("get_group_counter", {{"GroupId", "g"}, {"GroupCounterKeys", {"views", "none"}}}).at("GroupCounter") ==
      Json::array({counter("views", -1)}));
  bed.group("delete_group_counter", {{"GroupId", "g"}, {"GroupCounterKeys", {"views"}}});
  CHECK(bed.group("get_group_counter", {{"GroupId", "g"}}).at("GroupCounter") == Json::array({counter("likes", 7)}));
  bed.group("delete_group_counter", {{"GroupId", "g"}});
  CHECK(bed.group("get_group_counter", {{"GroupId", "g"}}).at("GroupCounter").empty());

  struct Row {
    std::string command;
    Json body;
    int code;
  };
  for (const Row& row : std::vector<Row>{
           {kGroupService + "set_group_attr", {{"GroupId", "g"}}, 10004},
           {kGroupService + "set_group_attr", {{"GroupId", "g"}, {"GroupAttr", {{{"key", "a"}}}}}, 10004},
           {kGroupService + "set_group_attr",
            {{"GroupId", "none"}, {"GroupAttr", Json::array({attr("a", "1")})}},
            10010},
           {kGroupService + "set_group_attr", {{"GroupId", "g"}, {"GroupAttr", Json::array({attr("", "1")})}}, 10004},
           {kGroupService + "modify_group_attr",
            {{"GroupId", "g"}, {"GroupAttr", Json::array({attr("a", std::string(4'097, 'x'))})}},
            80002},
           {kGroupService + "clear_group_attr", {{"GroupId", "none"}}, 10010},
           {"group_open_attr_http_svc/get_group_attr", {{"GroupId", "none"}}, 10010},
           {kGroupService + "update_group_counter",
            {{"GroupId", "g"}, {"GroupCounter", Json::array({counter("a", 1)})}},
            10004},
           {kGroupService + "update_group_counter",
            {{"GroupId", "g"}, {"Mode", "Add"}, {"GroupCounter", Json::array({counter("a", 1)})}},
            10004},
           {kGroupService + "update_group_counter", {{"GroupId", "g"}, {"Mode", "Set"}}, 10004},
           {kGroupService + "update_group_counter",
            {{"GroupId", "g"}, {"Mode", "Set"}, {"GroupCounter", {{{"Key", "a"}, {"Value", "1"}}}}},
            10004},
           {kGroupService + "get_group_counter", {{"GroupId", "none"}}, 10010},
           {kGroupService + "delete_group_counter", {{"GroupId", "none"}}, 10010},
       }) {
    CAPTURE(row.command, row.body.dump());
    CHECK(bed.code(row.command, row.body) == row.code);
  }
}

TEST_CASE("rest: a one-to-one message is edited by its key", "[im][rest][edit]") {
  GroupBed bed;
  const std::string key = bed.done("openim/sendmsg", bed.message("alice", "bob", "at 6")).at("MsgKey");
  const Json edit = {{"From_Account", "alice"}, {"To_Account", "bob"}, {"MsgKey", key}, {"MsgBody", text_body("at 7")}};
  bed.done("openim/modify_c2c_msg", edit);
  const Json row = bed.roam("bob", "alice").at("MsgList").at(0);
  CHECK(row.at("MsgBody") == text_body("at 7"));
  CHECK(row.at("MsgKey") == key);
  struct Row {
    std::string patch;
    int code;
  };
  for (const Row& bad : std::vector<Row>{{R"({"From_Account":null})", 90048},
                                         {R"({"To_Account":null})", 90003},
                                         {R"({"MsgKey":"x"})", 90001},
                                         {R"({"MsgKey":"1_2_3"})", 20026},
                                         {R"({"From_Account":"bob","To_Account":"alice"})", 20026},
                                         {R"({"MsgBody":null})", 90001},
                                         {R"({"MsgBody":[]})", 90010},
                                         {R"({"MsgBody":[{"MsgType":"X"}]})", 90010},
                                         {R"({"CloudCustomData":7})", 90001}}) {
    CAPTURE(bad.patch);
    Json body = edit;
    body.merge_patch(Json::parse(bad.patch));
    CHECK(bed.code("openim/modify_c2c_msg", body) == bad.code);
  }
  Json large = edit;
  large["MsgBody"] = text_body(std::string(13'000, 'x'));
  CHECK(bed.code("openim/modify_c2c_msg", large) == 93000);
}

TEST_CASE("rest: friend groups", "[im][rest][friends]") {
  GroupBed bed;
  bed.done("sns/friend_import", {{"From_Account", "alice"},
                                 {"AddFriendItem", {{{"To_Account", "bob"}, {"AddSource", "AddSource_Type_X"}}}}});
  const Json made =
      bed.done("sns/group_add",
               {{"From_Account", "alice"}, {"GroupName", {"cooks", "drivers"}}, {"To_Account", {"bob", "carol"}}});
  CHECK(made.at("ResultItem").at(0).at("ResultCode") == 0);
  CHECK(made.at("ResultItem").at(1).at("ResultCode") == 31704);
  CHECK(made.at("Fail_Account") == Json::array({"carol"}));
  CHECK(
      bed.done("sns/group_get", {{"From_Account", "alice"}, {"NeedFriend", "Need_Friend_Type_Yes"}}).at("ResultItem") ==
      Json::parse(R"([{"GroupName":"cooks","FriendNumber":1,"To_Account":["bob"]},
                                                 {"GroupName":"drivers","FriendNumber":1,"To_Account":["bob"]}])"));
  bed.done("sns/group_delete", {{"From_Account", "alice"}, {"GroupName", {"cooks"}}});
  CHECK(bed.done("sns/group_get", {{"From_Account", "alice"}, {"GroupName", {"drivers", "cooks"}}}).at("ResultItem") ==
        Json::parse(R"([{"GroupName":"drivers","FriendNumber":1}])"));
  CHECK(bed.code("sns/group_add", {{"From_Account", "alice"}}) == 30001);
  CHECK(bed.code("sns/group_add", {{"From_Account", "nobody"}, {"GroupName", {"x"}}}) == 30003);
  CHECK(bed.code("sns/group_add", {{"From_Account", "alice"}, {"GroupName", {""}}}) == 30001);
  CHECK(bed.code("sns/group_add", {{"From_Account", "alice"}, {"GroupName", std::vector<std::string>(33, "x")}}) ==
        30001);
  std::vector<std::string> many;
  for (int i = 0; i < 32; ++i) many.push_back("n" + std::to_string(i));
  CHECK(bed.code("sns/group_add", {{"From_Account", "alice"}, {"GroupName", many}}) == 30011);
  CHECK(bed.code("sns/group_delete", {{"From_Account", "nobody"}, {"GroupName", {"x"}}}) == 30003);
  CHECK(bed.code("sns/group_get", {{"From_Account", "alice"}, {"NeedFriend", "Yes"}}) == 30001);
}

TEST_CASE("rest recentcontact: groups are listed and taken away, too", "[im][rest][recent]") {
  GroupBed bed;
  bed.say("alice", "x");
  const auto list = [&] {
    return bed.done("recentcontact/get_list", {{"From_Account", "bob"}, {"StartIndex", 0}}).at("SessionItem");
  };
  const Json before = list();
  REQUIRE(before.size() == 1);
  CHECK(before.at(0).at("Type") == 2);
  CHECK(before.at(0).at("GroupId") == "g");
  bed.done("recentcontact/delete", {{"From_Account", "bob"}, {"Type", 2}, {"ToGroupid", "g"}, {"ClearRamble", 1}});
  CHECK(list().empty());
  bed.say("alice", "y");
  CHECK(list().size() == 1);
  CHECK(bed.code("recentcontact/delete", {{"From_Account", "bob"}, {"Type", 2}, {"ToGroupid", "none"}}) == 10010);
  CHECK(bed.code("recentcontact/delete", {{"From_Account", "bob"}, {"Type", 2}, {"To_Account", "g"}}) == 50002);
  CHECK(bed.code("recentcontact/delete", {{"From_Account", "carol"}, {"Type", 2}, {"ToGroupid", "g"}}) == 10007);
}

TEST_CASE("rest groups: an equal call within five minutes is the first one, whoever answers it", "[im][rest][groups]") {
  GroupBed bed;
  const Json body = {{"GroupId", "g"}, {"From_Account", "alice"}, {"Random", 7}, {"MsgBody", text_body("once")}};
  const std::int64_t first = bed.group("send_group_msg", body).at("MsgSeq");
  bed.clock.pass(milliseconds(150'000));
  bed.open_api(bed.service.get());  // as after a start: what is known is in the store
  const Json again = bed.group("send_group_msg", body);
  CHECK(again.at("MsgSeq") == first);
  CHECK(again.contains("MsgDropReason"));
  bed.clock.pass(milliseconds(149'000));
  CHECK(bed.group("send_group_msg", body).at("MsgSeq") == first);
  bed.clock.pass(milliseconds(2'000));
  CHECK(bed.group("send_group_msg", body).at("MsgSeq") == first + 1);
  Json other = body;
  other["MsgBody"] = text_body("twice");
  CHECK(bed.group("send_group_msg", other).at("MsgSeq") == first + 2);
}

TEST_CASE("rest groups: one target may stand where the API has a list", "[im][rest][groups]") {
  GroupBed bed;
  bed.news();
  Json body = {{"GroupId", "g"},
               {"From_Account", "alice"},
               {"Random", 77},
               {"MsgBody", text_body("for bob")},
               {"To_Account", "bob"}};
  bed.group("send_group_msg", body);
  CHECK(*bed.news().deliveries.at(0).only == std::vector<std::string>{"bob"});
  body["To_Account"] = 7;
  CHECK(bed.group_code("send_group_msg", body) == 10004);
}

}  // namespace
}  // namespace nightpost::im

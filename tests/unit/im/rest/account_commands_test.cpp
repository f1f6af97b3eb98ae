#include <catch2/catch.hpp>

#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

Json users(const char* key, const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const std::string& name : names) list.push_back({{"UserID", name}});
  return {{key, list}};
}

TEST_CASE("rest accounts: import, old name and new, and again", "[im][rest][accounts]") {
  RestBed bed;
  bed.done("im_open_login_svc/account_import", {{"UserID", "alice"}, {"Nick", "Alice"}, {"FaceUrl", "http://f"}});
  bed.done("im_open_login_svc/account_import", {{"Identifier", "bob"}});
  bed.done("im_open_login_svc/account_import", {{"UserID", "alice"}, {"Nick", "Alicia"}, {"FaceUrl", nullptr}});
  const Json profile = bed.done("profile/portrait_get", {{"To_Account", {"alice"}}, {"TagList", Json::array()}});
  CHECK(profile.at("UserProfileItem").at(0).at("ProfileItem") ==
        Json::parse(
            R"([{"Tag":"Tag_Profile_IM_Nick","Value":"Alicia"},{"Tag":"Tag_Profile_IM_Image","Value":"http://f"}])"));
  CHECK(profile.at("ErrorDisplay") == "");
  for (const Json& body :
       {Json::object(), Json{{"UserID", 1}}, Json{{"UserID", ""}}, Json{{"UserID", "@TIM#x"}},
        Json{{"UserID", std::string(33, 'a')}}, Json{{"UserID", "张"}}, Json{{"UserID", "x"}, {"Nick", 1}},
        Json{{"UserID", "x"}, {"Nick", std::string(501, 'n')}}}) {
    CAPTURE(body.dump());
    CHECK(bed.code("im_open_login_svc/account_import", body) == 70402);
  }
}

TEST_CASE("rest accounts: many at once, with those that failed", "[im][rest][accounts]") {
  RestBed bed;
  CHECK(bed.done("im_open_login_svc/multiaccount_import", {{"Accounts", {"a", "b"}}}).at("FailAccounts") ==
        Json::array());
  const Json list = Json::parse(R"([{"UserID":"c","Nick":"C"},{"UserID":"@TIM#d"},{"UserID":"e"}])");
  CHECK(bed.done("im_open_login_svc/multiaccount_import", {{"AccountList", list}}).at("FailAccounts") ==
        Json::array({"@TIM#d"}));
  const Json check = bed.done("im_open_login_svc/account_check", users("CheckItem", {"a", "c", "nobody", "e"}));
  std::vector<std::string> states;
  for (const Json& item : check.at("ResultItem")) {
    CHECK(item.at("ResultCode") == 0);
    states.push_back(item.at("AccountStatus"));
  }
  CHECK(states == std::vector<std::string>{"Imported", "Imported", "NotImported", "Imported"});
  CHECK(bed.code("im_open_login_svc/multiaccount_import", {{"Accounts", std::vector<std::string>(101, "a")}}) == 70206);
  CHECK(bed.code("im_open_login_svc/account_check", users("CheckItem", std::vector<std::string>(101, "a"))) == 70206);
  CHECK(bed.code("im_open_login_svc/account_delete", users("DeleteItem", std::vector<std::string>(101, "a"))) == 70206);
  for (const Json& body : {Json::object(), Json{{"Accounts", "a"}}, Json{{"Accounts", {1}}},
                           Json{{"Accounts", Json::array()}}, Json{{"AccountList", {"a"}}}})
    CHECK(bed.code("im_open_login_svc/multiaccount_import", body) == 70402);
}

TEST_CASE("rest accounts: deleted with all that is theirs", "[im][rest][accounts]") {
  RestBed bed;
  bed.import_users({"alice", "bob"});
  bed.done("openim/sendmsg", bed.message("bob", "alice"));
  bed.done("profile/portrait_set",
           {{"From_Account", "alice"}, {"ProfileItem", {{{"Tag", "Tag_Profile_IM_Level"}, {"Value", 3}}}}});
  bed.done("openconfigsvr/setnospeaking", {{"Set_Account", "alice"}, {"C2CmsgNospeakingTime", 100}});
  bed.done("sns/friend_add", {{"From_Account", "alice"}, {"AddFriendItem", {{{"To_Account", "bob"}}}}});
  bed.login("alice");
  bed.news();
  const Json reply = bed.done("im_open_login_svc/account_delete", users("DeleteItem", {"alice", "nobody"}));
  CHECK(reply.at("ResultItem").at(0).at("ResultCode") == 0);
  CHECK(reply.at("ResultItem").at(0).at("UserID") == "alice");
  CHECK(reply.at("ResultItem").at(1).at("ResultCode") == 70107);
  CHECK(bed.news().ended.size() == 1);
  CHECK(bed.code("openim/sendmsg", bed.message("bob", "alice")) == 90012);
  CHECK(bed.code("openim/sendmsg", bed.message("alice", "bob")) == 90048);
  CHECK(bed.done("sns/friend_get", {{"From_Account", "bob"}, {"StartIndex", 0}}).at("FriendNum") == 0);
  bed.import_users({"alice"});
  CHECK(bed.done("openconfigsvr/getnospeaking", {{"Get_Account", "alice"}}).at("C2CmsgNospeakingTime") == 0);
  CHECK(bed.done("openim/get_c2c_unread_msg_num", {{"To_Account", "alice"}}).at("AllC2CUnreadMsgNum") == 0);
  CHECK(bed.done("profile/portrait_get", {{"To_Account", {"alice"}}, {"TagList", {"Tag_Profile_IM_Level"}}})
            .at("UserProfileItem")
            .at(0)
            .at("ProfileItem")
            .empty());
}

TEST_CASE("rest accounts: kicked", "[im][rest][accounts]") {
  RestBed bed;
  const Terminal alice = bed.login("alice");
  bed.news();
  bed.done("im_open_login_svc/kick", {{"UserID", "alice"}});
  const Committed told = bed.news();
  REQUIRE(told.ended.size() == 1);
  CHECK(told.ended[0].why == Ended::Why::Kicked);
  CHECK(bed.try_sync(alice).error().code == Code::NotLoggedIn);
  CHECK(bed.try_login(bed.login_request("alice", "phone", Platform::Ios)).error().code == Code::SigRevoked);
  bed.clock.pass(milliseconds(1'000));
  CHECK(bed.try_login(bed.login_request("alice", "phone", Platform::Ios)));
  bed.done("im_open_login_svc/kick", {{"Identifier", "alice"}});
  CHECK(bed.code("im_open_login_svc/kick", {{"UserID", "nobody"}}) == 70107);
  CHECK(bed.code("im_open_login_svc/kick", Json::object()) == 70402);
}

TEST_CASE("rest accounts: who is online, by three names", "[im][rest][accounts]") {
  RestBed bed;
  bed.login("alice", "phone");
  bed.login("alice", "browser", Platform::Web);
  bed.login("bob", "phone", Platform::Android);
  const Terminal carol = bed.login("carol", "browser", Platform::Web);
  bed.logout(carol);
  bed.presence.online[{kApp, "alice"}] = {{"browser", true, {}}};
  for (const char* command : {"openim/query_online_status", "openim/querystate", "im_open_login_svc/querystate"}) {
    CAPTURE(command);
    const Json reply = bed.done(command, {{"IsNeedDetail", 1}, {"To_Account", {"alice", "bob", "nobody", "carol"}}});
    CHECK(reply.at("QueryResult") == Json::parse(R"([
      {"To_Account":"alice","Status":"Online","State":"Online",
       "Detail":[{"Platform":"Web","Status":"Online"},{"Platform":"iPhone","Status":"PushOnline"}]},
      {"To_Account":"bob","Status":"PushOnline","State":"PushOnline","Detail":[{"Platform":"Android","Status":"PushOnline"}]},
      {"To_Account":"carol","Status":"Offline","State":"Offline"}])"));
    CHECK(reply.at("ErrorList") == Json::parse(R"([{"To_Account":"nobody","ErrorCode":70107}])"));
  }
  const Json plain = bed.done("openim/querystate", {{"To_Account", {"bob"}}});
  CHECK_FALSE(plain.at("QueryResult").at(0).contains("Detail"));
  CHECK_FALSE(plain.contains("ErrorList"));
  CHECK(bed.code("openim/querystate", {{"To_Account", std::vector<std::string>(501, "a")}}) == 70206);
  CHECK(bed.code("openim/querystate", {{"To_Account", "a"}}) == 70402);
  CHECK(bed.code("openim/querystate", {{"To_Account", {"a"}}, {"IsNeedDetail", 2}}) == 70402);
}

TEST_CASE("rest profile: standard and custom fields", "[im][rest][profile]") {
  RestBed bed;
  bed.import_users({"alice"});
  const Json items = Json::parse(R"([{"Tag":"Tag_Profile_IM_Nick","Value":"Alice"},
    {"Tag":"Tag_Profile_IM_Gender","Value":"Gender_Type_Female"},{"Tag":"Tag_Profile_IM_BirthDay","Value":20190419},
    {"Tag":"Tag_Profile_Custom_dept","Value":"R\"D"},{"Tag":"Tag_Profile_Custom_no","Value":7},
    {"Tag":"Tag_Profile_IM_SelfSignature","Value":""}])");
  bed.done("profile/portrait_set", {{"From_Account", "alice"}, {"ProfileItem", items}});
  const Json reply =
      bed.done("profile/portrait_get",
               {{"To_Account", {"alice", "nobody"}},
                {"TagList",
                 {"Tag_Profile_IM_Nick", "Tag_Profile_IM_Gender", "Tag_Profile_IM_BirthDay", "Tag_Profile_Custom_dept",
                  "Tag_Profile_Custom_no", "Tag_Profile_IM_SelfSignature", "Tag_Profile_IM_Level"}}});
  Json got = reply.at("UserProfileItem").at(0).at("ProfileItem");
  CHECK(got.size() == items.size());
  for (const Json& item : items) CHECK(std::ranges::find(got, item) != got.end());
  CHECK(reply.at("UserProfileItem").at(1).at("ResultCode") == 40003);
  CHECK(reply.at("Fail_Account") == Json::array({"nobody"}));

  struct Row {
    std::string item;
    int code;
  };
  for (const Row& row : std::vector<Row>{
           {R"({"Tag":"Tag_Profile_IM_Nothing","Value":"x"})", 40009},
           {R"({"Tag":"Tag_Profile_Custom_","Value":"x"})", 40009},
           {R"({"Tag":"Tag_Profile_Custom_a-b","Value":"x"})", 40009},
           {R"({"Tag":"Tag_Profile_IM_Gender","Value":"Female"})", 40605},
           {R"({"Tag":"Tag_Profile_IM_Gender","Value":1})", 40610},
           {R"({"Tag":"Tag_Profile_IM_Level","Value":"3"})", 40610},
           {R"({"Tag":"Tag_Profile_IM_Level","Value":-1})", 40605},
           {R"({"Tag":"Tag_Profile_IM_Nick","Value":2})", 40610},
           {R"({"Tag":"Tag_Profile_IM_Nick"})", 40001},
           {R"({"Value":"x"})", 40001},
           {R"({"Tag":"Tag_Profile_IM_Location","Value":")" + std::string(501, 'x') + "\"}", 40601},
       }) {
    CAPTURE(row.item);
    CHECK(bed.code("profile/portrait_set",
                   {{"From_Account", "alice"}, {"ProfileItem", Json::array({Json::parse(row.item)})}}) == row.code);
  }
  CHECK(bed.code("profile/portrait_set", {{"From_Account", "nobody"}, {"ProfileItem", items}}) == 40003);
  CHECK(bed.code("profile/portrait_set", {{"From_Account", "alice"}}) == 40001);
  Json many = Json::array();
  for (int i = 0; i < 41; ++i) many.push_back({{"Tag", "Tag_Profile_Custom_f" + std::to_string(i)}, {"Value", "x"}});
  CHECK(bed.code("profile/portrait_set", {{"From_Account", "alice"}, {"ProfileItem", many}}) == 40601);
}

TEST_CASE("rest silence: set, told, kept, lifted", "[im][rest][silence]") {
  RestBed bed;
  const Terminal alice = bed.login("alice");
  bed.login("bob");
  const auto silent = [&] { return bed.done("openconfigsvr/getnospeaking", {{"Get_Account", "alice"}}); };
  CHECK(silent().at("C2CmsgNospeakingTime") == 0);
  bed.done("openconfigsvr/setnospeaking",
           {{"Set_Account", "alice"}, {"C2CmsgNospeakingTime", 60}, {"GroupmsgNospeakingTime", 4'294'967'295}});
  CHECK(silent().at("C2CmsgNospeakingTime") == 60);
  CHECK(silent().at("GroupmsgNospeakingTime") == 4'294'967'295);
  CHECK(bed.try_send(alice, bed.text("bob")).error().code == Code::Silenced);
  bed.done("openim/sendmsg", bed.message("alice", "bob"));  // the app's server may
  bed.done("openconfigsvr/setnospeaking", {{"Set_Account", "alice"}, {"GroupmsgNospeakingTime", 0}});
  CHECK(silent().at("C2CmsgNospeakingTime") == 60);
  CHECK(silent().at("GroupmsgNospeakingTime") == 0);
  bed.clock.pass(milliseconds(60'000));
  CHECK(bed.try_send(alice, bed.text("bob")));
  CHECK(silent().at("C2CmsgNospeakingTime") == 0);
  CHECK(bed.code("openconfigsvr/setnospeaking", {{"Set_Account", "alice"}}) == 70402);
  CHECK(bed.code("openconfigsvr/setnospeaking", {{"Set_Account", "alice"}, {"C2CmsgNospeakingTime", -1}}) == 70402);
  CHECK(bed.code("openconfigsvr/setnospeaking", {{"Set_Account", "nobody"}, {"C2CmsgNospeakingTime", 1}}) == 70107);
  CHECK(bed.code("openconfigsvr/getnospeaking", {{"Get_Account", "nobody"}}) == 70107);
}

}  // namespace
}  // namespace nightpost::im

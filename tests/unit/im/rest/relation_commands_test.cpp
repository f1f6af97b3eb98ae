#include <catch2/catch.hpp>

#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

struct ThreeFriends : RestBed {
  explicit ThreeFriends(ServiceOptions options = {}) : RestBed({}, std::move(options)) {
    import_users({"alice", "bob", "carol"});
  }
  Json list_of(const std::string& key, const std::string& user) {
    return done("sns/" + key, {{"From_Account", user}, {"StartIndex", 0}, {"MaxLimited", 100}, {"LastSequence", 0}});
  }
  std::vector<std::string> friends_of(const std::string& user) {
    std::vector<std::string> out;
    for (const Json& item : list_of("friend_get", user).at("UserDataItem")) out.push_back(item.at("To_Account"));
    return out;
  }
  Json add(const std::string& user, const std::string& other, const Json& more = Json::object()) {
    Json body = {{"From_Account", user},
                 {"AddFriendItem", {{{"To_Account", other}, {"AddSource", "AddSource_Type_Org"}}}}};
    body.update(more);
    return done("sns/friend_add", body).at("ResultItem").at(0);
  }
};
using Users = std::vector<std::string>;

std::vector<std::string> words(const Json& items) {
  std::vector<std::string> out;
  for (const Json& item : items) out.push_back(item.at("Relation"));
  return out;
}

TEST_CASE("rest blacklist: add, look, check, delete", "[im][rest][black]") {
  ThreeFriends bed;
  Json reply = bed.done("sns/black_list_add", {{"From_Account", "alice"}, {"To_Account", {"bob", "nobody", "alice"}}});
  CHECK(reply.at("ErrorDisplay") == "");
  CHECK(reply.at("ResultItem").at(0).at("ResultCode") == 0);
  CHECK(reply.at("ResultItem").at(1).at("ResultCode") == 30003);
  CHECK(reply.at("ResultItem").at(2).at("ResultCode") == 30001);
  CHECK(reply.at("Fail_Account") == Json::array({"nobody", "alice"}));
  bed.done("sns/black_list_add", {{"From_Account", "alice"}, {"To_Account", {"carol"}}});
  bed.done("sns/black_list_add", {{"From_Account", "carol"}, {"To_Account", {"alice"}}});

  reply = bed.list_of("black_list_get", "alice");
  CHECK(reply.at("BlackListItem").size() == 2);
  CHECK(reply.at("BlackListItem").at(0).at("To_Account") == "bob");
  CHECK(reply.at("BlackListItem").at(0).at("AddBlackTimeStamp") == to_ms(bed.clock.wall()) / 1'000);
  CHECK(reply.at("StartIndex") == 0);
  CHECK(reply.at("CurruentSequence") == reply.at("CurrentSequence"));
  const Json page = bed.done("sns/black_list_get",
                             {{"From_Account", "alice"}, {"StartIndex", 0}, {"MaxLimited", 1}, {"LastSequence", 0}});
  CHECK(page.at("BlackListItem").size() == 1);
  CHECK(page.at("StartIndex") == 1);
  CHECK(bed.done("sns/black_list_get", {{"From_Account", "alice"}, {"StartIndex", 9}}).at("BlackListItem").empty());

  Json check = {{"From_Account", "alice"}, {"To_Account", {"bob", "carol", "nobody"}}};
  check["CheckType"] = "BlackCheckResult_Type_Both";
  reply = bed.done("sns/black_list_check", check);
  CHECK(words(reply.at("BlackListCheckItem")) ==
        Users{"BlackCheckResult_Type_AWithB", "BlackCheckResult_Type_BothWay", "BlackCheckResult_Type_NO"});
  CHECK(reply.at("BlackListCheckItem").at(2).at("ResultCode") == 30003);
  check["CheckType"] = "BlackCheckResult_Type_Single";
  CHECK(words(bed.done("sns/black_list_check", check).at("BlackListCheckItem")).at(1) ==
        "BlackCheckResult_Type_AWithB");
  check["From_Account"] = "bob";
  check["To_Account"] = {"alice"};
  check["CheckType"] = "BlackCheckResult_Type_Both";
  CHECK(words(bed.done("sns/black_list_check", check).at("BlackListCheckItem")).at(0) ==
        "BlackCheckResult_Type_BWithA");
  check["CheckType"] = "CheckResult_Type_Both";
  CHECK(bed.code("sns/black_list_check", check) == 30001);

  bed.done("sns/black_list_delete", {{"From_Account", "alice"}, {"To_Account", {"bob"}}});
  CHECK(bed.list_of("black_list_get", "alice").at("BlackListItem").size() == 1);
  CHECK(bed.code("sns/black_list_add", {{"From_Account", "nobody"}, {"To_Account", {"bob"}}}) == 30003);
  CHECK(bed.code("sns/black_list_add", {{"From_Account", "alice"}, {"To_Account", "bob"}}) == 30001);
  CHECK(bed.code("sns/black_list_add",
                 {{"From_Account", "alice"}, {"To_Account", std::vector<std::string>(1'001, "b")}}) == 30001);
  CHECK(bed.code("sns/black_list_get", {{"From_Account", "alice"}, {"StartIndex", -1}}) == 30001);
}

TEST_CASE("rest blacklist: its bound, and a client's own entries", "[im][rest][black]") {
  ServiceOptions options;
  options.blacklist_max = 1;
  ThreeFriends bed(options);
  const Terminal alice = bed.login("alice");
  CHECK(bed.block(alice, "bob"));
  const Json reply = bed.done("sns/black_list_add", {{"From_Account", "alice"}, {"To_Account", {"carol", "bob"}}});
  CHECK(reply.at("ResultItem").at(0).at("ResultCode") == 30013);
  CHECK(reply.at("ResultItem").at(1).at("ResultCode") == 0);
  CHECK(bed.list_of("black_list_get", "alice").at("BlackListItem").at(0).at("AddBlackTimeStamp") > 0);
}

TEST_CASE("rest friends: one way and both", "[im][rest][friends]") {
  ThreeFriends bed;
  CHECK(bed.add("alice", "bob").at("ResultCode") == 0);
  CHECK(bed.friends_of("alice") == Users{"bob"});
  CHECK(bed.friends_of("bob") == Users{"alice"});
  CHECK(bed.add("alice", "carol", {{"AddType", "Add_Type_Single"}}).at("ResultCode") == 0);
  CHECK(bed.friends_of("carol").empty());
  CHECK(bed.add("alice", "bob").at("ResultCode") == 0);  // again does no harm
  CHECK(bed.add("alice", "nobody").at("ResultCode") == 30003);
  CHECK(bed.add("alice", "alice").at("ResultCode") == 30001);

  Json check = {
      {"From_Account", "alice"}, {"To_Account", {"bob", "carol", "nobody"}}, {"CheckType", "CheckResult_Type_Both"}};
  Json reply = bed.done("sns/friend_check", check);
  CHECK(words(reply.at("InfoItem")) ==
        Users{"CheckResult_Type_BothWay", "CheckResult_Type_AWithB", "CheckResult_Type_NoRelation"});
  CHECK(reply.at("Fail_Account") == Json::array({"nobody"}));
  check["CheckType"] = "CheckResult_Type_Single";
  CHECK(words(bed.done("sns/friend_check", check).at("InfoItem")).at(0) == "CheckResult_Type_AWithB");

  reply = bed.done("sns/friend_delete", {{"From_Account", "bob"}, {"To_Account", {"alice", "carol"}}});
  CHECK(reply.at("ResultItem").at(0).at("ResultCode") == 0);
  CHECK(reply.at("ResultItem").at(1).at("ResultCode") == 31704);
  CHECK(bed.friends_of("alice") == Users{"bob", "carol"});
  bed.done("sns/friend_delete",
           {{"From_Account", "bob"}, {"To_Account", {"alice"}}, {"DeleteType", "Delete_Type_Both"}});
  CHECK(bed.friends_of("alice") == Users{"carol"});
  bed.add("carol", "alice");
  bed.done("sns/friend_delete_all", {{"From_Account", "alice"}, {"DeleteType", "Delete_Type_Single"}});
  CHECK(bed.friends_of("alice").empty());
  CHECK(bed.friends_of("carol") == Users{"alice"});
  bed.done("sns/friend_delete_all", {{"From_Account", "alice"}, {"DeleteType", "Delete_Type_Both"}});
  CHECK(bed.friends_of("carol").empty());
}

TEST_CASE("rest friends: what the other side lets happen", "[im][rest][friends]") {
  ThreeFriends bed;
  const auto allow = [&](const std::string& word) {
    bed.done("profile/portrait_set",
             {{"From_Account", "bob"}, {"ProfileItem", {{{"Tag", "Tag_Profile_IM_AllowType"}, {"Value", word}}}}});
  };
  allow("AllowType_Type_DenyAny");
  CHECK(bed.add("alice", "bob").at("ResultCode") == 30516);
  allow("AllowType_Type_NeedConfirm");
  CHECK(bed.add("alice", "bob").at("ResultCode") == 30539);
  CHECK(bed.add("alice", "bob", {{"ForceAddFlags", 1}}).at("ResultCode") == 0);
  bed.done("sns/friend_delete_all", {{"From_Account", "alice"}, {"DeleteType", "Delete_Type_Both"}});
  allow("AllowType_Type_AllowAny");
  bed.done("sns/black_list_add", {{"From_Account", "bob"}, {"To_Account", {"alice"}}});
  CHECK(bed.add("alice", "bob").at("ResultCode") == 30525);
  CHECK(bed.add("bob", "alice").at("ResultCode") == 30515);
  CHECK(bed.friends_of("alice").empty());
}

TEST_CASE("rest friends: remarks, labels, pages", "[im][rest][friends]") {
  ServiceOptions options;
  options.friends_max = 150;
  ThreeFriends bed(options);
  const Json item = Json::parse(R"({"To_Account":"bob","Remark":"Bobby","GroupName":["work","chess"],
    "AddSource":"AddSource_Type_Org","AddWording":"hi","AddTime":1420000001})");
  bed.done("sns/friend_import", {{"From_Account", "alice"}, {"AddFriendItem", Json::array({item})}});
  CHECK(bed.friends_of("bob").empty());
  Json got =
      bed.done("sns/friend_get_list", {{"From_Account", "alice"},
                                       {"To_Account", {"bob", "carol"}},
                                       {"TagList", {"Tag_SNS_IM_Remark", "Tag_SNS_IM_Group", "Tag_SNS_IM_AddTime"}}});
  CHECK(got.at("InfoItem").at(0).at("SnsProfileItem") ==
        Json::parse(R"([{"Tag":"Tag_SNS_IM_Remark","Value":"Bobby"},{"Tag":"Tag_SNS_IM_AddTime","Value":1420000001},
                        {"Tag":"Tag_SNS_IM_Group","Value":["work","chess"]}])"));
  CHECK(got.at("InfoItem").at(1).at("ResultCode") == 31704);
  CHECK(got.at("Fail_Account") == Json::array({"carol"}));

  const auto update = [&](const std::string& user, const Json& items) {
    return bed
        .done("sns/friend_update",
              {{"From_Account", "alice"}, {"UpdateItem", {{{"To_Account", user}, {"SnsItem", items}}}}})
        .at("ResultItem")
        .at(0)
        .at("ResultCode")
        .get<int>();
  };
  CHECK(update("bob", Json::parse(
                          R"([{"Tag":"Tag_SNS_IM_Remark","Value":"Robert"},{"Tag":"Tag_SNS_IM_Group","Value":[]}])")) ==
        0);
  CHECK(update("carol", Json::parse(R"([{"Tag":"Tag_SNS_IM_Remark","Value":"x"}])")) == 31704);
  CHECK(update("bob", Json::parse(R"([{"Tag":"Tag_SNS_IM_Remark","Value":"a\nb"}])")) == 30001);
  got = bed.done("sns/friend_get_list", {{"From_Account", "alice"}, {"To_Account", {"bob"}}});
  CHECK(got.at("InfoItem").at(0).at("SnsProfileItem").at(1).at("Value") == "Robert");
  for (const char* bad : {R"([{"Tag":"Tag_SNS_IM_Nothing","Value":"x"}])", R"([{"Tag":"Tag_SNS_IM_Remark","Value":1}])",
                          R"([{"Tag":"Tag_SNS_IM_AddSource","Value":"x"}])", "[]", "{}"})
    CHECK(bed.code("sns/friend_update", {{"From_Account", "alice"},
                                         {"UpdateItem", {{{"To_Account", "bob"}, {"SnsItem", Json::parse(bad)}}}}}) ==
          30001);

  std::vector<std::string> users;
  for (int i = 0; i < 160; ++i) users.push_back("u" + std::to_string(1'000 + i));
  Json many = Json::array();
  for (const std::string& user : users) {
    REQUIRE(bed.import(user));
    many.push_back({{"To_Account", user}});
  }
  const Json first = Json(std::vector(many.begin(), many.begin() + 100)),
             second = Json(std::vector(many.begin() + 100, many.end()));
  bed.done("sns/friend_import", {{"From_Account", "alice"}, {"AddFriendItem", first}});
  const Json results =
      bed.done("sns/friend_import", {{"From_Account", "alice"}, {"AddFriendItem", second}}).at("ResultItem");
  CHECK(results.at(48).at("ResultCode") == 0);
  CHECK(results.at(49).at("ResultCode") == 30010);  // 150 with bob
  CHECK(bed.code("sns/friend_import", {{"From_Account", "alice"}, {"AddFriendItem", many}}) == 30001);
  CHECK(bed.add("carol", "alice", {{"ForceAddFlags", 1}}).at("ResultCode") == 30014);
  Json page = bed.done("sns/friend_get", {{"From_Account", "alice"}, {"StartIndex", 0}});
  CHECK(page.at("FriendNum") == 150);
  CHECK(page.at("UserDataItem").size() == 100);
  CHECK(page.at("CompleteFlag") == 0);
  CHECK(page.at("NextStartIndex") == 100);
  page = bed.done("sns/friend_get", {{"From_Account", "alice"}, {"StartIndex", 100}});
  CHECK(page.at("UserDataItem").size() == 50);
  CHECK(page.at("CompleteFlag") == 1);
  CHECK(bed.code("sns/friend_get", {{"From_Account", "alice"}}) == 30001);
  CHECK(bed.code("sns/friend_get", {{"From_Account", "nobody"}, {"StartIndex", 0}}) == 30003);
}

TEST_CASE("rest recentcontact: listed, deleted, with its messages or without", "[im][rest][recent]") {
  ThreeFriends bed;
  const Terminal alice = bed.login("alice");
  bed.done("openim/sendmsg", bed.message("bob", "alice"));
  bed.clock.pass(milliseconds(1'000));
  bed.done("openim/sendmsg", bed.message("carol", "alice"));
  REQUIRE(bed.change(alice, {.peer = "bob", .pinned = true, .mark = {}, .remove = false, .with_messages = false}));
  const auto list = [&] {
    return bed.done("recentcontact/get_list", {{"From_Account", "alice"},
                                               {"TimeStamp", 0},
                                               {"StartIndex", 0},
                                               {"TopTimeStamp", 0},
                                               {"TopStartIndex", 0},
                                               {"AssistFlags", 15}});
  };
  Json reply = list();
  const std::int64_t now = to_ms(bed.clock.wall()) / 1'000;
  CHECK(reply.at("SessionItem") ==
        Json::array({{{"Type", 1}, {"To_Account", "bob"}, {"MsgTime", now - 1}, {"TopFlag", 1}},
                     {{"Type", 1}, {"To_Account", "carol"}, {"MsgTime", now}, {"TopFlag", 0}}}));
  CHECK(reply.at("CompleteFlag") == 1);
  for (const char* cursor : {"TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"}) CHECK(reply.contains(cursor));

  bed.done("recentcontact/delete", {{"From_Account", "alice"}, {"type", 1}, {"To_Account", "bob"}});
  CHECK(list().at("SessionItem").size() == 1);
  CHECK(bed.roam("alice", "bob").at("MsgCnt") == 1);
  bed.done("recentcontact/delete",
           {{"From_Account", "alice"}, {"Type", 1}, {"To_Account", "carol"}, {"ClearRamble", 1}});
  CHECK(bed.roam("alice", "carol").at("MsgCnt") == 0);
  CHECK(bed.roam("carol", "alice").at("MsgCnt") == 1);
  bed.done("recentcontact/delete", {{"From_Account", "alice"}, {"Type", 1}, {"To_Account", "nobody"}});
  CHECK(bed.code("recentcontact/delete", {{"From_Account", "alice"}, {"Type", 2}, {"ToGroupid", "g"}}) == 51007);
  CHECK(bed.code("recentcontact/delete", {{"From_Account", "alice"}, {"Type", 3}, {"To_Account", "bob"}}) == 50002);
  CHECK(bed.code("recentcontact/delete", {{"From_Account", "nobody"}, {"Type", 1}, {"To_Account", "bob"}}) == 50001);
  CHECK(bed.code("recentcontact/get_list", {{"From_Account", "nobody"}, {"StartIndex", 0}}) == 50001);
  CHECK(bed.code("recentcontact/get_list", {{"From_Account", 1}}) == 50002);
}

}  // namespace
}  // namespace nightpost::im

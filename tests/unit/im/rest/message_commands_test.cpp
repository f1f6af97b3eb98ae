#include <catch2/catch.hpp>

#include "unit/im/rest/rest_bed.h"

namespace nightpost::im {
namespace {

struct Three : RestBed {
  explicit Three(RestOptions options = {}) : RestBed(std::move(options)) { import_users({"alice", "bob", "carol"}); }
  std::int64_t unread(const std::string& user) {
    return done("openim/get_c2c_unread_msg_num", {{"To_Account", user}}).at("AllC2CUnreadMsgNum");
  }
};

using Texts = std::vector<std::string>;

TEST_CASE("rest sendmsg: to a device that is there, and as an intent for one that is not", "[im][rest][send]") {
  Three bed;
  const Terminal bob = bed.login("bob");
  bed.news();
  Json body = bed.message("alice", "bob", "hi");
  body["MsgSeq"] = 93847636;
  body["MsgRandom"] = 1287657;
  body["CloudCustomData"] = "mine";
  body["OfflinePushInfo"] = {{"Title", "t"}, {"Desc", "d"}, {"Ext", "{}"}};
  const Json reply = bed.done("openim/sendmsg", body);
  const std::int64_t second = to_ms(bed.clock.wall()) / 1'000;
  CHECK(reply.at("MsgTime") == second);
  CHECK(reply.at("MsgKey") == "93847636_1287657_" + std::to_string(second));
  const Committed told = bed.news();
  REQUIRE(told.deliveries.size() == 2);
  const auto& got = std::get<NewMessage>(told.deliveries[1].item);
  CHECK(told.deliveries[1].to == UserKey{kApp, "bob"});
  CHECK(got.message->from == "alice");
  CHECK(got.message->elements == R"([{"type":"text","text":"hi"}])");
  CHECK(got.message->cloud_data == "mine");
  CHECK(reply.at("MsgId") == text_of(got.message->id));
  REQUIRE(told.intents.size() == 1);
  CHECK(Json::parse(told.intents[0].message->push) == Json{{"title", "t"}, {"desc", "d"}, {"ext", "{}"}});
  CHECK(bed.pull(bob, {.peer = "alice"}).messages.size() == 1);
  CHECK(bed.unread("bob") == 1);
}

TEST_CASE("rest sendmsg: the sender is the administrator if nobody is named", "[im][rest][send]") {
  Three bed;
  Json body = bed.message("", "bob");
  body.erase("From_Account");
  bed.done("openim/sendmsg", body);
  CHECK(bed.roam("bob", "administrator").at("MsgList").at(0).at("From_Account") == "administrator");
}

TEST_CASE("rest sendmsg: the app speaks as the system, and is not answered", "[im][rest][send]") {
  Three bed;
  const Terminal bob = bed.login("bob");
  const Json sent = bed.done("openim/sendmsg", bed.message("@TIM#SYSTEM", "bob", "welcome"));
  bed.done("openim/batchsendmsg", {{"From_Account", "@TIM#SYSTEM"},
                                   {"To_Account", {"bob", "carol"}},
                                   {"MsgRandom", 3},
                                   {"MsgBody", text_body("again")}});
  CHECK(bed.chat(bob, "@TIM#SYSTEM").unread == 2);
  CHECK(bed.unread("bob") == 0);
  CHECK(bed.roam("bob", "@TIM#SYSTEM").at("MsgCnt") == 2);
  bed.done("openim/admin_msgwithdraw",
           {{"From_Account", "@TIM#SYSTEM"}, {"To_Account", "bob"}, {"MsgKey", sent.at("MsgKey")}});
  CHECK(bed.chat(bob, "@TIM#SYSTEM").unread == 1);
  bed.done("openim/admin_set_msg_read", {{"Report_Account", "bob"}, {"Peer_Account", "@TIM#SYSTEM"}});
  CHECK(bed.chat(bob, "@TIM#SYSTEM").unread == 0);
  CHECK(bed.call("openim/sendmsg", bed.message("bob", "@TIM#SYSTEM")).at("ErrorCode") != 0);
  CHECK(bed.call("im_open_login_svc/account_import", {{"UserID", "@TIM#SYSTEM"}}).at("ErrorCode") != 0);
}

TEST_CASE("rest sendmsg: an equal call is stored once, for five minutes", "[im][rest][send]") {
  Three bed;
  const Json body = bed.message("alice", "bob");
  const Json first = bed.done("openim/sendmsg", body);
  bed.clock.pass(milliseconds(119'000));
  Json again = bed.done("openim/sendmsg", body);
  CHECK(again.at("MsgKey") == first.at("MsgKey"));
  CHECK(again.at("MsgTime") == first.at("MsgTime"));
  bed.clock.pass(milliseconds(180'000));
  CHECK(bed.done("openim/sendmsg", body).at("MsgKey") == first.at("MsgKey"));
  CHECK(bed.roam("alice", "bob").at("MsgCnt") == 1);
  bed.clock.pass(milliseconds(2'000));
  CHECK(bed.done("openim/sendmsg", body).at("MsgTime") != first.at("MsgTime"));
  CHECK(bed.roam("alice", "bob").at("MsgCnt") == 2);

  Json other = body;
  for (const auto& [key, value] : std::map<std::string, Json>{{"MsgSeq", 1},
                                                              {"MsgRandom", 5},
                                                              {"MsgBody", text_body("other")},
                                                              {"To_Account", "carol"},
                                                              {"From_Account", "carol"}}) {
    CAPTURE(key);
    other = body;
    other[key] = value;
    const std::string before = text_of(MessageId{});
    CHECK(bed.done("openim/sendmsg", other).at("MsgId") != before);
  }
  CHECK(bed.roam("alice", "bob").at("MsgCnt") == 5);
}

TEST_CASE("rest sendmsg: what is asked for beside the content", "[im][rest][send]") {
  Three bed;
  const Terminal alice = bed.login("alice");
  const Terminal bob = bed.login("bob");
  bed.news();
  const auto send = [&](const Json& more) {
    Json body = bed.message("alice", "bob");
    body.update(more);
    bed.done("openim/sendmsg", body);
    return bed.news();
  };
  SECTION("not for the sender's devices") {
    const Committed told = send({{"SyncOtherMachine", 2}});
    REQUIRE(told.deliveries.size() == 1);
    CHECK(told.deliveries[0].to.user == "bob");
    CHECK(bed.pull(bob, {.peer = "alice"}).messages.size() == 1);
    CHECK(bed.sync(alice).chats.empty());
    CHECK(bed.roam("alice", "bob").at("MsgCnt") == 0);
    CHECK(bed.roam("bob", "alice").at("MsgCnt") == 1);
    send(Json::object());
    CHECK(bed.pull(alice, {.peer = "bob"}).messages.size() == 1);
  }
  SECTION("to those who are there alone") {
    for (const Json& more : {Json{{"OnlineOnlyFlag", 1}}, Json{{"MsgLifeTime", 0}}}) {
      const Committed told = send(more);
      CHECK(told.deliveries.size() == 2);
      CHECK(std::get<NewMessage>(told.deliveries[0].item).online_only);
      CHECK(told.intents.empty());
    }
    CHECK(bed.roam("bob", "alice").at("MsgCnt") == 0);
  }
  SECTION("for a while") {
    send({{"MsgLifeTime", 60}});
    CHECK(bed.roam("bob", "alice").at("MsgCnt") == 1);
    bed.clock.pass(milliseconds(60'000));
    CHECK(bed.roam("bob", "alice").at("MsgCnt") == 0);
  }
  SECTION("not counted, not last, not pushed") {
    CHECK(send(Json::object()).intents.size() == 1);
    CHECK(send({{"SendMsgControl", {"NoUnread"}}}).intents.size() == 1);
    CHECK(bed.unread("bob") == 1);
    CHECK(send({{"SendMsgControl", {"NoLastMsg", "WithMuteNotifications", "NoMsgCheck"}}}).intents.size() == 1);
    CHECK(bed.unread("bob") == 2);
    CHECK(bed.chat(bob, "alice").last->id.seq == Seq{2});
    CHECK(send({{"OfflinePushInfo", {{"PushFlag", 1}}}}).intents.empty());
  }
  SECTION("past the receiver's blacklist") {
    CHECK(bed.block(bob, "alice"));
    CHECK(send(Json::object()).deliveries.size() == 2);
  }
}

TEST_CASE("rest sendmsg: what is refused, by its code and place", "[im][rest][send]") {
  Three bed;
  struct Row {
    const char* name;
    std::string patch;
    int code;
    std::string info;
  };
  const std::string long_text(12'300, 'x');
  for (const Row& row : std::vector<Row>{
           {"no receiver", R"({"To_Account":null})", 90003, "To_Account: missing"},
           {"several receivers", R"({"To_Account":["bob"]})", 90003, "To_Account: not a string"},
           {"an unknown receiver", R"({"To_Account":"nobody"})", 90012, "to: no such user"},
           {"a receiver that is no user", R"({"To_Account":"@TIM#x"})", 90001, "To_Account: begins with @TIM#"},
           {"an unknown sender", R"({"From_Account":"nobody"})", 90048, "no such account"},
           {"a sender of another type", R"({"From_Account":1})", 90001, "From_Account: not a string"},
           {"no random", R"({"MsgRandom":null})", 90005, "MsgRandom: missing"},
           {"a random in quotes", R"({"MsgRandom":"1"})", 90005, "MsgRandom: not an integer"},
           {"a random beyond u32", R"({"MsgRandom":4294967296})", 90005, "MsgRandom: not in 0-4294967295"},
           {"a sequence in quotes", R"({"MsgSeq":"1"})", 90001, "MsgSeq: not an integer"},
           {"a time in quotes", R"({"MsgTimeStamp":"1"})", 90006, "MsgTimeStamp: not an integer"},
           {"another SyncOtherMachine", R"({"SyncOtherMachine":3})", 90031, "SyncOtherMachine: not in 1-2"},
           {"a SyncOtherMachine in quotes", R"({"SyncOtherMachine":"1"})", 90031, "SyncOtherMachine: not an integer"},
           {"a life in quotes", R"({"MsgLifeTime":"60"})", 90044, "MsgLifeTime: not an integer"},
           {"a life too long", R"({"MsgLifeTime":604801})", 90026, "MsgLifeTime: more than 604800"},
           {"an unknown control", R"({"SendMsgControl":["NoPush"]})", 90001, "SendMsgControl: holds none of"},
           {"controls that are no list", R"({"SendMsgControl":"NoUnread"})", 90001, "SendMsgControl: not an array"},
           {"an OnlineOnlyFlag of 2", R"({"OnlineOnlyFlag":2})", 90001, "OnlineOnlyFlag: not in 0-1"},
           {"no body", R"({"MsgBody":null})", 90002, "MsgBody: missing"},
           {"a body that is no list", R"({"MsgBody":{}})", 90007, "MsgBody: not an array"},
           {"an unknown element", R"({"MsgBody":[{"MsgType":"X","MsgContent":{}}]})", 90010, "MsgBody[0].MsgType: "},
           {"an empty text", R"({"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":""}}]})", 90001,
            "MsgBody[0].text: empty"},
           {"a text with U+0000", R"({"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"a\u0000"}}]})", 90001,
            "MsgBody[0].text: has U+0000"},
           {"a body too large",
            R"({"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":")" + long_text + R"("}}]})", 93000,
            "MsgBody: more than 12288 bytes"},
           {"two that are too large together",
            R"({"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":")" + long_text.substr(6'000) +
                R"("}},{"MsgType":"TIMTextElem","MsgContent":{"Text":")" + long_text.substr(6'000) + R"("}}]})",
            93000, "MsgBody: more than 12288 bytes"},
           {"a custom text of another type", R"({"CloudCustomData":{}})", 90001, "CloudCustomData: not a string"},
           {"a push picture without TLS", R"({"OfflinePushInfo":{"ApnsInfo":{"Image":"http://x"}}})", 90001,
            "OfflinePushInfo: push.image: not an https URL"},
           {"a level that is none", R"({"OfflinePushInfo":{"ApnsInfo":{"InterruptionLevel":"loud"}}})", 90001,
            "OfflinePushInfo: push.apns.interruption_level: none of"},
       }) {
    CAPTURE(row.name);
    Json body = bed.message("alice", "bob");
    body.merge_patch(Json::parse(row.patch));
    const Json reply = bed.call("openim/sendmsg", body);
    CHECK(reply.at("ErrorCode") == row.code);
    CAPTURE(reply.at("ErrorInfo").get<std::string>());
    CHECK(reply.at("ErrorInfo").get<std::string>().contains(row.info));
  }
  CHECK(bed.roam("alice", "bob").at("MsgCnt") == 0);
}

TEST_CASE("rest batchsendmsg: some, all, none, too many", "[im][rest][send]") {
  Three bed;
  Json body = bed.message("alice", "");
  body["To_Account"] = {"bob", "carol"};
  Json reply = bed.done("openim/batchsendmsg", body);
  CHECK(reply.contains("MsgKey"));
  CHECK_FALSE(reply.contains("ErrorList"));
  CHECK(bed.unread("bob") == 1);
  CHECK(bed.unread("carol") == 1);

  body = bed.message("alice", "");
  body["To_Account"] = {"bob", "nobody"};
  reply = bed.done("openim/batchsendmsg", body);
  CHECK(reply.at("ErrorList") == Json::parse(R"([{"To_Account":"nobody","ErrorCode":90012}])"));

  body = bed.message("alice", "");
  body["To_Account"] = {"nobody", "none"};
  reply = bed.call("openim/batchsendmsg", body);
  CHECK(reply.at("ErrorCode") == 90012);
  CHECK(reply.at("ErrorList").size() == 2);

  body["To_Account"] = std::vector<std::string>(501, "bob");
  CHECK(bed.code("openim/batchsendmsg", body) == 90011);
  body["To_Account"] = "bob";
  CHECK(bed.code("openim/batchsendmsg", body) == 90003);
  body["To_Account"] = Json::array();
  CHECK(bed.code("openim/batchsendmsg", body) == 90003);
}

TEST_CASE("rest batchsendmsg: five hundred", "[im][rest][send]") {
  Three bed;
  std::vector<std::string> users;
  for (int i = 0; i < 500; ++i) users.push_back("u" + std::to_string(i));
  for (std::size_t i = 0; i < users.size(); i += 100)
    bed.done("im_open_login_svc/multiaccount_import",
             {{"Accounts", std::vector(users.begin() + long(i), users.begin() + long(i) + 100)}});
  Json body = bed.message("alice", "");
  body["To_Account"] = users;
  CHECK_FALSE(bed.done("openim/batchsendmsg", body).contains("ErrorList"));
  CHECK(bed.unread("u499") == 1);
}

TEST_CASE("rest importmsg: history and what happens now, each once", "[im][rest][import]") {
  Three bed;
  const Terminal bob = bed.login("bob");
  bed.news();
  const std::int64_t now = to_ms(bed.clock.wall()) / 1'000;
  const auto import = [&](const std::string& from, const std::string& to, std::int64_t at, int how, int random) {
    return bed.code("openim/importmsg", {{"SyncFromOldSystem", how},
                                         {"From_Account", from},
                                         {"To_Account", to},
                                         {"MsgRandom", random},
                                         {"MsgTimeStamp", at},
                                         {"MsgBody", text_body("at " + std::to_string(at - now))}});
  };
  CHECK(import("alice", "bob", now - 300, 2, 1) == 0);
  CHECK(import("bob", "alice", now - 200, 2, 2) == 0);
  Committed told = bed.news();
  CHECK(told.intents.empty());
  for (const Delivery& each : told.deliveries) CHECK(std::holds_alternative<ChatChanged>(each.item));
  CHECK(bed.unread("bob") == 0);
  CHECK(import("alice", "bob", now - 100, 5, 3) == 0);
  told = bed.news();
  CHECK(told.intents.empty());
  CHECK(std::holds_alternative<NewMessage>(told.deliveries.at(1).item));
  CHECK(bed.unread("bob") == 1);
  CHECK(import("alice", "bob", now - 100, 1, 3) == 0);  // the old word, and again
  CHECK(import("bob", "alice", now - 100, 5, 3) == 0);  // likewise, the other way round
  CHECK(bed.unread("bob") == 1);

  // What is older than the newest finds its place by its time, in the API's history.
  CHECK(import("alice", "bob", now - 250, 2, 4) == 0);
  CHECK(RestBed::texts(bed.roam("bob", "alice")) == Texts{"at -300", "at -250", "at -200", "at -100"});
  const Json late = bed.roam("bob", "alice").at("MsgList").at(1);
  CHECK(late.at("MsgTimeStamp") == now - 250);
  CHECK(bed.code("openim/admin_msgwithdraw",
                 {{"From_Account", "alice"}, {"To_Account", "bob"}, {"MsgKey", late.at("MsgKey")}}) == 0);
  CHECK(bed.news().follow_ups.empty());  // no push of it was made
  CHECK(bed.roam("bob", "alice").at("MsgList").at(1).at("MsgFlagBits") == 8);
  CHECK(bed.pull(bob, {.peer = "alice"}).messages.size() == 4);

  // One that is called by a number is known for good.
  const Json named = {
      {"SyncFromOldSystem", 5}, {"From_Account", "alice"},  {"To_Account", "bob"},          {"MsgSeq", 77},
      {"MsgRandom", 6},         {"MsgTimeStamp", now - 50}, {"MsgBody", text_body("named")}};
  bed.done("openim/importmsg", named);
  bed.sql("DELETE FROM im_send_keys");
  bed.done("openim/importmsg", named);
  CHECK(bed.roam("bob", "alice").at("MsgCnt") == 5);

  CHECK(import("alice", "bob", now, 3, 5) == 90001);
  CHECK(import("alice", "bob", now, 6, 5) == 90001);
  CHECK(import("alice", "bob", now + 3'600, 5, 5) == 90001);
  CHECK(import("alice", "nobody", now, 5, 5) == 90012);
  CHECK(import("nobody", "bob", now, 5, 5) == 90048);
  CHECK(import("alice", "bob", 0, 5, 5) == 90006);
  CHECK(bed.code("openim/importmsg", {{"SyncFromOldSystem", 5},
                                      {"From_Account", "alice"},
                                      {"To_Account", "bob"},
                                      {"MsgRandom", 1},
                                      {"MsgBody", text_body("x")}}) == 90006);
}

TEST_CASE("rest admin_getroammsg: pages from the end, each message once", "[im][rest][roam]") {
  Three bed;
  const std::int64_t start = to_ms(bed.clock.wall()) / 1'000;
  for (int i = 0; i < 30; ++i) {
    if (i % 3 == 0) bed.clock.pass(milliseconds(1'000));
    Json body = bed.message(i % 2 == 0 ? "alice" : "bob", i % 2 == 0 ? "bob" : "alice", std::to_string(i));
    body["MsgSeq"] = 1'000 - i;  // within a second it falls
    bed.done("openim/sendmsg", body);
  }
  Texts wanted;
  for (int second = 0; second < 10; ++second)
    for (int i = 2; i >= 0; --i) wanted.push_back(std::to_string(3 * second + i));
  CHECK(RestBed::texts(bed.roam("alice", "bob")) == wanted);

  for (const int size : {1, 2, 4, 7, 29, 30, 100}) {
    CAPTURE(size);
    Texts got;
    Json ask = {
        {"From_Account", "alice"}, {"To_Account", "bob"}, {"MaxCnt", size}, {"MinTime", 0}, {"MaxTime", 4'000'000'000}};
    for (int pages = 0; pages < 40; ++pages) {
      const Json page = bed.done("openim/admin_getroammsg", ask);
      const Texts texts = RestBed::texts(page);
      CHECK(page.at("MsgCnt") == texts.size());
      got.insert(got.begin(), texts.begin(), texts.end());
      if (page.at("Complete") == 1) break;
      ask["MaxTime"] = page.at("LastMsgTime");
      ask["LastMsgKey"] = page.at("LastMsgKey");
    }
    CHECK(got == wanted);
  }
  // Both ends of the time are included.
  const Json part = bed.done("openim/admin_getroammsg", {{"Operator_Account", "bob"},
                                                         {"Peer_Account", "alice"},
                                                         {"MaxCnt", 100},
                                                         {"MinTime", start + 2},
                                                         {"MaxTime", start + 3}});
  CHECK(RestBed::texts(part) == Texts{"5", "4", "3", "8", "7", "6"});
  const Json row = part.at("MsgList").at(0);
  CHECK(row.at("From_Account") == "bob");
  CHECK(row.at("MsgSeq") == 995);
  CHECK(row.at("MsgFlagBits") == 0);
  CHECK(row.at("MsgBody") == text_body("5"));

  CHECK(bed.roam("carol", "bob").at("Complete") == 1);
  CHECK(bed.roam("carol", "bob").at("MsgCnt") == 0);
  for (const char* patch : {R"({"MaxCnt":0})", R"({"MaxCnt":null})", R"({"MinTime":null})", R"({"MaxTime":-1})",
                            R"({"LastMsgKey":"x"})", R"({"Operator_Account":null})", R"({"Peer_Account":1})"}) {
    CAPTURE(patch);
    Json body = {{"Operator_Account", "bob"}, {"Peer_Account", "alice"}, {"MaxCnt", 1}, {"MinTime", 0}, {"MaxTime", 1}};
    body.merge_patch(Json::parse(patch));
    CHECK(bed.code("openim/admin_getroammsg", body) == 90001);
  }
  CHECK(
      bed.code(
          "openim/admin_getroammsg",
          {{"Operator_Account", "nobody"}, {"Peer_Account", "alice"}, {"MaxCnt", 1}, {"MinTime", 0}, {"MaxTime", 1}}) ==
      90048);
}

TEST_CASE("rest admin_getroammsg: a page of some 13 KB, and messages of clients", "[im][rest][roam]") {
  Three bed;
  const Terminal alice = bed.login("alice");
  for (int i = 0; i < 3; ++i) bed.done("openim/sendmsg", bed.message("alice", "bob", std::string(6'000, 'x')));
  Json page = bed.roam("alice", "bob");
  CHECK(page.at("MsgCnt") == 2);
  CHECK(page.at("Complete") == 0);
  bed.send(alice, "carol");
  page = bed.roam("carol", "alice");
  REQUIRE(page.at("MsgCnt") == 1);
  CHECK(page.at("MsgList").at(0).at("MsgSeq") == 1);  // its own number stands in
  CHECK(bed.code("openim/admin_msgwithdraw", {{"From_Account", "alice"},
                                              {"To_Account", "carol"},
                                              {"MsgKey", page.at("MsgList").at(0).at("MsgKey")}}) == 0);
  CHECK(bed.roam("carol", "alice").at("MsgList").at(0).at("MsgFlagBits") == 8);
}

TEST_CASE("rest admin_msgwithdraw: at any time, the sender's alone", "[im][rest][recall]") {
  Three bed;
  bed.login("bob");
  const Json sent = bed.done("openim/sendmsg", bed.message("alice", "bob"));
  bed.clock.pass(milliseconds(86'400'000));
  bed.news();
  const Json body = {{"From_Account", "alice"}, {"To_Account", "bob"}, {"MsgKey", sent.at("MsgKey")}};
  Json other = body;
  other["From_Account"] = "bob";
  other["To_Account"] = "alice";
  CHECK(bed.code("openim/admin_msgwithdraw", other) == 20026);
  bed.done("openim/admin_msgwithdraw", body);
  const Committed told = bed.news();
  CHECK(told.recalled.size() == 1);
  CHECK(told.deliveries.size() == 2);
  CHECK(bed.unread("bob") == 0);
  const Json row = bed.roam("bob", "alice").at("MsgList").at(0);
  CHECK(row.at("MsgFlagBits") == 8);
  CHECK(row.at("MsgBody") == Json::array());
  bed.done("openim/admin_msgwithdraw", body);  // again does no harm
  CHECK(bed.code("openim/admin_msgwithdraw", {{"From_Account", "alice"}, {"To_Account", "bob"}, {"MsgKey", "1_2_3"}}) ==
        20026);
  CHECK(bed.code("openim/admin_msgwithdraw",
                 {{"From_Account", "alice"}, {"To_Account", "carol"}, {"MsgKey", "1_2_3"}}) == 20026);
  CHECK(bed.code("openim/admin_msgwithdraw", {{"From_Account", "alice"}, {"To_Account", "bob"}, {"MsgKey", "abc"}}) ==
        90001);

  // A message that its sender's devices never had can be taken back, too.
  Json hidden = bed.message("carol", "bob");
  hidden["SyncOtherMachine"] = 2;
  const Json kept = bed.done("openim/sendmsg", hidden);
  CHECK(bed.unread("bob") == 1);
  bed.done("openim/admin_msgwithdraw",
           {{"From_Account", "carol"}, {"To_Account", "bob"}, {"MsgKey", kept.at("MsgKey")}});
  CHECK(bed.unread("bob") == 0);
}

TEST_CASE("rest: read marks and unread counts", "[im][rest][read]") {
  Three bed;
  for (int i = 0; i < 3; ++i) {
    bed.done("openim/sendmsg", bed.message("alice", "bob"));
    bed.clock.pass(milliseconds(1'000));
  }
  bed.done("openim/sendmsg", bed.message("carol", "bob"));
  const Json asked = {{"To_Account", "bob"}, {"Peer_Account", {"alice", "carol", "nobody"}}};
  CHECK(bed.done("openim/get_c2c_unread_msg_num", asked).at("C2CUnreadMsgNumList") ==
        Json::parse(R"([{"Peer_Account":"alice","C2CUnreadMsgNum":3},{"Peer_Account":"carol","C2CUnreadMsgNum":1},
                        {"Peer_Account":"nobody","C2CUnreadMsgNum":0}])"));
  CHECK(bed.unread("bob") == 4);
  const std::int64_t first = to_ms(bed.clock.wall()) / 1'000 - 3;
  bed.done("openim/admin_set_msg_read", {{"Report_Account", "bob"}, {"Peer_Account", "alice"}, {"MsgReadTime", first}});
  CHECK(bed.unread("bob") == 3);
  CHECK(bed.roam("alice", "bob").at("MsgList").at(0).at("IsPeerRead") == 1);
  CHECK(bed.roam("alice", "bob").at("MsgList").at(1).at("IsPeerRead") == 0);
  bed.done("openim/admin_set_msg_read", {{"Report_Account", "bob"}, {"Peer_Account", "alice"}});
  CHECK(bed.unread("bob") == 1);
  bed.done("openim/admin_set_msg_read", {{"Report_Account", "bob"}, {"Peer_Account", "nobody"}});
  CHECK(bed.code("openim/admin_set_msg_read", {{"Report_Account", "nobody"}, {"Peer_Account", "alice"}}) == 90048);
  CHECK(bed.code("openim/admin_set_msg_read", {{"Report_Account", "bob"}}) == 90001);
  CHECK(bed.code("openim/get_c2c_unread_msg_num", {{"To_Account", "nobody"}}) == 90048);
  CHECK(bed.code("openim/get_c2c_unread_msg_num", {{"To_Account", {"bob"}}}) == 90003);
  CHECK(bed.code("openim/get_c2c_unread_msg_num",
                 {{"To_Account", "bob"}, {"Peer_Account", std::vector<std::string>(11, "a")}}) == 90001);
}

}  // namespace
}  // namespace nightpost::im

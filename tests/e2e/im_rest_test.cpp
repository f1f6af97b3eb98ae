// A business server over TLS, a client on a socket, a real Kafka: `nightpost im` with its server API.
#include <catch2/catch.hpp>
#include <csignal>

#include "e2e/im_business.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::ImClient;

json text(const std::string& words) { return Business::text(words); }

TEST_CASE("im rest: a business server imports, sends, and reaches who is there and who is not", "[e2e][im][rest]") {
  Business business;
  ImProcess server = business.server();
  CHECK(server.rest().starts_with("https://"));
  business.done(server, "im_open_login_svc/account_import", {{"UserID", "denny"}, {"Nick", "Denny"}});
  business.done(server, "im_open_login_svc/multiaccount_import", {{"Accounts", {"vinson", "mei"}}});
  CHECK(business.call(server, "openim/sendmsg", json::object(), "denny").at("ErrorCode") == 60010);

  // Logged in on a socket and in the foreground: live.
  ImClient mei = business.join(server, "mei", "mei-phone");
  const json live =
      business.done(server, "openim/sendmsg",
                    {{"From_Account", "denny"}, {"To_Account", "mei"}, {"MsgRandom", 1}, {"MsgBody", text("hello")}});
  const json frame = mei.delivered();
  CHECK(frame.at("items").at(0).at("message").at("id") == live.at("MsgId"));
  CHECK(frame.at("items").at(0).at("message").at("from") == "denny");
  mei.say({{"type", "ack"}, {"pos", frame.at("pos")}});
  CHECK(business.done(server, "openim/query_online_status", {{"To_Account", {"mei"}}})
            .at("QueryResult")
            .at(0)
            .at("State") == "Online");

  // A phone that has been logged in, and is away: an event with the wishes of the call.
  {
    ImClient vinson = business.join(server, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", 1}, {"token", support::user_token(1)}});
  }
  const json push = {{"Title", "order 7"},
                     {"Desc", "has been sent"},
                     {"Ext", R"({"order":7})"},
                     {"AndroidInfo", {{"OPPOChannelID", "orders"}}},
                     {"ApnsInfo", {{"BadgeMode", 1}, {"Sound", "ding.caf"}}}};
  const json sent = business.done(server, "openim/batchsendmsg",
                                  {{"From_Account", "denny"},
                                   {"To_Account", {"vinson"}},
                                   {"MsgRandom", 2},
                                   {"MsgBody", text("parcel")},
                                   {"OfflinePushInfo", push}});
  json event;
  REQUIRE(support::eventually(
      20s,
      [&] {
        business.topics.read(business.names.offline, [&](const support::ReadRecord& record) {
          const json read = json::parse(record.value);
          if (read.at("message").at("id") == sent.at("MsgId")) event = read;
        });
        return !event.is_null();
      },
      100ms));
  CHECK(event.at("push") == json::parse(R"({"title":"order 7","desc":"has been sent","ext":"{\"order\":7}",
    "android":{"channel":{"oppo":"orders"}},"apns":{"sound":"ding.caf","badge":"ignore"}})"));
  CHECK(event.at("from") == json::parse(R"({"user_id":"denny","nick":"Denny"})"));
  CHECK(event.at("to").at(0).at("devices") == json::array({"vinson-phone"}));
  CHECK(event.at("message").at("elements") == json::parse(R"([{"type":"text","text":"parcel"}])"));

  // A kick ends the socket, and the signature with it.
  business.done(server, "im_open_login_svc/kick", {{"UserID", "mei"}});
  CHECK(support::eventually(10s, [&] {
    try {
      const auto next = mei.next(100ms);
      return next && next->at("type") == "bye" && next->at("reason") == "kicked_admin";
    } catch (const support::ImClosed&) {
      return false;
    }
  }));
  ImClient again(server.port());
  CHECK(again.hello(business.hello("mei", "mei-phone")).at("code") == 70052);

  CHECK(server.metric("nightpost_im_rest_calls_total{command=\"openim/sendmsg\",result=\"ok\"}") == 1);
  CHECK(server.metric("nightpost_im_rest_refused_total{why=\"not_administrator\"}") == 1);

  // Operators forbid a word beside the server that runs.
  CHECK(business.nightpost
            .run({"im-words", "add", "forbidden", "--config", business.config, "--app",
                  std::to_string(support::kFleetApp)})
            .exit_code == 0);
  int random = 100;
  CHECK(support::eventually(
      10s,
      [&] {
        return business
                   .call(server, "openim/sendmsg",
                         {{"From_Account", "denny"},
                          {"To_Account", "vinson"},
                          {"MsgRandom", ++random},
                          {"MsgBody", text("ＦＯＲＢＩＤＤＥＮ")}})
                   .at("ErrorCode") == 80001;
      },
      50ms));
  CHECK(server.metric("nightpost_im_words") == 1);
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e

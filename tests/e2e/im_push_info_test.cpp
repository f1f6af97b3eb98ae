// What a business server says of a notification, seen at the other end: in the request that each vendor gets.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>

#include "app/dev_account.h"
#include "e2e/im_process.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("im rest: what a call says of its notification is in the request to each vendor", "[e2e][im][rest][push]") {
  const support::TempFolder folder("push-info");
  const support::Nightpost nightpost(program(), "localhost:9092", folder);
  ImParty party(folder, nightpost);
  const support::SandboxProcess sandbox(program(), {}, folder);
  const std::string app = std::to_string(support::kFleetApp);
  const std::string config = nightpost.config(
      "all.json", {.group = "all", .offline = "o", .results = "r", .dead = "d"},
      {{"im", party.im_section({{"rest", {{"listen", "127.0.0.1:0"}, {"administrators", {{app, "administrator"}}}}}})},
       {"worker", {{"http_listen", "127.0.0.1:0"}}}});
  const std::vector<std::string> vendors = support::all_vendors();
  std::map<std::string, std::int64_t> certificates;
  for (const std::string& vendor : vendors)
    certificates[vendor] = support::add_vendor_certificate(nightpost, config, vendor, sandbox, folder);
  ImProcess server(config, folder.file("all.ready"), folder.file("all.log"), "all");
  for (const std::string& vendor : vendors) {  // a user each, whose phone is away
    support::ImClient phone(server.port());
    REQUIRE(phone.hello(party.hello(vendor, vendor + "-phone", vendor == "apns" ? "ios" : "android")).at("code") == 0);
    phone.done("token", {{"certificate", certificates.at(vendor)},
                         {"token", app::dev_token(vendor_from(vendor).value(), vendor).text()}});
  }

  const json info = json::parse(R"({"PushFlag":0,"Title":"title-7","Desc":"desc-7","Ext":"{\"order\":7}",
    "AndroidInfo":{"XiaoMiChannelID":"of-xiaomi","OPPOChannelID":"of-oppo","GoogleChannelID":"of-fcm",
      "HuaWeiChannelID":"of-huawei","GoogleImage":"https://example.com/7.png"},
    "ApnsInfo":{"Title":"apns-7","SubTitle":"sub-7","Sound":"ding.caf","BadgeMode":0,"MutableContent":1,
      "InterruptionLevel":"time-sensitive"}})");
  const json body = {{"To_Account", vendors},
                     {"MsgRandom", 7},
                     {"MsgBody", json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "not this"}}}}})},
                     {"OfflinePushInfo", info}};
  std::string sig = party.signature("administrator");
  for (std::size_t at; (at = sig.find('*')) != sig.npos;) sig.replace(at, 1, "%2A");
  const support::Ran ran = support::run_command(
      {"curl", "--silent", "--show-error", "--header", "Content-Type: text/plain", "--dump-header",
       folder.file("head.txt"), "--data", body.dump(),
       server.rest() + "/v4/openim/batchsendmsg?sdkappid=" + app + "&identifier=administrator&usersig=" + sig},
      10s);
  REQUIRE(ran.exit_code == 0);
  INFO(ran.out);
  REQUIRE(json::parse(ran.out).at("ErrorCode") == 0);
  CHECK_FALSE(json::parse(ran.out).contains("ErrorList"));
  CHECK(support::read_file(folder.file("head.txt")).contains("x-request-id: "));

  std::map<std::string, std::string> said;  // vendor → its requests' bodies, one behind the other
  const auto read = [&] {
    bool all = true;
    for (const std::string& vendor : vendors) {
      std::string& bodies = said[vendor];
      bodies.clear();
      for (const json& request : sandbox.requests(vendor)) bodies += request.at("body").get<std::string>() + "\n";
      all = all && bodies.contains("desc-7");
    }
    return all;
  };
  CHECK(support::eventually(30s, read, 200ms));
  for (const auto& [vendor, bodies] : said) {
    CAPTURE(vendor, bodies);
    CHECK(bodies.contains("desc-7"));
    CHECK(bodies.contains(vendor == "apns" ? "apns-7" : "title-7"));
    CHECK_FALSE(bodies.contains("not this"));
    for (const char* const other : {"xiaomi", "oppo", "fcm", "huawei"})
      CHECK(bodies.contains(std::string("of-") + other) == (vendor == other));
    if (vendor == "apns" || vendor == "fcm" || vendor == "huawei" || vendor == "honor")
      CHECK(bodies.contains("https://example.com/7.png"));
  }

  json at_apple;
  for (const json& request : sandbox.requests("apns")) {
    const json read_body = json::parse(request.at("body").get<std::string>(), nullptr, false);
    if (read_body.is_object() && read_body.contains("aps")) at_apple = read_body;
  }
  REQUIRE(at_apple.is_object());
  const json& aps = at_apple.at("aps");
  CHECK(aps.at("alert") == json{{"title", "apns-7"}, {"subtitle", "sub-7"}, {"body", "desc-7"}});
  CHECK(aps.at("sound") == "ding.caf");
  CHECK(aps.at("mutable-content") == 1);
  CHECK(aps.at("interruption-level") == "time-sensitive");
  CHECK(at_apple.at("ext") == R"({"order":7})");
  CHECK(at_apple.at("image") == "https://example.com/7.png");
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e

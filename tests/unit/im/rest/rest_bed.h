// The server API over a real service on a file of its own, asked as a business server asks.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "im/rest/rest_api.h"
#include "im/rest/tim_push.h"
#include "unit/im/service/service_world.h"

namespace nightpost::im {

using Json = nlohmann::json;

struct FakePresence final : Presence {
  std::map<UserKey, std::vector<Device>> online;
  std::vector<Device> connected(const UserKey& user) const override {
    const auto found = online.find(user);
    return found == online.end() ? std::vector<Device>() : found->second;
  }
};

inline Json text_body(const std::string& text) {
  return Json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", text}}}}});
}

struct RestBed : World {
  explicit RestBed(RestOptions with = {}, ServiceOptions service_with = {})
      : World(std::move(service_with)), rest_options(std::move(with)) {
    rest_options.administrators = {{kApp, {"administrator"}}};
    rest_options.message_calls_per_second = std::max(rest_options.message_calls_per_second, 1u);
    open_api();
  }
  ~RestBed() override { service.reset(); }  // its last replies are the API's
  void open_api(GroupService* groups = nullptr, observe::Log* to = nullptr) {
    api = std::make_unique<RestApi>(RestApi::Parts{.loop = loop,
                                                   .clock = clock,
                                                   .service = *service,
                                                   .groups = groups,
                                                   .group_admin = groups == nullptr ? nullptr : service.get(),
                                                   .presence = presence,
                                                   .metrics = metrics,
                                                   .log = to,
                                                   .mass = service.get()},
                                    rest_options);
    api->start();
  }

  std::string signature(const std::string& user = "administrator") const {
    return make_user_sig(kApp, user, kKey, clock.wall(), std::chrono::hours(24));
  }
  std::string target(const std::string& command, const std::string& sig) const {
    return "/v4/" + command + "?sdkappid=1400000001&identifier=administrator&usersig=" + sig +
           "&random=99999999&contenttype=json";
  }
  /// The response to one request; waits for it.
  RestApi::Response ask_raw(const std::string& url, const std::string& body, const std::string& method = "POST") {
    std::optional<RestApi::Response> got;
    api->answer(method, url, body, [&](RestApi::Response response) {
      CHECK_FALSE(got);
      got = std::move(response);
    });
    REQUIRE(loop.until([&] { return got.has_value(); }));
    CHECK(got->request_id.size() == 16);
    return *std::move(got);
  }
  /// As an administrator with a good signature; the whole reply.
  Json call(const std::string& command, const Json& body) {
    loop.pass(milliseconds(1'000));  // the buckets are full again
    const RestApi::Response response = ask_raw(target(command, signature()), body.dump());
    CHECK(response.status == 200);
    Json reply = Json::parse(response.body);
    const bool ok = reply.at("ErrorCode") == 0;
    CHECK(reply.at("ErrorCode").is_number_integer());
    CHECK(reply.at("ActionStatus") == (ok ? "OK" : "FAIL"));
    const std::string info = reply.at("ErrorInfo");
    CHECK(info.empty() == (ok && !info.starts_with(kIgnoredPush)));
    return reply;
  }
  /// REQUIRED: it succeeds.
  Json done(const std::string& command, const Json& body) {
    Json reply = call(command, body);
    if (reply.at("ErrorCode") != 0) FAIL(command + " " + body.dump() + ": " + reply.dump());
    return reply;
  }
  int code(const std::string& command, const Json& body) { return call(command, body).at("ErrorCode"); }
  void import_users(const std::vector<std::string>& users) {
    for (const std::string& user : users) done("im_open_login_svc/account_import", {{"UserID", user}});
    news();
  }
  Json message(const std::string& from, const std::string& to, const std::string& text = "hello") {
    return {{"From_Account", from}, {"To_Account", to}, {"MsgRandom", ++random_}, {"MsgBody", text_body(text)}};
  }
  Json roam(const std::string& user, const std::string& peer, int most = 100) {
    return done("openim/admin_getroammsg", {{"Operator_Account", user},
                                            {"Peer_Account", peer},
                                            {"MaxCnt", most},
                                            {"MinTime", 0},
                                            {"MaxTime", 4'000'000'000}});
  }
  static std::vector<std::string> texts(const Json& page) {
    std::vector<std::string> out;
    for (const Json& row : page.at("MsgList"))
      out.push_back(row.at("MsgBody").empty() ? "" : row.at("MsgBody").at(0).at("MsgContent").at("Text"));
    return out;
  }

  FakePresence presence;
  RestMetrics metrics;
  RestOptions rest_options;
  std::unique_ptr<RestApi> api;

 private:
  std::uint32_t random_ = 1'000;
};

}  // namespace nightpost::im

// What the routes do with good and bad input, and what the audit log is told; of certificates: certificates_test.cpp.
#include "core/text.h"
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {
TEST_CASE("admin: who is for some apps sees no others", "[admin][routes]") {
  ApiBed bed;
  const std::int64_t shop = bed.a_certificate("shop"), game = bed.a_certificate("game", kGame);
  const std::string secret = bed.token(Role::Admin, {kShop});
  const Heard listed = bed.call("GET", "/v1/certificates", secret);
  REQUIRE(listed.body["items"].size() == 1);
  CHECK(listed.body["items"][0]["id"] == shop);
  CHECK(bed.call("GET", "/v1/certificates/" + std::to_string(game), secret).status == 404);
  CHECK(bed.call("DELETE", "/v1/certificates/" + std::to_string(game), secret).status == 404);
  CHECK(bed.call("GET", "/v1/certificates?app=1400000002", secret).code() == "wrong_app");
  CHECK(bed.call("GET", "/v1/health", secret).body["certificates"]["active"] == 1);
  nlohmann::json body = kNewCertificate;
  body["app_id"] = kGame.value;
  CHECK(bed.call("POST", "/v1/certificates", secret, body).path() == "app_id");
  CHECK(bed.call("POST", "/v1/certificates/check", secret, body).status == 403);

  const auto put = [&](AppId app, const std::string& user, const std::string& token) {
    REQUIRE(bed.store->set_device(app, user,
                                  {.device_id = "phone",
                                   .platform = Platform::Android,
                                   .certificate = {app == kShop ? shop : game},
                                   .token = DeviceToken(token),
                                   .registered_at = kThen}));
  };
  put(kShop, "ours", "abcdef01");
  put(kGame, "theirs", "abcdef02");
  const Heard found = bed.call("GET", "/v1/devices?token=abcdef", secret);
  REQUIRE(found.body["items"].size() == 1);
  CHECK(found.body["items"][0]["user_id"] == "ours");
  CHECK_FALSE(found.body.dump().contains("abcdef01"));  // tokens are never shown whole
  CHECK(bed.call("GET", "/v1/devices?token=abcdef", bed.token(Role::Viewer)).body["items"].size() == 2);

  bed.traces.app = kGame;
  CHECK(bed.call("GET", "/v1/trace/events?event=e1", secret).status == 404);
  bed.call("GET", "/v1/letters", secret);
  CHECK(bed.letters.asked.apps == std::vector<AppId>{kShop});
  bed.call("POST", "/v1/letters/replay", secret, {{"rules", {"credential_bad"}}});
  CHECK(bed.letters.asked.apps == std::vector<AppId>{kShop});
  CHECK(bed.call("POST", "/v1/letters/replay", secret, {{"apps", {kGame.value}}}).code() == "wrong_app");
}

TEST_CASE("admin devices: searched, set, unbound", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::int64_t id = bed.a_certificate();
  const nlohmann::json good = {{"app_id", kShop.value},
                               {"user_id", "vinson"},
                               {"device_id", "phone"},
                               {"certificate_id", id},
                               {"token", "abcdef0123"}};
  const Heard set = bed.call("PUT", "/v1/devices", secret, good);
  REQUIRE(set.status == 200);
  CHECK(set.body["platform"] == "android");
  CHECK(set.body["state"] == "offline");
  CHECK(set.body["token"] == DeviceToken("abcdef0123").redacted());
  CHECK(set.body["registered_at"] == to_ms(kThen));

  struct Row {
    const char* name;
    nlohmann::json change;
    int status;
    std::string path;
  };
  const std::vector<Row> rows = {
      {"a certificate that is not there", {{"certificate_id", 99}}, 422, "certificate_id"},
      {"a certificate of another app", {{"app_id", kGame.value}}, 422, "certificate_id"},
      {"a token of another form", {{"token", "unfit"}}, 422, "token"},
      {"a VoIP token that is not Apple's", {{"token_kind", "voip"}}, 422, "token_kind"},
      {"an fid that is not FCM's", {{"token_kind", "fid"}}, 422, "token_kind"},
      {"a platform nobody has", {{"platform", "symbian"}}, 400, "platform"},
      {"a state nobody has", {{"state", "asleep"}}, 400, "state"},
      {"a badge below zero", {{"badge_base", -1}}, 400, "badge_base"},
      {"no token", {{"token", ""}}, 422, ""},
      {"no user", {{"user_id", ""}}, 422, ""},
      {"a control character", {{"device_id", "a\nb"}}, 422, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    nlohmann::json body = good;
    body.update(row.change);
    const Heard heard = bed.call("PUT", "/v1/devices", secret, body);
    CHECK(heard.status == row.status);
    CHECK(heard.path() == row.path);
  }
  const std::string user = "/v1/devices?app=1400000001&user=vinson";
  CHECK(bed.call("GET", user, secret).body["items"].size() == 1);
  CHECK(bed.call("GET", user + "&device=other", secret).body["items"].empty());
  CHECK(bed.call("GET", "/v1/devices", secret).path() == "query.app");
  CHECK(bed.call("GET", "/v1/devices?token=abcde", secret).path() == "query.token");
  CHECK(bed.call("GET", user + "&limit=0", secret).path() == "query.limit");
  CHECK(bed.call("GET", user + "&limit=1001", secret).path() == "query.limit");

  nlohmann::json second = good;
  second["device_id"] = "pad";
  second["token"] = "abcdef0124";
  REQUIRE(bed.call("PUT", "/v1/devices", secret, second).status == 200);
  const Heard first = bed.call("GET", user + "&limit=1", secret);
  CHECK(first.body["items"].size() == 1);
  CHECK(first.body["more"] == true);
  CHECK(bed.call("GET", user, secret).body["more"] == false);
  for (const char* device : {"phone", "pad"}) {  // wherever it stands in the list
    const Heard one = bed.call("GET", user + "&limit=1&device=" + device, secret);
    REQUIRE(one.body["items"].size() == 1);
    CHECK(one.body["items"][0]["device_id"] == device);
    CHECK(one.body["more"] == false);
  }
  CHECK(bed.call("GET", "/v1/devices?app=1400000001&device=pad", secret).path() == "query.user");
  CHECK(bed.call("GET", "/v1/devices?token=abcdef&limit=1", secret).body["more"] == true);

  CHECK(bed.call("DELETE", user + "&device=phone", secret).status == 204);
  CHECK(bed.call("DELETE", user + "&device=phone", secret).status == 404);
  CHECK(bed.call("DELETE", user, secret).path() == "query.device");
  CHECK(bed.audit().front().what == "device.unbind");
  CHECK(bed.audit().front().object == "vinson/phone");
  CHECK(nlohmann::json::parse(bed.audit().front().before)["certificate_id"] == id);
  CHECK_FALSE(bed.audit().front().before.contains("abcdef0123"));
}

TEST_CASE("admin users: settings and mutes", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::string user = "?app=1400000001&user=vinson";
  CHECK(bed.call("GET", "/v1/users" + user, secret).body["push"] == true);
  const Heard set = bed.call("PATCH", "/v1/users" + user, secret, {{"push", false}, {"language", "en"}});
  CHECK(set.body["push"] == false);
  CHECK(set.body["badge"] == true);
  CHECK(set.body["language"] == "en");
  CHECK(nlohmann::json::parse(bed.audit().front().before)["push"] == true);
  CHECK(bed.call("PATCH", "/v1/users" + user, secret, nlohmann::json::object()).status == 400);
  CHECK(bed.call("PATCH", "/v1/users" + user, secret, {{"push", 0}}).path() == "push");

  const std::string mutes = "/v1/users/mutes" + user;
  const Heard muted = bed.call("PUT", mutes, secret, {{"kind", "group"}, {"target", "team"}, {"until", nullptr}});
  REQUIRE(muted.body["mutes"].size() == 1);
  CHECK(muted.body["mutes"][0]["until"].is_null());
  CHECK(muted.body["mutes"][0]["over"] == false);
  const std::int64_t later = to_ms(kThen) + 1'000;
  CHECK(bed.call("PUT", mutes, secret, {{"kind", "all"}, {"until", later}}).body["mutes"].size() == 2);
  bed.clock.passed = seconds(2);
  for (const auto& mute : bed.call("GET", "/v1/users" + user, secret).body["mutes"])
    CHECK(mute["over"] == (mute["kind"] == "all"));
  CHECK(bed.call("PUT", mutes, secret, {{"kind", "all"}, {"until", later}}).path() == "until");
  CHECK(bed.call("PUT", mutes, secret, {{"kind", "everybody"}}).path() == "kind");
  CHECK(bed.call("PUT", mutes, secret, {{"kind", "all"}, {"target", "team"}}).status == 422);
  CHECK(bed.call("PUT", mutes, secret, {{"kind", "peer"}}).status == 422);
  const Heard undone = bed.call("DELETE", mutes + "&kind=group&target=team", secret);
  CHECK(undone.body["mutes"].size() == 1);
  CHECK(bed.call("DELETE", mutes, secret).path() == "query.kind");
}

TEST_CASE("admin push: what is asked is handed on, what cannot be is refused", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Sender);
  const nlohmann::json good = {{"app_id", kShop.value}, {"user_id", "vinson"}, {"desc", "hello"}};
  REQUIRE(bed.call("POST", "/v1/push", secret, good).status == 200);
  CHECK(bed.pushes.asked.desc == "hello");
  CHECK(bed.pushes.asked.priority == "normal");
  CHECK(bed.pushes.asked.from == "nightpost");
  CHECK(bed.pushes.asked.ttl_s == 3'600);
  CHECK_FALSE(bed.pushes.asked.badge);
  CHECK(nlohmann::json::parse(bed.audit().front().after)[0]["outcome"] == "accepted");
  nlohmann::json dry = good;
  dry["dry_run"] = true;
  CHECK(bed.call("POST", "/v1/push", secret, dry).status == 200);
  CHECK(bed.audit().size() == 1);
  for (const auto& [path, change] : std::vector<std::pair<std::string, nlohmann::json>>{
           {"desc", {{"desc", ""}}},
           {"badge", {{"badge_only", true}}},
           {"badge", {{"badge", -1}}},
           {"badge", {{"badge", 4'294'967'296}}},
           {"call", {{"badge_only", true}, {"badge", 1}, {"call", true}}},
           {"ttl_s", {{"ttl_s", 0}}},
           {"priority", {{"priority", "urgent"}}},
           {"interruption_level", {{"interruption_level", "loud"}}}}) {
    nlohmann::json body = good;
    body.update(change);
    CHECK(bed.call("POST", "/v1/push", secret, body).path() == path);
  }
  CHECK(bed.call("POST", "/v1/push", secret,
                 {{"app_id", kShop.value}, {"user_id", "v"}, {"badge_only", true}, {"badge", 0}})
            .status == 200);
  CHECK_FALSE(bed.pushes.asked.call);
  CHECK(bed.call("POST", "/v1/push", secret, {{"app_id", kShop.value}, {"user_id", "v"}, {"call", true}}).status ==
        200);
  CHECK(bed.pushes.asked.call);
}

TEST_CASE("admin events: a line each, and what became of it", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Sender, {kShop});
  const auto send = [&](const std::string& body, const std::string& type = "application/x-ndjson") {
    HttpCall call = ApiBed::a_call("POST", "/v1/events");
    call.body = body;
    call.headers.emplace_back("content-type", type);
    call.headers.emplace_back("authorization", "Bearer " + secret);
    return bed.send(call);
  };
  const Heard good = send("1400000001\r\n\n1400000001\n");
  CHECK(good.status == 200);
  CHECK(good.body["written"] == 2);
  CHECK(good.body["items"][1] ==
        nlohmann::json{{"line", 2}, {"event_id", "e"}, {"state", "written"}, {"partition", 2}, {"offset", 17}});
  CHECK(send("1400000001", "application/json").body["written"] == 1);
  const Heard some = send("1400000001\nbad\n1400000002\n");
  CHECK(some.status == 422);
  CHECK(some.body["written"] == 1);
  CHECK(some.code() == "invalid");
  CHECK(some.body["items"][1]["message"] == "$.to: missing");
  CHECK(some.body["items"][2]["state"] == "refused");
  const Heard away = send("1400000001\nbad\naway\n");
  CHECK(away.status == 503);
  CHECK(away.code() == "unavailable");
  CHECK(away.body["items"][2]["state"] == "unknown");
  CHECK(send("").status == 400);
  CHECK(send(" \n\r\n").status == 400);
  CHECK(send("1400000001", "text/plain").status == 415);
  bed.options.events_max = 2;
  CHECK(send("1\n2\n3").status == 413);
  CHECK(bed.audit().empty());
  CHECK(event_lines("a\nb", false) == std::vector<std::string_view>{"a\nb"});
  CHECK(event_lines("a\nb", true) == std::vector<std::string_view>{"a", "b"});
}

TEST_CASE("admin letters: filters, and runs that cannot be", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  bed.call("GET", "/v1/letters?vendor=apns&rule=credential_bad&since=5&state=all&limit=7", secret);
  CHECK(bed.letters.asked.vendors == std::vector<std::string>{"apns"});
  CHECK(bed.letters.asked.rules == std::vector<std::string>{"credential_bad"});
  CHECK(bed.letters.asked.since == wall_from_ms(5));
  CHECK(bed.letters.asked.all);
  CHECK(bed.letters.asked.limit == 7);
  CHECK(bed.call("GET", "/v1/letters?state=closed", secret).path() == "query.state");
  CHECK(bed.call("POST", "/v1/letters/drop", secret, nlohmann::json::object()).path() == "everything");
  CHECK(bed.call("POST", "/v1/letters/drop", secret, {{"everything", false}}).status == 400);
  for (const char* filter : {"apps", "vendors", "rules", "codes", "stages", "events", "users"})
    CHECK(bed.call("POST", "/v1/letters/drop", secret, {{filter, nlohmann::json::array()}}).path() == "everything");
  CHECK(bed.call("POST", "/v1/letters/drop", secret, {{"everything", true}, {"dry_run", true}}).status == 200);
  CHECK(bed.audit().empty());
  bed.letters.away = true;
  CHECK(bed.call("POST", "/v1/letters/replay", secret, {{"events", {"e"}}}).status == 503);
  CHECK(bed.audit().front().outcome == "failed: no broker answers");
  CHECK(bed.call("GET", "/v1/letters/0:0", secret).status == 404);
  CHECK(bed.audit().size() == 1);  // nothing was seen
}

TEST_CASE("admin decision: the question is handed on", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Viewer, {kShop});
  const std::string of_user = "/v1/users/decision?app=1400000001&user=v%20x";
  const DecisionQuestion& asked = bed.pushes.decided;
  REQUIRE(bed.call("GET", of_user, secret).body["user_id"] == "v x");
  CHECK(asked.app == kShop);
  CHECK(asked.from == "nightpost");
  CHECK(asked.kind == "message");
  CHECK(asked.group.empty());
  CHECK_FALSE(asked.mentioned);
  REQUIRE(bed.call("GET", of_user + "&from=d&group=g&kind=call&mentioned=true", secret).status == 200);
  CHECK(asked.from == "d");
  CHECK(asked.group == "g");
  CHECK(asked.kind == "call");
  CHECK(asked.mentioned);
  CHECK(bed.call("GET", of_user + "&kind=system", secret).path() == "query.kind");
  CHECK(bed.call("GET", of_user + "&mentioned=yes", secret).path() == "query.mentioned");
  CHECK(bed.call("GET", of_user + "&desc=x", secret).status == 400);
  CHECK(bed.call("GET", "/v1/users/decision?app=1400000001", secret).path() == "query.user");
  CHECK(bed.call("GET", "/v1/users/decision?user=v", secret).path() == "query.app");
  CHECK(bed.call("GET", "/v1/users/decision?app=1400000002&user=v", secret).code() == "wrong_app");
  CHECK(bed.audit().empty());
}

TEST_CASE("admin trace: the question is handed on", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Viewer);
  CHECK(bed.call("GET", "/v1/trace/events?event=a%2Fb%20c&user=v&device=d", secret).body["event_id"] == "a/b c");
  CHECK(bed.traces.asked == "a/b c|v|d");
  bed.call("GET", "/v1/trace/users?app=1400000001&user=v", secret);
  CHECK(bed.traces.asked == "v|" + std::to_string(to_ms(kThen) - 86'400'000) + "|50");
  CHECK(bed.call("GET", "/v1/trace/users?app=1400000001", secret).path() == "query.user");
  for (const char* id : {"..", "."}) {
    const std::string asked = std::string("/v1/trace/events?event=") + id;
    CHECK(bed.call("GET", asked, secret).body["event_id"] == id);
  }
  CHECK(bed.call("GET", "/v1/trace/events", secret).path() == "query.event");
  CHECK(bed.call("GET", "/v1/trace/events?event=", secret).path() == "query.event");
}

TEST_CASE("admin tokens: made once, listed, revoked; nobody gives more than they have", "[admin][routes]") {
  ApiBed bed;
  const std::string all = bed.token(Role::Admin);
  const std::string shop = bed.token(Role::Admin, {kShop});
  const Heard made =
      bed.call("POST", "/v1/tokens", all, {{"name", "ci"}, {"role", "sender"}, {"apps", {kShop.value, kGame.value}}});
  REQUIRE(made.status == 201);
  const std::string text = made.body["secret"];
  CHECK(bed.call("GET", "/v1/me", text).body["name"] == "ci");
  CHECK(bed.call("GET", "/v1/me", text).body["csrf"].is_null());
  CHECK_FALSE(bed.audit().front().after.contains(text));
  CHECK_FALSE(bed.call("GET", "/v1/tokens", all).body.dump().contains(text));
  CHECK(bed.call("POST", "/v1/tokens", all, {{"name", "ci"}, {"role", "viewer"}}).code() == "conflict");
  CHECK(bed.call("POST", "/v1/tokens", all, {{"name", "a b"}, {"role", "viewer"}}).path() == "name");
  CHECK(bed.call("POST", "/v1/tokens", all, {{"name", "x"}, {"role", "root"}}).path() == "role");
  CHECK(bed.call("POST", "/v1/tokens", all, {{"name", "x"}, {"role", "viewer"}, {"expires_at", 1}}).path() ==
        "expires_at");

  CHECK(bed.call("POST", "/v1/tokens", shop, {{"name", "x"}, {"role", "viewer"}}).code() == "wrong_app");
  CHECK(bed.call("POST", "/v1/tokens", shop, {{"name", "x"}, {"role", "viewer"}, {"apps", nlohmann::json::array()}})
            .code() == "wrong_app");
  CHECK(bed.call("POST", "/v1/tokens", shop, {{"name", "x"}, {"role", "viewer"}, {"apps", {kGame.value}}}).code() ==
        "wrong_app");
  REQUIRE(bed.call("POST", "/v1/tokens", shop, {{"name", "x"}, {"role", "viewer"}, {"apps", {kShop.value}}}).status ==
          201);
  CHECK(bed.call("GET", "/v1/tokens", shop).body["items"].size() == 2);  // x and its own
  const std::string ci = "/v1/tokens/" + std::to_string(made.body["id"].get<std::int64_t>());
  CHECK(bed.call("DELETE", ci, shop).status == 404);
  CHECK(bed.call("DELETE", ci, all).status == 204);
  CHECK(bed.call("DELETE", ci, all).status == 404);
  CHECK(bed.call("DELETE", "/v1/tokens/x", all).status == 404);
  CHECK(bed.call("GET", "/v1/me", text).status == 401);
}

TEST_CASE("admin audit: pages, the latest first, of the apps one may see", "[admin][routes]") {
  ApiBed bed;
  const std::string all = bed.token(Role::Admin);
  for (const AppId app : {kShop, kGame, kShop})
    REQUIRE(bed.call("PATCH", "/v1/users?user=v&app=" + std::to_string(app.value), all, {{"push", false}}).status ==
            200);
  const Heard first = bed.call("GET", "/v1/audit?limit=2", all);
  REQUIRE(first.body["items"].size() == 2);
  const Heard second =
      bed.call("GET", "/v1/audit?limit=2&before=" + std::to_string(first.body["next"].get<std::int64_t>()), all);
  CHECK(second.body["items"].size() == 1);
  CHECK(second.body["next"].is_null());
  CHECK(second.body["items"][0]["after"]["push"] == false);
  CHECK(bed.call("GET", "/v1/audit", bed.token(Role::Admin, {kShop})).body["items"].size() == 2);
  CHECK(bed.call("GET", "/v1/audit?what=certificate.", all).body["items"].empty());
  CHECK(bed.call("GET", "/v1/audit?who=nobody", all).body["items"].empty());
}

TEST_CASE("admin: a bug is 500, and says nothing of the request", "[admin][routes]") {
  ApiBed bed;
  const Heard heard = bed.call("POST", "/v1/push", bed.token(Role::Sender),
                               {{"app_id", kShop.value}, {"user_id", "throw"}, {"desc", "hello"}});
  CHECK(heard.status == 500);
  CHECK(heard.code() == "broken");
  CHECK_FALSE(heard.body.dump().contains("words of a bug"));
}

TEST_CASE("admin: answers are nobody's to keep", "[admin][routes]") {
  ApiBed bed;
  for (const Heard& heard : {bed.call("GET", "/v1/me", bed.token(Role::Viewer)), bed.call("GET", "/v1/me", "")}) {
    CHECK(heard.header("cache-control") == "no-store");
    CHECK(heard.header("x-content-type-options") == "nosniff");
    CHECK(heard.header("content-type") == "application/json; charset=utf-8");
    CHECK(heard.header("access-control-allow-origin").empty());
  }
}

TEST_CASE("admin: what users are called cannot break an answer", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::string name = "%3Cscript%3E%22%27%5C%E2%80%AE";
  const Heard heard = bed.call("PATCH", "/v1/users?app=1400000001&user=" + name, secret, {{"push", false}});
  CHECK(heard.body["user_id"] == "<script>\"'\\\xe2\x80\xae");
}

TEST_CASE("admin health: the store, and what ends next", "[admin][routes]") {
  ApiBed bed;
  bed.a_certificate("old");
  const std::int64_t off = bed.a_certificate("off");
  REQUIRE(bed.store->set_certificate_status({off}, CertificateStatus::Disabled));
  const Heard heard = bed.call("GET", "/v1/health", bed.token(Role::Viewer));
  CHECK(heard.body["version"] == "0.1.0");
  CHECK(heard.body["store"]["ready"] == true);
  CHECK(heard.body["trace"] == nlohmann::json{{"ready", false}, {"why", "no file"}});
  CHECK(heard.body["certificates"] ==
        nlohmann::json{{"active", 1}, {"disabled", 1}, {"warned", 1}, {"expire_next", to_ms(kThen) + 86'400'000}});
}

}  // namespace
}  // namespace nightpost::admin

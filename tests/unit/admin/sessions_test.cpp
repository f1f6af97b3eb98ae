// Sessions of others: listed, ended; and the page's own address.
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

TEST_CASE("admin sessions: whoever is logged in is seen and can be ended, a link's session too", "[admin][access]") {
  ApiBed bed;
  const std::string admin = bed.token(Role::Admin);
  const ApiBed::Session by_token = bed.log_in(bed.token(Role::Viewer, {kShop}));
  bed.clock.passed = seconds(1);
  const std::string link = *new_link(*bed.admin, bed.options.access, bed.clock.wall());
  const Heard begun = bed.call("POST", "/v1/login", "", {{"link", link}});
  REQUIRE(begun.status == 200);
  const std::string cookie = begun.header("set-cookie");
  const ApiBed::Session by_link{cookie.substr(0, cookie.find(';')), begun.body["csrf"]};

  const Heard listed = bed.by_session("GET", "/v1/sessions", by_link);
  REQUIRE(listed.status == 200);
  CHECK(listed.body["more"] == false);
  REQUIRE(listed.body["items"].size() == 2);
  const nlohmann::json first = listed.body["items"][0], second = listed.body["items"][1];
  CHECK(first["by"] == "link");
  CHECK(first["token_id"].is_null());
  CHECK(first["own"] == true);
  CHECK(second["by"] == "token");
  CHECK(second["own"] == false);
  CHECK(second["role"] == "viewer");
  CHECK(second["apps"] == nlohmann::json{kShop.value});
  CHECK(second["ends_at"] == to_ms(kThen + bed.options.access.session_lifetime));
  for (const ApiBed::Session& session : {by_token, by_link}) {  // nothing that opens a door
    const std::string secret = session.cookie.substr(session.cookie.find('=') + 1);
    CHECK_FALSE(listed.body.dump().contains(secret));
    CHECK_FALSE(listed.body.dump().contains(hash_of(secret)));
    CHECK(listed.body.dump().contains(hash_of(secret).substr(0, store::kSessionIdBytes)));
  }
  CHECK(bed.by_session("GET", "/v1/me", {"nightpost=" + first["id"].get<std::string>(), ""}).status == 401);

  CHECK(bed.call("DELETE", "/v1/sessions/" + first["id"].get<std::string>(), admin).status == 204);
  CHECK(bed.by_session("GET", "/v1/me", by_link).status == 401);
  CHECK(bed.by_session("GET", "/v1/me", by_token).status == 200);
  CHECK(bed.call("DELETE", "/v1/sessions/" + first["id"].get<std::string>(), admin).status == 404);
  const store::AuditEntry entry = bed.audit().front();
  CHECK(entry.what == "session.end");
  CHECK(entry.object == "first-start");
  CHECK(nlohmann::json::parse(entry.before)["by"] == "link");

  // Idle ones, and those of a token that is revoked, are not there.
  CHECK(bed.call("GET", "/v1/sessions", admin).body["items"].size() == 1);
  bed.clock.passed = bed.options.access.session_idle + seconds(2);
  CHECK(bed.call("GET", "/v1/sessions", admin).body["items"].empty());
}

TEST_CASE("admin sessions: an admin of some apps has to do with theirs alone", "[admin][access]") {
  ApiBed bed;
  const std::string of_shop = bed.token(Role::Admin, {kShop});
  const ApiBed::Session all = bed.log_in(bed.token(Role::Admin));
  const ApiBed::Session game = bed.log_in(bed.token(Role::Viewer, {kGame}));
  const ApiBed::Session shop = bed.log_in(bed.token(Role::Viewer, {kShop}));
  const auto seen = bed.call("GET", "/v1/sessions", of_shop).body["items"];
  REQUIRE(seen.size() == 1);
  const auto every = bed.call("GET", "/v1/sessions", bed.token(Role::Admin)).body["items"];
  REQUIRE(every.size() == 3);
  int ended = 0;
  for (const auto& each : every) {
    const Heard heard = bed.call("DELETE", "/v1/sessions/" + each["id"].get<std::string>(), of_shop);
    CHECK((heard.status == 204 || heard.code() == "not_found"));
    ended += heard.status == 204 ? 1 : 0;
  }
  CHECK(ended == 1);
  CHECK(bed.by_session("GET", "/v1/me", all).status == 200);
  CHECK(bed.by_session("GET", "/v1/me", game).status == 200);
  CHECK(bed.by_session("GET", "/v1/me", shop).status == 401);
  for (const char* none : {"x", "%00", "0123456789abcdef", "0123456789abcdeg", "..", "%25"})
    CHECK(bed.call("DELETE", std::string("/v1/sessions/") + none, of_shop).status >= 400);
}

TEST_CASE("admin origin: an address as browsers say it", "[admin][access]") {
  struct Row {
    const char *url, *origin;
  };
  for (const Row& row : std::vector<Row>{{"https://console.example.com", "https://console.example.com"},
                                         {"HTTPS://Console.Example.com/", "https://console.example.com"},
                                         {"https://console.example.com:443", "https://console.example.com"},
                                         {"https://console.example.com:8443", "https://console.example.com:8443"},
                                         {"http://localhost:80", "http://localhost"},
                                         {"http://localhost:443", "http://localhost:443"},
                                         {"https://[::1]:9468", "https://[::1]:9468"},
                                         {"https://[::1]", "https://[::1]"}}) {
    CAPTURE(row.url);
    CHECK(origin_of(row.url).value() == row.origin);
  }
  for (const char* none :
       {"", "console.example.com", "ftp://a", "https://", "https:///", "https://a/b", "https://a?b", "https://a#b",
        "https://u@a", "https://a b", "https://a:", "https://a:0", "https://a:65536", "https://:443", "https://a:4x"}) {
    CAPTURE(none);
    CHECK_FALSE(origin_of(none));
  }
}

TEST_CASE("admin origin: a session's changes come from the page's own address", "[admin][access]") {
  ApiBed bed;
  bed.options.access.origin = "https://console.example.com";
  const std::string secret = bed.token(Role::Admin);
  const ApiBed::Session session = bed.log_in(secret);
  const auto from = [&](const std::string& method, const std::string& target, const char* origin) {
    HttpCall call = ApiBed::a_call(method, target);
    call.headers = {{"cookie", session.cookie}, {"x-nightpost-csrf", session.csrf}};
    if (*origin != '\0') call.headers.emplace_back("origin", origin);
    return bed.send(call);
  };
  for (const char* other : {"null", "https://evil.example", "http://console.example.com",
                            "https://console.example.com:8443", "https://console.example.com.evil.example"}) {
    CAPTURE(other);
    const Heard refused = from("POST", "/v1/logout", other);
    CHECK(refused.status == 403);
    CHECK(refused.code() == "origin");
    CHECK(from("GET", "/v1/me", other).status == 200);  // CORS keeps the answer from them
    HttpCall login = ApiBed::a_call("POST", "/v1/login", {{"token", secret}});
    login.headers.emplace_back("origin", other);
    CHECK(bed.send(login).code() == "origin");
    HttpCall program = ApiBed::a_call("POST", "/v1/certificates/9/disable");
    program.headers = {{"authorization", "Bearer " + secret}, {"origin", other}};
    CHECK(bed.send(program).status == 404);  // a program's token is no browser's
  }
  CHECK(from("POST", "/v1/logout", "https://console.example.com").status == 204);
  const ApiBed::Session again = bed.log_in(secret);  // a client that says none
  CHECK(bed.by_session("POST", "/v1/logout", again).status == 204);
}

}  // namespace
}  // namespace nightpost::admin

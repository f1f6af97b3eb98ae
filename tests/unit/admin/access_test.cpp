// Tokens, sessions, links, throttles.
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

TEST_CASE("admin access: a session begins by a token and ends by log-out", "[admin][access]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator, {kShop});
  const Heard begun = bed.call("POST", "/v1/login", "", {{"token", secret}});
  REQUIRE(begun.status == 200);
  CHECK(begun.body["role"] == "operator");
  CHECK(begun.body["apps"] == nlohmann::json{kShop.value});
  CHECK(begun.body["session"] == true);
  CHECK(begun.body["expires_at"] == to_ms(kThen + bed.options.access.session_lifetime));
  const std::string cookie = begun.header("set-cookie");
  CHECK(cookie.starts_with("nightpost=nps_"));
  for (const char* part : {"; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=43200"})
    CHECK(cookie.contains(part));
  CHECK_FALSE(cookie.contains("Secure"));  // a plain listener, on this machine

  const ApiBed::Session session{cookie.substr(0, cookie.find(';')), begun.body["csrf"]};
  const Heard me = bed.by_session("GET", "/v1/me", session);
  REQUIRE(me.status == 200);
  CHECK(me.body == begun.body);
  const Heard ended = bed.by_session("POST", "/v1/logout", session);
  CHECK(ended.status == 204);
  CHECK(ended.header("set-cookie").starts_with("nightpost=; "));
  CHECK(ended.header("set-cookie").contains("Max-Age=0"));
  CHECK(bed.by_session("GET", "/v1/me", session).status == 401);
  CHECK(bed.by_session("POST", "/v1/logout", session).status == 401);
  const auto audit = bed.audit();
  REQUIRE(audit.size() == 2);
  CHECK(audit[1].what == "login");
  CHECK(audit[0].what == "logout");
}

TEST_CASE("admin access: with TLS the cookie is for HTTPS and this host alone", "[admin][access]") {
  ApiBed bed;
  bed.options.access.tls = true;
  const std::string secret = bed.token(Role::Viewer);
  const Heard begun = bed.call("POST", "/v1/login", "", {{"token", secret}});
  const std::string cookie = begun.header("set-cookie");
  CHECK(cookie.starts_with("__Host-nightpost=nps_"));
  CHECK(cookie.ends_with("; Secure"));
  const ApiBed::Session session{cookie.substr(0, cookie.find(';')), begun.body["csrf"]};
  CHECK(bed.by_session("GET", "/v1/me", session).status == 200);
  // A cookie that a plain page of the same host planted has another name.
  CHECK(bed.by_session("GET", "/v1/me", {session.cookie.substr(7), session.csrf}).status == 401);
}

TEST_CASE("admin access: log-ins that are not as they must be", "[admin][access]") {
  ApiBed bed;
  const std::string good = bed.token(Role::Admin);
  const std::string over = bed.token(Role::Admin, {}, kThen);
  struct Row {
    const char* name;
    nlohmann::json body;
    int status;
    std::string code;
  };
  const std::vector<Row> rows = {
      {"neither", nlohmann::json::object(), 400, "malformed"},
      {"both", {{"token", good}, {"link", "npl_x"}}, 400, "malformed"},
      {"unknown", {{"token", "npt_x"}}, 401, "unauthorized"},
      {"over", {{"token", over}}, 401, "unauthorized"},
      {"a link that is none", {{"link", "npl_x"}}, 401, "unauthorized"},
      {"a token as a link", {{"link", good}}, 401, "unauthorized"},
      {"too long", {{"token", std::string(129, 'a')}}, 400, "malformed"},
      {"a number", {{"token", 1}}, 400, "malformed"},
      {"a hash out of the database", {{"token", hash_of(good)}}, 401, "unauthorized"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Heard heard = bed.call("POST", "/v1/login", "", row.body);
    CHECK(heard.status == row.status);
    CHECK(heard.code() == row.code);
    CHECK(heard.header("set-cookie").empty());
  }
  CHECK(bed.audit().empty());
}

TEST_CASE("admin access: a form of another site logs nobody in", "[admin][access]") {
  ApiBed bed;
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"}) {
    HttpCall call = ApiBed::a_call("POST", "/v1/login");
    call.body = R"({"token":"x"})";
    if (*type != '\0') call.headers.emplace_back("content-type", type);
    const Heard heard = bed.send(call);
    CHECK(heard.status == 415);
    CHECK(heard.code() == "not_json");
  }
}

TEST_CASE("admin access: a body that is none", "[admin][access]") {
  ApiBed bed;
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "{\"a\":";
  for (const std::string& body : {std::string("{"), std::string("[]"), std::string("null"), std::string("\xff"),
                                  std::string("{\"token\":\"\xff\"}"), deep}) {
    HttpCall call = ApiBed::a_call("POST", "/v1/login");
    call.body = body;
    call.headers.emplace_back("content-type", "application/json; charset=utf-8");
    const Heard heard = bed.send(call);
    CHECK(heard.status == 400);
    CHECK(heard.code() == "malformed");
  }
}

TEST_CASE("admin access: a session ends by idleness, by age, and with its token", "[admin][access]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Viewer);
  const milliseconds idle = bed.options.access.session_idle, life = bed.options.access.session_lifetime;
  const auto is_over = [&](const ApiBed::Session& session) {
    return bed.by_session("GET", "/v1/me", session).status == 401;
  };
  SECTION("idle") {
    const ApiBed::Session session = bed.log_in(secret);
    bed.clock.passed = idle - milliseconds(1);
    CHECK_FALSE(is_over(session));  // and was used now
    bed.clock.passed += idle - milliseconds(1);
    CHECK_FALSE(is_over(session));
    bed.clock.passed += idle;
    CHECK(is_over(session));
  }
  SECTION("age, however busy") {
    const ApiBed::Session session = bed.log_in(secret);
    for (; bed.clock.passed < life; bed.clock.passed += idle / 2) REQUIRE_FALSE(is_over(session));
    bed.clock.passed = life;
    CHECK(is_over(session));
  }
  SECTION("its token is revoked") {
    const ApiBed::Session session = bed.log_in(secret);
    REQUIRE(bed.admin->revoke_token(bed.latest, kThen));
    CHECK(is_over(session));
  }
  SECTION("its token ends") {
    const std::string short_lived = bed.token(Role::Viewer, {}, kThen + seconds(60));
    const ApiBed::Session session = bed.log_in(short_lived);
    CHECK_FALSE(is_over(session));
    bed.clock.passed = seconds(60);
    CHECK(is_over(session));
  }
  SECTION("too many of one token: the oldest goes") {
    bed.options.access.sessions_per_token_max = 2;
    const ApiBed::Session first = bed.log_in(secret);
    bed.clock.passed = milliseconds(1);
    const ApiBed::Session second = bed.log_in(secret);
    bed.clock.passed = milliseconds(2);
    const ApiBed::Session third = bed.log_in(secret);
    CHECK(is_over(first));
    CHECK_FALSE(is_over(second));
    CHECK_FALSE(is_over(third));
  }
}

TEST_CASE("admin access: no session is fixed by who plants a cookie", "[admin][access]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Viewer);
  HttpCall call = ApiBed::a_call("POST", "/v1/login", {{"token", secret}});
  call.headers.emplace_back("cookie", "nightpost=nps_planted");
  const Heard begun = bed.send(call);
  REQUIRE(begun.status == 200);
  CHECK_FALSE(begun.header("set-cookie").contains("planted"));
  CHECK(bed.by_session("GET", "/v1/me", {"nightpost=nps_planted", ""}).status == 401);
}

TEST_CASE("admin access: a request with a token does not look at its cookie", "[admin][access]") {
  ApiBed bed;
  const ApiBed::Session session = bed.log_in(bed.token(Role::Admin));
  HttpCall call = ApiBed::a_call("GET", "/v1/me");
  call.headers.emplace_back("cookie", session.cookie);
  call.headers.emplace_back("authorization", "Bearer npt_unknown");
  CHECK(bed.send(call).status == 401);
}

TEST_CASE("admin access: cookies of others beside ours", "[admin][access]") {
  ApiBed bed;
  const ApiBed::Session session = bed.log_in(bed.token(Role::Viewer));
  const auto with = [&](const std::string& cookies) {
    HttpCall call = ApiBed::a_call("GET", "/v1/me");
    call.headers.emplace_back("cookie", cookies);
    return bed.send(call).status;
  };
  CHECK(with("a=b; " + session.cookie + "; c=d") == 200);
  CHECK(with("nightpost2=x; " + session.cookie) == 200);
  for (const std::string& cookies : {std::string("a=b"), std::string("nightpost"), std::string("nightpost="),
                                     std::string(";;;"), "x" + session.cookie})
    CHECK(with(cookies) == 401);
}

TEST_CASE("admin access: a link logs an admin in, once, and is no token", "[admin][access]") {
  ApiBed bed;
  CHECK_FALSE(*has_administrator(*bed.admin, kThen));
  const std::string unused = *new_link(*bed.admin, bed.options.access, kThen);
  const std::string link = *new_link(*bed.admin, bed.options.access, kThen);
  CHECK(bed.call("GET", "/v1/me", link).status == 401);
  CHECK(bed.call("POST", "/v1/login", "", {{"link", unused}}).status == 401);  // the later one took its place
  const Heard begun = bed.call("POST", "/v1/login", "", {{"link", link}});
  REQUIRE(begun.status == 200);
  CHECK(begun.body["role"] == "admin");
  CHECK(begun.body["apps"].is_null());
  CHECK(bed.call("POST", "/v1/login", "", {{"link", link}}).status == 401);
  const std::string cookie = begun.header("set-cookie");
  const ApiBed::Session session{cookie.substr(0, cookie.find(';')), begun.body["csrf"]};
  bed.clock.passed = bed.options.access.link_lifetime + milliseconds(1);  // its end was that of logging in
  const Heard made = bed.by_session("POST", "/v1/tokens", session, true, {{"name", "me"}, {"role", "admin"}});
  REQUIRE(made.status == 201);
  CHECK(*has_administrator(*bed.admin, bed.clock.wall()));
  CHECK(bed.call("GET", "/v1/me", made.body["secret"]).body["name"] == "me");

  const std::string late = *new_link(*bed.admin, bed.options.access, bed.clock.wall());
  bed.clock.passed += bed.options.access.link_lifetime;
  CHECK(bed.call("POST", "/v1/login", "", {{"link", late}}).status == 401);
}

TEST_CASE("admin access: an administrator is one that is good and for all apps", "[admin][access]") {
  ApiBed bed;
  bed.token(Role::Operator);
  bed.token(Role::Admin, {kShop});
  bed.token(Role::Admin, {}, kThen);
  CHECK_FALSE(*has_administrator(*bed.admin, kThen));
  bed.token(Role::Admin);
  CHECK(*has_administrator(*bed.admin, kThen));
}

TEST_CASE("admin access: failures of an address are slowed down, others go on", "[admin][access]") {
  ApiBed bed;
  const std::string good = bed.token(Role::Admin);
  for (std::size_t i = 0; i < bed.limits.login_failures_max; ++i)
    CHECK(bed.call("POST", "/v1/login", "", {{"token", "npt_wrong"}}).status == 401);
  const Heard slow = bed.call("POST", "/v1/login", "", {{"token", good}});
  CHECK(slow.status == 429);
  CHECK(slow.code() == "too_many");
  CHECK(slow.header("retry-after") == "90");  // a tenth of 15 minutes
  CHECK(bed.call("GET", "/v1/me", "npt_wrong").status == 429);
  CHECK(bed.call("GET", "/v1/me", good).status == 200);  // a good token is nobody's guess
  HttpCall other = ApiBed::a_call("POST", "/v1/login", {{"token", good}});
  other.counted_as = "10.0.0.8";
  CHECK(bed.send(other).status == 200);
  bed.clock.passed = seconds(90);
  CHECK(bed.call("POST", "/v1/login", "", {{"token", good}}).status == 200);
}

TEST_CASE("admin access: a good token logs in at the rate of its requests", "[admin][access]") {
  ApiBed bed;
  Gate gate(GateOptions{.requests_burst_max = 2, .requests_per_second_max = 1});
  const std::string one = bed.token(Role::Viewer), two = bed.token(Role::Viewer);
  const auto begin_by = [&](const std::string& token) {
    const Tools tools = bed.tools_at(gate);
    return answer(ApiBed::a_call("POST", "/v1/login", {{"token", token}}), tools, nullptr).http.status;
  };
  CHECK(begin_by(one) == 200);
  CHECK(begin_by(one) == 200);
  CHECK(begin_by(one) == 429);
  CHECK(begin_by(two) == 200);
  CHECK(bed.audit().size() == 3);
  bed.clock.passed = seconds(1);
  CHECK(begin_by(one) == 200);
}

TEST_CASE("admin access: requests of a token have a rate", "[admin][access]") {
  ApiBed bed;
  Gate gate(GateOptions{.requests_burst_max = 3, .requests_per_second_max = 1});
  const std::string one = bed.token(Role::Viewer), two = bed.token(Role::Viewer);
  const auto call = [&](const std::string& token) {
    HttpCall asked = ApiBed::a_call("GET", "/v1/me");
    asked.headers.emplace_back("authorization", "Bearer " + token);
    const Tools tools = bed.tools_at(gate);
    return answer(asked, tools, nullptr).http.status;
  };
  for (int i = 0; i < 3; ++i) CHECK(call(one) == 200);
  CHECK(call(one) == 429);
  CHECK(call(two) == 200);
  bed.clock.passed = seconds(1);
  CHECK(call(one) == 200);
  CHECK(call(one) == 429);
}

TEST_CASE("admin access: what a stolen database holds logs nobody in", "[admin][access]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  const ApiBed::Session session = bed.log_in(secret);
  for (const std::string& taken : {hash_of(secret), hash_of(session.cookie.substr(session.cookie.find('=') + 1))}) {
    CHECK(bed.call("GET", "/v1/me", taken).status == 401);
    CHECK(bed.call("POST", "/v1/login", "", {{"token", taken}}).status == 401);
    CHECK(bed.by_session("GET", "/v1/me", {"nightpost=" + taken, ""}).status == 401);
  }
}

}  // namespace
}  // namespace nightpost::admin

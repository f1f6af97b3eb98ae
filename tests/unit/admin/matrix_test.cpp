// Every route × everybody who may knock: viewer, sender, operator, admin, nobody, expired, revoked, wrong app, a
// session without its CSRF header.
#include <fmt/format.h>

#include <set>

#include "support/companion_rows.h"
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

/// A call of the route that would go well, in app kShop.
struct GoodCall {
  std::string target;
  nlohmann::json body;
};

GoodCall good_call(const Route& route, std::int64_t certificate, std::int64_t removed, std::int64_t token,
                   const std::string& session) {
  const std::string user = "?app=1400000001&user=vinson";
  const nlohmann::json device = {{"app_id", kShop.value},
                                 {"user_id", "vinson"},
                                 {"device_id", "phone"},
                                 {"certificate_id", certificate},
                                 {"token", "fits"}};
  const nlohmann::json new_certificate = {
      {"app_id", kShop.value}, {"vendor", "xiaomi"}, {"name", "new"}, {"secret", "bytes"}};
  const std::map<std::string, GoodCall, std::less<>> calls = {
      {"POST /v1/logout", {"/v1/logout", nullptr}},
      {"GET /v1/certificates", {"/v1/certificates?app=1400000001", nullptr}},
      {"POST /v1/certificates", {"/v1/certificates", new_certificate}},
      {"POST /v1/certificates/check", {"/v1/certificates/check", new_certificate}},
      {"PATCH /v1/certificates/{id}", {"", {{"bundle_id", "com.other"}}}},
      {"GET /v1/certificates/removed", {"/v1/certificates/removed?app=1400000001", nullptr}},
      {"POST /v1/certificates/{id}/rollback", {"", {{"version", 1}}}},
      {"POST /v1/certificates/{id}/restore", {fmt::format("/v1/certificates/{}/restore", removed), nullptr}},
      {"POST /v1/certificates/{id}/approve-removals", {"", {{"for_ms", 60'000}}}},
      {"GET /v1/removals/held", {"/v1/removals/held?app=1400000001", nullptr}},
      {"GET /v1/devices", {"/v1/devices" + user, nullptr}},
      {"PUT /v1/devices", {"/v1/devices", device}},
      {"DELETE /v1/devices", {"/v1/devices" + user + "&device=first", nullptr}},
      {"POST /v1/devices/import", {"/v1/devices/import", kShop.value}},
      {"GET /v1/devices/export", {"/v1/devices/export?app=1400000001", nullptr}},
      {"POST /v1/users/import", {"/v1/users/import", kShop.value}},
      {"GET /v1/users/export", {"/v1/users/export?app=1400000001", nullptr}},
      {"GET /v1/users", {"/v1/users" + user, nullptr}},
      {"PATCH /v1/users", {"/v1/users" + user, {{"push", false}}}},
      {"PUT /v1/users/mutes", {"/v1/users/mutes" + user, {{"kind", "all"}}}},
      {"DELETE /v1/users/mutes", {"/v1/users/mutes" + user + "&kind=all", nullptr}},
      {"GET /v1/users/decision", {"/v1/users/decision" + user, nullptr}},
      {"GET /v1/trace/events", {"/v1/trace/events?event=e1", nullptr}},
      {"GET /v1/trace/users", {"/v1/trace/users" + user, nullptr}},
      {"GET /v1/im/totals", {"/v1/im/totals?app=1400000001", nullptr}},
      {"GET /v1/im/users", {"/v1/im/users?app=1400000001", nullptr}},
      {"GET /v1/im/user", {"/v1/im/user?app=1400000001&user=anna", nullptr}},
      {"POST /v1/im/user/kick", {"/v1/im/user/kick?app=1400000001&user=anna", nullptr}},
      {"PUT /v1/im/user/silence", {"/v1/im/user/silence?app=1400000001&user=anna", {{"chats_until", 0}}}},
      {"GET /v1/im/user/chats", {"/v1/im/user/chats?app=1400000001&user=anna", nullptr}},
      {"GET /v1/im/groups", {"/v1/im/groups?app=1400000001", nullptr}},
      {"GET /v1/im/group", {"/v1/im/group?app=1400000001&group=team", nullptr}},
      {"GET /v1/im/group/members", {"/v1/im/group/members?app=1400000001&group=team", nullptr}},
      {"POST /v1/im/history",
       {"/v1/im/history", {{"app_id", kShop.value}, {"reason", "ticket 4711"}, {"user", "anna"}, {"peer", "bob"}}}},
      {"GET /v1/im/words", {"/v1/im/words?app=1400000001", nullptr}},
      {"PUT /v1/im/words", {"/v1/im/words", {{"app_id", kShop.value}, {"word", "bad"}}}},
      {"DELETE /v1/im/words", {"/v1/im/words?app=1400000001&word=DARN", nullptr}},
      {"POST /v1/im/words/import", {"/v1/im/words/import", {{"app_id", kShop.value}, {"text", "worse"}}}},
      {"GET /v1/im/settings", {"/v1/im/settings?app=1400000001", nullptr}},
      {"PUT /v1/im/settings", {"/v1/im/settings", {{"app_id", kShop.value}, {"name", "auto_read"}, {"value", "true"}}}},
      {"DELETE /v1/im/settings", {"/v1/im/settings?app=1400000001&name=web_slots", nullptr}},
      {"GET /v1/live", {"/v1/live?app=1400000001", nullptr}},
      {"GET /v1/workers", {"/v1/workers?again=true", nullptr}},
      {"POST /v1/push", {"/v1/push", {{"app_id", kShop.value}, {"user_id", "vinson"}, {"desc", "hello"}}}},
      {"POST /v1/events", {"/v1/events", kShop.value}},
      {"GET /v1/letters", {"/v1/letters?app=1400000001", nullptr}},
      {"GET /v1/letters/{letter}", {"/v1/letters/0:1", nullptr}},
      {"POST /v1/letters/replay", {"/v1/letters/replay", {{"apps", {kShop.value}}}}},
      {"POST /v1/letters/drop", {"/v1/letters/drop", {{"apps", {kShop.value}}}}},
      {"POST /v1/tokens", {"/v1/tokens", {{"name", "new"}, {"role", "viewer"}, {"apps", {kShop.value}}}}},
      {"DELETE /v1/tokens/{id}", {fmt::format("/v1/tokens/{}", token), nullptr}},
      {"DELETE /v1/sessions/{session}", {"/v1/sessions/" + session, nullptr}},
      {"GET /v1/audit", {"/v1/audit?app=1400000001", nullptr}},
  };
  const auto found = calls.find(fmt::format("{} {}", route.method, route.path));
  GoodCall call = found == calls.end() ? GoodCall{} : found->second;
  if (call.target.empty()) call.target = route.path;
  if (const std::size_t id = call.target.find("{id}"); id != std::string::npos)
    call.target.replace(id, 4, std::to_string(certificate));
  return call;
}

/// A bed with what good_call() names.
struct MatrixBed : ApiBed {
  explicit MatrixBed(const Route& route) {
    if (route.path.starts_with("/v1/im/")) support::write_companion(place);
    certificate = a_certificate("shop");
    edit(certificate, "com.example.shop");
    removed = a_certificate("removed");
    if (!store->remove_certificate({removed})) FAIL("not removed");
    if (!store->set_device(kShop, "vinson",
                           {.device_id = "first",
                            .platform = Platform::Android,
                            .certificate = {removed},
                            .token = DeviceToken("abcdef0123"),
                            .registered_at = kThen}))
      FAIL("no device");
    token(Role::Viewer, {kShop});
    spare = latest;
    token(Role::Viewer, {kShop});
    session = std::string(store::kSessionIdBytes, 'a');
    if (!admin->add_session(std::string(64, 'a'), latest, kThen, kThen + seconds(600), 20)) FAIL("no session");
  }
  Heard good(const Route& route, const std::string& secret) {
    const GoodCall wanted = good_call(route);
    return call(std::string(route.method), wanted.target, secret, wanted.body);
  }
  GoodCall good_call(const Route& route) const { return admin::good_call(route, certificate, removed, spare, session); }
  std::int64_t certificate = 0, removed = 0, spare = 0;
  std::string session;
};

std::string label(const Route& route) { return fmt::format("{} {}", route.method, route.path); }

bool names_an_app(const Route& route) {
  // Of all others the answer holds what the caller may see.
  static const std::set<std::string, std::less<>> kOpenToAll = {"/v1/logout",  "/v1/me",     "/v1/health",
                                                                "/v1/vendors", "/v1/tokens", "/v1/sessions"};
  return !kOpenToAll.contains(route.path) || label(route) == "POST /v1/tokens";
}

TEST_CASE("admin matrix: each role may do what its routes say, and nothing else", "[admin][matrix]") {
  for (const Route& route : routes()) {
    CAPTURE(label(route));
    if (!route.role || route.path == "/v1/logout") continue;  // below
    for (std::size_t r = 0; r < kRoleNames.size(); ++r) {
      CAPTURE(kRoleNames[r]);
      MatrixBed bed(route);
      const Heard heard = bed.good(route, bed.token(Role(r), {}, std::nullopt, route.reader));
      if (Role(r) < *route.role) {
        CHECK(heard.status == 403);
        CHECK(heard.code() == "forbidden");
        CHECK(heard.message().contains(name_of(*route.role)));
        CHECK(bed.audit().empty());
      } else {
        CHECK(heard.status == route.done);
        CHECK(heard.body.is_null() == (route.done == 204));
        // Each deed of the table stands in the log, and nothing else does.
        REQUIRE(bed.audit().size() == (route.deed.empty() ? 0U : 1U));
        CHECK(heard.changed == !route.deed.empty());
        if (route.deed.empty()) continue;
        const store::AuditEntry entry = bed.audit().front();
        CHECK(entry.what == route.deed);
        CHECK(entry.outcome == "done");
        CHECK(entry.who.starts_with(kRoleNames[r]));
        CHECK(entry.token_id == bed.latest);
        CHECK(entry.origin == "10.0.0.7");
        CHECK(entry.at == bed.clock.wall());
      }
    }
  }
}

TEST_CASE("admin matrix: no role reads private messages without the grant", "[admin][matrix]") {
  std::set<std::string> private_ones;
  for (const Route& route : routes()) {
    CAPTURE(label(route));
    if (!route.reader) continue;
    private_ones.insert(label(route));
    MatrixBed bed(route);
    for (std::size_t r = 0; r < kRoleNames.size(); ++r) {
      const Heard heard = bed.good(route, bed.token(Role(r)));
      CHECK(heard.status == 403);
      CHECK(heard.code() == "forbidden");
      CHECK(heard.message().contains("reader"));
    }
    CHECK(bed.audit().empty());
    CHECK(bed.good(route, bed.token(Role::Viewer, {}, std::nullopt, true)).status == route.done);
    CHECK_FALSE(route.deed.empty());
  }
  CHECK(private_ones == std::set<std::string>{"GET /v1/im/user/chats", "POST /v1/im/history"});
}

TEST_CASE("admin matrix: who is nobody, over, revoked or of another app gets nothing", "[admin][matrix]") {
  for (const Route& route : routes()) {
    CAPTURE(label(route));
    if (!route.role) continue;
    MatrixBed bed(route);
    const std::string expired = bed.token(Role::Admin, {}, kThen - seconds(1));
    const std::string revoked = bed.token(Role::Admin);
    REQUIRE(bed.admin->revoke_token(bed.latest, kThen));
    for (const std::string& secret : {std::string(), std::string("npt_unknown"), expired, revoked}) {
      const Heard heard = bed.good(route, secret);
      CHECK(heard.status == 401);
      CHECK(heard.code() == "unauthorized");
    }
    HttpCall basic = ApiBed::a_call(std::string(route.method), bed.good_call(route).target);
    basic.headers.emplace_back("authorization", "Basic dmluc29uOnNlY3JldA==");
    CHECK(bed.send(basic).status == 401);
    CHECK(bed.audit().empty());

    if (!names_an_app(route) || route.events || route.lines) continue;  // of these each line is judged by itself
    const Heard other = bed.good(route, bed.token(Role::Admin, {kGame}, std::nullopt, true));
    CHECK((other.status == 403 || other.status == 404));
    CHECK((other.code() == "wrong_app" || other.code() == "not_found"));
    CHECK(bed.audit().empty());
    CHECK(bed.store->certificate({bed.certificate})->status == CertificateStatus::Active);
    CHECK(bed.store->certificate({bed.certificate})->version == 2);
    CHECK_FALSE(bed.store->certificate({bed.removed}));
    CHECK(bed.store->removal_approvals()->empty());
  }
}

TEST_CASE("admin matrix: a session changes nothing without its CSRF header", "[admin][matrix]") {
  for (const Route& route : routes()) {
    CAPTURE(label(route));
    if (!route.role) continue;
    MatrixBed bed(route);
    const ApiBed::Session session = bed.log_in(bed.token(Role::Admin, {}, std::nullopt, true));
    const ApiBed::Session other = bed.log_in(bed.token(Role::Admin));
    const GoodCall wanted = bed.good_call(route);
    const std::string method(route.method);
    const bool reads = route.method == "GET";
    const Heard without = bed.by_session(method, wanted.target, session, false, wanted.body);
    CHECK(without.status == (reads ? route.done : 403));
    if (!reads) CHECK(without.code() == "csrf");
    const Heard wrong = bed.by_session(method, wanted.target, {session.cookie, other.csrf}, true, wanted.body);
    CHECK(wrong.status == (reads ? route.done : 403));
    const Heard with = bed.by_session(method, wanted.target, session, true, wanted.body);
    CHECK(with.status == route.done);
  }
}

TEST_CASE("admin matrix: what no table has is refused by every route", "[admin][matrix]") {
  for (const Route& route : routes()) {
    CAPTURE(label(route));
    MatrixBed bed(route);
    const std::string secret = bed.token(Role::Admin, {}, std::nullopt, true);
    const GoodCall wanted = bed.good_call(route);
    const std::string mark = wanted.target.contains('?') ? "&" : "?";
    const Heard query = bed.call(std::string(route.method), wanted.target + mark + "stranger=1", secret, wanted.body);
    CHECK(query.status == 400);
    CHECK(query.path() == "query.stranger");
    if (route.events || route.lines) continue;  // its body has no members
    nlohmann::json body = wanted.body.is_null() ? nlohmann::json::object() : wanted.body;
    body["stranger"] = 1;
    const Heard member = bed.call(std::string(route.method), wanted.target, secret, body);
    CHECK(member.status == 400);
    CHECK(member.path() == "stranger");
    CHECK(bed.audit().empty());
  }
}

TEST_CASE("admin matrix: the table itself", "[admin][matrix]") {
  std::set<std::string> all;
  for (const Route& route : routes()) {
    CAPTURE(label(route));
    CHECK(all.insert(label(route)).second);
    CHECK(route.path.starts_with("/v1/"));
    CHECK(route.handler != nullptr);
    CHECK_FALSE(route.what.empty());
    CHECK_FALSE(route.since.empty());
    // Whoever changes something is somebody, and it is written down; check stores nothing, events are no ops' matter.
    if (route.method != "GET" && route.path != "/v1/certificates/check" && !route.events)
      CHECK_FALSE(route.deed.empty());
    if (!route.role) CHECK((route.path == "/v1/login" || route.path == "/v1/openapi.json"));
    if (route.method == "GET") CHECK(route.body.empty());
  }
}

TEST_CASE("admin matrix: what waits for vendors or brokers, or for many commits, has a room of its own",
          "[admin][matrix]") {
  std::set<std::string> waiting;
  for (const Route& route : routes())
    if (route.waits) waiting.insert(label(route));
  CHECK(waiting == std::set<std::string>{"GET /v1/im/totals", "POST /v1/im/words/import", "POST /v1/im/user/kick",
                                         "PUT /v1/im/user/silence", "GET /v1/devices/export", "GET /v1/users/export",
                                         "POST /v1/devices/import", "POST /v1/users/import", "GET /v1/letters",
                                         "GET /v1/letters/{letter}", "POST /v1/certificates/{id}/approve-removals",
                                         "POST /v1/certificates/{id}/verify", "POST /v1/events",
                                         "POST /v1/letters/drop", "POST /v1/letters/replay", "POST /v1/push"});
  struct Row {
    const char *method, *target;
    bool waits;
  };
  for (const Row& row : std::vector<Row>{{"POST", "/v1/push", true},
                                         {"GET", "/v1/push", false},
                                         {"POST", "/v1/push/", false},
                                         {"POST", "/v1/certificates/3/verify", true},
                                         {"POST", "/v1/certificates", false},
                                         {"POST", "/v1/certificates?verify=true", true},
                                         {"POST", "/v1/certificates?verify=false", false},
                                         {"POST", "/v1/certificates?verify=", false},
                                         {"PATCH", "/v1/certificates/3?verify=true", true},
                                         {"POST", "/v1/certificates/check?verify=true", true},
                                         {"GET", "/v1/certificates?verify=true", false},
                                         {"GET", "/v1/letters?state=all", true},
                                         {"GET", "/v1/letters/0:1", true},
                                         {"GET", "/v1/me", false},
                                         {"GET", "/v1/nothing", false},
                                         {"GET", "/v1/letters?%", false},
                                         {"GET", "", false}}) {
    CAPTURE(row.method, row.target);
    CHECK(waits_for_others(row.method, row.target) == row.waits);
  }
}

TEST_CASE("admin matrix: methods that a path does not have are told those it has", "[admin][matrix]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  const Heard heard = bed.call("PUT", "/v1/certificates/3", secret);
  CHECK(heard.status == 405);
  CHECK(heard.code() == "method");
  CHECK(heard.header("allow") == "GET, PATCH, DELETE");
  CHECK(bed.call("PUT", "/v1/certificates/removed", secret).header("allow") == "GET, PATCH, DELETE");
  CHECK(bed.call("OPTIONS", "/v1/me", secret).status == 405);  // no other site is let in
  for (const char* none : {"/v1", "/v1/", "/v1/nothing", "/v1/certificates/3/disable/x", "/v1/../v1/me"})
    CHECK(bed.call("GET", none, secret).status == 404);
}

TEST_CASE("admin matrix: the OpenAPI document says what the table says", "[admin][matrix][openapi]") {
  ApiBed bed;
  const Heard heard = bed.call("GET", "/v1/openapi.json", "");
  REQUIRE(heard.status == 200);
  const nlohmann::json& document = heard.body;
  CHECK(document["openapi"] == "3.1.0");
  CHECK(document["info"]["version"] == "0.1.0");
  std::size_t operations = 0;
  std::set<std::string> ids;
  for (const auto& [path, methods] : document["paths"].items()) operations += methods.size();
  CHECK(operations == routes().size());
  for (const Route& route : routes()) {
    CAPTURE(label(route));
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(c | 0x20);
    const nlohmann::json& one = document["paths"][std::string(route.path)][method];
    REQUIRE(one.is_object());
    CHECK(ids.insert(one["operationId"]).second);
    CHECK(one["responses"].contains(std::to_string(route.done)));
    const nlohmann::json& done = one["responses"][std::to_string(route.done)];
    CHECK(done.contains("content") == (route.done != 204));
    if (route.done != 204) CHECK(done["content"]["application/json"]["schema"].is_object());
    CHECK(one["security"].empty() == !route.role.has_value());
    if (route.role) CHECK(one["x-role"] == name_of(*route.role));
    CHECK(one.contains("x-grant") == route.reader);
    std::size_t in_query = 0, in_path = 0;
    for (const auto& parameter : one.value("parameters", nlohmann::json::array())) {
      in_query += parameter["in"] == "query" ? 1 : 0;
      in_path += parameter["in"] == "path" ? 1 : 0;
    }
    CHECK(in_query == route.query.size());
    CHECK(in_path == std::size_t(std::ranges::count(route.path, '{')));
    CHECK(one.contains("requestBody") == (!route.body.empty() || route.events || route.lines));
    if (route.body.empty()) continue;
    const auto& schema = one["requestBody"]["content"]["application/json"]["schema"];
    CHECK(schema["additionalProperties"] == false);
    CHECK(schema["properties"].size() == route.body.size());
    for (const Member& member : route.body) CHECK(schema["properties"].contains(std::string(member.name)));
  }
}

}  // namespace
}  // namespace nightpost::admin

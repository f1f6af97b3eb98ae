// The companion in the admin API: its users and groups, and private messages for readers alone.
#include <algorithm>
#include <utility>

#include "support/companion_rows.h"
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

using support::kMarkup;

struct CompanionBed : ApiBed {
  CompanionBed() { support::write_companion(place); }
  std::string reader = token(Role::Viewer, {}, std::nullopt, true);
  std::string viewer = token(Role::Viewer);
  std::string ops = token(Role::Operator);
};

const nlohmann::json kGoodQuestion = {
    {"app_id", kShop.value}, {"reason", "ticket 4711"}, {"user", "anna"}, {"peer", "bob"}};

nlohmann::json question_with(const char* name, const nlohmann::json& value) {
  nlohmann::json question = kGoodQuestion;
  question[name] = value;
  return question;
}

TEST_CASE("admin companion: a store without one says so by a code of its own", "[admin][companion]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator, {}, std::nullopt, true);
  struct Row {
    const char *method, *target;
    nlohmann::json body;
  };
  for (const Row& row : std::vector<Row>{{"GET", "/v1/im/totals?app=1400000001", nullptr},
                                         {"GET", "/v1/im/users?app=1400000001", nullptr},
                                         {"GET", "/v1/im/user?app=1400000001&user=anna", nullptr},
                                         {"POST", "/v1/im/user/kick?app=1400000001&user=anna", nullptr},
                                         {"GET", "/v1/im/user/chats?app=1400000001&user=anna", nullptr},
                                         {"GET", "/v1/im/groups?app=1400000001", nullptr},
                                         {"GET", "/v1/im/group?app=1400000001&group=team", nullptr},
                                         {"GET", "/v1/im/group/members?app=1400000001&group=team", nullptr},
                                         {"POST", "/v1/im/history", kGoodQuestion}}) {
    CAPTURE(row.target);
    const Heard heard = bed.call(row.method, row.target, secret, row.body);
    CHECK(heard.status == 404);
    CHECK(heard.code() == "no_companion");
  }
  CHECK(bed.im_server.asked.empty());
}

TEST_CASE("admin companion: another version of its tables is not the input's fault", "[admin][companion]") {
  CHECK(companion_refusal({Errc::Malformed, "version 99"}).status == 503);
  CHECK(companion_refusal({Errc::NotFound, "none"}).code == "no_companion");
  CHECK(companion_refusal({Errc::Overloaded, "busy"}).status == 503);
}

TEST_CASE("admin companion: users and groups are found, a page at a time", "[admin][companion]") {
  CompanionBed bed;
  const auto ids = [&](const std::string& target, const char* name) {
    const Heard heard = bed.call("GET", target, bed.viewer);
    REQUIRE(heard.status == 200);
    std::vector<std::string> out;
    for (const auto& each : heard.body["items"]) out.push_back(each[name]);
    if (!heard.body["next"].is_null()) out.push_back("… " + heard.body["next"].get<std::string>());
    return out;
  };
  using Ids = std::vector<std::string>;
  CHECK(ids("/v1/im/users?app=1400000001", "user_id") == Ids{"anna", "bob", "carl", "dora"});
  CHECK(ids("/v1/im/users?app=1400000001&limit=2", "user_id") == Ids{"anna", "bob", "… bob"});
  CHECK(ids("/v1/im/users?app=1400000001&after=bob&limit=3", "user_id") == Ids{"carl", "dora"});
  CHECK(ids("/v1/im/users?app=1400000001&prefix=an&name=IMG", "user_id") == Ids{"anna"});
  CHECK(ids("/v1/im/users?app=7", "user_id").empty());
  CHECK(ids("/v1/im/groups?app=1400000001", "group_id") == Ids{"team", "teams"});
  CHECK(ids("/v1/im/groups?app=1400000001&name=the", "group_id") == Ids{"team", "teams"});  // "Another"
  CHECK(ids("/v1/im/group/members?app=1400000001&group=team&role=owner", "user_id") == Ids{"anna"});
  for (const char* bad : {"/v1/im/users", "/v1/im/users?app=0", "/v1/im/users?app=1&limit=1001",
                          "/v1/im/users?app=1&limit=x", "/v1/im/group/members?app=1&group=team&role=root"}) {
    CAPTURE(bad);
    CHECK(bed.call("GET", bad, bed.viewer).status == 400);
  }
}

TEST_CASE("admin companion: one user, with the devices' tokens told of and not shown", "[admin][companion]") {
  CompanionBed bed;
  REQUIRE(bed.store->set_device(kShop, "anna",
                                {.device_id = "phone",
                                 .platform = Platform::Ios,
                                 .certificate = {1},
                                 .token = DeviceToken("a-token-of-annas-phone"),
                                 .registered_at = kThen}));
  const Heard heard = bed.call("GET", "/v1/im/user?app=1400000001&user=anna", bed.viewer);
  REQUIRE(heard.status == 200);
  CHECK(heard.body["nick"] == kMarkup);
  CHECK(heard.body["friends"] == 1);
  CHECK(heard.body["silent_in_chats_until"] == to_ms(kThen + seconds(60)));
  CHECK(heard.body["silent_in_groups_until"].is_null());
  CHECK(heard.body["fields"] == nlohmann::json::array({{{"tag", "Tag_Profile_IM_Level"}, {"value", 7}}}));
  const auto& devices = heard.body["devices"];
  REQUIRE(devices.size() == 2);
  CHECK(devices[0]["device_id"] == "phone");
  CHECK(devices[0]["last_login"] == true);
  CHECK(devices[0]["has_token"] == true);
  CHECK(devices[0]["token_at"] == to_ms(kThen));
  CHECK(devices[1]["state"] == "logged_out");
  CHECK(devices[1]["has_token"] == false);
  CHECK(devices[1]["token_at"].is_null());
  CHECK_FALSE(heard.body.dump().contains("a-token"));
  CHECK(heard.body["groups"].at(0)["role"] == "owner");
  CHECK(bed.call("GET", "/v1/im/user?app=1400000001&user=nobody", bed.viewer).code() == "not_found");
  CHECK(bed.call("GET", "/v1/im/user?app=1400000002&user=bob", bed.viewer).code() == "not_found");  // of another app
  CHECK(bed.audit().empty());
}

TEST_CASE("admin companion: users and groups whose ids a path would fold are found like any", "[admin][companion]") {
  CompanionBed bed;
  {
    auto tables = im::Tables::open(bed.place, {}, im::Tables::Use::Write);
    REQUIRE(tables);
    for (const char* id : {".", "..", "a/../b", "50%+1"}) {
      tables->add_account({kShop, id}, kThen);
      im::GroupRow group{.app = kShop, .id = id, .type = im::GroupType::Public, .members_max = 10, .fields = "{}"};
      tables->add_group(group);
    }
    REQUIRE_FALSE(tables->failure());
  }
  struct Row {
    const char *in_query, *id;
  };
  for (const Row& row : std::vector<Row>{{".", "."},
                                         {"..", ".."},
                                         {"%2E%2E", ".."},
                                         {"a%2F..%2Fb", "a/../b"},
                                         {"a/../b", "a/../b"},
                                         {"50%25%2B1", "50%+1"}}) {
    CAPTURE(row.in_query);
    const std::string query = "?app=1400000001";
    const Heard user = bed.call("GET", "/v1/im/user" + query + "&user=" + row.in_query, bed.viewer);
    CHECK(user.status == 200);
    CHECK(user.body["user_id"] == row.id);
    const Heard group = bed.call("GET", "/v1/im/group" + query + "&group=" + row.in_query, bed.viewer);
    CHECK(group.status == 200);
    CHECK(group.body["group_id"] == row.id);
    CHECK(bed.call("GET", "/v1/im/group/members" + query + "&group=" + row.in_query, bed.viewer).status == 200);
    CHECK(bed.call("POST", "/v1/im/user/kick" + query + "&user=" + row.in_query, bed.ops).status == 204);
    CHECK(bed.im_server.asked == std::string("kick ") + row.id);
  }
  for (const char* bad :
       {"/v1/im/user?app=1400000001", "/v1/im/group?app=1400000001", "/v1/im/user/kick?app=1400000001"})
    CHECK(bed.call(bad == std::string("/v1/im/user/kick?app=1400000001") ? "POST" : "GET", bad, bed.ops).status == 400);
  CHECK(bed.call("GET", "/v1/im/user?app=1400000001&user=", bed.viewer).code() == "not_found");
}

TEST_CASE("admin companion: a group with what it is, and no word of an application", "[admin][companion]") {
  CompanionBed bed;
  const Heard heard = bed.call("GET", "/v1/im/group?app=1400000001&group=team", bed.viewer);
  REQUIRE(heard.status == 200);
  CHECK(heard.body["owner"] == "anna");
  CHECK(heard.body["messages"] == 3);
  CHECK(heard.body["notification"] == "be kind");
  CHECK(heard.body["fields"] == nlohmann::json::object());
  CHECK(heard.body["applications"].at(0)["state"] == "waits");
  CHECK_FALSE(heard.body.dump().contains("let me in"));
  CHECK(bed.call("GET", "/v1/im/group?app=1400000001&group=teamster", bed.viewer).code() == "not_found");
}

TEST_CASE("admin companion: a user is kicked and silenced by the IM server, and the log has it", "[admin][companion]") {
  CompanionBed bed;
  CHECK(bed.call("POST", "/v1/im/user/kick?app=1400000001&user=anna", bed.ops).status == 204);
  CHECK(bed.im_server.asked == "kick anna");
  CHECK(bed.audit().front().object == "anna");
  struct Row {
    const char* name;
    nlohmann::json body;
    std::string asked;
  };
  const std::int64_t now = to_ms(kThen);
  for (const Row& row : std::vector<Row>{
           {"both", {{"chats_until", now + 60'000}, {"groups_until", now + 1}}, "silence anna, 60, 1"},
           {"one of both", {{"groups_until", now + 3'600'000}}, "silence anna, as it is, 3600"},
           {"null is left out", {{"chats_until", now + 1'000}, {"groups_until", nullptr}}, "silence anna, 1, as it is"},
           {"the past lifts it", {{"chats_until", 0}}, "silence anna, 0, as it is"}}) {
    CAPTURE(row.name);
    CHECK(bed.call("PUT", "/v1/im/user/silence?app=1400000001&user=anna", bed.ops, row.body).status == 204);
    CHECK(bed.im_server.asked == row.asked);
  }
  const store::AuditEntry entry = bed.audit().front();
  CHECK(entry.what == "im.silence");
  CHECK(nlohmann::json::parse(entry.before)["chats_until"] == now + 60'000);  // as the store had it
  CHECK(nlohmann::json::parse(entry.after)["chats_until"] == 0);

  bed.im_server.asked.clear();
  const std::size_t before = bed.audit().size();
  CHECK(bed.call("PUT", "/v1/im/user/silence?app=1400000001&user=anna", bed.ops, nlohmann::json::object()).path() ==
        "chats_until");
  for (const char* nobody : {"nobody", "carl", "ANNA"}) {  // carl's account was removed
    CAPTURE(nobody);
    const std::string query = std::string("?app=1400000001&user=") + nobody;
    CHECK(bed.call("POST", "/v1/im/user/kick" + query, bed.ops).status == 404);
    CHECK(bed.call("PUT", "/v1/im/user/silence" + query, bed.ops, {{"chats_until", 0}}).status == 404);
  }
  CHECK(bed.im_server.asked.empty());
  CHECK(bed.audit().size() == before);
  bed.im_server.away = true;
  const Heard failed = bed.call("POST", "/v1/im/user/kick?app=1400000001&user=anna", bed.ops);
  CHECK(failed.status == 502);
  CHECK(failed.code() == "im_server");
  CHECK(bed.audit().front().outcome == "failed: nobody answers");
}

TEST_CASE("admin companion: messages are read with a reason, which the log keeps", "[admin][companion]") {
  CompanionBed bed;
  bed.clock.passed = milliseconds(5'000);
  const Heard heard = bed.call("POST", "/v1/im/history", bed.reader, question_with("limit", 2));
  REQUIRE(heard.status == 200);
  REQUIRE(heard.body["items"].size() == 2);
  CHECK(heard.body["next"] == 2);
  const auto& recalled = heard.body["items"][0];
  CHECK(recalled["recalled"] == true);
  CHECK(recalled["elements"].empty());
  CHECK(heard.body["items"][1]["hidden"] == true);
  store::AuditEntry entry = bed.audit().front();
  CHECK(entry.what == "im.history");
  CHECK(entry.object == "anna, bob");
  CHECK(entry.app == kShop);
  CHECK(entry.origin == "10.0.0.7");
  const auto note = nlohmann::json::parse(entry.after);
  CHECK(note["reason"] == "ticket 4711");
  CHECK(note["user"] == "anna");
  CHECK(note["peer"] == "bob");
  CHECK_FALSE(note.contains("group"));
  CHECK(note["first"] == 2);
  CHECK(note["last"] == 3);
  CHECK(note["messages"] == 2);
  CHECK_FALSE(entry.after.contains("are you there"));

  const Heard older = bed.call("POST", "/v1/im/history", bed.reader, question_with("before", 2));
  REQUIRE(older.body["items"].size() == 1);
  CHECK(older.body["next"].is_null());
  CHECK(older.body["items"][0]["elements"][0]["text"] == kMarkup);  // as it was written: the page shows it as text
  CHECK(older.body["items"][0]["cloud_data"] == "order 7");
  CHECK(bed.audit().size() == 2);

  const nlohmann::json of_group = {{"app_id", kShop.value}, {"reason", "ticket 4711"}, {"group", "team"}};
  const Heard group = bed.call("POST", "/v1/im/history", bed.reader, of_group);
  REQUIRE(group.body["items"].size() == 3);
  CHECK(group.body["items"][0]["tip"] == true);
  CHECK(group.body["items"][2]["targets"] == nlohmann::json::array({"bob"}));
  CHECK(bed.audit().front().object == "team");
  CHECK(nlohmann::json::parse(bed.audit().front().after)["group"] == "team");

  // A look that finds nothing is one, too.
  CHECK(bed.call("POST", "/v1/im/history", bed.reader, question_with("peer", "dora")).status == 404);
  CHECK(bed.audit().front().object == "anna, dora");
  CHECK(bed.audit().front().outcome.starts_with("failed"));
}

TEST_CASE("admin companion: without a reason or a conversation nothing is read", "[admin][companion]") {
  CompanionBed bed;
  struct Row {
    const char* name;
    nlohmann::json body;
    int status;
    std::string path;
  };
  const nlohmann::json no_reason = {{"app_id", kShop.value}, {"user", "anna"}, {"peer", "bob"}};
  for (const Row& row :
       std::vector<Row>{{"no reason", no_reason, 400, "reason"},
                        {"an empty one", question_with("reason", ""), 422, "reason"},
                        {"blanks", question_with("reason", "             "), 422, "reason"},
                        {"a short one", question_with("reason", "why not"), 422, "reason"},
                        {"a null", question_with("reason", nullptr), 400, "reason"},
                        {"too long a one", question_with("reason", std::string(513, 'x')), 400, "reason"},
                        {"one side", question_with("peer", nullptr), 400, "user"},
                        {"nobody", question_with("user", ""), 400, "user"},
                        {"a group as well", question_with("group", "team"), 400, "user"},
                        {"no app", question_with("app_id", nullptr), 400, "app_id"},
                        {"too many", question_with("limit", 101), 400, "limit"},
                        {"before the first", question_with("before", 0), 400, "before"}}) {
    CAPTURE(row.name);
    const Heard heard = bed.call("POST", "/v1/im/history", bed.reader, row.body);
    CHECK(heard.status == row.status);
    CHECK(heard.path() == row.path);
  }
  CHECK(bed.audit().empty());
}

/// As the store's, and takes no entry.
class DeafAdmin final : public store::AdminStore {
 public:
  explicit DeafAdmin(store::AdminStore& real) : real_(real) {}
  Result<void> together(const std::function<Result<void>()>& work) override { return real_.together(work); }
  Result<store::AdminToken> add_token(const store::AdminToken& token, std::string_view hash) override {
    return real_.add_token(token, hash);
  }
  Result<std::vector<store::AdminToken>> tokens(std::size_t limit) override { return real_.tokens(limit); }
  Result<store::AdminToken> token(std::int64_t id) override { return real_.token(id); }
  Result<std::optional<store::AdminToken>> token_of(std::string_view hash) override { return real_.token_of(hash); }
  Result<void> touch_token(std::int64_t id, WallTime now) override { return real_.touch_token(id, now); }
  Result<void> revoke_token(std::int64_t id, WallTime now) override { return real_.revoke_token(id, now); }
  Result<std::optional<store::AdminToken>> use_link(std::string_view hash, WallTime now) override {
    return real_.use_link(hash, now);
  }
  Result<void> revoke_unused_links(WallTime now) override { return real_.revoke_unused_links(now); }
  Result<void> add_session(std::string_view hash, std::int64_t token_id, WallTime now, WallTime ends_at,
                           std::size_t per_token_max) override {
    return real_.add_session(hash, token_id, now, ends_at, per_token_max);
  }
  Result<std::optional<store::AdminSession>> session(std::string_view hash) override { return real_.session(hash); }
  Result<std::optional<store::AdminSession>> session_of_id(std::string_view id) override {
    return real_.session_of_id(id);
  }
  Result<std::vector<store::AdminSession>> sessions(WallTime since, WallTime now, std::size_t limit) override {
    return real_.sessions(since, now, limit);
  }
  Result<void> remove_session_of_id(std::string_view id) override { return real_.remove_session_of_id(id); }
  Result<void> touch_session(std::string_view hash, WallTime now) override { return real_.touch_session(hash, now); }
  Result<void> remove_session(std::string_view hash) override { return real_.remove_session(hash); }
  Result<void> prune_sessions(WallTime before, WallTime now) override { return real_.prune_sessions(before, now); }
  Result<void> add_audit(const store::AuditEntry&) override { return fail(Errc::Overloaded, "busy"); }
  Result<std::vector<store::AuditEntry>> audit(const store::AuditQuery& query, std::size_t limit) override {
    return real_.audit(query, limit);
  }
  Result<std::size_t> prune_audit(const store::AuditPrune& prune, std::size_t limit) override {
    return real_.prune_audit(prune, limit);
  }
  Result<std::vector<store::DeviceKey>> devices_by_token(std::string_view prefix, std::optional<AppId> app,
                                                         std::size_t limit) override {
    return real_.devices_by_token(prefix, app, limit);
  }

 private:
  store::AdminStore& real_;
};

TEST_CASE("admin companion: what the audit log does not take is not shown", "[admin][companion]") {
  CompanionBed bed;
  const auto real = std::exchange(bed.admin, nullptr);
  bed.admin = std::make_unique<DeafAdmin>(*real);
  const std::string history = "/v1/im/history";
  for (const Heard& heard : {bed.call("POST", history, bed.reader, kGoodQuestion),
                             bed.call("GET", "/v1/im/user/chats?app=1400000001&user=anna", bed.reader),
                             bed.call("POST", history, bed.reader, question_with("peer", "dora")),  // they have none
                             bed.call("GET", "/v1/im/user/chats?app=1400000001&user=nobody", bed.reader)}) {
    CHECK(heard.status == 503);
    CHECK(heard.code() == "not_recorded");
    CHECK(heard.message().contains("nothing is shown"));
    CHECK_FALSE(heard.body.contains("items"));
  }
  bed.admin = nullptr;
}

TEST_CASE("admin companion: only a reader makes a reader", "[admin][companion]") {
  CompanionBed bed;
  const nlohmann::json wanted = {{"name", "legal"}, {"role", "viewer"}, {"reader", true}};
  const Heard refused = bed.call("POST", "/v1/tokens", bed.token(Role::Admin), wanted);
  CHECK(refused.status == 403);
  CHECK(refused.path() == "reader");
  const Heard made = bed.call("POST", "/v1/tokens", bed.token(Role::Admin, {}, std::nullopt, true), wanted);
  REQUIRE(made.status == 201);
  CHECK(made.body["reader"] == true);
  CHECK(bed.call("POST", "/v1/im/history", made.body["secret"], kGoodQuestion).status == 200);
  CHECK(bed.call("GET", "/v1/me", made.body["secret"]).body["reader"] == true);
  CHECK(bed.call("GET", "/v1/me", bed.viewer).body["reader"] == false);
  const ApiBed::Session session = bed.log_in(bed.reader);
  CHECK(bed.by_session("POST", "/v1/im/history", session, true, kGoodQuestion).status == 200);
  const auto& entry = bed.audit();
  CHECK(std::ranges::any_of(entry, [](const auto& each) {
    return each.what == "token.add" && nlohmann::json::parse(each.after)["reader"] == true;
  }));
}

}  // namespace
}  // namespace nightpost::admin

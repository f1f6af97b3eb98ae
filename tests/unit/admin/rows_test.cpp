// Import and export: whose lines, what is refused, what the audit log is told.
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

Heard import(ApiBed& bed, const std::string& target, const std::string& token, const std::string& body,
             const std::string& type = "application/x-ndjson") {
  HttpCall call = ApiBed::a_call("POST", target);
  call.headers = {{"authorization", "Bearer " + token}, {"content-type", type}};
  call.body = body;
  return bed.send(call);
}

TEST_CASE("admin rows: lines are written, those that are bad are named by their number", "[admin][rows]") {
  ApiBed bed;
  const std::string operator_token = bed.token(Role::Operator, {kShop});
  const Heard heard =
      import(bed, "/v1/devices/import?from_line=5001", operator_token, "1400000001\nbad\n1400000002\n1400000001\n");
  REQUIRE(heard.status == 200);
  CHECK(heard.body["lines"] == 4);
  CHECK(heard.body["written"] == 2);
  CHECK(heard.body["left_out"] == 2);
  CHECK(heard.body["dry_run"] == false);
  CHECK(heard.body["bad"][0] == nlohmann::json{{"line", 5002}, {"why", "refused"}});
  CHECK(heard.body["bad"][1]["line"] == 5003);  // another app's
  REQUIRE(bed.audit().size() == 1);
  CHECK(bed.audit().front().what == "device.import");
  CHECK(nlohmann::json::parse(bed.audit().front().after) ==
        nlohmann::json{{"from_line", 5001}, {"written", 2}, {"left_out", 2}});

  CHECK(import(bed, "/v1/users/import?dry_run=true", operator_token, "1400000001").body["dry_run"] == true);
  CHECK(bed.rows.asked == "users dry");
  CHECK(bed.audit().size() == 1);  // nothing was written
  CHECK(import(bed, "/v1/users/import", operator_token, "1400000001").status == 200);
  CHECK(bed.audit().front().what == "user.import");
}

TEST_CASE("admin rows: bodies and queries that are not as they must be", "[admin][rows]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  for (const char* target : {"/v1/devices/import", "/v1/users/import"}) {
    CAPTURE(target);
    CHECK(import(bed, target, secret, "").status == 400);
    CHECK(import(bed, target, secret, std::string(50'001, '\n')).code() == "too_large");
    CHECK(import(bed, target, secret, "{}", "application/json").code() == "not_json");
    CHECK(import(bed, target, secret, "{}", "text/plain").status == 415);
    CHECK(import(bed, target, secret, "{}", "").status == 415);
    const std::string t(target);
    CHECK(import(bed, t + "?from_line=0", secret, "1400000001").path() == "query.from_line");
    CHECK(import(bed, t + "?from_line=x", secret, "1400000001").path() == "query.from_line");
    CHECK(import(bed, t + "?dry_run=1", secret, "1400000001").path() == "query.dry_run");
    CHECK(import(bed, t, bed.token(Role::Sender), "1400000001").status == 403);
  }
  CHECK(bed.audit().empty());
  bed.rows.away = true;
  CHECK(import(bed, "/v1/devices/import", secret, "1400000001").status == 503);
  CHECK(bed.audit().front().outcome == "failed: the store is busy");  // some of it may be there
}

TEST_CASE("admin rows: pages of an export go on behind a key, and each is written down", "[admin][rows]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  const Heard first = bed.call("GET", "/v1/devices/export?app=1400000001&limit=7", secret);
  REQUIRE(first.status == 200);
  CHECK(first.body["lines"] == "{}\n");
  CHECK(bed.rows.exported.kind == RowKind::Devices);
  CHECK(bed.rows.exported.app == kShop);
  CHECK(bed.rows.exported.limit == 7);
  CHECK(bed.rows.exported.after.user_id.empty());
  const std::string next = "after_user=vin%20son&after_app=1400000001";
  REQUIRE(bed.call("GET", "/v1/devices/export?" + next + "&after_device=mi", secret).status == 200);
  CHECK(bed.rows.exported.after.user_id == "vin son");
  CHECK(bed.rows.exported.after.app == kShop);
  CHECK(bed.rows.exported.after.device.device_id == "mi");
  CHECK_FALSE(bed.rows.exported.app);
  REQUIRE(bed.call("GET", "/v1/users/export?" + next, secret).status == 200);
  CHECK(bed.rows.exported.kind == RowKind::Users);
  REQUIRE(bed.audit().size() == 3);
  CHECK(bed.audit()[2].what == "device.export");
  CHECK(bed.audit()[2].app == kShop);
  CHECK(nlohmann::json::parse(bed.audit()[2].after)["rows"] == 1);
  CHECK(bed.audit()[0].what == "user.export");

  // Tokens in full are for admins; of some apps, for theirs.
  CHECK(bed.call("GET", "/v1/devices/export?app=1400000001", bed.token(Role::Operator)).code() == "forbidden");
  const std::string of_shop = bed.token(Role::Admin, {kShop});
  CHECK(bed.call("GET", "/v1/devices/export?app=1400000001", of_shop).status == 200);
  CHECK(bed.call("GET", "/v1/devices/export?app=1400000002", of_shop).code() == "wrong_app");
  CHECK(bed.call("GET", "/v1/devices/export", of_shop).path() == "query.app");
  CHECK(bed.call("GET", "/v1/users/export?after_device=mi", secret).path() == "query.after_device");
  CHECK(bed.call("GET", "/v1/devices/export?limit=10001", secret).path() == "query.limit");
  CHECK(bed.call("GET", "/v1/devices/export?after_app=-1", secret).path() == "query.after_app");
}

}  // namespace
}  // namespace nightpost::admin

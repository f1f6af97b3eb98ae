// Versions and roll back, removals taken back, removals that are held; as whom the store is written.
#include <fmt/format.h>

#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

std::string of_certificate(std::int64_t id, std::string_view what = "") {
  return fmt::format("/v1/certificates/{}{}", id, what);
}

TEST_CASE("admin versions: who wrote what, and what a roll back would change", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::int64_t id = bed.a_certificate();
  REQUIRE(bed.call("PATCH", of_certificate(id), secret, {{"bundle_id", "com.two"}, {"secret", "another"}}).status ==
          200);
  REQUIRE(bed.call("POST", of_certificate(id, "/disable"), secret).status == 200);
  const Heard heard = bed.call("GET", of_certificate(id, "/versions"), bed.token(Role::Viewer));
  REQUIRE(heard.status == 200);
  CHECK(heard.body["id"] == id);
  CHECK(heard.body["app_id"] == kShop.value);
  CHECK(heard.body["removed"] == false);
  const nlohmann::json& items = heard.body["items"];
  REQUIRE(items.size() == 3);
  using Words = std::vector<std::string>;
  const Words two = {"secret", "com.example → com.two"}, back = {"secret", "com.two → com.example"};
  CHECK(items[0]["version"] == 3);
  CHECK(items[0]["in_use"] == true);
  CHECK(items[0]["written_by"] == "console:operator1");
  CHECK(items[0]["written_at"].is_number());
  CHECK(items[0]["changes"] == Words{"status"});
  CHECK(items[0]["rollback_changes"].empty());
  CHECK(items[1]["changes"] == two);
  CHECK(items[1]["written_by"] == "console:operator1");
  CHECK(items[1]["rollback_changes"].empty());  // the status stays
  CHECK(items[2]["in_use"] == false);
  CHECK(items[2]["written_by"] == "");
  CHECK(items[2]["changes"].empty());
  CHECK(items[2]["rollback_changes"] == back);
  for (const char* hidden : {"the secret bytes", "another", "the receipt key"})
    CHECK_FALSE(heard.body.dump().contains(hidden));
}

TEST_CASE("admin versions: each call writes as its own caller", "[admin][history]") {
  ApiBed bed;
  const std::int64_t id = bed.a_certificate();
  const std::string first = bed.token(Role::Operator), second = bed.token(Role::Admin);
  const ApiBed::Session session = bed.log_in(first);
  REQUIRE(bed.call("POST", of_certificate(id, "/disable"), second).status == 200);
  REQUIRE(bed.by_session("POST", of_certificate(id, "/enable"), session).status == 200);
  CHECK(bed.call("POST", of_certificate(id, "/disable"), "npt_unknown").status == 401);
  const auto versions = bed.store->certificate_versions({id}).value();
  REQUIRE(versions.size() == 3);
  CHECK(versions[0].written_by == "console:operator1");
  CHECK(versions[1].written_by == "console:admin2");
}

TEST_CASE("admin rollback: an earlier version is the next one, and is written down", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::int64_t id = bed.a_certificate();
  bed.edit(id, "com.two", "another");
  REQUIRE(bed.store->set_certificate_status({id}, CertificateStatus::Disabled));
  const Heard heard = bed.call("POST", of_certificate(id, "/rollback"), secret, {{"version", 1}});
  REQUIRE(heard.status == 200);
  CHECK(heard.body["version"] == 4);
  CHECK(heard.body["bundle_id"] == "com.example");
  CHECK(heard.body["status"] == "disabled");
  CHECK(bed.store->secret({id})->bytes == "the secret bytes");
  const store::AuditEntry entry = bed.audit().front();
  CHECK(entry.what == "certificate.rollback");
  CHECK(entry.object == std::to_string(id));
  CHECK(entry.app == kShop);
  CHECK(nlohmann::json::parse(entry.before)["bundle_id"] == "com.two");
  CHECK(nlohmann::json::parse(entry.after)["bundle_id"] == "com.example");
  CHECK(nlohmann::json::parse(entry.after)["as_version"] == 1);
  for (const std::string& text : {entry.before, entry.after, heard.body.dump()}) {
    CHECK_FALSE(text.contains("secret bytes"));
    CHECK_FALSE(text.contains("another"));
  }
}

TEST_CASE("admin rollback: what is refused changes nothing", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin, {kShop});
  const std::int64_t id = bed.a_certificate(), theirs = bed.a_certificate("game", kGame);
  const std::int64_t gone = bed.a_certificate("gone");
  bed.edit(id, "com.two");
  bed.edit(theirs, "com.two");
  REQUIRE(bed.store->remove_certificate({gone}));
  struct Row {
    const char* name;
    std::string target;
    nlohmann::json body;
    int status;
    std::string code, path;
  };
  const std::vector<Row> rows = {
      {"no version", of_certificate(id, "/rollback"), nlohmann::json::object(), 400, "malformed", "version"},
      {"null", of_certificate(id, "/rollback"), {{"version", nullptr}}, 400, "malformed", "version"},
      {"version 0", of_certificate(id, "/rollback"), {{"version", 0}}, 400, "malformed", "version"},
      {"a text", of_certificate(id, "/rollback"), {{"version", "1"}}, 400, "malformed", "version"},
      {"no such version", of_certificate(id, "/rollback"), {{"version", 3}}, 422, "invalid", "version"},
      {"the one in use", of_certificate(id, "/rollback"), {{"version", 2}}, 409, "conflict", "version"},
      {"no such certificate", of_certificate(99, "/rollback"), {{"version", 1}}, 404, "not_found", ""},
      {"no number", "/v1/certificates/x/rollback", {{"version", 1}}, 404, "not_found", ""},
      {"another app's", of_certificate(theirs, "/rollback"), {{"version", 1}}, 404, "not_found", ""},
      {"one that was removed", of_certificate(gone, "/rollback"), {{"version", 1}}, 409, "conflict", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Heard heard = bed.call("POST", row.target, secret, row.body);
    CHECK(heard.status == row.status);
    CHECK(heard.code() == row.code);
    CHECK(heard.path() == row.path);
  }
  CHECK(bed.store->certificate({id})->version == 2);
  CHECK(bed.store->certificate({theirs})->version == 2);
  CHECK_FALSE(bed.store->certificate({gone}));
  CHECK(bed.audit().empty());
}

TEST_CASE("admin rollback: what a shard could not send with stays a version of before", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::int64_t id = bed.a_certificate();
  bed.edit(id, "com.two", "bad");
  bed.edit(id, "com.three");
  const Heard heard = bed.call("POST", of_certificate(id, "/rollback"), secret, {{"version", 2}});
  CHECK(heard.status == 422);
  CHECK(heard.path() == "version");
  CHECK(heard.message() == "version 2: this .p12 holds a certificate but no key");
  CHECK(bed.store->certificate({id})->version == 3);
  CHECK(bed.audit().front().outcome.starts_with("failed: version 2"));
}

TEST_CASE("admin rollback: a name that another has by now is a conflict", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::int64_t id = bed.a_certificate("first");
  REQUIRE(bed.call("PATCH", of_certificate(id), secret, {{"name", "second"}}).status == 200);
  bed.a_certificate("first");
  const Heard heard = bed.call("POST", of_certificate(id, "/rollback"), secret, {{"version", 1}});
  CHECK(heard.status == 409);
  CHECK(heard.code() == "conflict");
  CHECK(bed.store->certificate({id})->name == "second");
}

TEST_CASE("admin restore: a removal is taken back, under its id", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  const std::int64_t id = bed.a_certificate();
  CHECK(bed.call("GET", "/v1/certificates/removed", secret).body["items"].empty());
  REQUIRE(bed.call("DELETE", of_certificate(id), secret).status == 204);
  const Heard listed = bed.call("GET", "/v1/certificates/removed", bed.token(Role::Viewer));
  REQUIRE(listed.body["items"].size() == 1);
  CHECK(listed.body["items"][0]["id"] == id);
  CHECK(listed.body["items"][0]["name"] == "shop");
  CHECK_FALSE(listed.body.dump().contains("the secret bytes"));
  CHECK(bed.call("GET", of_certificate(id, "/versions"), secret).body["removed"] == true);

  CHECK(bed.call("POST", of_certificate(id, "/restore"), bed.token(Role::Operator)).status == 403);
  const Heard restored = bed.call("POST", of_certificate(id, "/restore"), secret);
  REQUIRE(restored.status == 200);
  CHECK(restored.body["id"] == id);
  CHECK(restored.body["version"] == 2);
  CHECK(bed.store->secret({id})->bytes == "the secret bytes");
  CHECK(bed.call("GET", "/v1/certificates/removed", secret).body["items"].empty());
  const store::AuditEntry entry = bed.audit().front();
  CHECK(entry.what == "certificate.restore");
  CHECK(entry.before.empty());
  CHECK(nlohmann::json::parse(entry.after)["as_version"] == 1);
}

TEST_CASE("admin restore: what is refused restores nothing", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin, {kShop});
  const std::int64_t kept = bed.a_certificate("kept"), purged = bed.a_certificate("purged");
  const std::int64_t theirs = bed.a_certificate("game", kGame), taken = bed.a_certificate("taken");
  for (const std::int64_t id : {purged, theirs, taken}) REQUIRE(bed.store->remove_certificate({id}));
  REQUIRE(bed.store->purge_certificate({purged}));
  bed.a_certificate("taken");
  struct Row {
    const char* name;
    std::int64_t id;
    int status;
    std::string code;
  };
  const std::vector<Row> rows = {{"not removed", kept, 409, "conflict"},
                                 {"purged", purged, 404, "not_found"},
                                 {"never there", 99, 404, "not_found"},
                                 {"another app's", theirs, 404, "not_found"},
                                 {"its name is taken", taken, 409, "conflict"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Heard heard = bed.call("POST", of_certificate(row.id, "/restore"), secret);
    CHECK(heard.status == row.status);
    CHECK(heard.code() == row.code);
  }
  CHECK(bed.call("GET", of_certificate(theirs, "/versions"), secret).status == 404);
  CHECK(bed.call("GET", of_certificate(purged, "/versions"), secret).status == 404);
  const Heard listed = bed.call("GET", "/v1/certificates/removed", secret);
  REQUIRE(listed.body["items"].size() == 1);
  CHECK(listed.body["items"][0]["id"] == taken);
  CHECK(bed.call("GET", "/v1/certificates/removed?app=1400000002", secret).code() == "wrong_app");
  CHECK(bed.call("GET", "/v1/certificates/removed?app=x", secret).path() == "query.app");
  REQUIRE(bed.audit().size() == 1);  // what was tried
  CHECK(bed.audit().front().outcome.starts_with("failed: "));
}

TEST_CASE("admin removals: what is held is listed, and goes by ops' word", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::int64_t id = bed.a_certificate();
  bed.hold(id, {"ann", "bob", "cid"});
  const Heard held = bed.call("GET", "/v1/removals/held", bed.token(Role::Viewer));
  CHECK(held.body["items"][0]["id"] == id);
  CHECK(held.body["items"][0]["held"] == 1);
  REQUIRE(bed.store->set_device(kShop, "bob",
                                {.device_id = "phone",
                                 .platform = Platform::Android,
                                 .certificate = {id},
                                 .token = DeviceToken("registered-anew"),
                                 .registered_at = kThen + seconds(1)}));
  const Heard heard = bed.call("POST", of_certificate(id, "/approve-removals"), secret, {{"for_ms", 21'600'000}});
  REQUIRE(heard.status == 200);
  const std::int64_t until = to_ms(kThen) + 21'600'000;
  CHECK(heard.body ==
        nlohmann::json{{"id", id}, {"held", 3}, {"removed", 2}, {"stopped", false}, {"approved_until", until}});
  const auto left = bed.store->devices(kShop, std::nullopt, 10).value();
  REQUIRE(left.size() == 1);
  CHECK(left[0].user_id == "bob");
  CHECK(bed.store->removal_holds(std::nullopt)->empty());
  REQUIRE(bed.store->removal_approvals()->size() == 1);
  CHECK(bed.store->removal_approvals()->front().until == wall_from_ms(until));
  const store::AuditEntry entry = bed.audit().front();
  CHECK(entry.what == "certificate.approve_removals");
  CHECK(nlohmann::json::parse(entry.after)["removed"] == 2);
  const Heard usual = bed.call("POST", of_certificate(id, "/approve-removals"), secret, nlohmann::json::object());
  CHECK(usual.body["approved_until"] == to_ms(kThen) + 3'600'000);
  CHECK(usual.body["held"] == 0);
}

TEST_CASE("admin removals: one request removes so many, and says so", "[admin][history]") {
  ApiBed bed;
  const std::int64_t id = bed.a_certificate();
  std::vector<HeldRemoval> removals;  // of devices that are gone by now
  for (int i = 0; i < 501; ++i) removals.push_back({kShop, "user-" + std::to_string(i), "phone", kThen});
  REQUIRE(bed.store->keep_removals({.certificate = {id}, .worker = "w", .heard = "answers", .last = kThen}, 1, removals,
                                   {.devices_max = 1'000}));
  bed.options.held_removed_max = 500;
  const std::string secret = bed.token(Role::Operator), approve = of_certificate(id, "/approve-removals");
  const Heard first = bed.call("POST", approve, secret, {{"for_ms", 60'000}});
  CHECK(first.body["held"] == 500);
  CHECK(first.body["stopped"] == true);
  const Heard second = bed.call("POST", approve, secret, {{"for_ms", 60'000}});
  CHECK(second.body["held"] == 1);
  CHECK(second.body["stopped"] == false);
  CHECK(second.body["removed"] == 0);
}

TEST_CASE("admin removals: what is refused removes nothing", "[admin][history]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator, {kShop});
  const std::int64_t id = bed.a_certificate(), theirs = bed.a_certificate("game", kGame);
  const std::int64_t gone = bed.a_certificate("gone");
  REQUIRE(bed.store->remove_certificate({gone}));
  bed.hold(id, {"ann"});
  bed.hold(theirs, {"bob"});
  struct Row {
    const char* name;
    std::string target;
    nlohmann::json body;
    int status;
    std::string path;
  };
  const auto target = [](std::int64_t of) { return of_certificate(of, "/approve-removals"); };
  const std::vector<Row> rows = {
      {"less than a minute", target(id), {{"for_ms", 59'999}}, 400, "for_ms"},
      {"more than a week", target(id), {{"for_ms", 604'800'001}}, 400, "for_ms"},
      {"below zero", target(id), {{"for_ms", -1}}, 400, "for_ms"},
      {"a text", target(id), {{"for_ms", "1h"}}, 400, "for_ms"},
      {"a fraction", target(id), {{"for_ms", 60'000.5}}, 400, "for_ms"},
      {"another member", target(id), {{"until", 1}}, 400, "until"},
      {"another app's", target(theirs), {{"for_ms", 60'000}}, 404, ""},
      {"one that was removed", target(gone), {{"for_ms", 60'000}}, 404, ""},
      {"never there", target(99), {{"for_ms", 60'000}}, 404, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Heard heard = bed.call("POST", row.target, secret, row.body);
    CHECK(heard.status == row.status);
    CHECK(heard.path() == row.path);
  }
  CHECK(bed.call("POST", target(id), bed.token(Role::Sender), {{"for_ms", 60'000}}).status == 403);
  CHECK(bed.store->devices(kShop, std::nullopt, 10)->size() == 1);
  CHECK(bed.store->devices(kGame, std::nullopt, 10)->size() == 1);
  CHECK(bed.store->removal_approvals()->empty());
  CHECK(bed.audit().empty());
  const Heard listed = bed.call("GET", "/v1/removals/held", secret);
  REQUIRE(listed.body["items"].size() == 1);
  CHECK(listed.body["items"][0]["id"] == id);
  CHECK(bed.call("GET", "/v1/removals/held?app=1400000002", secret).code() == "wrong_app");
}

}  // namespace
}  // namespace nightpost::admin

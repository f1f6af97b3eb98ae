// What the routes of certificates do with good and bad input, and what the audit log is told.
#include "core/text.h"
#include "unit/admin/api_bed.h"

namespace nightpost::admin {
namespace {

TEST_CASE("admin certificates: added, seen, changed, never shown", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  nlohmann::json body = kNewCertificate;
  body.erase("secret");
  body["file"] = base64("the key file");
  body["password"] = "hunter2";
  body["settings"] = {{"click", "app"}, {"receipt_url", "https://a/?key=shown"}};
  const Heard added = bed.call("POST", "/v1/certificates", secret, body);
  REQUIRE(added.status == 201);
  CHECK(added.body["version"] == 1);
  CHECK(added.body["status"] == "active");
  CHECK(added.body["settings"]["click"] == "app");
  CHECK(added.body["settings"]["receipt_url"] == "…");
  CHECK(added.body["receipt_path"].is_null());
  const std::string one = "/v1/certificates/" + std::to_string(added.body["id"].get<std::int64_t>());
  CHECK(bed.call("GET", one, secret).body == added.body);
  CHECK(bed.store->secret({added.body["id"].get<std::int64_t>()})->bytes == "the key file");

  const Heard changed =
      bed.call("PATCH", one, secret, {{"bundle_id", "com.shop"}, {"settings", {{"click", nullptr}, {"sound", "on"}}}});
  REQUIRE(changed.status == 200);
  CHECK(changed.body["bundle_id"] == "com.shop");
  CHECK(changed.body["version"] == 2);
  CHECK_FALSE(changed.body["settings"].contains("click"));
  CHECK(changed.body["settings"]["sound"] == "on");
  CHECK(bed.call("POST", one + "/disable", bed.token(Role::Operator)).body["status"] == "disabled");
  CHECK(bed.call("POST", one + "/enable", secret).body["status"] == "active");
  const auto versions = bed.store->certificate_versions({added.body["id"].get<std::int64_t>()});
  REQUIRE(versions);
  REQUIRE(versions->size() == 4);  // the newest first, each with who called
  CHECK((*versions)[0].written_by == "console:admin1");
  CHECK((*versions)[1].written_by == "console:operator2");
  CHECK((*versions)[2].written_by == "console:admin1");
  CHECK((*versions)[3].written_by == "console:admin1");
  CHECK(bed.call("GET", "/v1/certificates", secret).body["items"].size() == 1);
  CHECK(bed.call("DELETE", one, secret).status == 204);
  CHECK(bed.call("GET", one, secret).status == 404);

  const auto audit = bed.audit();
  REQUIRE(audit.size() == 5);
  CHECK(audit[3].what == "certificate.replace");
  CHECK(nlohmann::json::parse(audit[3].before)["version"] == 1);
  CHECK(nlohmann::json::parse(audit[3].after)["version"] == 2);
  CHECK(audit[3].app == kShop);
  for (const store::AuditEntry& entry : audit)
    for (const char* hidden : {"the key file", "hunter2", "key=shown"}) {
      CHECK_FALSE(entry.before.contains(hidden));
      CHECK_FALSE(entry.after.contains(hidden));
    }
}

TEST_CASE("admin certificates: a setting that is shown in part is not stored in part", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  nlohmann::json body = kNewCertificate;
  body["settings"] = {{"click", "app"}, {"receipt_url", "https://a/?key=shown"}};
  const Heard added = bed.call("POST", "/v1/certificates", secret, body);
  REQUIRE(added.status == 201);
  const std::int64_t id = added.body["id"];
  const std::string one = "/v1/certificates/" + std::to_string(id);
  // Given back as it is shown, it stays.
  const Heard same = bed.call("PATCH", one, secret, {{"bundle_id", "com.x"}, {"settings", added.body["settings"]}});
  REQUIRE(same.status == 200);
  CHECK(bed.store->certificate({id})->settings.at("receipt_url") == "https://a/?key=shown");
  CHECK(bed.store->certificate({id})->settings.at("click") == "app");
  // Anywhere else it is a mistake.
  for (const char* hidden : {"…", "https://a/?…"}) {
    CAPTURE(hidden);
    CHECK(bed.call("PATCH", one, secret, {{"settings", {{"click", hidden}}}}).path() == "settings.click");
    body["name"] = "other";
    body["settings"] = {{"receipt_url", hidden}};
    for (const char* route : {"/v1/certificates", "/v1/certificates/check"}) {
      const Heard refused = bed.call("POST", route, secret, body);
      CHECK(refused.status == 422);
      CHECK(refused.path() == "settings.receipt_url");
    }
  }
  REQUIRE(bed.call("PATCH", one, secret, {{"settings", {{"click", "more…"}, {"receipt_url", "https://b/?key=2"}}}})
              .status == 200);
  CHECK(bed.store->certificate({id})->settings.at("receipt_url") == "https://b/?key=2");
  CHECK(bed.store->certificate({id})->settings.at("click") == "more…");
}

TEST_CASE("admin certificates: a bad credential replaces nothing, and is written down", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::int64_t id = bed.a_certificate();
  const std::string one = "/v1/certificates/" + std::to_string(id);
  const Heard refused = bed.call("PATCH", one, secret, {{"file", base64("bad")}});
  CHECK(refused.status == 422);
  CHECK(refused.code() == "invalid");
  CHECK(refused.path() == "file");
  CHECK(refused.message() == "this .p12 holds a certificate but no key");
  CHECK(bed.store->secret({id})->bytes == "the secret bytes");
  CHECK(bed.store->certificate({id})->version == 1);
  REQUIRE(bed.audit().size() == 1);
  CHECK(bed.audit().front().outcome == "failed: this .p12 holds a certificate but no key");
  nlohmann::json body = kNewCertificate;
  body["secret"] = "bad";
  CHECK(bed.call("POST", "/v1/certificates/check", secret, body).status == 422);
  CHECK(bed.call("POST", "/v1/certificates/check", secret, kNewCertificate).status == 200);
  CHECK(bed.store->certificates(std::nullopt)->size() == 1);
  CHECK(bed.audit().size() == 1);  // a check is no change
}

TEST_CASE("admin certificates: what is refused, and where", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  bed.a_certificate("twice", kShop, Vendor::Apns);
  struct Row {
    const char* name;
    nlohmann::json change;  // null: taken away
    int status;
    std::string path;
  };
  const std::vector<Row> rows = {
      {"no app", {{"app_id", nullptr}}, 400, "app_id"},
      {"app 0", {{"app_id", 0}}, 400, "app_id"},
      {"no vendor", {{"vendor", nullptr}}, 400, "vendor"},
      {"a vendor nobody knows", {{"vendor", "nokia"}}, 400, "vendor"},
      {"a name that is markup", {{"name", "<script>"}}, 422, "name"},
      {"a name that is taken", {{"name", "twice"}}, 409, "name"},
      {"no Base64", {{"secret", nullptr}, {"file", "a b"}}, 422, "file"},
      {"two secrets", {{"file", "YQ=="}}, 400, "secret"},
      {"no secret", {{"secret", nullptr}}, 422, "file"},
      {"an environment nobody has", {{"environment", "staging"}}, 400, "environment"},
      {"settings as an array", {{"settings", {1}}}, 400, "settings"},
      {"a setting that is a number", {{"settings", {{"click", 1}}}}, 400, "settings.click"},
      {"a file that is far too long", {{"secret", nullptr}, {"file", std::string(350'004, 'a')}}, 400, "file"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    nlohmann::json body = kNewCertificate;
    for (const auto& [name, value] : row.change.items()) {
      if (value.is_null())
        body.erase(name);
      else
        body[name] = value;
    }
    const Heard heard = bed.call("POST", "/v1/certificates", secret, body);
    CHECK(heard.status == row.status);
    CHECK(heard.path() == row.path);
  }
  CHECK(bed.store->certificates(std::nullopt)->size() == 1);
  for (const char* none : {"/v1/certificates/99", "/v1/certificates/0", "/v1/certificates/-1", "/v1/certificates/1x",
                           "/v1/certificates/99999999999999999999"})
    CHECK(bed.call("GET", none, secret).status == 404);
  CHECK(bed.call("PATCH", "/v1/certificates/1", secret, nlohmann::json::object()).status == 400);
  CHECK(bed.call("PATCH", "/v1/certificates/1", secret, {{"vendor", "fcm"}}).path() == "vendor");
}

TEST_CASE("admin certificates: the vendor is asked where that is wanted, and has the last word", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const auto with = [](const std::string& bytes) {
    nlohmann::json body = kNewCertificate;
    body["secret"] = bytes;
    return body;
  };
  const std::string add = "/v1/certificates?verify=true", check = "/v1/certificates/check?verify=true";
  CHECK_FALSE(bed.call("POST", "/v1/certificates/check", secret, kNewCertificate).body.contains("verification"));
  CHECK(bed.certificates.verified == 0);
  CHECK(bed.call("POST", check, secret, with("good")).body["verification"]["verdict"] == "accepted");
  CHECK(bed.call("POST", check, secret, with("away")).body["verification"]["verdict"] == "unknown");
  for (const std::string& target : {add, check}) {
    const Heard refused = bed.call("POST", target, secret, with("revoked"));
    CHECK(refused.status == 422);
    CHECK(refused.code() == "refused_by_vendor");
    CHECK(refused.path() == "secret");
    CHECK(refused.message().contains("InvalidProviderToken: not Apple's"));
  }
  const Heard away = bed.call("POST", add, secret, with("away"));
  CHECK(away.status == 502);
  CHECK(away.code() == "vendor");
  CHECK(bed.store->certificates(std::nullopt)->empty());
  const Heard added = bed.call("POST", add, secret, with("good"));
  REQUIRE(added.status == 201);
  CHECK(added.body["verification"]["code"] == "BadDeviceToken");
  CHECK(nlohmann::json::parse(bed.audit().front().after)["verification"] == "accepted");

  const std::string one = "/v1/certificates/" + std::to_string(added.body["id"].get<std::int64_t>());
  CHECK(bed.call("PATCH", one + "?verify=true", secret, {{"secret", "revoked"}}).status == 422);
  CHECK(bed.store->certificate({added.body["id"].get<std::int64_t>()})->version == 1);
  CHECK(bed.call("PATCH", one, secret, {{"secret", "revoked"}}).status == 200);  // deliberately
  CHECK(nlohmann::json::parse(bed.audit().front().after)["verification"] == "skipped");
  const Heard verified = bed.call("POST", one + "/verify", secret);
  CHECK(verified.status == 200);
  CHECK(verified.body["verdict"] == "refused");
  CHECK(bed.audit().front().what == "certificate.verify");
  CHECK(bed.call("POST", one + "?verify=yes", secret, {{"name", "x"}}).status == 405);
  CHECK(bed.call("PATCH", one + "?verify=yes", secret, {{"name", "x"}}).path() == "query.verify");
}

TEST_CASE("admin certificates: an edit that another one overtook is refused", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  REQUIRE(bed.call("POST", "/v1/certificates", secret, kNewCertificate).status == 201);
  bed.certificates.while_verifying = [&] {
    bed.certificates.while_verifying = nullptr;
    CHECK(bed.call("PATCH", "/v1/certificates/1", secret, {{"bundle_id", "com.first"}}).status == 200);
  };
  const Heard late = bed.call("PATCH", "/v1/certificates/1?verify=true", secret, {{"bundle_id", "com.second"}});
  CHECK(late.status == 409);
  CHECK(late.code() == "conflict");
  CHECK(bed.store->certificate({1})->bundle_id == "com.first");
  CHECK(bed.call("PATCH", "/v1/certificates/1", secret, {{"bundle_id", "com.second"}}).status == 200);
}

TEST_CASE("admin certificates: an edit made of an earlier version is refused", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator), one = "/v1/certificates/1";
  REQUIRE(bed.call("POST", "/v1/certificates", secret, kNewCertificate).status == 201);
  CHECK(bed.call("PATCH", one, secret, {{"bundle_id", "com.first"}, {"of_version", 1}}).body["version"] == 2);
  for (const int version : {1, 3}) {
    const Heard late = bed.call("PATCH", one, secret, {{"bundle_id", "com.second"}, {"of_version", version}});
    CHECK(late.status == 409);
    CHECK(late.code() == "conflict");
  }
  CHECK(bed.call("PATCH", one, secret, {{"of_version", 2}}).status == 400);  // which changes nothing
  CHECK(bed.call("PATCH", one, secret, {{"bundle_id", "com.x"}, {"of_version", 0}}).path() == "of_version");
  CHECK(bed.store->certificate({1})->bundle_id == "com.first");
}

TEST_CASE("admin certificates: a sealed secret goes to no other host", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::string one = "/v1/certificates/" + std::to_string(bed.a_certificate());
  for (const std::string& query : {std::string(), std::string("?verify=true")}) {
    const Heard refused = bed.call("PATCH", one + query, secret, {{"host", "https://elsewhere.example.com"}});
    CHECK(refused.status == 422);
    CHECK(refused.path() == "host");
  }
  CHECK(bed.certificates.verified == 0);
  CHECK(bed.call("GET", one, secret).body["version"] == 1);
  CHECK(bed.call("PATCH", one, secret, {{"host", ""}}).status == 200);
  CHECK(bed.call("PATCH", one, secret, {{"host", "https://elsewhere.example.com"}, {"secret", "mine"}}).status == 200);
}

TEST_CASE("admin certificates: one in use stays", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  const std::int64_t id = bed.a_certificate();
  const nlohmann::json device = {{"app_id", kShop.value},
                                 {"user_id", "vinson"},
                                 {"device_id", "phone"},
                                 {"certificate_id", id},
                                 {"token", "abcdef0123"}};
  REQUIRE(bed.call("PUT", "/v1/devices", secret, device).status == 200);
  const Heard kept = bed.call("DELETE", "/v1/certificates/" + std::to_string(id), secret);
  CHECK(kept.status == 409);
  CHECK(kept.code() == "conflict");
  CHECK(bed.store->certificate({id}));
}

TEST_CASE("admin certificates: a mistake has the code of its sentence, where it is one that is known",
          "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Admin);
  const auto reasons = [&](const char* method, const std::string& target, const nlohmann::json& body) {
    const Heard heard = bed.call(method, target, secret, body);
    CHECK(heard.status >= 400);
    return heard.body["error"].value("reasons", nlohmann::json());
  };
  const auto with = [](const char* member, const char* value) {
    nlohmann::json body = kNewCertificate;
    body.erase("secret");
    body[member] = value;
    return body;
  };
  CHECK(reasons("POST", "/v1/certificates", with("bundle_id", "com.shop"))[0]["code"] == "no_secret");
  CHECK(reasons("POST", "/v1/certificates/check", with("file", "?"))[0]["code"] == "not_base64");
  REQUIRE(bed.call("POST", "/v1/certificates", secret, kNewCertificate).status == 201);
  CHECK(reasons("POST", "/v1/certificates", kNewCertificate)[0]["code"] == "name_taken");
  // Words that the table does not have, what the body's table says, and routes of other things.
  CHECK(reasons("POST", "/v1/certificates", with("secret", "bad")).is_null());
  CHECK(reasons("POST", "/v1/certificates", {{"app_id", kShop.value}}).is_null());
  CHECK(reasons("POST", "/v1/certificates", with("sekret", "x")).is_null());
  CHECK(reasons("GET", "/v1/certificates/77", nullptr).is_null());
  CHECK(reasons("GET", "/v1/nothing", nullptr).is_null());
}

TEST_CASE("admin certificates: the receipt key is shown to operators, and that is written down", "[admin][routes]") {
  ApiBed bed;
  const std::string secret = bed.token(Role::Operator);
  const std::string one = "/v1/certificates/" + std::to_string(bed.a_certificate()) + "/receipt-key";
  const Heard shown = bed.call("GET", one, secret);
  CHECK(shown.body["receipt_key"] == "the receipt key");
  CHECK(bed.audit().front().what == "certificate.receipt_key");
  CHECK_FALSE(bed.audit().front().after.contains("the receipt key"));
}

}  // namespace
}  // namespace nightpost::admin

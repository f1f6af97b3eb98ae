// What certificates were: the words for a change, and `nightpost cert versions`, `rollback`, `restore`, `purge`,
// `rekey`.
#include "app/cert_history.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/output.h"
#include "store/sealer.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

TEST_CASE("cert history: what changed, in words", "[app][cert]") {
  struct Row {
    const char* name;
    void (*change)(Certificate&);
    Words words;
  };
  const Row row = GENERATE(values<Row>({
      {"nothing", [](Certificate&) {}, {}},
      {"the version alone is no change", [](Certificate& c) { c.version = 9; }, {}},
      {"name", [](Certificate& c) { c.name = "other"; }, {"name: shop → other"}},
      {"package", [](Certificate& c) { c.bundle_id = "com.x"; }, {"package: com.example.shop → com.x"}},
      {"environment",
       [](Certificate& c) { c.environment = Environment::Development; },
       {"environment: production → development"}},
      {"status", [](Certificate& c) { c.status = CertificateStatus::Disabled; }, {"status: active → disabled"}},
      {"host", [](Certificate& c) { c.host_override = "https://a:1"; }, {"host: nothing → https://a:1"}},
      {"the CA is not shown", [](Certificate& c) { c.ca_pem = "PEM"; }, {"own CA"}},
      {"a fact", [](Certificate& c) { c.facts["not_after"] = "2027"; }, {"fact not_after: nothing → 2027"}},
      {"a setting changes", [](Certificate& c) { c.settings["channel_id"] = "im"; }, {"setting channel_id: 7 → im"}},
      {"a setting goes", [](Certificate& c) { c.settings.erase("channel_id"); }, {"setting channel_id: 7 → nothing"}},
      {"a key in a setting is not shown",
       [](Certificate& c) { c.settings["receipt_url"] = "https://a/?key=two"; },
       {"setting receipt_url"}},
      {"several",
       [](Certificate& c) { c.name = "other", c.settings["click"] = "app"; },
       {"name: shop → other", "setting click: nothing → app"}},
  }));
  CAPTURE(row.name);
  const Certificate before{.vendor = Vendor::Xiaomi,
                           .name = "shop",
                           .bundle_id = "com.example.shop",
                           .facts = {{"kind", "secret"}},
                           .settings = {{"channel_id", "7"}, {"receipt_url", "https://a/?key=one"}}};
  Certificate after = before;
  row.change(after);
  CHECK(changes_between(before, after, false) == row.words);
  const Words with_secret = changes_between(before, after, true);
  REQUIRE_FALSE(with_secret.empty());
  CHECK(with_secret.front() == "secret");
  CHECK(with_secret.size() == row.words.size() + 1);
}

class Vault {
 public:
  Vault() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    write("config.json",
          Json{{"store", {{"url", "sqlite:" + file("store.db")}, {"master_key_file", file("master.key")}}}}.dump());
    write("one.secret", "abcdefghijklmnopqrstuv==");
    write("two.secret", "zyxwvutsrqponmlkjihgfe==");
    write("master.key", old_key);
  }
  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;
  ~Vault() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::trunc) << text;
    REQUIRE(::chmod(file(name).c_str(), 0600) == 0);
  }
  support::CliRan cert(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "cert");
    arguments.insert(arguments.end(), {"--config", file("config.json")});
    return support::run_cli(folder_, std::move(arguments));
  }
  std::string add() const {
    const auto ran = cert({"add", "--vendor", "xiaomi", "--app", "1", "--name", "shop", "--package", "com.example.shop",
                           "--set", "app_id=100000001", "--secret-file", file("one.secret")});
    REQUIRE(ran.code == kDone);
    return ran.out.substr(0, ran.out.find('\n'));
  }
  const std::string old_key = store::Sealer::new_key_text();

 private:
  std::string folder_ = "/tmp/nightpost-vault-XXXXXX";
};

TEST_CASE("cert history: each part of a secret that differs is a change, and none is shown", "[app][cert]") {
  const store::NewCertificate before{.facts = {.vendor = Vendor::Xiaomi, .name = "shop"},
                                     .secret = {"bytes", "password", "receipt key"}};
  store::NewCertificate after = before;
  CHECK(changes_between(before, after).empty());
  SECTION("bytes") { after.secret.bytes = "others"; }
  SECTION("password") { after.secret.password = "another"; }
  SECTION("receipt key") { after.secret.receipt_key.clear(); }
  CHECK(changes_between(before, after) == Words{"secret"});
}

TEST_CASE("cert versions, rollback: an edit is told, and taken back", "[app][cert]") {
  const Vault vault;
  const std::string id = vault.add();
  REQUIRE(vault.cert({"update", id, "--secret-file", vault.file("two.secret"), "--set", "channel_id=im"}).code ==
          kDone);
  const auto told = vault.cert({"versions", id});
  REQUIRE(told.code == kDone);
  CHECK(told.out.contains("in use"));
  CHECK(told.out.contains("cli:"));
  CHECK(told.out.contains("setting channel_id: nothing → im"));
  CHECK_FALSE(told.out.contains("zyxw"));
  const Json json = Json::parse(vault.cert({"versions", id, "--json"}).out);
  REQUIRE(json.size() == 2);
  REQUIRE(json[0]["changes"].size() == 3);
  CHECK(json[0]["changes"][0] == "secret");
  CHECK(json[0]["changes"][1].get<std::string>().starts_with("fact fingerprint: "));
  CHECK(json[0]["changes"][2] == "setting channel_id: nothing → im");
  CHECK(json[1]["changes"].empty());
  CHECK(json[1]["in_use"] == false);

  REQUIRE(vault.cert({"rollback", id, "--to", "1"}).code == kDone);
  const Json shown = Json::parse(vault.cert({"show", id, "--json"}).out);
  CHECK(shown["version"] == 3);
  CHECK_FALSE(shown["settings"].contains("channel_id"));
  CHECK(Json::parse(vault.cert({"versions", id, "--json"}).out)[0]["changes"][0] == "secret");
  CHECK(vault.cert({"rollback", id, "--to", "3"}).err.contains("is the one in use"));
  CHECK(vault.cert({"rollback", id, "--to", "9"}).err.contains("there is no version 9"));
  CHECK(vault.cert({"rollback", id}).code == kBadUsage);
  CHECK(vault.cert({"versions", "77"}).code != kDone);
}

TEST_CASE("cert versions: a secret that no master key opens hides nothing else", "[app][cert]") {
  const Vault vault;
  const std::string id = vault.add();
  REQUIRE(vault.cert({"disable", id}).code == kDone);
  vault.write("master.key", store::Sealer::new_key_text());
  const auto told = vault.cert({"versions", id, "--json"});
  REQUIRE(told.code == kDone);
  const Json changes = Json::parse(told.out)[0]["changes"];
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].get<std::string>().contains("sealed by master key"));
  CHECK(changes[1] == "status: active → disabled");
}

TEST_CASE("cert restore, purge: a removal is taken back, or made final", "[app][cert]") {
  const Vault vault;
  const std::string id = vault.add();
  CHECK(vault.cert({"restore", id}).err.contains("was not removed"));
  REQUIRE(vault.cert({"remove", id}).code == kDone);
  CHECK(vault.cert({"list", "--json"}).out == "[]\n");
  CHECK(Json::parse(vault.cert({"removed", "--json"}).out)[0]["name"] == "shop");
  REQUIRE(vault.cert({"restore", id}).code == kDone);
  CHECK(Json::parse(vault.cert({"show", id, "--json"}).out)["version"] == 2);
  REQUIRE(vault.cert({"remove", id}).code == kDone);
  CHECK(vault.cert({"purge", id}).out.contains("2 versions"));
  CHECK(vault.cert({"restore", id}).code != kDone);
  CHECK(vault.cert({"removed"}).out.contains("no certificate was removed"));
}

TEST_CASE("cert copy: another store has them under the same ids", "[app][cert]") {
  const Vault from;
  const Vault to;
  const std::string first = from.add();
  REQUIRE(from.cert({"remove", first}).code == kDone);
  const std::string id = from.add();
  REQUIRE(id != first);
  CHECK(to.cert({"copy", "--from", from.file("config.json"), "--dry-run"}).out.starts_with("1 of 1 can be opened"));
  CHECK(to.cert({"list", "--json"}).out == "[]\n");
  CHECK(to.cert({"copy", "--from", from.file("config.json")}).out == "1 of 1 copied\n");
  const Json shown = Json::parse(to.cert({"show", id, "--receipt-key", "--json"}).out);
  CHECK(shown["id"] == std::stoi(id));
  CHECK(shown["receipt_key"] == Json::parse(from.cert({"show", id, "--receipt-key", "--json"}).out)["receipt_key"]);
  const auto again = to.cert({"copy", "--from", from.file("config.json")});
  CHECK(again.code == kNotAllWell);
  CHECK(again.err.contains("certificate " + id + " (shop): certificates: the id"));
  from.write("master.key", store::Sealer::new_key_text());
  CHECK(to.cert({"copy", "--from", from.file("config.json")}).err.contains("sealed by master key"));
  CHECK(to.cert({"copy"}).code == kBadUsage);
  CHECK(to.cert({"copy", "--from", from.file("nowhere.json")}).code == kBadUsage);
}

TEST_CASE("cert rekey: a new master key takes over", "[app][cert]") {
  const Vault vault;
  const std::string id = vault.add();
  const std::string new_key = store::Sealer::new_key_text();
  vault.write("master.key", new_key);
  const auto blind = vault.cert({"rekey"});
  CHECK(blind.code == kNotAllWell);
  CHECK(blind.err.contains("certificate " + id + ": sealed secret: sealed by master key"));
  vault.write("master.key", new_key + "\n" + vault.old_key);
  CHECK(vault.cert({"rekey"}).out == "1 secret sealed anew, 0 already by this key\n");
  CHECK(Json::parse(vault.cert({"rekey", "--json"}).out)["current"] == 1);
  vault.write("master.key", new_key);
  CHECK(vault.cert({"show", id, "--receipt-key"}).code == kDone);
}

}  // namespace
}  // namespace nightpost::app

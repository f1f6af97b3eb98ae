// The command line on a store that is a server.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/config.h"
#include "app/dev_account.h"
#include "app/worker.h"
#include "store/sealer.h"
#include "support/cli_run.h"
#include "support/postgres_server.h"
#include "support/process.h"

using namespace nightpost;

TEST_CASE("postgres: commands work on a server as on a file", "[app][postgres]") {
  const support::TempFolder folder("commands");
  auto& server = support::PostgresServer::shared();
  const std::string url = server.new_database();
  const std::string config = folder.write(
      "config.json",
      nlohmann::json{
          {"store", {{"url", url}, {"master_key_file", folder.write("master.key", store::Sealer::new_key_text())}}},
          {"kafka", {{"brokers", "127.0.0.1:1"}}},
          {"worker", {{"http_listen", "127.0.0.1:0"}}}}
          .dump());
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", config});
    return support::run_cli(folder.path(), std::move(arguments));
  };
  {
    auto store = app::open_store(*app::load_config(config), true);
    REQUIRE(store);
    auto account = app::make_dev_account(Vendor::Xiaomi);
    REQUIRE(account);
    account->certificate.app = AppId{7};
    account->certificate.name = "mi";
    REQUIRE((*store)->add_certificate({account->certificate, account->secret})->id.value == 1);
  }
  const auto set = run({"device", "set", "--app", "7", "--user", "ann", "--device", "phone", "--certificate", "1",
                        "--platform", "android", "--token", app::dev_token(Vendor::Xiaomi, "ann").text()});
  INFO(set.err);
  CHECK(set.code == 0);
  const auto listed = run({"device", "list", "--app", "7"});
  INFO(listed.err);
  CHECK(listed.code == 0);
  CHECK(listed.out.find("ann") != std::string::npos);

  const auto doctor = run({"doctor", "--timeout", "1", "--json"});
  const nlohmann::json findings = nlohmann::json::parse(doctor.out).at("findings");
  CHECK(findings.dump().find("PostgreSQL 15") != std::string::npos);

  // Tables of a newer Nightpost: what no waiting mends ends the worker.
  support::PostgresClient(url).run("INSERT INTO nightpost_schema VALUES (99)");
  const auto worker = run({"worker"});
  CHECK(worker.code != 0);
  CHECK(worker.err.find("run the newer Nightpost") != std::string::npos);
  server.give_back(url);
}

TEST_CASE("postgres: a file's store moves to a server by the commands of config/README.md", "[app][postgres]") {
  const support::TempFolder folder("move");
  auto& server = support::PostgresServer::shared();
  const std::string url = server.new_database();
  const auto configure = [&](const std::string& name, const std::string& store_url) {
    const std::string key = folder.write(name + ".key", store::Sealer::new_key_text());
    return folder.write(name + ".json",
                        nlohmann::json{{"store", {{"url", store_url}, {"master_key_file", key}}}}.dump());
  };
  const std::string from = configure("sqlite", "sqlite:" + folder.file("store.db"));
  const std::string to = configure("postgres", url);
  const auto run = [&](const std::string& config, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", config});
    const auto ran = support::run_cli(folder.path(), std::move(arguments));
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return ran.out;
  };
  {
    const auto store = app::open_store(*app::load_config(from), true);
    REQUIRE(store);
    auto account = app::make_dev_account(Vendor::Xiaomi);
    REQUIRE(account);
    account->certificate.app = AppId{7};
    for (const char* name : {"gone", "mi"}) {
      account->certificate.name = name;
      REQUIRE((*store)->add_certificate({account->certificate, account->secret}));
    }
    REQUIRE((*store)->remove_certificate({1}));  // so that an id that is given anew would be another one
    for (const char* user : {"ann", "bob", "汤姆"})
      REQUIRE((*store)->set_device(AppId{7}, user,
                                   {.device_id = "phone",
                                    .platform = Platform::Android,
                                    .certificate = {2},
                                    .token = app::dev_token(Vendor::Xiaomi, user),
                                    .registered_at = wall_from_ms(1'795'225'887'405)}));
    REQUIRE((*store)->set_settings(AppId{7}, "ann", {.enabled = false, .language = "zh"}));
    REQUIRE((*store)->set_mute(AppId{7}, "bob", {Mute::Kind::Group, "team", wall_from_ms(4'000'000'000'000)}));
  }
  run(to, {"cert", "copy", "--from", from});
  for (const char* what : {"device", "user"}) {
    const std::string rows = folder.file(std::string(what) + ".ndjson");
    run(from, {what, "export", rows});
    run(to, {what, "import", rows});
    CHECK(run(to, {what, "export"}) == run(from, {what, "export"}));
    CHECK(std::ranges::count(run(to, {what, "export"}), '\n') == (std::string_view(what) == "device" ? 3 : 2));
  }
  const auto shown = [&](const std::string& config) {
    return nlohmann::json::parse(run(config, {"cert", "show", "2", "--json"}));
  };
  for (const char* member : {"id", "app_id", "vendor", "name", "bundle_id"})
    CHECK(shown(to).at(member) == shown(from).at(member));
  const auto secret = [](const std::string& config) {
    const auto store = app::open_store(*app::load_config(config), true);
    REQUIRE(store);
    return (*store)->secret({2}).value().bytes;
  };
  CHECK(secret(to) == secret(from));
  server.give_back(url);
}

// The command line on a store that is a server.
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

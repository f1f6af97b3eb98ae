// The command line on a store that is a server.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "store/sealer.h"
#include "support/cli_run.h"
#include "support/postgres_server.h"
#include "support/process.h"

using namespace nightpost;
using Json = nlohmann::json;

TEST_CASE("postgres: commands work on a server as on a file; the worker says that it does not", "[app][postgres]") {
  const support::TempFolder folder("commands");
  auto& server = support::PostgresServer::shared();
  const std::string url = server.new_database();
  const std::string config = folder.write(
      "config.json",
      Json{{"store", {{"url", url}, {"master_key_file", folder.write("master.key", store::Sealer::new_key_text())}}},
           {"kafka", {{"brokers", "127.0.0.1:1"}}}}
          .dump());
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", config});
    return support::run_cli(folder.path(), std::move(arguments));
  };
  const auto set = run({"device", "set", "--app", "7", "--user", "ann", "--device", "phone", "--certificate", "1",
                        "--token", "9d3c0f5b0a7e4d2f8b61c7a4e5d2930f1b8c6a7d4e3f2a1b0c9d8e7f6a5b4c3d"});
  INFO(set.err);
  CHECK(set.code == 0);
  const auto listed = run({"device", "list", "--app", "7"});
  INFO(listed.err);
  CHECK(listed.code == 0);
  CHECK(listed.out.find("ann") != std::string::npos);

  const auto doctor = run({"doctor", "--timeout", "1", "--json"});
  const Json findings = Json::parse(doctor.out).at("findings");
  CHECK(findings.dump().find("PostgreSQL 15") != std::string::npos);

  const auto worker = run({"worker"});
  CHECK(worker.code != 0);
  CHECK(worker.err.find("store.url: the worker cannot use PostgreSQL yet") != std::string::npos);
  server.give_back(url);
}

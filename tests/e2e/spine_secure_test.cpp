// The worker before a Kafka that does not take its password.
#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "e2e/spine_bed.h"
#include "support/kafka_broker.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a worker with a wrong password says so in /readyz and the log, and shows no password",
          "[e2e][spine][secure]") {
  const support::TempFolder folder("e2e");
  const support::KafkaBroker broker({}, {.settings = {}, .user = "nightpost"});
  const support::Nightpost nightpost(program(), broker.address(), folder);
  const std::string password = "not-the-password";
  const std::string http = "127.0.0.1:" + std::to_string(support::free_port());
  const std::string config = nightpost.config(
      "worker.json",
      {.group = "g", .offline = "nightpost.offline.v1", .results = "nightpost.results.v1", .dead = "nightpost.dead.v1"},
      {{"kafka",
        {{"client",
          {{"security.protocol", "SASL_SSL"},
           {"sasl.mechanism", "PLAIN"},
           {"sasl.username", "nightpost"},
           {"ssl.ca.location", broker.ca_file()},
           {"debug", "security,broker"}}},
         {"client_files", {{"sasl.password", folder.write("password", password)}}}}},
       {"worker", {{"http_listen", http}}},
       {"log", {{"level", "debug"}, {"per_event_per_second_max", 10'000}}}});
  const support::Ran checked = nightpost.run({"config", "check", "--json", config});
  CHECK(checked.exit_code == 0);
  CHECK_THAT(checked.out, !Catch::Contains(password));

  support::Nightpost::Worker worker(nightpost, "worker", config);
  std::string page;
  CHECK(support::eventually(20s, [&] {
    page = support::run_command({"curl", "--silent", "--show-error", "http://" + http + "/readyz"}, 10s,
                                {.log_file = folder.file("curl.log")})
               .out;
    return page.find("broker " + broker.address()) != std::string::npos;
  }));
  CAPTURE(page);
  CHECK_THAT(page, Catch::Contains("credentials") && Catch::Contains("the file of sasl.password"));
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(40s) == 0);
  CHECK_THAT(worker.log(), Catch::Contains(R"("event":"kafka.broker_refused","broker":")" + broker.address()));
  CHECK_THAT(worker.log(), !Catch::Contains(password));
  const support::Ran published =
      nightpost.run({"event", "publish", "--config", config, "--unchecked", "--wait-ms", "2000", config});
  CHECK(published.exit_code == 3);
}

}  // namespace
}  // namespace nightpost::e2e

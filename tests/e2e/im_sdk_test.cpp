// Business servers that use SDKs of others, unmodified, against `nightpost all`: tests/e2e/sdk (Java), sdk_python.
#include <csignal>

#include "e2e/im_business.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;

/// Runs `suite` (a folder of tests/e2e) against a server that calls itself `host`; it says "N calls, 0 faults" last.
void run_sdk(const std::string& suite, const std::string& host, int calls_min) {
  const support::TempFolder folder("sdk");
  const support::Nightpost nightpost(program(), "localhost:9092", folder);
  ImParty party(folder, nightpost);
  const json tls = tls_files(folder, host);
  json rest = {{"listen", "127.0.0.1:0"}, {"administrators", {{std::to_string(support::kFleetApp), "administrator"}}}};
  rest.update(tls);
  const std::string config =
      nightpost.config("all.json", {.group = "all", .offline = "o", .results = "r", .dead = "d"},
                       {{"im", party.im_section({{"rest", rest}})}, {"worker", {{"http_listen", "127.0.0.1:0"}}}});
  ImProcess server(config, folder.file("all.ready"), folder.file("all.log"), "all");
  const std::string port = server.rest().substr(server.rest().rfind(':'));
  const support::Ran ran = support::run_command(
      {NIGHTPOST_SOURCE "/tests/e2e/" + suite + "/run", host + port, std::to_string(support::kFleetApp),
       "administrator", party.key_file, tls.at("tls_certificate_file")},
      240s, {.environment = {}, .folder = {}, .log_file = folder.file("run.log")});
  INFO(ran.out << support::read_file(folder.file("run.log")));
  CHECK(ran.exit_code == 0);
  CHECK(ran.out.contains(" 0 faults"));
  const int calls = std::atoi(ran.out.substr(ran.out.rfind("\n", ran.out.size() - 2) + 1).c_str());
  CHECK(calls > calls_min);  // of the SDK, all checked
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

TEST_CASE("im rest: an SDK of others gets from every call what the API promises", "[e2e][im][rest][sdk]") {
  run_sdk("sdk", "im.example.test", 130);  // the SDK's JVM alone resolves it
}

TEST_CASE("im rest: so does one in Python", "[e2e][im][rest][sdk]") { run_sdk("sdk_python", "127.0.0.1", 55); }

}  // namespace
}  // namespace nightpost::e2e

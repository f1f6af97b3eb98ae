// The flow of the README, command by command: sandbox, credential, device, worker, event; then what each side saw.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "e2e/spine_bed.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using support::Process;

TEST_CASE("an event wakes a phone, by the commands of the README", "[e2e][spine]") {
  Bed bed;
  const std::string ready_file = bed.folder.file("sandbox.ready");
  Process sandbox({program(), "sandbox", "--vendor", "apns", "--listen", "127.0.0.1:0", "--accept-any", "--ready-file",
                   ready_file, "--data", bed.folder.file("sandbox")},
                  {.environment = {}, .folder = {}, .log_file = bed.folder.file("sandbox.log"), .talk = false});
  REQUIRE(eventually(20s, [&] { return std::filesystem::exists(ready_file); }));
  const auto ready = nlohmann::json::parse(support::read_file(ready_file));
  const std::string url = ready.at("vendors").at("apns").at("url");
  const std::string ca_file = ready.at("ca_file");

  const std::string config = bed.nightpost.config("worker.json", bed.names);
  const std::int64_t certificate = bed.nightpost.add_certificate(config, url, ca_file);
  const std::string user = support::user_name(0);
  const std::string token = support::user_token(0);
  const support::Ran device =
      bed.nightpost.run({"device", "set", "--config", config, "--app", std::to_string(support::kFleetApp), "--user",
                         user, "--device", "phone", "--certificate", std::to_string(certificate), "--token", token});
  CHECK(device.exit_code == 0);

  support::Nightpost::Worker worker(bed.nightpost, "worker", config);
  REQUIRE(worker.ready(30s));
  const std::string event = bed.folder.write("event.json", support::event_json("first", 0));
  const support::Ran shown = bed.nightpost.run({"event", "publish", "--dry-run", "--config", config, event});
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.contains("/3/device/" + token));  // and nothing of it is sent: one request is seen below
  const support::Ran published = bed.nightpost.run({"event", "publish", "--config", config, event});
  CHECK(published.exit_code == 0);
  CHECK(published.out.starts_with(bed.names.offline));
  REQUIRE(bed.committed(1, 30s));

  const auto requests = [&] {
    const support::Ran ran = support::run_command(
        {"curl", "--silent", "--fail", "--cacert", ca_file, url + "/_sandbox/requests?vendor=apns"}, 10s);
    REQUIRE(ran.exit_code == 0);
    return nlohmann::json::parse(ran.out);
  }();
  CAPTURE(requests.dump(2), worker.log());
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].at("method") == "POST");
  CHECK(requests[0].at("path") == "/3/device/" + token);
  CHECK(requests[0].dump().find("are you coming tonight?") != std::string::npos);

  const auto outcomes = bed.outcomes();
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].at("event_id") == "first");
  CHECK(outcomes[0].at("user_id") == user);
  CHECK(outcomes[0].at("device_id") == "phone");
  CHECK(outcomes[0].at("outcome") == "accepted");
  CHECK(outcomes[0].at("vendor") == "apns");
  CHECK(outcomes[0].at("certificate_id") == certificate);
  CHECK(bed.topics.size(bed.names.dead) == 0);

  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
  sandbox.signal(SIGTERM);
  CHECK(sandbox.wait(20s) == 0);
}

TEST_CASE("SIGTERM under load: what was taken is finished, the rest is left for the next worker", "[e2e][spine]") {
  constexpr std::size_t kEvents = 30'000;
  Bed bed;
  const std::string config = bed.nightpost.config("worker.json", bed.names);
  support::add_users(bed.nightpost.store_path(),
                     bed.nightpost.add_certificate(config, bed.sink.origin(), bed.sink.ca_file()), kEvents);
  for (std::size_t user = 0; user < kEvents; ++user)
    bed.topics.produce(bed.names.offline, support::user_name(user),
                       support::event_json("drain-" + std::to_string(user), user));
  bed.topics.flush(60s);

  {
    support::Nightpost::Worker worker(bed.nightpost, "first", config);
    REQUIRE(worker.ready(30s));
    REQUIRE(eventually(30s, [&] { return bed.sink.stats().requests > 0; }, 1ms));
    worker.process().signal(SIGTERM);
    CAPTURE(worker.log());
    CHECK(worker.process().wait(30s) == 0);
  }
  // It left in good order: each push it made is an outcome and a committed offset.
  const auto pushed = std::int64_t(bed.sink.stats().requests);
  CHECK(bed.topics.size(bed.names.results) == pushed);
  CHECK(bed.topics.committed(bed.names.group, bed.names.offline) <= pushed);

  support::Nightpost::Worker worker(bed.nightpost, "second", config);
  REQUIRE(worker.ready(30s));
  REQUIRE(bed.committed(kEvents, 60s));
  CHECK(bed.sink.stats().distinct == kEvents);
  CHECK(bed.sink.stats().requests == kEvents);
  CHECK(bed.topics.size(bed.names.results) == kEvents);
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(30s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e

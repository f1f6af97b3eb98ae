// Dead letters from the fault to its repair: real Kafka, the release binary, the sink as APNs.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <set>
#include <sstream>

#include "core/device.h"
#include "core/time.h"
#include "e2e/spine_bed.h"
#include "store/store.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kUsers = 30;
constexpr std::size_t kPads = 1'000;  // tokens of pads are those of users from here on

/// Users with a pad that reports certificate 2, which is not there, and perhaps a phone of certificate 1, which is.
struct LetterBed : Bed {
  explicit LetterBed(bool phones) : Bed(1'000), rung_first(phones ? kUsers : 0) {
    REQUIRE(nightpost.add_certificate(config, sink.origin(), sink.ca_file()) == 1);
    auto store = store::open_sqlite(nightpost.store_path(), nullptr);
    REQUIRE(store);
    for (std::size_t user = 0; user < kUsers; ++user)
      for (const bool pad : {false, true}) {
        if (!pad && !phones) continue;
        REQUIRE((*store)->set_device(AppId{support::kFleetApp}, support::user_name(user),
                                     {.device_id = pad ? "pad" : "phone",
                                      .platform = Platform::Ios,
                                      .certificate = CertificateId{pad ? 2 : 1},
                                      .token = DeviceToken(support::user_token(user + (pad ? kPads : 0))),
                                      .registered_at = SystemClock().wall(),
                                      .state = DeviceState::Offline,
                                      .badge_base = 0,
                                      .language = "en"}));
      }
  }
  /// Each user's pad is left in a dead letter.
  void die() {
    for (std::size_t user = 0; user < kUsers; ++user)
      topics.produce(names.offline, support::user_name(user), support::event_json("e" + std::to_string(user), user));
    topics.flush(30s);
    REQUIRE(committed(kUsers, 60s));
    REQUIRE(topics.size(names.dead) == kUsers);
    REQUIRE(sink.stats().requests == rung_first);
  }
  void repair() const {
    const support::Ran ran = nightpost.run({"cert",          "add",
                                            "--config",      config,
                                            "--vendor",      "apns",
                                            "--app",         std::to_string(support::kFleetApp),
                                            "--name",        "pads",
                                            "--file",        folder.file("AuthKey_ABC123DEFG.p8"),
                                            "--key-id",      "ABC123DEFG",
                                            "--team-id",     "DEF123GHIJ",
                                            "--bundle-id",   "com.example.pads",
                                            "--environment", "production",
                                            "--host",        sink.origin(),
                                            "--ca-file",     sink.ca_file()});
    REQUIRE(ran.exit_code == 0);
    REQUIRE(std::stoi(ran.out) == 2);
  }
  std::vector<std::string> command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "dlq");
    arguments.insert(arguments.end(), {"--config", config});
    return arguments;
  }
  support::Ran dlq(std::vector<std::string> arguments) const { return nightpost.run(command(std::move(arguments))); }
  json replay(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"replay", "--json"});
    const support::Ran ran = dlq(more);
    CAPTURE(ran.out);
    CHECK(ran.exit_code == 0);
    return json::parse(ran.out);
  }
  support::Process slow_replay(const std::string& log) const {
    std::vector<std::string> argv = command({"replay", "--rate", "5"});
    argv.insert(argv.begin(), program());
    return support::Process(argv, {.environment = {}, .folder = folder.path(), .log_file = folder.file(log)});
  }
  /// How often each token was rung.
  std::map<std::string, int> rung() {
    std::map<std::string, int> all;
    for (const auto& seen : sink.seen()) ++all[seen.token];
    return all;
  }
  void check_each_rung_once() {
    CHECK(support::eventually(30s, [&] { return sink.stats().requests >= rung_first + kUsers; }));
    const auto all = rung();
    CHECK(all.size() == rung_first + kUsers);
    for (const auto& [token, times] : all) {
      CAPTURE(token);
      CHECK(times == 1);
    }
  }

  const std::size_t rung_first;  // phones: their pushes go at once
  std::string config =
      nightpost.config("worker.json", names, {{"kafka", {{"topics", {{"dead_marks", "spine.marks"}}}}}});
};

TEST_CASE("dead letters are listed, explained, and replayed once to the devices left", "[e2e][spine][dlq]") {
  LetterBed bed(true);
  support::Nightpost::Worker worker(bed.nightpost, "worker", bed.config);
  REQUIRE(worker.ready(30s));
  bed.die();

  const support::Ran listed = bed.dlq({"list", "--json", "--rule", "certificate_missing", "--since", "1h"});
  REQUIRE(listed.exit_code == 0);
  std::istringstream lines(listed.out);
  std::set<std::string> events;
  for (std::string line; std::getline(lines, line);) {
    const json letter = json::parse(line);
    events.insert(letter.at("event_id"));
    REQUIRE(letter.at("left").size() == 1);
    CHECK(letter.at("left")[0].at("devices") == json::array({"pad"}));
  }
  CHECK(events.size() == kUsers);
  CHECK(bed.dlq({"list", "--since", "2020-01-01", "--until", "2020-01-02"}).out == "no such letters\n");
  const support::Ran shown = bed.dlq({"show", "e7"});
  CAPTURE(shown.out);
  CHECK(shown.out.find("certificate_missing: the certificate the device reported does not exist") != std::string::npos);
  CHECK(shown.out.find("to do      add the certificate") != std::string::npos);
  CHECK(shown.out.find(support::user_name(7) + " pad") != std::string::npos);
  CHECK(bed.replay({"--dry-run"}).at("replayed") == kUsers);
  CHECK(bed.sink.stats().requests == bed.rung_first);

  bed.repair();
  CHECK(bed.replay().at("replayed") == kUsers);
  bed.check_each_rung_once();
  const json again = bed.replay();
  CHECK(again.at("replayed") == 0);
  CHECK(again.at("done_before") == kUsers);
  CHECK(bed.dlq({"list"}).out == "no such letters\n");
  REQUIRE(bed.committed(2 * kUsers, 30s));
  bed.check_each_rung_once();
  CHECK(bed.topics.size(bed.names.dead) == kUsers);
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

TEST_CASE("a replay that is killed or stopped goes on where it was, and of two the older one ends",
          "[e2e][spine][dlq]") {
  LetterBed bed(false);
  support::Nightpost::Worker worker(bed.nightpost, "worker", bed.config);
  REQUIRE(worker.ready(30s));
  bed.die();
  bed.repair();

  {
    support::Process killed = bed.slow_replay("killed.log");
    REQUIRE(support::eventually(60s, [&] { return bed.sink.stats().requests >= bed.rung_first + 3; }));
    killed.signal(SIGKILL);
    REQUIRE(killed.wait(10s));
  }
  {
    support::Process stopped = bed.slow_replay("stopped.log");
    const std::uint64_t before = bed.sink.stats().requests;
    // A transaction that the killed one left open is undone by this one's start.
    REQUIRE(support::eventually(60s, [&] { return bed.sink.stats().requests >= before + 3; }));
    stopped.signal(SIGTERM);
    CHECK(stopped.wait(30s) == 1);
    CHECK(support::read_file(bed.folder.file("stopped.log")).find("goes on from here") != std::string::npos);
  }
  support::Process older = bed.slow_replay("older.log");
  const std::uint64_t before = bed.sink.stats().requests;
  REQUIRE(before < bed.rung_first + kUsers);
  REQUIRE(support::eventually(60s, [&] { return bed.sink.stats().requests >= before + 3; }));
  const json newer = bed.replay();
  CHECK(newer.at("replayed").get<std::size_t>() + newer.at("done_before").get<std::size_t>() == kUsers);
  CHECK(newer.at("replayed") > 0);
  CHECK(older.wait(30s) == 1);
  CHECK(support::read_file(bed.folder.file("older.log")).find("another replay or drop") != std::string::npos);
  bed.check_each_rung_once();
  CHECK(bed.replay().at("replayed") == 0);
  CHECK(bed.rung().size() == bed.rung_first + kUsers);
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

TEST_CASE("the doctor finds what is wrong with topics, and nothing where all is well", "[e2e][spine][doctor]") {
  Bed bed;
  const auto findings = [&](const std::string& config, int exit_code) {
    const support::Ran ran = bed.nightpost.run({"doctor", "--json", "--config", config});
    CAPTURE(ran.out);
    CHECK(ran.exit_code == exit_code);
    return json::parse(ran.out).at("findings");
  };
  const auto has = [](const json& all, const std::string& subject, const std::string& health, const std::string& what) {
    for (const json& each : all)
      if (each.at("subject") == subject && each.at("health") == health &&
          each.at("what").get<std::string>().find(what) != std::string::npos)
        return true;
    return false;
  };
  bed.topics.create("bad.offline", 1, {{"cleanup.policy", "compact"}});
  bed.topics.create("bad.dead", 2, {{"retention.ms", "3600000"}, {"max.message.bytes", "1000000"}});
  bed.topics.create("bad.marks", 1, {{"cleanup.policy", "delete"}});
  const std::string bad = bed.nightpost.config(
      "bad.json", {.group = "g", .offline = "bad.offline", .results = "bad.results", .dead = "bad.dead"},
      {{"kafka", {{"topics", {{"dead_marks", "bad.marks"}}}}}, {"worker", {{"shards", 2}}}});
  REQUIRE(bed.nightpost.add_certificate(bad, bed.sink.origin(), bed.sink.ca_file()) == 1);
  const json wrong = findings(bad, 1);
  CAPTURE(wrong.dump(1));
  CHECK(has(wrong, "bad.offline", "fault", "cleanup.policy is compact"));
  CHECK(has(wrong, "bad.offline", "warning", "1 partitions for 2 shards"));
  CHECK(has(wrong, "bad.results", "fault", "is not there"));
  CHECK(has(wrong, "bad.dead", "warning", "retention.ms is 3600000"));
  CHECK(has(wrong, "bad.dead", "warning", "letters are cut"));
  CHECK(has(wrong, "bad.marks", "fault", "replayed again"));
  CHECK(has(wrong, "g", "warning", "no worker is in it"));

  json names = {{"dead_marks", "good.marks"}};
  for (const char* tier : {"10s", "1m", "10m", "1h"}) {
    const std::string topic = std::string("good.retry.") + tier;
    bed.topics.create(topic, 2);
    names[std::string("retry_") + tier] = topic;
  }
  const std::string good = bed.nightpost.config("good.json", bed.names, {{"kafka", {{"topics", names}}}});
  support::Nightpost::Worker worker(bed.nightpost, "worker", good);
  REQUIRE(worker.ready(30s));
  for (const json& each : findings(good, 1)) {
    if (each.at("health") == "ok") continue;
    CAPTURE(each.dump());
    // One broker has one replica of all; and the test's topics take larger records than letters may be.
    const std::string what = each.at("what");
    CHECK((what.find("one replica") != std::string::npos || what.find("cannot become letters") != std::string::npos));
  }
  CHECK(has(findings(good, 1), "spine", "ok", "1 workers"));
  const std::string stranger =
      bed.nightpost.config("stranger.json", bed.names, {{"kafka", {{"brokers", "127.0.0.1:1"}}}});
  CHECK(bed.nightpost.run({"doctor", "--config", stranger, "--timeout", "2"}).exit_code == 3);
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e

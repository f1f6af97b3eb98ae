// `nightpost trace`, run as support runs it, on a trace file that a recorder has written.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/output.h"
#include "app/trace_results.h"
#include "dispatch/content.h"
#include "kafka/metrics.h"
#include "kafka/producer.h"
#include "store/trace_store.h"
#include "support/cli_run.h"

namespace nightpost::app {
namespace {

using Json = nlohmann::json;

class TraceDesk {
 public:
  TraceDesk() {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    std::ofstream(file("config.json")) << Json{{"store", {{"url", "sqlite:" + file("store.db")}}}}.dump();
  }
  TraceDesk(const TraceDesk&) = delete;
  TraceDesk& operator=(const TraceDesk&) = delete;
  ~TraceDesk() { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  support::CliRan run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "trace");
    arguments.insert(arguments.end(), {"--config", file("config.json")});
    return support::run_cli(folder_, std::move(arguments));
  }
  void add(const std::vector<store::TraceHop>& hops) const {
    auto opened = store::open_sqlite_trace(file("store-trace.db"));
    REQUIRE(opened);
    REQUIRE((*opened)->add(hops, SystemClock().wall()));
  }

 private:
  std::string folder_ = "/tmp/nightpost-trace-XXXXXX";
};

store::TraceHop outcome(std::string event, std::string device, const char* rule, milliseconds ago) {
  const WallTime at = SystemClock().wall() - ago;
  return {.event_id = std::move(event),
          .app = {7},
          .user_id = "vinson",
          .device_id = std::move(device),
          .hop = "outcome",
          .at = at,
          .facts = Json{{"outcome", "suppressed"}, {"rule", rule}, {"reason", "because"}}.dump()};
}

TEST_CASE("trace command: an event that is kept", "[app][trace]") {
  const TraceDesk desk;
  desk.add({outcome("e1", "phone", "foreground", seconds(5)), outcome("e1", "tablet", "logged_out", seconds(5)),
            outcome("e2", "phone", "logged_out", seconds(4))});
  const auto ran = desk.run({"e1"});
  CHECK(ran.code == kDone);
  CHECK(ran.err.empty());
  CHECK(ran.out.find("event e1 of app 7") != std::string::npos);
  CHECK(ran.out.find("vinson, device phone") != std::string::npos);
  CHECK(ran.out.find("vinson, device tablet") != std::string::npos);
  CHECK(ran.out.find("The user has to log in on this device again.") != std::string::npos);

  const auto one = desk.run({"e1", "--device", "tablet"});
  CHECK(one.code == kDone);
  CHECK(one.out.find("device phone") == std::string::npos);
  const auto json = Json::parse(desk.run({"e1", "--json"}).out);
  CHECK(json["devices"].size() == 2);
  CHECK(desk.run({"e1", "--user", "denny"}).code == kNotAllWell);
}

TEST_CASE("trace command: a long event id is found with the receipts that name its hash", "[app][trace]") {
  const TraceDesk desk;
  const std::string id(60, 'x');
  store::TraceHop receipt = outcome(dispatch::receipt_tag_of(id), "phone", "receipt", seconds(1));
  receipt.hop = "receipt";
  receipt.facts = R"({"outcome":"delivered","rule":"receipt","reason":"r"})";
  desk.add({outcome(id, "phone", "accepted", seconds(5)), receipt});
  const auto ran = desk.run({id});
  CHECK(ran.code == kDone);
  CHECK(ran.out.find("receipt: delivered") != std::string::npos);
}

TEST_CASE("trace command: a user's latest events", "[app][trace]") {
  const TraceDesk desk;
  desk.add({outcome("e1", "phone", "foreground", std::chrono::hours(3)),
            outcome("e2", "phone", "logged_out", seconds(60)), outcome("e3", "phone", "logged_out", seconds(30))});
  const auto all = desk.run({"--user", "vinson", "--app", "7", "--json"});
  CHECK(all.code == kDone);
  const Json listed = Json::parse(all.out);
  REQUIRE(listed.size() == 3);
  CHECK(listed[0]["event_id"] == "e3");
  CHECK(listed[0]["last"] == "suppressed");
  const auto recent = desk.run({"--user", "vinson", "--app", "7", "--since", "2h"});
  CHECK(recent.code == kDone);
  CHECK(recent.out.find("e2") != std::string::npos);
  CHECK(recent.out.find("e1") == std::string::npos);
  CHECK(recent.out.find("because") != std::string::npos);
  CHECK(Json::parse(desk.run({"--user", "vinson", "--app", "7", "--limit", "1", "--json"}).out).size() == 1);
}

TEST_CASE("trace command: what is not kept says why that may be", "[app][trace]") {
  const TraceDesk desk;
  desk.add({outcome("e1", "phone", "foreground", seconds(5))});
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"e9"}, {"--user", "nobody", "--app", "7"}, {"--user", "vinson", "--app", "8"}}) {
    const auto ran = desk.run(asked);
    CHECK(ran.code == kNotAllWell);
    CHECK(ran.out.empty());
    for (const char* hint : {"nothing is kept of", "1 %", "begins at", "nightpost_kafka_lag", "another machine"})
      CHECK(ran.err.find(hint) != std::string::npos);
  }
}

TEST_CASE("trace command: bad usage, and no file", "[app][trace]") {
  const TraceDesk desk;
  const auto none = desk.run({"e1"});
  CHECK(none.code == kUnreachable);
  CHECK(none.err.find("store-trace.db") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(desk.file("store-trace.db")));  // looking makes none

  desk.add({outcome("e1", "phone", "foreground", seconds(5))});
  for (const std::vector<std::string>& asked : {std::vector<std::string>{},
                                                {"--user", "vinson"},
                                                {"--app", "7"},
                                                {"--user", "vinson", "--app", "0"},
                                                {"--user", "vinson", "--app", "7", "--since", "soon"},
                                                {"--user", "vinson", "--app", "7", "--since", "latest"},
                                                {"e1", "--limit", "0"},
                                                {"e1", "e2"}}) {
    const auto ran = desk.run(asked);
    CHECK(ran.code == kBadUsage);
    CHECK(ran.out.empty());
  }
  std::ofstream(desk.file("config.json")) << Json{{"trace", {{"path", desk.file("config.json")}}}}.dump();
  CHECK(desk.run({"e1"}).code == kBadUsage);  // no trace file of ours
}

TEST_CASE("trace command: the results topic has what was not kept", "[app][trace]") {
  const TraceDesk desk;
  auto broker = kafka::EmbeddedBroker::start({{"results", 2}});
  REQUIRE(broker);
  kafka::ProducerMetrics metrics;
  auto producer = kafka::Producer::start(
      {.kafka = {.brokers = (*broker)->brokers()}, .linger = milliseconds(1)}, [](const Error&) {}, metrics);
  REQUIRE(producer);
  const std::int64_t now = to_ms(SystemClock().wall());
  const auto write = [&](const std::string& key, const Json& value) {
    REQUIRE((*producer)->produce_and_wait("results", key, value.dump(), {}, milliseconds(20'000)));
  };
  const auto accepted = [&](const std::string& user, std::int64_t at) {
    return Json{{"v", 1},
                {"event_id", "e1"},
                {"app_id", 7},
                {"user_id", user},
                {"device_id", "phone"},
                {"outcome", "accepted"},
                {"rule", "accepted"},
                {"reason", "taken"},
                {"attempt", 1},
                {"at", at},
                {"latency_ms", 5}};
  };
  write("e1", accepted("vinson", now - 5'000));
  write("e2", accepted("vinson", now - 4'000));
  write("e1", accepted("denny", now - 3'000));
  write("e1", "no outcome");
  const auto configure = [&](const std::string& brokers) {
    std::ofstream(desk.file("config.json"))
        << Json{{"store", {{"url", "sqlite:" + desk.file("store.db")}}},
                {"kafka", {{"brokers", brokers}, {"topics", {{"results", "results"}}}}}}
               .dump();
  };
  configure((*broker)->brokers());

  // librdkafka's broker in memory knows no offsets by time, so from the beginning.
  const auto found = desk.run({"e1", "--from-results", "--since", "earliest", "--json"});
  CAPTURE(found.err);
  REQUIRE(found.code == kDone);
  CHECK(Json::parse(found.out)["devices"].size() == 2);
  CHECK(
      Json::parse(desk.run({"e1", "--from-results", "--since", "earliest", "--user", "denny", "--json"}).out)["devices"]
          .size() == 1);
  CHECK(desk.run({"e9", "--from-results", "--since", "earliest"}).code == kNotAllWell);
  const auto cut = desk.run({"e9", "--from-results", "--since", "earliest", "--messages-max", "1"});
  CHECK(cut.code == kNotAllWell);
  CHECK(cut.err.find("only 1 messages") != std::string::npos);

  // What is kept here too stands there once.
  store::TraceHop kept = outcome("e1", "phone", "accepted", seconds(0));
  kept.at = wall_from_ms(now - 5'000);
  kept.facts = R"({"outcome":"accepted","rule":"accepted","sent_at":5})";
  desk.add({kept});
  const Json both = Json::parse(desk.run({"e1", "--from-results", "--since", "earliest", "--json"}).out);
  REQUIRE(both["devices"].size() == 2);
  CHECK(both["devices"][0]["hops"].size() == 1);
  CHECK(both["devices"][0]["hops"][0]["facts"]["sent_at"] == 5);

  CHECK(desk.run({"e1", "--from-results", "--since", "soon"}).code == kBadUsage);
  configure("127.0.0.1:1");
  CHECK(desk.run({"e1", "--from-results", "--wait-ms", "300"}).code == kUnreachable);
}

TEST_CASE("trace results: which records are outcomes", "[app][trace]") {
  struct Row {
    const char* json;
    bool good;
    const char* hop;
  };
  const Row row = GENERATE(values<Row>({
      {R"({"event_id":"e","app_id":7,"outcome":"accepted","rule":"accepted","at":5})", true, "outcome"},
      {R"({"event_id":"e","app_id":7,"outcome":"clicked","rule":"receipt","at":5})", true, "receipt"},
      {R"({"event_id":"e","outcome":"of_the_future"})", true, "outcome"},
      {R"({"app_id":7,"outcome":"clicked","rule":"receipt"})", false, ""},
      {R"({"event_id":"e","app_id":7})", false, ""},
      {R"({"event_id":7,"outcome":"accepted"})", false, ""},
      {R"([])", false, ""},
      {"", false, ""},
      {"{", false, ""},
  }));
  CAPTURE(row.json);
  const auto hop = hop_of_outcome(row.json);
  REQUIRE(hop.has_value() == row.good);
  if (hop) CHECK(hop->hop == row.hop);
}

TEST_CASE("trace command: help shows an example", "[app][trace]") {
  const TraceDesk desk;
  const auto ran = desk.run({"--help"});
  CHECK(ran.code == kDone);
  CHECK(ran.out.find("nightpost trace --config") != std::string::npos);
}

}  // namespace
}  // namespace nightpost::app

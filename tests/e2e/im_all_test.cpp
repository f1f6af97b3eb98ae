// `nightpost all`: clients on sockets, the simulator as the phone, and nothing else to install.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <optional>
#include <set>

#include "e2e/all_bed.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using support::ImClient;

TEST_CASE("im: all in one process, live while the app acknowledges and a push when it does not", "[e2e][im][all]") {
  AllBed bed;
  const std::string token = support::user_token(1);
  {
    ImProcess server = bed.server();
    ImClient denny = bed.party.join(server, "denny", "denny-phone");
    denny.done("profile", {{"nick", "Denny"}});
    ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", bed.certificate}, {"token", token}});

    AllBed::send(denny, "vinson", "one", "d-1");
    vinson.say({{"type", "ack"}, {"pos", vinson.delivered().at("pos")}});
    vinson.done("state", {{"foreground", false}, {"unread", 1}});
    const json second = AllBed::send(denny, "vinson", "two", "d-2");
    REQUIRE(support::eventually(20s, [&] { return !bed.came(token).empty(); }, 50ms));
    CHECK(bed.came(token).at(0).words == "Denny:two");
    CHECK(bed.shown(token) == std::set<std::string>{second.at("id")});

    // Both parts on one page; what is over is over.
    REQUIRE(support::eventually(10s, [&] { return server.metric("nightpost_im_events_in_flight") == 0; }, 50ms));
    CHECK(server.metric("nightpost_im_events_total") == 1);
    CHECK(server.metric("nightpost_all_unsettled_bytes") == 0);
    CHECK(server.metric("nightpost_all_repeated_total") == 0);
    CHECK(server.metric("nightpost_shards") == 1);
    server.process().signal(SIGTERM);
    CHECK(server.process().wait(20s) == 0);
  }
  // Nothing is left to push: the phone that comes back hears of the messages by its sync alone.
  ImProcess server = bed.server();
  ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
  CHECK(vinson.done("pull", {{"peer", "denny"}, {"after", 0}, {"limit", 10}}).at("messages").size() == 2);
  vinson = ImClient(server.port());
  ImClient denny = bed.party.join(server, "denny", "denny-phone");
  const json third = AllBed::send(denny, "vinson", "three", "d-3");
  REQUIRE(support::eventually(20s, [&] { return bed.shown(token).contains(third.at("id")); }, 50ms));
  CHECK(bed.came(token).size() == 2);
  CHECK(server.metric("nightpost_im_intents_reread_total") == 0);
}

TEST_CASE("im: all in one process, killed while the vendor fails, and no message is without its push",
          "[e2e][im][all]") {
  // What fails goes to a delay topic at once, where a kill meets it.
  AllBed bed({{"dispatch", {{"quick_for_ms", 0}, {"failures_max", 1'000}}}});
  const std::string token = support::user_token(2);
  bed.sandbox.script({{"rules",
                       {{{"match", {{"vendor", "apns"}, {"share", 0.3}, {"share_of", "requests"}}},
                         {"act", {{"status", 503}, {"reason", "ServiceUnavailable"}}}}}}});
  std::map<std::string, std::string> sent;  // client id → message id
  std::string unknown;                      // asked for, not answered
  {
    ImProcess server = bed.server();
    ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", bed.certificate}, {"token", token}});
  }
  int number = 0;
  const auto send_until = [&](int last, ImProcess& server, std::optional<int> kill_at) {
    ImClient denny = bed.party.join(server, "denny", "denny-phone");
    if (!unknown.empty()) sent[unknown] = AllBed::send(denny, "vinson", unknown, unknown).at("id");  // it asks again
    unknown.clear();
    while (number < last) {
      if (number == kill_at) server.process().signal(SIGKILL);
      const std::string client_id = "d-" + std::to_string(++number);
      try {
        sent[client_id] = AllBed::send(denny, "vinson", client_id, client_id).at("id");
      } catch (const std::runtime_error&) {
        unknown = client_id;
        return;
      }
    }
  };
  for (const int kill_at : {70, 150, 230}) {
    ImProcess server = bed.server();
    send_until(kill_at + 50, server, kill_at);
    CHECK(server.process().wait(10s) == 128 + SIGKILL);
  }
  {
    // Some were refused, or never asked for: they are still to come.
    const std::set<std::string> shown = bed.shown(token);
    CHECK(shown.size() < sent.size());
    CHECK_FALSE(shown.empty());
  }
  bed.sandbox.script({{"rules", json::array()}});
  ImProcess server = bed.server();
  send_until(300, server, std::nullopt);
  CHECK(unknown.empty());
  REQUIRE(sent.size() == 300);

  // The history has every answered message once.
  ImClient denny = bed.party.join(server, "denny", "denny-phone");
  std::set<std::string> history;
  std::int64_t seq = 0;
  for (bool more = true; more;) {
    const json page = denny.done("pull", {{"peer", "vinson"}, {"after", seq}, {"limit", 100}});
    for (const json& message : page.at("messages")) {
      const std::string id = message.at("id");
      CHECK(std::stoll(id.substr(id.find('-') + 1)) == ++seq);
      CHECK(sent.at(message.at("client_id")) == id);
      history.insert(id);
    }
    more = page.at("more");
  }
  CHECK(history.size() == 300);

  // And each its push. One that came again is the same push.
  CHECK(support::eventually(60s, [&] { return bed.shown(token).size() >= 300; }, 200ms));
  CHECK(bed.shown(token) == history);
  std::map<std::string, std::set<std::string>> push_ids;
  for (const AllBed::Shown& one : bed.came(token)) push_ids[one.message].insert(one.push_id);
  for (const auto& [message, ids] : push_ids) {
    CAPTURE(message);
    CHECK(ids.size() == 1);
  }
  REQUIRE(support::eventually(30s, [&] { return server.metric("nightpost_im_intents_held") == 0; }, 100ms));
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

TEST_CASE("im: all in one process stops in order while pushes are put off, and goes on with them", "[e2e][im][all]") {
  AllBed bed(
      {{"dispatch", {{"quick_for_ms", 0}, {"failures_max", 1'000}}}, {"all", {{"unsettled_bytes_max", 65'536}}}});
  const std::string token = support::user_token(3);
  bed.sandbox.script(
      {{"rules", {{{"match", {{"vendor", "apns"}}}, {"act", {{"status", 503}, {"reason", "ServiceUnavailable"}}}}}}});
  {
    ImProcess server = bed.server();
    ImClient vinson = bed.party.join(server, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", bed.certificate}, {"token", token}});
    vinson = ImClient(server.port());
    ImClient denny = bed.party.join(server, "denny", "denny-phone");
    for (int i = 1; i <= 200; ++i) AllBed::send(denny, "vinson", std::string(200, 'x'), "d-" + std::to_string(i));
    // More than the broker is given: the rest waits.
    REQUIRE(support::eventually(20s, [&] { return server.metric("nightpost_all_put_off") >= 50; }, 100ms));
    CHECK(server.metric("nightpost_all_unsettled_bytes") < 65'536 + 4'096);
    CHECK(server.metric("nightpost_im_intents_held") == 200);
    server.process().signal(SIGTERM);
    CHECK(server.process().wait(30s) == 0);
    CHECK(bed.shown(token).empty());
  }
  bed.sandbox.script({{"rules", json::array()}});
  ImProcess server = bed.server();
  CHECK(support::eventually(60s, [&] { return bed.shown(token).size() >= 200; }, 200ms));
  CHECK(server.metric("nightpost_im_intents_reread_total") == 200);
}

TEST_CASE("im: all in one process takes no other's broker or database", "[e2e][im][all]") {
  support::TempFolder folder("all");
  const support::Nightpost nightpost(program(), "localhost:9092", folder);
  struct Row {
    json changes;
    std::string_view said;
  };
  const Row row = GENERATE(values<Row>({
      {{{"kafka", {{"brokers", "kafka-1:9092"}}}}, "nightpost im and nightpost worker"},
      {{{"kafka", {{"client", {{"security.protocol", "SSL"}}}}}}, "nightpost im and nightpost worker"},
      {{{"store", {{"url", "postgresql://nightpost@localhost/nightpost"}}}}, "sqlite:PATH"},
      {{{"store", {{"url", "sqlite:missing/store.db"}}}}, "the folder missing is not there"},
      {json::object(), "im.key_files names no app"},
  }));
  CAPTURE(row.changes.dump());
  json changes = {{"im", {{"listen", "127.0.0.1:0"}}}};
  changes.merge_patch(row.changes);
  const std::string config =
      nightpost.config("all.json", {.group = "all", .offline = "o", .results = "r", .dead = "d"}, changes);
  const std::string log = folder.file("refused.log");
  const support::Ran ran = support::run_command({program(), "all", "--config", config}, 30s,
                                                {.environment = {}, .folder = folder.path(), .log_file = log});
  CHECK(ran.exit_code != 0);
  const std::string said = support::read_file(log);
  CAPTURE(said);
  CHECK(said.find(row.said) != std::string::npos);
}

}  // namespace
}  // namespace nightpost::e2e

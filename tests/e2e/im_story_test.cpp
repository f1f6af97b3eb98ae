// The companion with its dispatcher: clients on sockets, a real Kafka, the release binary, the simulator as the phone.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "e2e/im_process.h"
#include "support/postgres_server.h"
#include "support/spine/vendor_kit.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using support::ImClient;

struct Chat : ImBed {
  explicit Chat(const std::string& store_url = "") : ImBed(json::object(), store_url) {}

  support::SandboxProcess sandbox{program(), {"apns"}, folder};
  const std::int64_t certificate = support::add_vendor_certificate(nightpost, config, "apns", sandbox, folder);

  static json send(ImClient& from, const std::string& to, const std::string& words, const std::string& client_id,
                   const json& more = json::object()) {
    json body = message(to, words, client_id);
    body.update(more);
    return from.done("send", body);
  }
  /// What the phone with this token shows: "title: body (badge)", in the order of arrival.
  std::vector<std::string> shown(const std::string& token) const {
    std::vector<std::string> all;
    for (const json& request : sandbox.requests("apns")) {
      if (request.at("path") != "/3/device/" + token) continue;
      const json aps = json::parse(request.at("body").get<std::string>()).at("aps");
      const json& alert = aps.at("alert");
      all.push_back(alert.value("title", "") + ": " + alert.value("body", "") + " (" +
                    std::to_string(aps.value("badge", -1)) + ")");
    }
    return all;
  }
  bool shows(const std::string& token, std::size_t count, support::milliseconds patience = 20s) const {
    return support::eventually(patience, [&] { return shown(token).size() >= count; }, 50ms);
  }
};

using Shown = std::vector<std::string>;

TEST_CASE("im: live while the app acknowledges, a push when it does not", "[e2e][im]") {
  Chat chat;
  ImProcess server = chat.server();
  support::Nightpost::Worker worker(chat.nightpost, "worker", chat.config);
  REQUIRE(worker.ready(30s));
  const std::string token = support::user_token(1);

  ImClient denny = chat.join(server, "denny", "denny-phone");
  denny.done("profile", {{"nick", "Denny"}});
  ImClient vinson = chat.join(server, "vinson", "vinson-phone");
  vinson.done("token", {{"certificate", chat.certificate}, {"token", token}});

  // In the foreground, and it acknowledges: delivered, not pushed.
  const json first = Chat::send(denny, "vinson", "one", "d-1");
  const json live = vinson.delivered();
  CHECK(live.at("items").at(0).at("message").at("id") == first.at("id"));
  CHECK(live.at("unread_total") == 1);
  vinson.say({{"type", "ack"}, {"pos", live.at("pos")}});

  // In the background: pushed at once, though the socket is open.
  vinson.done("state", {{"foreground", false}, {"unread", 1}});
  Chat::send(denny, "vinson", "two", "d-2", {{"push", {{"ext", "{\"chat\":\"denny\"}"}}}});
  REQUIRE(chat.shows(token, 1));
  CHECK(chat.shown(token) == Shown{"a new message: Denny:two (2)"});

  // Back, but frozen: it does not acknowledge in time.
  vinson.done("state", {{"foreground", true}});
  Chat::send(denny, "vinson", "three", "d-3");
  REQUIRE(chat.shows(token, 2));
  CHECK(chat.shown(token).back() == "a new message: Denny:three (3)");

  // The app is killed.
  vinson = ImClient(server.port());
  Chat::send(denny, "vinson", "four", "d-4");
  REQUIRE(chat.shows(token, 3));
  CHECK(chat.shown(token).back() == "a new message: Denny:four (4)");

  // It comes back and has read: the next badge counts from there.
  vinson = chat.join(server, "vinson", "vinson-phone");
  CHECK(vinson.done("read", {{"peer", "denny"}}).at("unread_total") == 0);
  vinson = ImClient(server.port());
  Chat::send(denny, "vinson", "five", "d-5");
  REQUIRE(chat.shows(token, 4));
  CHECK(chat.shown(token).back() == "a new message: Denny:five (1)");

  // Logged out: nothing any more, and not even an event.
  vinson = chat.join(server, "vinson", "vinson-phone");
  vinson.done("logout", json::object());
  const std::int64_t events = chat.topics.size(chat.names.offline);
  Chat::send(denny, "vinson", "six", "d-6");
  denny.done("sync", {{"ver", 0}});
  CHECK(chat.topics.size(chat.names.offline) == events);
  CHECK(server.metric("nightpost_im_events_total") == 4);
  CHECK(server.metric("nightpost_im_late_events_total") == 1);

  REQUIRE(chat.committed(4, 30s));
  CHECK(chat.shown(token).size() == 4);
  for (const json& outcome : chat.outcomes()) CHECK(outcome.at("outcome") == "accepted");
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
  worker.process().signal(SIGTERM);
  CHECK(worker.process().wait(20s) == 0);
}

TEST_CASE("im: killed at any moment, no stored message is without its push", "[e2e][im]") {
  std::optional<support::PostgresServer> store;
  if (GENERATE(false, true)) store.emplace(std::vector<std::string>{"fsync=off"});
  Chat chat(store ? store->new_database() : "");
  const std::string token = support::user_token(2);
  std::map<std::string, std::string> sent;  // client id → message id
  std::set<std::string> unknown;            // asked for, not answered
  {
    ImProcess server = chat.server();
    ImClient vinson = chat.join(server, "vinson", "vinson-phone");
    vinson.done("token", {{"certificate", chat.certificate}, {"token", token}});
  }
  int number = 0;
  for (int round = 0; round < 5; ++round) {
    ImProcess server = chat.server();
    ImClient denny = chat.join(server, "denny", "denny-phone");
    for (const std::string& client_id : std::set(unknown)) {  // the answer was lost: it asks again
      sent[client_id] = Chat::send(denny, "vinson", client_id, client_id).at("id");
      unknown.erase(client_id);
    }
    const int killed_after = 20 + 37 * round;
    for (int i = 0; i < 400 && server.process().running(); ++i) {
      if (i == killed_after) server.process().signal(SIGKILL);
      const std::string client_id = "d-" + std::to_string(++number);
      try {
        sent[client_id] = Chat::send(denny, "vinson", client_id, client_id).at("id");
      } catch (const std::runtime_error&) {
        unknown.insert(client_id);
        break;
      }
    }
    CHECK(server.process().wait(10s) == 128 + SIGKILL);
  }
  ImProcess server = chat.server();
  ImClient denny = chat.join(server, "denny", "denny-phone");
  for (const std::string& client_id : unknown)
    sent[client_id] = Chat::send(denny, "vinson", client_id, client_id).at("id");
  CHECK(sent.size() > 300);

  // The history: every answered message once, and no gap in the numbers.
  std::set<std::string> history;
  std::int64_t seq = 0;
  for (bool more = true; more;) {
    const json page = denny.done("pull", {{"peer", "vinson"}, {"after", seq}, {"limit", 100}});
    CHECK(page.at("from") == seq + 1);
    for (const json& message : page.at("messages")) {
      const std::string id = message.at("id");
      CHECK(std::stoll(id.substr(id.find('-') + 1)) == ++seq);
      CHECK(history.insert(message.at("client_id")).second);
      CHECK(sent.at(message.at("client_id")) == id);
    }
    more = page.at("more");
  }
  CHECK(history.size() == sent.size());

  // The topic: every stored message has its event; one that came twice has the same id.
  std::set<std::string> events;
  REQUIRE(support::eventually(
      30s,
      [&] {
        chat.topics.read(chat.names.offline, [&](const support::ReadRecord& record) {
          const json event = json::parse(record.value);
          CHECK(event.at("event_id") == event.at("message").at("id"));
          CHECK(event.at("to").at(0).at("devices") == json::array({"vinson-phone"}));
          events.insert(event.at("message").at("id"));
        });
        return events.size() >= sent.size();
      },
      200ms));
  for (const auto& [client_id, id] : sent) CHECK(events.contains(id));
  CHECK(events.size() == sent.size());
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

TEST_CASE("im: a broker that is away holds pushes back, not messages", "[e2e][im]") {
  Chat chat;
  ImProcess server = chat.server();
  ImClient vinson = chat.join(server, "vinson", "vinson-phone");
  vinson.done("token", {{"certificate", chat.certificate}, {"token", support::user_token(3)}});
  vinson.done("state", {{"foreground", false}});
  ImClient denny = chat.join(server, "denny", "denny-phone");
  Chat::send(denny, "vinson", "before", "d-1");
  REQUIRE(support::eventually(20s, [&] { return chat.topics.size(chat.names.offline) == 1; }, 100ms));
  {
    std::jthread restarting([&] { chat.broker.restart(); });
    for (int i = 2; i <= 50; ++i) {
      Chat::send(denny, "vinson", std::to_string(i), "d-" + std::to_string(i));
      support::pause_for(50ms);
    }
  }
  REQUIRE(support::eventually(60s, [&] { return chat.topics.size(chat.names.offline) == 50; }, 200ms));
  server.process().signal(SIGTERM);
  CHECK(server.process().wait(20s) == 0);
}

}  // namespace
}  // namespace nightpost::e2e

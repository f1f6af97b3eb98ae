// Two IM servers on one PostgreSQL and one Redis, from outside: what is said on one is live on the other, and whatever
// of the four dies, each message is live or an event, once in the history, and in order.
#include <catch2/catch.hpp>
#include <csignal>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "e2e/im_business.h"
#include "support/postgres_server.h"
#include "support/redis_server.h"

namespace nightpost::e2e {
namespace {

using namespace std::chrono_literals;
using support::ImClient;

struct NodesBed : Business {
  support::PostgresServer database{{"fsync=off"}};
  support::RedisServer redis;
  const std::string store_url = database.new_database();
  json im;
  std::unique_ptr<ImProcess> north, south;

  NodesBed() {
    json rest = {{"listen", "127.0.0.1:0"},
                 {"administrators", {{std::to_string(support::kFleetApp), "administrator"}}}};
    rest.update(tls);
    im = {{"rest", rest},
          {"node_lease_ms", 2'000},
          {"ack_timeout_ms", 3'000},
          {"redis", {{"url", redis.url()}, {"lease_ms", 2'000}, {"command_timeout_ms", 500}}}};
    north = node("north");
    south = node("south");
    // The second hears of the first, and the first of the second.
    for (const ImProcess* each : {north.get(), south.get()})
      REQUIRE(support::eventually(20s, [&] { return each->metric("nightpost_im_peers") == 1; }, 50ms));
  }
  /// Both are on one host, so each has a name.
  std::unique_ptr<ImProcess> node(const std::string& name) {
    json section = im_section(im);
    section["node_name"] = name;
    const std::string file =
        nightpost.config(name + ".json", names, {{"im", section}, {"store", {{"url", store_url}}}});
    return std::make_unique<ImProcess>(file, Bed::folder.file(name + ".ready"), Bed::folder.file(name + ".log"));
  }
  void end(ImProcess& process) {
    process.process().signal(SIGTERM);
    CHECK(process.process().wait(30s) == 0);
  }
  void give_token(ImClient& client, int number) {
    client.done("token", {{"certificate", 1}, {"token", support::user_token(number)}});
  }
  static std::string send(ImClient& from, const std::string& to, const std::string& words) {
    return from.done("send", message(to, words, words)).at("id");
  }
  /// Words of messages that there is an event for, with the devices it names.
  std::map<std::string, std::set<std::string>> pushed() {
    std::map<std::string, std::set<std::string>> all;
    topics.read(names.offline, [&](const support::ReadRecord& record) {
      const json event = json::parse(record.value);
      if (event.at("kind") != "c2c") return;
      std::set<std::string>& devices = all[event.at("message").at("elements").at(0).at("text")];
      for (const json& device : event.at("to").at(0).at("devices")) devices.insert(device.get<std::string>());
    });
    return all;
  }
  static double held(const ImProcess& process) { return process.metric("nightpost_im_intents_held"); }
};

/// The words of the deliver frame's message; it is acknowledged.
std::string hear(ImClient& client) {
  const json frame = client.delivered();
  client.say({{"type", "ack"}, {"pos", frame.at("pos")}});
  for (const json& item : frame.at("items"))
    if (item.at("kind") == "message") return item.at("message").at("elements").at(0).at("text");
  return "no message: " + frame.dump();
}

/// Passes over what else comes.
json bye_of(ImClient& client) {
  while (const auto frame = client.next())
    if (frame->at("type") == "bye") return *frame;
  throw std::runtime_error("no bye came");
}

/// A client that takes what comes, live or by syncs, and acknowledges it.
class Reader {
 public:
  Reader(ImClient client, std::string peer) : client_(std::move(client)), peer_(std::move(peer)) {}

  std::set<std::string> words;
  std::size_t live = 0, syncs = 0;

  /// One frame, if one comes.
  void step(support::milliseconds patience) {
    const auto frame = client_.next(patience);
    if (!frame) return;
    if (frame->at("type") == "behind") return sync();
    if (frame->at("type") == "bye") throw std::runtime_error("bye: " + frame->dump());
    if (frame->at("type") != "deliver") return;
    for (const json& item : frame->at("items"))
      if (item.at("kind") == "message" && take(item.at("message"))) ++live;
    client_.say({{"type", "ack"}, {"pos", frame->at("pos")}});
  }
  /// What a phone does that has been away.
  void sync() {
    ++syncs;
    json synced = json::object();
    for (bool more = true; more; more = synced.at("more"))
      synced = insist("sync", {{"ver", synced.value("ver", ver_)}});
    for (bool more = true; more;) {
      const json page = insist("pull", {{"peer", peer_}, {"after", pulled_}, {"limit", 100}});
      for (const json& message : page.at("messages")) {
        words.insert(message.at("elements").at(0).at("text").get<std::string>());
        const std::int64_t seq = seq_of(message);
        CHECK(seq == ++pulled_);  // without a hole
      }
      more = page.at("more");
    }
    ver_ = synced.at("ver");
    client_.say({{"type", "ack"}, {"ver", ver_}});
  }

 private:
  /// A store that is away is asked again, as clients do.
  json insist(const std::string& op, const json& body) {
    constexpr int kBusy = 70169;
    json answer;
    const auto taken = [&] { return (answer = client_.ask(op, body)).at("code") != kBusy; };
    if (!support::eventually(60s, taken, 100ms)) throw std::runtime_error(op + ": busy for a minute");
    if (answer.at("code") != 0) throw std::runtime_error(op + ": " + answer.dump());
    return answer.value("body", json::object());
  }
  static std::int64_t seq_of(const json& message) {
    const std::string id = message.at("id");
    return std::stoll(id.substr(id.find('-') + 1));
  }
  /// Live ones never come in another order than they were stored in.
  bool take(const json& message) {
    const std::int64_t seq = seq_of(message);
    CHECK(seq > seen_);
    seen_ = seq;
    return words.insert(message.at("elements").at(0).at("text").get<std::string>()).second;
  }

  ImClient client_;
  const std::string peer_;
  std::int64_t ver_ = 0, pulled_ = 0, seen_ = 0;
};

TEST_CASE("im nodes: live both ways, acknowledged there, and nothing is pushed", "[e2e][im][nodes]") {
  NodesBed bed;
  ImClient mei = bed.join(*bed.north, "mei", "mei-phone");
  ImClient denny = bed.join(*bed.south, "denny", "denny-phone");
  bed.give_token(mei, 1);
  bed.give_token(denny, 2);
  for (int i = 0; i < 20; ++i) {
    const std::string there = "there " + std::to_string(i), back = "back " + std::to_string(i);
    NodesBed::send(denny, "mei", there);
    CHECK(hear(mei) == there);
    NodesBed::send(mei, "denny", back);
    CHECK(hear(denny) == back);
  }
  // The intents end with what the other node's device acknowledged.
  for (const ImProcess* each : {bed.north.get(), bed.south.get()}) {
    CHECK(support::eventually(10s, [&] { return NodesBed::held(*each) == 0; }, 50ms));
    CHECK(each->metric("nightpost_im_events_total") == 0);
    CHECK(each->metric("nightpost_im_remote_devices") == 1);
  }
  // One that freezes in the foreground is pushed to by the node that stored the message.
  NodesBed::send(denny, "mei", "frozen");
  REQUIRE(support::eventually(20s, [&] { return bed.pushed().contains("frozen"); }, 200ms));
  CHECK(bed.pushed().at("frozen") == std::set<std::string>{"mei-phone"});
  CHECK(bed.south->metric("nightpost_im_late_events_total") == 1);
  // One in the background at once, and the server API says where everybody is.
  CHECK(hear(mei) == "frozen");
  mei.done("state", {{"foreground", false}, {"unread", 1}});
  REQUIRE(support::eventually(
      10s,
      [&] {
        NodesBed::send(denny, "mei", "away " + std::to_string(bed.pushed().size()));
        return bed.pushed().size() > 1;
      },
      200ms));
  const json states = bed.done(*bed.south, "openim/query_online_status", {{"To_Account", {"mei", "denny"}}});
  for (const json& each : states.at("QueryResult")) CHECK(each.at("Status") == "Online");
  bed.end(*bed.north);
  // It has said farewell, so its devices are away at once.
  CHECK(support::eventually(1s, [&] { return bed.south->metric("nightpost_im_peers") == 0; }, 50ms));
  bed.end(*bed.south);
}

TEST_CASE("im nodes: displaced, replaced and kicked from the other node", "[e2e][im][nodes]") {
  NodesBed bed;
  ImClient first = bed.join(*bed.north, "mei", "mei-phone");
  ImClient again = bed.join(*bed.south, "mei", "mei-phone");
  CHECK(bye_of(first).at("reason") == "kicked_instance");
  ImClient second = bed.join(*bed.north, "mei", "mei-other");
  CHECK(bye_of(again).at("reason") == "kicked_device");
  bed.done(*bed.south, "im_open_login_svc/kick", {{"UserID", "mei"}});
  CHECK(bye_of(second).at("reason") == "kicked_admin");
  bed.end(*bed.north);
  bed.end(*bed.south);
}

TEST_CASE("im nodes: one is killed, and what its user gets is pushed within the lease", "[e2e][im][nodes]") {
  NodesBed bed;
  ImClient mei = bed.join(*bed.north, "mei", "mei-phone");
  bed.give_token(mei, 1);
  ImClient denny = bed.join(*bed.south, "denny", "denny-phone");
  NodesBed::send(denny, "mei", "alive");
  CHECK(hear(mei) == "alive");
  // What the killed one stored, for a device elsewhere that has not acknowledged it, is the other's to push.
  ImClient vinson = bed.join(*bed.south, "vinson", "vinson-phone");
  bed.give_token(vinson, 2);
  REQUIRE(support::eventually(10s, [&] { return bed.north->metric("nightpost_im_remote_devices") == 2; }, 50ms));
  NodesBed::send(mei, "vinson", "left behind");
  bed.north->process().signal(SIGKILL);
  CHECK(bed.north->process().wait(10s) == 128 + SIGKILL);
  for (int i = 0; i < 20; ++i) NodesBed::send(denny, "mei", "m" + std::to_string(i));
  REQUIRE(support::eventually(30s, [&] { return bed.pushed().size() >= 21; }, 200ms));
  const auto pushed = bed.pushed();
  CHECK(pushed.at("left behind") == std::set<std::string>{"vinson-phone"});
  for (int i = 0; i < 20; ++i) CHECK(pushed.at("m" + std::to_string(i)) == std::set<std::string>{"mei-phone"});
  CHECK_FALSE(pushed.contains("alive"));
  CHECK(bed.south->metric("nightpost_im_peers") == 0);

  // Another takes its place, and she comes back there: she has all, live again.
  bed.north = bed.node("north");
  Reader reader(bed.join(*bed.north, "mei", "mei-phone"), "denny");
  reader.sync();
  CHECK(reader.words.size() == 21);
  REQUIRE(support::eventually(20s, [&] { return bed.south->metric("nightpost_im_remote_devices") == 1; }, 50ms));
  NodesBed::send(denny, "mei", "once more");
  while (!reader.words.contains("once more")) reader.step(1s);
  CHECK(reader.live == 1);
  bed.end(*bed.north);
  bed.end(*bed.south);
}

TEST_CASE("im nodes: Redis restarts under load, and nothing is lost or overtaken", "[e2e][im][nodes]") {
  constexpr int kMessages = 300;
  NodesBed bed;
  ImClient client = bed.join(*bed.north, "mei", "mei-phone");
  bed.give_token(client, 1);
  Reader mei(std::move(client), "denny");
  std::jthread sending([&] {
    ImClient denny = bed.join(*bed.south, "denny", "denny-phone");
    for (int i = 0; i < kMessages; ++i) {
      NodesBed::send(denny, "mei", "m" + std::to_string(i));
      support::pause_for(10ms);
    }
  });
  std::jthread restarting([&] {
    support::pause_for(500ms);
    bed.redis.stop();
    support::pause_for(1'000ms);
    bed.redis.start();
    support::pause_for(500ms);
    bed.redis.pause();  // it is there and says nothing
    support::pause_for(1'000ms);
    bed.redis.resume();
  });
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (mei.words.size() < kMessages && std::chrono::steady_clock::now() < until) mei.step(100ms);
  restarting.join();
  sending.join();
  // She stayed connected, and saw every one, live or by a sync that the node asked her for.
  CHECK(mei.words.size() == kMessages);
  CHECK(mei.live > 0);
  CAPTURE(mei.live, mei.syncs);
  for (const ImProcess* each : {bed.north.get(), bed.south.get()}) {
    CHECK(support::eventually(20s, [&] { return NodesBed::held(*each) == 0; }, 100ms));
    CHECK(support::eventually(20s, [&] { return each->metric("nightpost_im_peers") == 1; }, 100ms));
    for (const char* line : {"publish", "subscribe"}) {
      const std::string up = std::string("nightpost_im_redis_up{line=\"") + line + "\"}";
      CHECK(support::eventually(20s, [&] { return each->metric(up) == 1; }, 100ms));
    }
  }
  mei.sync();  // the history has each once, without a hole
  CHECK(mei.words.size() == kMessages);
  bed.end(*bed.north);
  bed.end(*bed.south);
}

TEST_CASE("im nodes: PostgreSQL restarts, and both go on", "[e2e][im][nodes]") {
  NodesBed bed;
  ImClient client = bed.join(*bed.north, "mei", "mei-phone");
  bed.give_token(client, 1);
  Reader mei(std::move(client), "denny");
  ImClient denny = bed.join(*bed.south, "denny", "denny-phone");
  // What is not answered is said again, as clients do; the client id keeps it one message.
  const auto insist = [&](const std::string& words) {
    const auto said = [&] {
      try {
        return denny.ask("send", NodesBed::message("mei", words, words)).at("code") == 0;
      } catch (const support::ImClosed&) {
        throw;
      } catch (const std::runtime_error&) {  // no answer in time
        return false;
      }
    };
    REQUIRE(support::eventually(60s, said, 100ms));
  };
  insist("before");
  while (!mei.words.contains("before")) mei.step(1s);
  bed.database.stop();
  std::jthread starting([&] {
    support::pause_for(1'000ms);
    bed.database.start();
  });
  insist("meanwhile");
  starting.join();
  for (int i = 0; i < 20; ++i) insist("m" + std::to_string(i));
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (mei.words.size() < 22 && std::chrono::steady_clock::now() < until) mei.step(100ms);
  CHECK(mei.words.size() == 22);
  mei.sync();
  CHECK(mei.words.size() == 22);
  bed.end(*bed.north);
  bed.end(*bed.south);
}

}  // namespace
}  // namespace nightpost::e2e

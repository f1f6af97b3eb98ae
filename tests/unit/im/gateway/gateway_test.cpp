// The gateway on a real server, met by clients on real sockets.
#include "im/gateway/gateway.h"

#include <catch2/catch.hpp>

#include "gateway_rig.h"

namespace nightpost::im {
namespace {

using namespace fake;

TEST_CASE("gateway: login, send, deliver, acknowledge, over plain and TLS", "[im][gateway]") {
  const bool with_tls = GENERATE(false, true);
  CAPTURE(with_tls);
  Rig rig({}, with_tls);
  Client denny(rig), vinson(rig);
  denny.log_in("denny");
  vinson.hello("vinson");
  CHECK(vinson.hear(1) == Words{"welcome 10"});
  CHECK(rig.news.told() == Words{"vinson phone came"});
  CHECK(rig.metrics.online.read() == 2);

  denny.ask(1, "send", {{"to", "vinson"}, {"client_id", "c-1"}, {"elements", {{{"type", "text"}, {"text", "hi"}}}}});
  rig.until([&] { return !rig.service.sends.empty(); });
  CHECK(json::parse(rig.service.sends.front().first.elements)[0]["text"] == "hi");
  rig.commit(new_message("vinson", 11));
  rig.service.pop(rig.service.sends).second(SendReply{{ConvId{7}, Seq{11}}, {}, Ver{11}});
  CHECK(denny.hear(1) == Words{"res 1 0"});
  CHECK(vinson.hear(1) == Words{"deliver 1 11"});
  CHECK(vinson.last["items"][0]["message"]["id"] == "7-11");
  vinson.say(R"({"type":"ack","pos":1,"ver":10})");
  rig.until([&] { return !rig.news.all.empty(); });
  CHECK(rig.news.told() == Words{"vinson phone acknowledged 11"});
  const auto devices = rig.gateway->connected({AppId{1}, "vinson"});
  REQUIRE(devices.size() == 1);
  CHECK((devices[0].device == "phone" && devices[0].foreground && devices[0].acknowledged == Ver{11}));
  CHECK(rig.gateway->connected({AppId{2}, "vinson"}).empty());
}

TEST_CASE("gateway: who is no WebSocket is answered, who is one too many too", "[im][gateway]") {
  Rig rig({.connections_max = 3,
           .connections_per_address_max = 2,
           .trusted_proxies = {*server::AddressRange::parse("127.0.0.0/8")}});
  const auto get = [&](const std::string& request) {
    tcp::socket socket(rig.io);
    socket.connect({asio::ip::address_v4::loopback(), rig.port()});
    asio::write(socket, asio::buffer(request));
    std::string head;
    bool done = false;
    asio::async_read_until(socket, asio::dynamic_buffer(head), "\r\n\r\n", [&](auto, auto) { done = true; });
    rig.until([&] { return done; });
    return head.size() > 12 ? std::stoi(head.substr(9, 3)) : 0;
  };
  CHECK(get("GET / HTTP/1.1\r\nHost: h\r\n\r\n") == 404);
  CHECK(get("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n") == 426);
  CHECK(get("GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n") == 400);
  CHECK(get("GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n") == 426);
  const std::string from_a = "X-Forwarded-For: 198.51.100.1", from_b = "X-Forwarded-For: 198.51.100.2";
  Client first(rig, from_a);
  std::optional<Client> second(std::in_place, rig, from_a);
  CHECK(second->accepted());
  CHECK(Client(rig, from_a).status() == 429);
  Client other(rig, from_b);
  CHECK(other.accepted());
  CHECK(Client(rig, from_b).status() == 503);
  second.reset();
  rig.until([&] { return rig.gateway->connections() == 2; });
  CHECK(Client(rig, from_a).accepted());
}

TEST_CASE("gateway: compression is never agreed on, so no connection keeps a window", "[im][gateway]") {
  Rig rig;
  Client client(rig, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame");
  CHECK(client.accepted());  // which an answer that names an extension is not
  client.log_in("denny");
  client.write(std::string("\xC1\x81\0\0\0\0a", 7));
  CHECK(client.hear(2) == Words{"bye protocol", "close 1002"});
}

TEST_CASE("gateway: a device that does not acknowledge for 10 s is due, and again when its connection ends",
          "[im][gateway]") {
  Rig rig;
  std::optional<Client> client(std::in_place, rig);
  client->log_in("denny");
  rig.commit(new_message("denny", 11));
  CHECK(client->hear(1) == Words{"deliver 1 11"});
  rig.pass(milliseconds(9'900));
  CHECK(rig.news.told().empty());
  rig.pass(milliseconds(150));  // wake-ups are 50 ms coarse
  CHECK(rig.news.told() == Words{"denny phone left"});
  CHECK_FALSE(rig.gateway->connected({AppId{1}, "denny"})[0].foreground);
  client->ack(1);
  rig.until([&] { return rig.news.all.size() == 2; });
  CHECK(rig.news.told() == Words{"denny phone acknowledged 11", "denny phone came"});
  rig.commit(new_message("denny", 12));
  client.reset();
  rig.until([&] { return !rig.news.all.empty(); });
  CHECK(rig.news.told() == Words{"denny phone left"});
  CHECK(rig.gateway->connected({AppId{1}, "denny"}).empty());
  CHECK(rig.metrics.online.read() == 0);
}

TEST_CASE("gateway: a displaced device hears why, another device's connection lives", "[im][gateway]") {
  Rig rig;
  Client phone(rig), tablet(rig);
  phone.log_in("denny", "phone");
  tablet.log_in("denny", "tablet");
  Committed committed;
  committed.ended.push_back({{{AppId{1}, "denny"}, "phone", Epoch{1}, Platform::Ios}, Ended::Why::Displaced});
  rig.gateway->committed(committed);
  CHECK(phone.hear(2) == Words{"bye kicked_device", "close 4001"});
  phone.until_ended();
  CHECK(rig.news.told() == Words{"denny phone left"});
  rig.commit(new_message("denny", 11));
  CHECK(tablet.hear(1) == Words{"deliver 1 11"});
}

TEST_CASE("gateway: a device that reconnects replaces its lingering connection and is never gone", "[im][gateway]") {
  Rig rig;
  Client old(rig);
  old.log_in("denny");
  rig.commit(new_message("denny", 11));
  Client fresh(rig);
  SECTION("the login's reply comes first") {
    fresh.hello("denny");
    CHECK(fresh.hear(1) == Words{"welcome 10"});
  }
  SECTION("the end of the old login is told before the reply to the new one") {
    rig.service.at_once = nullptr;
    fresh.hello("denny");
    rig.until([&] { return !rig.service.logins.empty(); });
    Committed committed;
    committed.ended.push_back({{{AppId{1}, "denny"}, "phone", Epoch{1}, Platform::Ios}, Ended::Why::SameDevice});
    rig.gateway->committed(committed);
    SECTION("and it comes") {
      rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 2, 11));
      CHECK(fresh.hear(1) == Words{"welcome 11"});
    }
    SECTION("and it is refused") {
      rig.service.pop(rig.service.logins).second(refuse(Code::Internal, "fault"));
      CHECK(fresh.hear(1) == Words{"welcome refused 70500"});
      CHECK(rig.news.told() == Words{"denny phone left"});
      return;
    }
  }
  CHECK(old.hear(3) == Words{"deliver 1 11", "bye kicked_instance", "close 4002"});
  old.until_ended();
  CHECK(rig.news.told() == Words{"denny phone came"});
  CHECK(rig.gateway->connected({AppId{1}, "denny"}).size() == 1);
}

TEST_CASE("gateway: an earlier login whose reply comes late does not replace the later one", "[im][gateway]") {
  Rig rig;
  rig.service.at_once = nullptr;
  Client early(rig), late(rig);
  early.hello("denny");
  rig.until([&] { return rig.service.logins.size() == 1; });
  late.hello("denny");
  rig.until([&] { return rig.service.logins.size() == 2; });
  auto first = rig.service.pop(rig.service.logins), second = rig.service.pop(rig.service.logins);
  Committed committed;
  committed.ended.push_back({{{AppId{1}, "denny"}, "phone", Epoch{1}, Platform::Ios}, Ended::Why::SameDevice});
  rig.gateway->committed(committed);
  second.second(login_reply("denny", "phone", 2, 5));
  first.second(login_reply("denny", "phone", 1, 4));
  CHECK(late.hear(1) == Words{"welcome 5"});
  CHECK(early.hear(3) == Words{"welcome 4", "bye kicked_instance", "close 4002"});
  CHECK(late.silent());
  CHECK(rig.gateway->connected({AppId{1}, "denny"}).size() == 1);
}

TEST_CASE("gateway: a frame above the limit is answered, a violation closes", "[im][gateway]") {
  Rig rig;
  Client client(rig);
  client.log_in("denny");
  client.say(R"({"type":"req","id":5,"op":"send","body":{"client_id":"c-9","to":")" + std::string(300'000, 'b') +
             "\"}}");
  CHECK(client.hear(1) == Words{"res 5 80002"});
  CHECK(client.last["limit_bytes"] == 65'536);
  client.say(R"({"type":"ping"})");
  CHECK(client.hear(1) == Words{"pong"});
  client.write("\x81\x01x");
  CHECK(client.hear(2) == Words{"bye protocol", "close 1002"});
  rig.pass(milliseconds(2'100));  // what it says behind its mistake is not read, its Close neither
  client.until_ended();
}

TEST_CASE("gateway: a slow reader is told that it is behind, and all comes in order", "[im][gateway]") {
  Rig rig;
  Client slow(rig), other(rig);
  slow.log_in("denny");
  other.log_in("vinson");
  slow.stop_reading();
  for (int ver = 11; ver <= 210; ++ver) {
    rig.commit(new_message("denny", ver, "[\"" + std::string(3'000, 'x') + "\"]"));
    if (ver % 10 == 0) rig.settle();
  }
  rig.commit(new_message("vinson", 11));
  CHECK(other.hear(1) == Words{"deliver 1 11"});  // nobody else waits
  rig.pass(seconds(60));
  CHECK(std::ranges::count(rig.news.told(), "denny phone left") == 1);  // vinson, who is silent too, may be before him
  slow.say(R"({"type":"ping"})");
  slow.go_on();
  for (int i = 1; i <= 64; ++i)
    CHECK(slow.hear(1) == Words{"deliver " + std::to_string(i) + " " + std::to_string(10 + i)});
  CHECK(slow.hear(2) == Words{"behind 75", "pong"});
  slow.ack(64);
  slow.ask(1, "sync", {{"ver", 74}});
  rig.until([&] { return !rig.service.syncs.empty(); });
  SyncReply reply;
  reply.ver = Ver{210};
  rig.service.pop(rig.service.syncs).second(reply);
  CHECK(slow.hear(1) == Words{"res 1 0"});
  CHECK(slow.last["body"]["more"] == false);
  rig.commit(new_message("denny", 211));
  CHECK(slow.hear(1) == Words{"deliver 65 211"});
}

TEST_CASE("gateway: a client that reads nothing holds up its own requests, in bounded memory", "[im][gateway]") {
  Rig rig;
  Client client(rig);
  client.log_in("denny");
  client.stop_reading();
  for (int id = 1; id <= 30; ++id) client.ask(id, "pull", {{"peer", "b"}});
  PullReply large;
  large.messages.resize(4);
  for (Message& each : large.messages) each.elements = "[\"" + std::string(61'000, 'x') + "\"]";
  std::size_t answered = 0;
  for (int turn = 0; turn < 100; ++turn) {
    rig.settle();
    CHECK(rig.service.pulls.size() <= 4);
    while (!rig.service.pulls.empty()) {
      rig.service.pop(rig.service.pulls).second(large);
      ++answered;
    }
  }
  CHECK(answered < 30);
  client.go_on();
  for (std::size_t id = 1; id <= 30; ++id) {
    for (; !rig.service.pulls.empty(); ++answered) rig.service.pop(rig.service.pulls).second(large);
    rig.until([&] {
      for (; !rig.service.pulls.empty(); ++answered) rig.service.pop(rig.service.pulls).second(large);
      return answered == 30 || !client.silent();
    });
    CHECK(client.hear(1) == Words{"res " + std::to_string(id) + " 0"});
  }
  CHECK(answered == 30);
}

TEST_CASE("gateway: a stranger is closed after 10 s, though he never answers the Close", "[im][gateway]") {
  Rig rig;
  Client client(rig);
  client.answers_close = false;
  REQUIRE(client.accepted());
  rig.pass(milliseconds(9'900));
  CHECK(rig.gateway->connections() == 1);
  rig.pass(milliseconds(200));
  CHECK(rig.gateway->connections() == 1);
  rig.pass(milliseconds(2'100));
  CHECK(rig.gateway->connections() == 0);
  CHECK(client.hear(2) == Words{"bye protocol", "close 1008"});
  client.until_ended();
}

TEST_CASE("gateway: an address that fails often waits for its answers, a good signature of it does not",
          "[im][gateway]") {
  Rig rig({.failed_logins_per_minute = 2});
  for (int i = 0; i < 2; ++i) {
    Client bad(rig);
    bad.hello("denny", "phone", "bad");
    CHECK(bad.hear(1) == Words{"welcome refused 70009"});
  }
  Client held(rig), good(rig);
  held.hello("denny", "phone", "bad");
  CHECK(held.silent());
  good.hello("denny");
  CHECK(good.hear(1) == Words{"welcome 10"});
  CHECK(held.silent());
  rig.pass(milliseconds(5'100));
  CHECK(held.hear(2) == Words{"welcome refused 70009", "close 1008"});
  CHECK(rig.metrics.logins_held.read() == 1);
}

TEST_CASE("gateway: logins at once are bounded, the refused are told when", "[im][gateway]") {
  Rig rig({.logins_open_max = 1});
  rig.service.at_once = nullptr;
  Client first(rig), second(rig);
  first.hello("denny");
  rig.until([&] { return !rig.service.logins.empty(); });
  second.hello("vinson");
  CHECK(second.hear(2) == Words{"welcome refused 70169", "close 1008"});
  CHECK(rig.metrics.logins_put_off.read() == 1);
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 4));
  CHECK(first.hear(1) == Words{"welcome 4"});
  Client third(rig);
  third.hello("vinson");
  rig.until([&] { return !rig.service.logins.empty(); });
}

TEST_CASE("gateway: a server that goes down tells each client its own delay, and takes nobody", "[im][gateway]") {
  Rig rig;
  std::deque<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(rig).log_in("user" + std::to_string(i));
  rig.gateway->drain();
  std::set<std::int64_t> delays;
  for (Client& each : clients) {
    CHECK(each.hear(1) == Words{"bye draining"});
    delays.insert(each.last["delay_ms"].get<std::int64_t>());
    CHECK(each.hear(1) == Words{"close 1001"});
    each.until_ended();
  }
  CHECK(delays.size() > 4);
  CHECK(*delays.rbegin() <= 10'000);
  CHECK(Client(rig).status() == 503);
  CHECK(rig.gateway->connections() == 0);
}

TEST_CASE("gateway: its end leaves nothing behind, whatever is under way", "[im][gateway]") {
  Rig rig;
  Client online(rig), joining(rig), asking(rig);
  online.log_in("denny");
  asking.log_in("asker");
  asking.ask(1, "read", {{"peer", "b"}});
  asking.ask(2, "logout");
  rig.service.at_once = nullptr;
  joining.hello("vinson");
  rig.until([&] { return !rig.service.logins.empty() && !rig.service.logouts.empty(); });
  rig.commit(new_message("denny", 11));
  auto handler = rig.gateway->handler();
  rig.gateway.reset();
  rig.service.pop(rig.service.logins).second(login_reply("vinson", "phone", 5, 1));
  rig.service.pop(rig.service.reads)(ReadReply{});
  rig.service.pop(rig.service.logouts)(Answer<void>{});
  online.until_ended();
  joining.until_ended();
  CHECK(Client(rig).status() == 503);
}

}  // namespace
}  // namespace nightpost::im

// One connection as a state machine: login, requests, limits, ends.
#include <catch2/catch.hpp>

#include "session_rig.h"

namespace nightpost::im {
namespace {

using Rig = fake::SessionRig;
using fake::kHello;
using fake::login_reply;
using fake::Words;

TEST_CASE("session: before hello nothing else is heard", "[im][session]") {
  Rig rig;
  SECTION("another frame") {
    rig.say(R"({"type":"ping"})");
    CHECK(rig.heard() == Words{"bye protocol", "close 1008"});
  }
  SECTION("no JSON") {
    rig.say("GET / HTTP/1.1");
    CHECK(rig.heard() == Words{"welcome refused 6017", "close 1008"});
  }
  SECTION("a hello with a mistake") {
    rig.say(R"({"type":"hello"})");
    CHECK(rig.heard() == Words{"welcome refused 6017", "close 1008"});
    CHECK(rig.last["why"] == "versions: missing");
  }
  SECTION("more than 4 KiB") {
    rig.say(std::string(4'097, ' '));
    CHECK(rig.heard() == Words{"bye protocol", "close 1009"});
  }
  SECTION("pings without end") {
    std::string ping;
    append_ws_frame(ping, WsOpcode::Ping, std::string(100, 'p'), std::array<std::uint8_t, 4>{});
    for (int i = 0; i < 100 && !rig.session->finished(); ++i) rig.bytes_in(ping);
    const Words heard = rig.heard();
    REQUIRE(heard.size() > 2);
    CHECK(heard.size() < 50);
    CHECK(heard.back() == "close 1008");
  }
  SECTION("nothing, for 10 s") {
    rig.pass(milliseconds(9'999));
    CHECK(rig.heard().empty());
    rig.pass(milliseconds(1));
    CHECK(rig.heard() == Words{"bye protocol", "close 1008"});
    CHECK_FALSE(rig.session->finished());
    rig.pass(seconds(2));  // and no Close comes
    CHECK(rig.session->finished());
  }
  SECTION("not masked") {
    rig.bytes_in("\x81\x01x");
    CHECK(rig.heard() == Words{"bye protocol", "close 1002"});
  }
  CHECK(rig.service.logins.empty());
  CHECK(rig.told().empty());
}

TEST_CASE("session: a login that is refused says the code, then ends", "[im][session]") {
  Rig rig;
  SECTION("the signature") {
    rig.say(kHello);
    CHECK(rig.told() == Words{"joining"});
    rig.service.pop(rig.service.logins).second(refuse(Code::SigExpired, "over"));
    CHECK(rig.heard() == Words{"welcome refused 70001", "close 1008"});
    CHECK(rig.last["retry_after_ms"] == 0);
    CHECK(rig.told() == Words{"left"});
    CHECK(rig.metrics.logins_failed.read() == 1);
  }
  SECTION("an address that fails often hears it late") {
    rig.failed_wait = milliseconds(5'000);
    rig.say(kHello);
    rig.service.pop(rig.service.logins).second(refuse(Code::SigMismatch, "no"));
    CHECK(rig.heard().empty());
    CHECK(rig.told() == Words{"joining", "left"});
    rig.say(R"({"type":"ping"})");
    rig.pass(milliseconds(4'999));
    CHECK(rig.heard().empty());
    rig.pass(milliseconds(1));
    CHECK(rig.heard() == Words{"welcome refused 70009", "close 1008"});
  }
  SECTION("the address counts no failure that is ours") {
    rig.failed_wait = milliseconds(5'000);
    rig.say(kHello);
    rig.service.pop(rig.service.logins).second(refuse(Code::Busy, "full"));
    CHECK(rig.heard() == Words{"welcome refused 70169", "close 1008"});
    CHECK(rig.last["retry_after_ms"] == 1234);
    CHECK(rig.metrics.logins_failed.read() == 0);
  }
  SECTION("too many at once: when to come again") {
    rig.slots = false;
    rig.say(kHello);
    CHECK(rig.heard() == Words{"welcome refused 70169", "close 1008"});
    CHECK(rig.last["retry_after_ms"] == 1234);
    CHECK(rig.service.logins.empty());
  }
  SECTION("displaced meanwhile: said once by the service") {
    rig.say(kHello);
    rig.service.pop(rig.service.logins).second(refuse(Code::Displaced, "another phone"));
    CHECK(rig.heard() == Words{"welcome refused 6208", "close 1008"});
  }
}

TEST_CASE("session: a login's slot lives as long as the service works on it", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  CHECK(rig.slot.use_count() == 2);
  rig.session.reset();
  CHECK(rig.slot.use_count() == 2);
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 5));
  CHECK(rig.slot.use_count() == 1);
}

TEST_CASE("session: requests and their answers", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  rig.ask(1, "send", R"({"to":"b","client_id":"c","elements":[]})");
  rig.ask(2, "read", R"({"peer":"b"})");
  rig.ask(3, "recall", R"({"id":"7-1"})");
  rig.ask(4, "remove", R"({"ids":["7-1"]})");
  rig.ask(5, "chat", R"({"peer":"b"})");
  rig.ask(6, "sync");
  rig.ask(7, "pull", R"({"peer":"b"})");
  rig.ask(8, "token", R"({"certificate":1,"token":"t"})");
  rig.ask(9, "settings");
  rig.ask(10, "mute", R"({"kind":"all"})");
  rig.ask(11, "profile");
  rig.ask(12, "black", R"({"user":"m"})");
  CHECK(rig.heard().empty());
  CHECK(rig.service.calls == Words{"send phone 1", "read phone 1", "recall phone 1", "remove phone 1", "chat phone 1",
                                   "sync phone 1", "pull phone 1", "token phone 1", "settings phone 1", "mute phone 1",
                                   "profile phone 1", "black phone 1"});
  // In any order.
  rig.service.pop(rig.service.pulls).second(PullReply{});
  rig.service.pop(rig.service.syncs).second(refuse(Code::Busy, "full"));
  while (!rig.service.changes.empty()) rig.service.pop(rig.service.changes)(Ver{4});
  while (!rig.service.plain.empty()) rig.service.pop(rig.service.plain)(Answer<void>{});
  rig.service.pop(rig.service.reads)(ReadReply{});
  rig.service.pop(rig.service.sends).second(refuse(Code::Blacklisted, "no"));
  rig.ask(13, "profiles", R"({"users":["a"]})");
  rig.ask(14, "blacks");
  CHECK(rig.heard() == Words{"res 7 0", "res 6 70169", "res 3 0", "res 4 0", "res 5 0", "res 8 0", "res 9 0",
                             "res 10 0", "res 11 0", "res 12 0", "res 2 0", "res 1 20007", "res 13 0", "res 14 0"});
  rig.say("nonsense");
  rig.ask(15, "fly");
  rig.ask(16, "send");
  rig.say(R"({"type":"ping"})");
  rig.bytes_in("\x89\x81" + std::string(4, '\0') + "p");
  CHECK(rig.heard() == Words{"res 0 6017", "res 15 6018", "res 16 6017", "pong", "ws pong p"});
}

TEST_CASE("session: at most 32 requests are open, each of its own id", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  for (int id = 1; id <= 33; ++id) rig.ask(id, "read", R"({"peer":"b"})");
  CHECK(rig.heard() == Words{"res 33 6223"});
  CHECK(rig.service.reads.size() == 32);
  rig.service.pop(rig.service.reads)(ReadReply{});
  rig.ask(2, "read", R"({"peer":"b"})");
  CHECK(rig.heard() == Words{"res 1 0", "res 2 6017"});
  rig.ask(1, "read", R"({"peer":"b"})");
  CHECK(rig.heard().empty());
  CHECK(rig.service.reads.size() == 32);
}

TEST_CASE("session: a frame above the limit is answered with it, and the connection lives", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  rig.ask(5, "send", R"({"client_id":"c-9","to":"b","elements":[{"text":")" + std::string(70'000, 'x') + R"("}]})");
  CHECK(rig.heard() == Words{"res 5 80002"});
  CHECK(rig.last["limit_bytes"] == 65'536);
  CHECK(rig.last["client_id"] == "c-9");
  CHECK(rig.last["why"].get<std::string>().contains("65536"));
  rig.say(R"({"type":"ping"})");
  CHECK(rig.heard() == Words{"pong"});
  rig.say(std::string(1'048'577, 'x'));
  CHECK(rig.heard() == Words{"bye protocol", "close 1009"});
}

TEST_CASE("session: what breaks the protocol ends it", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  struct Row {
    const char* name;
    std::string bytes;
    Words heard;
  };
  std::string binary, text;
  append_ws_frame(binary, WsOpcode::Binary, "{}", std::array<std::uint8_t, 4>{});
  append_ws_frame(text, WsOpcode::Text, "\xff", std::array<std::uint8_t, 4>{});
  const Row row = GENERATE_COPY(values<Row>({{"binary", binary, {"bye protocol", "close 1003"}},
                                             {"not UTF-8", text, {"bye protocol", "close 1007"}},
                                             {"not masked", "\x81\x01x", {"bye protocol", "close 1002"}}}));
  CAPTURE(row.name);
  rig.bytes_in(row.bytes);
  CHECK(rig.heard() == row.heard);
  CHECK(rig.told() == Words{"left foreground"});
  rig.say(R"({"type":"ping"})");
  rig.deliver(1);
  CHECK(rig.heard().empty());
}

TEST_CASE("session: a second hello ends it, the client's Close is answered", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  SECTION("hello") {
    rig.say(kHello);
    CHECK(rig.heard() == Words{"bye protocol", "close 1008"});
  }
  SECTION("Close") {
    std::string close;
    append_ws_close(close, 1000, "", std::array<std::uint8_t, 4>{});
    rig.bytes_in(close);
    CHECK(rig.told() == Words{"left foreground"});
    CHECK_FALSE(rig.session->finished());
    CHECK(rig.heard() == Words{"close 1000"});
    CHECK(rig.session->finished());
  }
  SECTION("the end of its bytes") {
    rig.session->input_ended();
    CHECK(rig.told() == Words{"left foreground"});
    CHECK(rig.session->finished());
  }
}

TEST_CASE("session: a connection that ended while its login was written is told of all the same", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  auto [request, reply] = rig.service.pop(rig.service.logins);
  SECTION("its client has gone") { rig.session->input_ended(); }
  SECTION("it is no more") { rig.session.reset(); }
  SECTION("it is drained") { rig.session->drain(milliseconds(0)); }
  CHECK(rig.service.gone.empty());
  reply(login_reply("denny", "phone", 3, 0));
  CHECK(rig.service.gone == Words{"phone 3"});
}

TEST_CASE("session: heartbeats", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  rig.pass(seconds(70));
  rig.say(R"({"type":"ping"})");
  rig.pass(milliseconds(74'999));
  CHECK(rig.heard() == Words{"pong"});
  rig.pass(milliseconds(1));
  CHECK(rig.heard() == Words{"bye silent", "close 1008"});
  CHECK(rig.last["reconnect"] == true);
  CHECK(rig.told() == Words{"left foreground"});
}

TEST_CASE("session: what waits to be read by the client bounds what is read of it", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  for (int id = 1; id <= 20; ++id) rig.ask(id, "pull", R"({"peer":"b"})");
  CHECK(rig.service.pulls.size() == 4);  // four answers of the largest size
  CHECK(rig.session->congested());
  CHECK_FALSE(rig.unread.empty());
  PullReply large;
  large.messages.resize(4);
  for (Message& each : large.messages) each.elements = "[\"" + std::string(61'000, 'x') + "\"]";
  for (int i = 0; i < 4; ++i) rig.service.pop(rig.service.pulls).second(large);
  rig.feed();
  rig.pass(seconds(80));  // it reads slowly: its pings wait behind
  CHECK(rig.service.pulls.size() <= 1);
  CHECK(rig.heard().front() == "res 1 0");
  rig.pass(seconds(1));
  CHECK(rig.told().empty());
  CHECK(rig.service.pulls.size() == 4);
  while (!rig.service.pulls.empty()) {
    rig.service.pop(rig.service.pulls).second(PullReply{});
    rig.heard();
  }
  CHECK(rig.last["id"] == 20);
}

Ended ended(Ended::Why why, std::int64_t epoch, std::string device = "phone") {
  return {{{AppId{1}, "denny"}, std::move(device), Epoch{epoch}, Platform::Ios}, why};
}

TEST_CASE("session: ends that the service tells of", "[im][session]") {
  struct Row {
    Ended::Why why;
    const char* bye;
    const char* close;
  };
  const Row row = GENERATE(values<Row>({
      {Ended::Why::Displaced, "bye kicked_device", "close 4001"},
      {Ended::Why::SameDevice, "bye kicked_instance", "close 4002"},
      {Ended::Why::Kicked, "bye kicked_admin", "close 4003"},
      {Ended::Why::AccountRemoved, "bye account_removed", "close 4004"},
      {Ended::Why::LoggedOut, "bye logged_out", "close 4005"},
  }));
  Rig rig;
  SECTION("online") {
    rig.log_in(0, 3);
    rig.session->ended(ended(row.why, 2));            // an earlier login of this device
    rig.session->ended(ended(row.why, 3, "tablet"));  // another device
    CHECK(rig.heard().empty());
    rig.session->ended(ended(row.why, 3));
    CHECK(rig.heard() == Words{row.bye, row.close});
    CHECK(rig.last["reconnect"] == false);
    CHECK(rig.told() == Words{"left foreground"});
  }
  SECTION("told before the login's own reply") {
    rig.say(kHello);
    rig.session->ended(ended(row.why, 3));
    rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 3, 1));
    CHECK(rig.heard() == Words{"welcome 1", row.bye, row.close});
  }
  SECTION("of the login before this one") {
    rig.say(kHello);
    rig.session->ended(ended(row.why, 2));
    rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 3, 1));
    CHECK(rig.heard() == Words{"welcome 1"});
  }
}

TEST_CASE("session: other ends", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  SECTION("the signature's") {
    rig.service.acks.clear();
    const milliseconds left = wall_from_ms(1'795'830'687'000) - rig.clock.today;
    for (milliseconds passed{0}; passed < left - seconds(60); passed += seconds(60)) {
      rig.pass(seconds(60));
      rig.say(R"({"type":"ping"})");
    }
    for (const std::string& each : rig.heard()) CHECK(each == "pong");
    rig.pass(seconds(60));
    CHECK(rig.heard() == Words{"bye sig_expired", "close 4006"});
  }
  SECTION("the server's") {
    rig.session->drain(milliseconds(1730));
    CHECK(rig.heard() == Words{"bye draining", "close 1001"});
    CHECK(rig.last["delay_ms"] == 1730);
    CHECK(rig.last["reconnect"] == true);
  }
  SECTION("a logout, answered first") {
    rig.ask(1, "logout");
    rig.session->ended(ended(Ended::Why::LoggedOut, 1));
    CHECK(rig.heard().empty());
    rig.service.pop(rig.service.logouts)(Answer<void>{});
    CHECK(rig.heard() == Words{"res 1 0", "close 1000"});
  }
  SECTION("a logout that did not come about") {
    rig.ask(1, "logout");
    rig.service.pop(rig.service.logouts)(refuse(Code::Busy, "full"));
    CHECK(rig.heard() == Words{"res 1 70169"});
    CHECK(rig.session->is_online());
  }
  SECTION("replies that come after it are dropped") {
    rig.ask(1, "read", R"({"peer":"b"})");
    rig.session->replaced();
    CHECK(rig.heard() == Words{"bye kicked_instance", "close 4002"});
    rig.service.pop(rig.service.reads)(ReadReply{});
    CHECK(rig.heard().empty());
    rig.ask(2, "read", R"({"peer":"b"})");
    CHECK(rig.service.reads.empty());
  }
}

}  // namespace
}  // namespace nightpost::im

// One connection as a state machine, by a scripted service and a clock that the test moves.
#include "im/gateway/session.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fake_service.h"
#include "frame_word.h"

namespace nightpost::im {
namespace {

using fake::login_reply;
using fake::new_message;
using nlohmann::json;

const std::string kHello =
    R"({"type":"hello","versions":[1],"app":1,"user":"denny","sig":"s","device":"phone","platform":"ios"})";

struct Rig final : SessionHost {
  explicit Rig(GatewayOptions options_in = {}) : options(std::move(options_in)) {}

  // SessionHost
  void output_ready(Session&) override {}
  void joining(Session&) override { news.push_back("joining"); }
  void online(Session&) override { news.push_back("online"); }
  void left(Session&, bool was_foreground) override { news.push_back(was_foreground ? "left foreground" : "left"); }
  void foreground_changed(Session& who) override { news.push_back(who.foreground() ? "foreground" : "away"); }
  void acknowledged(Session&, Ver ver) override { news.push_back("acknowledged " + std::to_string(ver.value)); }
  std::shared_ptr<const void> login_slot() override { return slots ? slot : nullptr; }
  milliseconds login_retry() override { return milliseconds(1234); }
  milliseconds login_failed(Session&, const Refusal&) override { return failed_wait; }

  // The client
  void say(const std::string& text) {
    std::string bytes;
    append_ws_frame(bytes, WsOpcode::Text, text, std::array<std::uint8_t, 4>{1, 2, 3, 4});
    bytes_in(bytes);
  }
  void bytes_in(const std::string& bytes) {
    unread += bytes;
    feed();
  }
  void feed() {
    std::string_view view = unread;
    session->feed(view);
    unread = std::string(view);
  }
  void ask(std::int64_t id, const std::string& op, const std::string& body = "{}") {
    say(R"({"type":"req","id":)" + std::to_string(id) + R"(,"op":")" + op + R"(","body":)" + body + "}");
  }
  void ack(std::int64_t pos) { say(R"({"type":"ack","pos":)" + std::to_string(pos) + "}"); }
  void ack_ver(std::int64_t ver) { say(R"({"type":"ack","ver":)" + std::to_string(ver) + "}"); }
  /// What the client hears next, as short words; "" at the end.
  std::vector<std::string> heard() {
    std::string bytes;
    session->pull_output(bytes, std::string::npos);
    feed();
    std::string_view view = bytes;
    std::vector<std::string> all;
    while (const auto event = decoder.next(view)) {
      switch (event->kind) {
        case WsEvent::Kind::Text:
          last = json::parse(event->data);
          all.push_back(fake::word_of(last));
          break;
        case WsEvent::Kind::Close:
          all.push_back("close " + std::to_string(event->code));
          break;
        case WsEvent::Kind::Pong:
          all.push_back("ws pong " + std::string(event->data));
          break;
        default:
          all.push_back("?");
      }
    }
    return all;
  }
  void deliver(const Delivery& delivery) {
    const auto& item = std::get<NewMessage>(delivery.item);
    session->deliver(delivery, std::make_shared<const std::string>(message_json(*item.message)));
  }
  void deliver(std::int64_t ver) { deliver(new_message("denny", ver)); }
  /// Logged in, told so, at that ver, which it has acknowledged.
  void log_in(std::int64_t ver, std::int64_t epoch = 1) {
    say(kHello);
    service.pop(service.logins).second(login_reply("denny", "phone", epoch, ver));
    CHECK(heard() == std::vector<std::string>{"welcome " + std::to_string(ver)});
    if (ver > 0) ack_ver(ver);
    news.clear();
    service.acks.clear();
  }
  void pass(milliseconds time) {
    clock.pass(time);
    if (session->due() <= clock.now) session->tick();
  }
  std::vector<std::string> told() { return std::exchange(news, {}); }

  GatewayOptions options;
  fake::ManualClock clock;
  fake::ScriptedService service;
  FrameParser parser;
  GatewayMetrics metrics;
  bool slots = true;
  std::shared_ptr<const void> slot = std::make_shared<int>(0);
  milliseconds failed_wait{0};
  std::vector<std::string> news;
  SessionWorld world{options, clock, service, *this, parser, metrics};
  std::shared_ptr<Session> session = std::make_shared<Session>(world);
  WsDecoder decoder{WsRole::Client, {.message_bytes_max = kServerFrameBytesMax, .skipped_bytes_max = 0}};
  std::string unread;
  json last;
};
using Words = std::vector<std::string>;

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

TEST_CASE("session: what is delivered is numbered, acknowledged and moves the cursor", "[im][session]") {
  Rig rig;
  rig.log_in(10);
  rig.deliver(11);
  rig.deliver(12);
  rig.deliver(new_message("denny", 13, "[]", "phone"));  // its own: the answer says it
  rig.deliver(new_message("denny", 14, "[]", "tablet"));
  CHECK(rig.heard() == Words{"deliver 1 11", "deliver 2 12", "deliver 3 14"});
  rig.ack(2);
  CHECK(rig.told() == Words{"acknowledged 12"});
  rig.ack(1);
  rig.ack(2);
  CHECK(rig.told().empty());
  rig.ack(3);
  CHECK(rig.service.acks == std::vector<Ver>{Ver{12}, Ver{14}});
  rig.ack(4);
  CHECK(rig.heard() == Words{"res 0 6017"});
  rig.ack_ver(15);
  CHECK(rig.heard() == Words{"res 0 6017"});
  CHECK(rig.last["why"] == "ver: the last was 14");
  rig.deliver(new_message("denny", 0));  // online-only
  CHECK(rig.heard() == Words{"deliver 4 0"});
  rig.ack(4);
  CHECK(rig.service.acks.size() == 2);
  CHECK(rig.session->acknowledged() == Ver{14});
}

TEST_CASE("session: a login amid traffic: each message once, none lost, none overtakes", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  rig.deliver(8);  // committed before the login was
  rig.deliver(9);
  rig.deliver(10);  // behind it, in the same batch
  rig.deliver(11);
  CHECK(rig.heard().empty());
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 9));
  rig.deliver(12);
  CHECK(rig.heard() == Words{"welcome 9", "deliver 1 10", "deliver 2 11", "deliver 3 12"});

  // Acknowledged frames do not move the cursor over what a sync has not brought yet.
  rig.told();
  rig.ack(3);
  CHECK(rig.told().empty());
  CHECK(rig.service.acks.empty());
  rig.ask(1, "sync", R"({"ver":4})");
  SyncReply reply;
  reply.ver = Ver{6};
  reply.more = true;
  rig.service.pop(rig.service.syncs).second(reply);
  rig.ack_ver(6);
  CHECK(rig.told() == Words{"acknowledged 6"});
  rig.ask(2, "sync", R"({"ver":6})");
  reply.ver = Ver{11};
  reply.more = false;
  rig.service.pop(rig.service.syncs).second(reply);
  rig.ack_ver(11);
  CHECK(rig.told() == Words{"acknowledged 12"});
  rig.deliver(13);
  rig.ack(4);
  CHECK(rig.service.acks.back() == Ver{13});
}

TEST_CASE("session: more than is held during a login leaves the client behind", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  for (int ver = 10; ver < 10 + 66; ++ver) rig.deliver(ver);
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 9));
  const Words heard = rig.heard();
  REQUIRE(heard.size() == 66);
  CHECK(heard[1] == "deliver 1 10");
  CHECK(heard[64] == "deliver 64 73");
  CHECK(heard[65] == "behind 75");
  rig.deliver(76);
  CHECK(rig.heard().empty());
}

TEST_CASE("session: an unacknowledged client hears behind once, and a sync that has it all puts it on",
          "[im][session]") {
  Rig rig;
  rig.log_in(100);
  for (int ver = 101; ver <= 170; ++ver) rig.deliver(ver);
  rig.deliver(new_message("denny", 0));
  Words heard = rig.heard();
  REQUIRE(heard.size() == 65);
  CHECK(heard.back() == "behind 165");
  CHECK(rig.metrics.behind.read() == 1);
  rig.ack(64);
  CHECK(rig.told() == Words{"acknowledged 164"});
  rig.deliver(171);
  CHECK(rig.heard().empty());

  SyncReply reply;
  reply.ver = Ver{140};
  reply.more = true;
  rig.ask(1, "sync", R"({"ver":100})");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  CHECK(rig.last["body"]["more"] == true);
  // A sync that read before the last of what was dropped.
  reply.ver = Ver{170};
  reply.more = false;
  rig.ask(2, "sync", R"({"ver":140})");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  CHECK(rig.last["body"]["more"] == true);
  rig.deliver(172);
  reply.ver = Ver{173};  // which is delivered only after it
  rig.ask(3, "sync", R"({"ver":170})");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  CHECK(rig.last["body"]["more"] == false);
  rig.deliver(173);
  rig.deliver(174);
  CHECK(rig.heard() == Words{"deliver 65 174"});
  rig.ack(65);
  CHECK(rig.session->acknowledged() == Ver{164});  // not over what the sync brought
  rig.ack_ver(173);
  CHECK(rig.session->acknowledged() == Ver{174});
}

TEST_CASE("session: a sync without acknowledgements leads to behind again", "[im][session]") {
  Rig rig;
  rig.log_in(100);
  for (int ver = 101; ver <= 165; ++ver) rig.deliver(ver);
  SyncReply reply;
  reply.ver = Ver{165};
  rig.ask(1, "sync");
  rig.service.pop(rig.service.syncs).second(reply);
  rig.heard();
  rig.deliver(166);
  CHECK(rig.heard() == Words{"behind 166"});
}

TEST_CASE("session: bytes that are not acknowledged are bounded too", "[im][session]") {
  Rig rig;
  rig.log_in(0);
  for (int ver = 1; ver <= 5; ++ver) rig.deliver(new_message("denny", ver, "[\"" + std::string(60'000, 'x') + "\"]"));
  CHECK(rig.heard() == Words{"deliver 1 1", "deliver 2 2", "deliver 3 3", "deliver 4 4", "behind 5"});
}

TEST_CASE("session: who does not acknowledge for 10 s is away until he does", "[im][session]") {
  Rig rig;
  rig.log_in(10);
  SECTION("a frame") {
    rig.deliver(11);
    rig.pass(seconds(5));
    rig.deliver(12);
    rig.pass(milliseconds(4'999));
    CHECK(rig.told().empty());
    rig.pass(milliseconds(1));
    CHECK(rig.told() == Words{"away"});
    CHECK_FALSE(rig.session->foreground());
    CHECK(rig.session->is_online());
    CHECK(rig.metrics.overdue.read() == 1);
    rig.pass(seconds(5));
    CHECK(rig.told().empty());  // said once
    rig.ack(1);
    CHECK(rig.told() == Words{"acknowledged 11"});  // the second frame is late too
    rig.ack(2);
    CHECK(rig.told() == Words{"acknowledged 12", "foreground"});
  }
  SECTION("in time") {
    rig.deliver(11);
    rig.pass(milliseconds(9'999));
    rig.ack(1);
    rig.pass(seconds(1));
    CHECK(rig.told() == Words{"acknowledged 11"});
  }
  SECTION("what was dropped") {
    for (int ver = 11; ver <= 75; ++ver) rig.deliver(ver);
    rig.ack(64);
    rig.told();
    rig.pass(milliseconds(9'999));
    CHECK(rig.told().empty());
    SyncReply reply;
    reply.ver = Ver{75};
    rig.ask(1, "sync");
    rig.service.pop(rig.service.syncs).second(reply);
    rig.pass(milliseconds(1));
    CHECK(rig.told() == Words{"away"});  // the sync's answer itself is no acknowledgement
    rig.ack_ver(75);
    CHECK(rig.told() == Words{"acknowledged 75", "foreground"});
  }
  SECTION("in the background nobody waits") {
    rig.ask(1, "state", R"({"foreground":false})");
    CHECK(rig.told().empty());
    rig.service.pop(rig.service.plain)(Answer<void>{});
    CHECK(rig.told() == Words{"away"});
    rig.deliver(11);
    CHECK(rig.heard() == Words{"res 1 0", "deliver 1 11"});
    rig.pass(seconds(11));
    CHECK(rig.told().empty());
    rig.ack(1);
    rig.ask(2, "state", R"({"foreground":true})");
    CHECK(rig.told() == Words{"acknowledged 11", "foreground"});
    rig.session->input_ended();
    CHECK(rig.told() == Words{"left foreground"});
  }
  SECTION("a background that the service refused is still one") {
    rig.ask(1, "state", R"({"foreground":false})");
    rig.service.pop(rig.service.plain)(refuse(Code::Busy, "full"));
    CHECK(rig.told().empty());
  }
}

TEST_CASE("session: a client that never says its ver after the login is away after 10 s", "[im][session]") {
  Rig rig;
  rig.say(kHello);
  rig.service.pop(rig.service.logins).second(login_reply("denny", "phone", 1, 9));
  rig.told();
  rig.pass(milliseconds(9'999));
  CHECK(rig.told().empty());
  rig.pass(milliseconds(1));
  CHECK(rig.told() == Words{"away"});
  rig.ack_ver(9);
  CHECK(rig.told() == Words{"acknowledged 9", "foreground"});
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

#include "app/chat_state.h"

#include <catch2/catch.hpp>

namespace nightpost::app {
namespace {

using nlohmann::json;

/// A chat client whose server is the test.
struct ChatBed {
  explicit ChatBed(ChatOptions options = {}, bool makes_new = true)
      : state(with_names(std::move(options)), {[this] { return "sig-" + std::to_string(++signatures); }, makes_new},
              now) {}

  static ChatOptions with_names(ChatOptions options) {
    options.app = AppId{7};
    options.user = "denny";
    options.device = "term-1";
    options.seed = 0xabc;
    return options;
  }

  /// Frames since the last call, parsed.
  std::vector<json> frames() {
    std::vector<json> out;
    for (const std::string& text : state.take_frames()) {
      raw = text;
      out.push_back(json::parse(text));
    }
    return out;
  }
  /// The one frame since the last call.
  json frame() {
    const std::vector<json> all = frames();
    REQUIRE(all.size() == 1);
    return all[0];
  }
  std::vector<json> events() { return state.take_events(); }
  /// The events of that kind since the last call; others are dropped.
  std::vector<json> events(std::string_view kind) {
    std::vector<json> out = events();
    std::erase_if(out, [&](const json& each) { return each["event"] != kind; });
    return out;
  }
  void get(const json& frame) { state.received(frame.dump(), now); }
  void pass(milliseconds time) {
    now += time;
    state.tick(now);
  }
  void welcome(std::int64_t ver) {
    get({{"type", "welcome"}, {"code", 0}, {"version", 1}, {"user", "denny"}, {"ver", ver}, {"heartbeat_ms", 30'000}});
  }
  void answer(const json& request, json body) {
    REQUIRE(request["type"] == "req");
    get({{"type", "res"}, {"id", request["id"]}, {"code", 0}, {"body", std::move(body)}});
  }
  void refuse(const json& request, int code, std::int64_t retry_after_ms = 0) {
    get({{"type", "res"},
         {"id", request["id"]},
         {"code", code},
         {"why", "because"},
         {"retry_after_ms", retry_after_ms}});
  }
  /// Logged in and synced, with `chats`, all seen.
  void online(std::int64_t ver = 10, json chats = json::array()) {
    state.connected(now);
    frames();
    welcome(ver);
    const json sync = frame();
    REQUIRE(sync["op"] == "sync");
    answer(sync, {{"chats", std::move(chats)}, {"ver", ver}, {"more", false}, {"unread_total", 0}});
    const json ack = frame();
    REQUIRE(ack["type"] == "ack");
    events();
  }
  void deliver(std::int64_t pos, std::int64_t ver, json item) {
    get({{"type", "deliver"}, {"pos", pos}, {"ver", ver}, {"unread_total", 1}, {"items", {std::move(item)}}});
  }

  MonoTime now{std::chrono::hours(1)};
  int signatures = 0;
  ChatState state;
  std::string raw;
};

json message(const std::string& id, const std::string& from, const std::string& to, const std::string& text) {
  return {{"id", id},
          {"time", 1'795'225'887'405},
          {"from", from},
          {"to", to},
          {"elements", {{{"type", "text"}, {"text", text}}}}};
}
json chat(const std::string& peer, std::int64_t head, std::int64_t unread = 0) {
  return {{"peer", peer},     {"conv", "5"}, {"head", head}, {"head_at", 1'795'225'887'405},
          {"unread", unread}, {"ver", 9}};
}
json item(json message, std::int64_t unread = 1) {
  return {{"kind", "message"}, {"unread", unread}, {"message", std::move(message)}};
}

TEST_CASE("chat_state: logs in, syncs all pages, says how far", "[app][chat]") {
  ChatBed bed;
  CHECK(bed.state.wants_connection());
  bed.state.dialing();
  CHECK_FALSE(bed.state.wants_connection());
  bed.state.connected(bed.now);
  const json hello = bed.frame();
  CHECK(hello == json{{"type", "hello"},
                      {"versions", json::array({1})},
                      {"app", 7},
                      {"user", "denny"},
                      {"sig", "sig-1"},
                      {"device", "term-1"},
                      {"platform", "desktop"}});
  bed.welcome(40);
  CHECK(bed.events("online").size() == 1);
  json sync = bed.frame();
  CHECK(sync["op"] == "sync");
  CHECK(sync["body"] == json{{"ver", 0}, {"limit", 100}});
  bed.answer(sync, {{"chats", {chat("vinson", 9, 2)}}, {"ver", 30}, {"more", true}, {"unread_total", 2}});
  sync = bed.frame();
  CHECK(sync["body"]["ver"] == 30);
  bed.answer(sync, {{"chats", {chat("mia", 3)}}, {"ver", 41}, {"more", false}, {"unread_total", 2}});
  CHECK(bed.frame() == json{{"type", "ack"}, {"ver", 41}});
  const std::vector<json> synced = bed.events("synced");
  REQUIRE(synced.size() == 1);
  CHECK(synced[0]["chats"] == 2);
  CHECK(synced[0]["unread"] == json::array({{{"peer", "vinson"}, {"unread", 2}}}));
  CHECK_FALSE(bed.state.exit_code());
}

TEST_CASE("chat_state: a text goes to the open conversation, its ids first in the frame", "[app][chat]") {
  ChatBed bed;
  bed.online();
  bed.state.typed("hello", bed.now);
  CHECK(bed.events("failed").size() == 1);  // no conversation is open
  bed.state.typed("/open vinson", bed.now);
  bed.state.typed("//hi \"there\"", bed.now);
  const json send = bed.frame();
  CHECK(
      bed.raw ==
      R"({"type":"req","id":2,"op":"send","body":{"client_id":"0000000000000abc-1","to":"vinson","elements":[{"type":"text","text":"/hi \"there\""}]}})");
  bed.state.typed("second", bed.now);
  CHECK(bed.frames().empty());  // one at a time, so that their order holds
  bed.answer(send, {{"id", "5-1"}, {"time", 1}, {"ver", 11}});
  CHECK(bed.events("sent").at(0)["id"] == "5-1");
  CHECK(bed.frame()["body"]["client_id"] == "0000000000000abc-2");
}

TEST_CASE("chat_state: a lost answer is asked for again with the same client id", "[app][chat]") {
  ChatBed bed;
  bed.online();
  bed.state.typed("/open vinson", bed.now);
  bed.state.typed("hello", bed.now);
  const json first = bed.frame();

  SECTION("on the same connection, after a while") {
    bed.pass(milliseconds(9'999));
    CHECK(bed.frames().empty());
    bed.pass(milliseconds(1));
    const json second = bed.frame();
    CHECK(second["id"] != first["id"]);
    CHECK(second["body"] == first["body"]);
    CHECK(bed.events("resent").size() == 1);
    bed.answer(first, {{"id", "5-1"}, {"time", 1}, {"ver", 11}});  // late: the second one's answer counts
    CHECK(bed.events("sent").empty());
    bed.answer(second, {{"id", "5-1"}, {"time", 1}, {"ver", 11}, {"repeated", true}});
    CHECK(bed.events("sent").at(0)["repeated"] == true);
  }
  SECTION("on the next connection") {
    bed.state.disconnected("reset by peer", bed.now);
    const json offline = bed.events("offline").at(0);
    CHECK(offline["why"] == "reset by peer");
    CHECK(offline["retry_in_ms"] <= 1000);
    bed.state.typed("later", bed.now);  // waits its turn
    bed.pass(milliseconds(1000));
    REQUIRE(bed.state.wants_connection());
    bed.state.connected(bed.now);
    CHECK(bed.frame()["sig"] == "sig-2");
    bed.welcome(10);
    const std::vector<json> frames = bed.frames();  // nothing was missed: ack, and the message again
    REQUIRE(frames.size() == 2);
    CHECK(frames[0] == json{{"type", "ack"}, {"ver", 10}});
    CHECK(frames[1]["body"] == first["body"]);
    bed.answer(frames[1], {{"id", "5-1"}, {"time", 1}, {"ver", 11}});
    CHECK(bed.frame()["body"]["elements"][0]["text"] == "later");
  }
}

TEST_CASE("chat_state: a passing refusal is tried again, others are told", "[app][chat]") {
  ChatBed bed;
  bed.online();
  bed.state.typed("/open vinson", bed.now);
  bed.state.typed("hello", bed.now);
  bed.refuse(bed.frame(), 70169, 700);
  CHECK(bed.frames().empty());
  bed.pass(milliseconds(699));
  CHECK(bed.frames().empty());
  bed.pass(milliseconds(1));
  bed.refuse(bed.frame(), 6223);
  bed.pass(milliseconds(60'000));
  bool again = false;
  for (const json& each : bed.frames()) again = again || each.value("op", "") == "send";
  CHECK(again);

  ChatBed other;
  other.online();
  other.state.typed("/open vinson", other.now);
  other.state.typed("hello", other.now);
  other.refuse(other.frame(), 20007);
  const json failed = other.events("failed").at(0);
  CHECK(failed["name"] == "blacklisted");
  CHECK(failed["why"] == "because");
  CHECK(failed["client_id"] == "0000000000000abc-1");
  other.state.input_ended();
  CHECK(other.state.exit_code() == 1);
}

TEST_CASE("chat_state: a request that is never taken ends", "[app][chat]") {
  ChatBed bed;
  bed.online();
  bed.state.typed("/open vinson", bed.now);
  bed.state.typed("hello", bed.now);
  int asked = 0;
  for (int i = 0; i < 400 && bed.events("failed").empty(); ++i) {
    for (const json& each : bed.frames())
      if (each["type"] == "req") {
        ++asked;
        bed.refuse(each, 70500);
      } else {
        bed.get({{"type", "pong"}});
      }
    if (bed.state.take_events().empty()) bed.pass(milliseconds(5'000));
  }
  CHECK(asked == 10);
}

TEST_CASE("chat_state: what is delivered is shown once and acknowledged", "[app][chat]") {
  ChatBed bed;
  bed.online(10, json::array({chat("vinson", 9)}));
  bed.deliver(1, 11, item(message("5-10", "vinson", "denny", "Where?")));
  CHECK(bed.frame() == json{{"type", "ack"}, {"pos", 1}});
  json shown = bed.events("message").at(0);
  CHECK(shown["peer"] == "vinson");
  CHECK(shown["text"] == "Where?");
  CHECK(shown["own"] == false);
  bed.deliver(2, 11, item(message("5-10", "vinson", "denny", "Where?")));  // a repeat
  CHECK(bed.frame()["pos"] == 2);
  CHECK(bed.events().empty());
  bed.deliver(3, 12, item(message("5-11", "denny", "vinson", "from my phone")));
  shown = bed.events("message").at(0);
  CHECK(shown["own"] == true);
  CHECK(shown["peer"] == "vinson");
  bed.deliver(4, 13, {{"kind", "peer_read"}, {"peer", "vinson"}, {"read", 11}});
  bed.deliver(5, 14, {{"kind", "recall"}, {"peer", "vinson"}, {"id", "5-10"}, {"by", "vinson"}});
  bed.deliver(6, 15, {{"kind", "read"}, {"peer", "vinson"}, {"read", 11}, {"unread", 0}});
  bed.deliver(7, 16, {{"kind", "of the future"}});
  const std::vector<json> events = bed.events();
  REQUIRE(events.size() == 3);
  CHECK(events[0]["event"] == "peer_read");
  CHECK(events[1]["event"] == "recalled");
  CHECK(events[2]["event"] == "read");
  // Online-only ones have no ver and no number.
  bed.get(
      {{"type", "deliver"},
       {"pos", 8},
       {"unread_total", 0},
       {"items", {{{"kind", "message"}, {"online_only", true}, {"message", message("0-0", "vinson", "denny", "…")}}}}});
  CHECK(bed.events("message").at(0)["online_only"] == true);
}

TEST_CASE("chat_state: what was missed while away is pulled and shown, once", "[app][chat]") {
  ChatBed bed;
  bed.online(10, {chat("vinson", 9), chat("mia", 3)});
  bed.state.disconnected("lost", bed.now);
  bed.pass(milliseconds(1'000));
  bed.state.connected(bed.now);
  bed.frames();
  bed.welcome(20);
  json sync = bed.frame();
  CHECK(sync["body"]["ver"] == 10);
  // A message comes while it catches up: it is acknowledged, and shown when its turn comes.
  bed.deliver(1, 21, item(message("5-12", "vinson", "denny", "third")));
  CHECK(bed.frame() == json{{"type", "ack"}, {"pos", 1}});
  bed.answer(sync, {{"chats", {chat("vinson", 11)}}, {"ver", 20}, {"unread_total", 2}});
  json pull = bed.frame();
  CHECK(pull["body"] == json{{"peer", "vinson"}, {"after", 9}, {"changes", 0}, {"limit", 100}});
  bed.answer(pull, {{"conv", "5"},
                    {"messages", {message("5-10", "vinson", "denny", "first")}},
                    {"from", 10},
                    {"to", 10},
                    {"head", 12},
                    {"recalls", {{{"id", "5-4"}, {"by", "vinson"}}}},
                    {"changes", 1},
                    {"more", true}});
  pull = bed.frame();
  CHECK(pull["body"]["after"] == 10);
  CHECK(pull["body"]["changes"] == 1);
  bed.answer(
      pull,
      {{"messages", {message("5-11", "vinson", "denny", "second")}}, {"to", 12}, {"changes", 1}, {"more", false}});
  CHECK(bed.frame() == json{{"type", "ack"}, {"pos", 1}, {"ver", 21}});
  std::string texts;
  for (const json& each : bed.events())
    if (each["event"] == "message") texts += each["text"].get<std::string>() + " ";
  CHECK(texts == "first second ");  // number 12 is in the range that was pulled: it does not exist for us
}

TEST_CASE("chat_state: what another device removed is told, however many pulls it takes", "[app][chat]") {
  ChatBed bed;
  bed.online(10, json::array({chat("vinson", 9)}));
  bed.deliver(1, 11, {{"kind", "chat"}, {"peer", "vinson"}, {"removes", {"5-4", "5-7"}}});
  const json sync = bed.frames().back();
  REQUIRE(sync["op"] == "sync");
  json row = chat("vinson", 9);
  row["changes"] = 1'200;
  bed.answer(sync, {{"chats", {row}}, {"ver", 11}});
  json pull = bed.frame();
  CHECK(pull["body"]["changes"] == 0);
  bed.answer(pull, {{"messages", json::array()}, {"to", 9}, {"changes", 1'000}, {"more", false}});  // others' alone
  pull = bed.frame();
  CHECK(pull["body"]["changes"] == 1'000);
  CHECK(bed.events("removed").empty());
  bed.answer(
      pull,
      {{"messages", json::array()}, {"to", 9}, {"removes", {"5-4", 7, "5-7"}}, {"changes", 1'200}, {"more", false}});
  CHECK(bed.frame()["type"] == "ack");
  const json told = bed.events("removed").at(0);
  CHECK(told["peer"] == "vinson");
  CHECK(told["ids"] == json::array({"5-4", "5-7"}));
}

TEST_CASE("chat_state: live frames beside the first sync are shown", "[app][chat]") {
  ChatBed bed;
  bed.state.connected(bed.now);
  bed.frames();
  bed.welcome(20);
  const json sync = bed.frame();
  bed.deliver(1, 21, item(message("5-12", "vinson", "denny", "hello")));
  bed.frames();
  bed.answer(sync, {{"chats", {chat("vinson", 12)}}, {"ver", 21}});
  CHECK(bed.events("message").size() == 1);
}

TEST_CASE("chat_state: behind, reset, and a changed conversation are read by sync", "[app][chat]") {
  ChatBed bed;
  bed.online(10, json::array({chat("vinson", 9)}));
  bed.get({{"type", "behind"}, {"ver", 30}});
  json sync = bed.frame();
  CHECK(sync["body"]["ver"] == 10);
  bed.answer(sync, {{"chats", {chat("vinson", 9)}}, {"ver", 30}});
  CHECK(bed.frame() == json{{"type", "ack"}, {"ver", 30}});

  bed.deliver(1, 31, {{"kind", "chat"}, {"peer", "vinson"}});
  std::vector<json> frames = bed.frames();
  REQUIRE(frames.size() == 2);
  CHECK(frames[1]["op"] == "sync");
  CHECK(frames[1]["body"]["ver"] == 30);  // from before that change
  json gone = chat("vinson", 9);
  gone["gone"] = true;
  bed.answer(frames[1], {{"chats", {gone}}, {"ver", 31}});
  bed.frames();
  bed.events();
  bed.state.typed("/list", bed.now);
  CHECK(bed.events("chats").at(0)["chats"].empty());

  bed.get({{"type", "behind"}, {"ver", 40}});
  bed.answer(bed.frame(), {{"chats", {chat("mia", 70)}}, {"ver", 5}, {"reset", true}});
  CHECK(bed.frame() == json{{"type", "ack"}, {"pos", 1}, {"ver", 5}});  // nothing is pulled: all is as at the start
  CHECK(bed.events("message").empty());
}

TEST_CASE("chat_state: a login that is refused", "[app][chat]") {
  struct Row {
    const char* name;
    int code;
    bool makes_new;
    std::optional<int> exit;
  };
  const Row row = GENERATE(values<Row>({
      {"signature ended, a new one can be made", 70001, true, std::nullopt},
      {"signature ended", 70001, false, 2},
      {"another key", 70009, true, 2},
      {"revoked", 70052, true, 2},
      {"unknown app", 60006, true, 2},
      {"unknown account", 70107, true, 2},
      {"displaced while away", 6208, true, 1},
      {"a code of the future", 99, true, 1},
      {"busy", 70169, true, std::nullopt},
      {"too fast", 6223, true, std::nullopt},
  }));
  CAPTURE(row.name);
  ChatBed bed({}, row.makes_new);
  bed.state.connected(bed.now);
  bed.get({{"type", "welcome"}, {"code", row.code}, {"why", "because"}, {"retry_after_ms", 5'000}});
  CHECK(bed.events("refused").at(0)["why"] == "because");
  CHECK(bed.state.exit_code() == row.exit);
  REQUIRE(bed.state.wants_close());
  if (row.exit) return;
  bed.state.disconnected("closed", bed.now);
  CHECK(bed.state.next_tick() == bed.now + milliseconds(5'000));
}

TEST_CASE("chat_state: what a bye means", "[app][chat]") {
  struct Row {
    const char* reason;
    bool reconnect, makes_new;
    std::optional<int> exit;
  };
  const Row row = GENERATE(values<Row>({
      {"kicked_device", false, true, 1},
      {"kicked_instance", false, true, 1},
      {"kicked_admin", false, true, 1},
      {"sig_expired", false, false, 2},
      {"sig_expired", false, true, std::nullopt},
      {"draining", true, true, std::nullopt},
      {"slow", true, false, std::nullopt},
      {"protocol", false, true, 1},
  }));
  CAPTURE(row.reason, row.makes_new);
  ChatBed bed({}, row.makes_new);
  bed.online();
  bed.get({{"type", "bye"}, {"reason", row.reason}, {"reconnect", row.reconnect}, {"delay_ms", 1730}, {"why", "so"}});
  CHECK(bed.events("bye").at(0)["reason"] == row.reason);
  CHECK(bed.state.exit_code() == row.exit);
  CHECK(bed.state.wants_close());
  if (row.exit) return;
  bed.state.disconnected("closed", bed.now);
  CHECK_FALSE(bed.state.wants_close());
  CHECK(bed.state.next_tick() == bed.now + milliseconds(1730));
}

TEST_CASE("chat_state: gives up when there is no connection for too long", "[app][chat]") {
  ChatBed bed({.retry_limit = milliseconds(5'000)});
  int tries = 0;
  const MonoTime began = bed.now;
  while (!bed.state.exit_code() && tries < 1000) {
    if (bed.state.wants_connection()) {
      ++tries;
      bed.state.dialing();
      bed.state.disconnected("refused", bed.now);
      continue;
    }
    bed.now = std::max(bed.now + milliseconds(1), bed.state.next_tick());
    bed.state.tick(bed.now);
  }
  CHECK(bed.state.exit_code() == 3);
  CHECK(tries > 2);
  CHECK(bed.now - began >= milliseconds(5'000));
  CHECK(bed.now - began < milliseconds(5'100));

  ChatBed once({.retry_limit = milliseconds(0)});
  once.state.disconnected("refused", once.now);
  CHECK(once.state.exit_code() == 3);
}

TEST_CASE("chat_state: silence is noticed, idleness is filled", "[app][chat]") {
  ChatBed bed;
  bed.online();
  bed.pass(milliseconds(30'000));
  CHECK(bed.frame() == json{{"type", "ping"}});
  bed.get({{"type", "pong"}, {"time", 1}});
  bed.pass(milliseconds(30'000));
  CHECK(bed.frame()["type"] == "ping");
  bed.pass(milliseconds(30'000));
  CHECK(bed.frame()["type"] == "ping");
  CHECK_FALSE(bed.state.wants_close());
  bed.pass(milliseconds(15'000));
  CHECK(bed.state.wants_close());
  bed.state.disconnected("closed by us", bed.now);
  CHECK(bed.events("offline").at(0)["why"] == "the server is silent");

  ChatBed greeting;
  greeting.state.connected(greeting.now);
  greeting.pass(milliseconds(14'999));
  CHECK_FALSE(greeting.state.wants_close());
  greeting.pass(milliseconds(1));
  CHECK(greeting.state.wants_close());
}

TEST_CASE("chat_state: commands become requests", "[app][chat]") {
  ChatBed bed;
  bed.online();
  bed.state.typed("/open vinson", bed.now);
  struct Row {
    const char* line;
    const char* op;
    json body;
  };
  const std::vector<Row> rows = {
      {"/history", "pull", {{"peer", "vinson"}, {"limit", 20}}},
      {"/history 9", "pull", {{"peer", "vinson"}, {"limit", 20}, {"before", 9}}},
      {"/read", "read", {{"peer", "vinson"}}},
      {"/recall 5-7", "recall", {{"id", "5-7"}}},
      {"/background", "state", {{"foreground", false}, {"unread", 0}}},
      {"/foreground", "state", {{"foreground", true}}},
      {"/token 12 9d3c0f", "token", {{"certificate", 12}, {"token", "9d3c0f"}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.line);
    bed.state.typed(row.line, bed.now);
    const json request = bed.frame();
    CHECK(request["op"] == row.op);
    CHECK(request["body"] == row.body);
    bed.answer(request, json::object());
  }
  CHECK(bed.events("failed").empty());
  bed.state.typed("/logout", bed.now);
  bed.answer(bed.frame(), json::object());
  CHECK(bed.state.exit_code() == 0);
}

TEST_CASE("chat_state: in the background it stays there over a new connection", "[app][chat]") {
  ChatBed bed;
  bed.online();
  bed.state.typed("/background", bed.now);
  bed.answer(bed.frame(), json::object());
  bed.state.disconnected("lost", bed.now);
  bed.pass(milliseconds(1'000));
  bed.state.connected(bed.now);
  bed.frames();
  bed.welcome(10);
  const std::vector<json> frames = bed.frames();
  REQUIRE(frames.size() == 2);
  CHECK(frames[1]["op"] == "state");
  CHECK(frames[1]["body"]["foreground"] == false);
}

TEST_CASE("chat_state: leaves when all that was typed is done, and not before it was logged in", "[app][chat]") {
  ChatBed bed({.peer = "vinson"});
  bed.state.typed("hello", bed.now);
  bed.state.input_ended();
  CHECK_FALSE(bed.state.exit_code());
  bed.state.connected(bed.now);
  bed.frames();
  bed.welcome(1);
  bed.answer(bed.frame(), {{"ver", 1}});
  const std::vector<json> frames = bed.frames();
  REQUIRE(frames.size() == 2);
  CHECK_FALSE(bed.state.exit_code());
  bed.answer(frames[1], {{"id", "5-1"}, {"time", 1}, {"ver", 2}});
  CHECK(bed.state.exit_code() == 0);

  ChatBed empty;
  empty.state.input_ended();
  CHECK_FALSE(empty.state.exit_code());
  empty.online();
  CHECK(empty.state.exit_code() == 0);

  ChatBed stays({.stay = true});
  stays.state.input_ended();
  stays.online();
  CHECK_FALSE(stays.state.exit_code());
  stays.state.interrupted();
  CHECK(stays.state.exit_code() == 0);
}

TEST_CASE("chat_state: takes no more lines than it can keep", "[app][chat]") {
  ChatBed bed({.peer = "vinson"});
  int lines = 0;
  while (bed.state.wants_input() && lines < 1000) {
    bed.state.typed("hello", bed.now);
    ++lines;
  }
  CHECK(lines == 100);
}

TEST_CASE("chat_state: no frame of a server breaks it", "[app][chat]") {
  std::string deep = R"({"type":"deliver","items":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  for (const std::string& text : {std::string(), std::string("x"), std::string("[]"), std::string("{"), deep,
                                  std::string("{\"type\":\"\xff\"}")}) {
    ChatBed bed;
    bed.online();
    bed.state.received(text, bed.now);
    CHECK(bed.state.wants_close());
  }
  for (const char* text :
       {"{}", R"({"type":5})", R"({"type":"res"})", R"({"type":"res","id":"1","code":"x"})",
        R"({"type":"deliver","pos":"x","items":{}})",
        R"({"type":"deliver","pos":-1,"items":[1,null,[],{"kind":"message"}]})",
        R"({"type":"deliver","items":[{"kind":"message","message":{"id":5,"from":[],"elements":{}}}]})",
        R"({"type":"deliver","items":[{"kind":"message","message":[1]}]})", R"({"type":"welcome"})",
        R"({"type":"pong"})", R"({"type":"of the future"})"}) {
    CAPTURE(text);
    ChatBed bed;
    bed.online();
    bed.state.received(text, bed.now);
    CHECK_FALSE(bed.state.wants_close());
    CHECK_FALSE(bed.state.exit_code());
  }
}

}  // namespace
}  // namespace nightpost::app

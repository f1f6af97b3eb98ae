// The chat client in groups: what is typed, asked, delivered and caught up.
#include <catch2/catch.hpp>

#include "app/chat_screen.h"
#include "app/chat_state.h"

namespace nightpost::app {
namespace {

using nlohmann::json;

struct Bed {
  Bed() : state(names(), {[] { return std::string("sig"); }, true}, now) {
    state.connected(now);
    frames();
    get({{"type", "welcome"}, {"code", 0}, {"version", 1}, {"user", "denny"}, {"ver", 10}, {"heartbeat_ms", 30'000}});
  }
  static ChatOptions names() {
    ChatOptions options;
    options.app = AppId{7};
    options.user = "denny";
    options.device = "term-1";
    options.seed = 0xabc;
    return options;
  }
  std::vector<json> frames() {
    std::vector<json> out;
    for (const std::string& text : state.take_frames()) out.push_back(json::parse(text));
    return out;
  }
  json frame() {
    const std::vector<json> all = frames();
    REQUIRE(all.size() == 1);
    return all[0];
  }
  void get(const json& frame) { state.received(frame.dump(), now); }
  void answer(const json& request, json body) {
    REQUIRE(request["type"] == "req");
    get({{"type", "res"}, {"id", request["id"]}, {"code", 0}, {"body", std::move(body)}});
  }
  json group_row(std::int64_t head, std::int64_t ver = 9) {
    return {{"group", "@TGS#5"}, {"conv", "5"},        {"ver", ver},   {"type", "Work"},
            {"role", "member"},  {"option", "notify"}, {"head", head}, {"unread", 1}};
  }
  /// Synced, in one group whose newest message is 3.
  void online() {
    answer(frame(), {{"chats", json::array()},
                     {"groups", {group_row(3)}},
                     {"ver", 10},
                     {"more", false},
                     {"unread_total", 1},
                     {"time", 1'000}});
    CHECK(frame()["type"] == "ack");
    state.take_events();
  }
  static json message(std::int64_t seq, const char* from = "mia", const char* text = "hi all") {
    return {{"id", "5-" + std::to_string(seq)},
            {"time", 1},
            {"from", from},
            {"group", "@TGS#5"},
            {"card", "Mia M"},
            {"elements", {{{"type", "text"}, {"text", text}}}}};
  }
  void deliver(std::int64_t pos, json item) { get({{"type", "deliver"}, {"pos", pos}, {"items", {std::move(item)}}}); }
  json event(std::string_view kind) {
    std::vector<json> all = state.take_events();
    std::erase_if(all, [&](const json& each) { return each["event"] != kind; });
    REQUIRE(all.size() == 1);
    return all[0];
  }

  MonoTime now{std::chrono::hours(1)};
  ChatState state;
};

TEST_CASE("chat groups: typed commands become requests", "[app][chat][group]") {
  Bed bed;
  bed.online();
  bed.state.typed("/create Public Book club", bed.now);
  json asked = bed.frame();
  CHECK(asked["op"] == "group_create");
  CHECK(asked["body"] == json::parse(R"({"type":"Public","name":"Book club"})"));
  bed.answer(asked, {{"group", "@TGS#9"}, {"conv", "9"}, {"ver", 11}});
  CHECK(bed.event("created")["group"] == "@TGS#9");
  CHECK(bed.state.open_name() == "#@TGS#9");
  bed.state.typed("hello", bed.now);
  asked = bed.frame();
  CHECK(asked["op"] == "group_send");
  CHECK(asked["body"]["group"] == "@TGS#9");
  CHECK_FALSE(asked["body"].contains("to"));
  bed.answer(asked, {{"id", "9-1"}, {"time", 5}, {"ver", 11}});
  json event = bed.event("sent");
  CHECK(event["group"] == "@TGS#9");
  CHECK(chat_text(event).contains("to #@TGS#9, sent   (9-1)"));

  for (const auto& [line, op, body] : std::initializer_list<std::array<const char*, 3>>{
           {"/invite mia bob", "group_invite", R"({"group":"@TGS#9","users":["mia","bob"]})"},
           {"/kick bob", "group_kick", R"({"group":"@TGS#9","users":["bob"]})"},
           {"/members", "group_members", R"({"group":"@TGS#9","limit":100})"},
           {"/read", "group_read", R"({"group":"@TGS#9"})"},
           {"/history 4", "group_pull", R"({"group":"@TGS#9","limit":20,"before":4})"},
           {"/invitations", "group_invitations", "{}"},
           {"/agree book club", "group_answer", R"({"group":"book club","agree":true})"},
           {"/decline g", "group_answer", R"({"group":"g","agree":false})"},
           {"/join book club", "group_join", R"({"group":"book club"})"},
       }) {
    CAPTURE(line);
    bed.state.typed(line, bed.now);
    asked = bed.frame();
    CHECK(asked["op"] == op);
    CHECK(asked["body"] == json::parse(body));
    bed.answer(asked, {{"members", {{{"user", "mia"}, {"result", "failed"}, {"why", "why not"}, {"role", "owner"}}}},
                       {"result", "waiting"},
                       {"messages", json::array()},
                       {"total", 1},
                       {"unread_total", 0}});
    CHECK_FALSE(bed.state.take_events().empty());
  }
  bed.state.typed("/leave", bed.now);
  asked = bed.frame();
  CHECK(asked["op"] == "group_quit");
  bed.answer(asked, {{"ver", 12}});
  CHECK(bed.state.open_name().empty());
}

TEST_CASE("chat groups: what cannot be asked", "[app][chat][group]") {
  Bed bed;
  bed.online();
  for (const char* line : {"/members", "/leave", "/invite mia", "/kick mia", "/create Live x"}) {
    CAPTURE(line);
    bed.state.typed(line, bed.now);
    CHECK(bed.frames().empty());
    CHECK(bed.event("failed")["name"] == "input");
  }
  bed.state.typed("/group " + std::string(49, 'g'), bed.now);
  CHECK(bed.event("failed")["why"] == "group: longer than 48 bytes");
  bed.state.typed("/open mia", bed.now);
  bed.state.take_events();
  bed.state.typed("/members", bed.now);
  CHECK(bed.event("failed")["why"] == "no group is open: /group GROUP");
}

TEST_CASE("chat groups: the next line waits for the group that it may be meant for", "[app][chat][group]") {
  struct Row {
    const char* line;
    bool waits;
  };
  const Row row = GENERATE(values<Row>({{"/create Work Crew", true},
                                        {"/join g", true},
                                        {"/group @TGS#5", false},
                                        {"/create Live x", false},
                                        {"/list", false}}));
  CAPTURE(row.line);
  Bed bed;
  bed.online();
  bed.state.typed(row.line, bed.now);
  CHECK(bed.state.wants_input() != row.waits);
  if (!row.waits) return;
  bed.answer(bed.frame(), {{"group", "g"}, {"conv", "6"}, {"result", "done"}, {"unknown", json::array()}, {"ver", 11}});
  CHECK(bed.state.wants_input());
  bed.state.typed("first!", bed.now);
  CHECK(bed.frame()["body"]["group"] == "g");
}

TEST_CASE("chat groups: what is delivered", "[app][chat][group]") {
  Bed bed;
  bed.online();
  bed.deliver(1, {{"kind", "message"}, {"message", Bed::message(4)}});
  CHECK(bed.frame() == json::parse(R"({"type":"ack","pos":1})"));
  json event = bed.event("message");
  CHECK(event["group"] == "@TGS#5");
  CHECK_FALSE(event.contains("peer"));
  CHECK(chat_text(event).contains("#@TGS#5 > "));
  CHECK(chat_text(event).contains("Mia M: hi all"));
  bed.deliver(2, {{"kind", "message"}, {"message", Bed::message(4)}});  // a repeat
  bed.frames();
  CHECK(bed.state.take_events().empty());
  bed.deliver(3, {{"kind", "recall"}, {"group", "@TGS#5"}, {"id", "5-4"}, {"by", "mia"}, {"time", 7}});
  CHECK(bed.event("recalled")["group"] == "@TGS#5");
  bed.deliver(4, {{"kind", "group"},
                  {"group", "@TGS#5"},
                  {"tip", {{"type", "tip"}, {"kind", "kick"}, {"by", "mia"}, {"users", {"bob"}}, {"note", "spam"}}}});
  event = bed.event("group");
  CHECK(event["text"] == "kick by mia: bob (spam)");
  bed.state.typed("/list", bed.now);
  event = bed.event("chats");
  CHECK(event["chats"][0]["group"] == "@TGS#5");
  CHECK(event["chats"][0]["unread"] == 2);
  CHECK(event["unread_total"] == 2);
}

TEST_CASE("chat groups: after a return, groups are asked for by time, though the ver is the same",
          "[app][chat][group]") {
  Bed bed;
  bed.online();
  bed.state.disconnected("lost", bed.now);
  bed.now += milliseconds(60'000);
  bed.state.tick(bed.now);
  bed.state.dialing();
  bed.state.connected(bed.now);
  bed.frames();
  bed.get({{"type", "welcome"}, {"code", 0}, {"version", 1}, {"user", "denny"}, {"ver", 10}, {"heartbeat_ms", 30'000}});
  json asked = bed.frame();
  CHECK(asked["op"] == "sync");
  CHECK(asked["body"]["since"] == 1'000);
  bed.answer(asked, {{"chats", json::array()},
                     {"groups", {bed.group_row(5)}},
                     {"ver", 10},
                     {"more", true},
                     {"after_group", "5"},
                     {"unread_total", 3},
                     {"time", 2'000}});
  asked = bed.frame();
  CHECK(asked["body"]["after_group"] == "5");
  CHECK(asked["body"]["since"] == 1'000);
  bed.answer(asked, {{"chats", json::array()}, {"ver", 10}, {"more", false}, {"unread_total", 3}, {"time", 3'000}});
  asked = bed.frame();
  CHECK(asked["op"] == "group_pull");
  CHECK(asked["body"] == json::parse(R"({"group":"@TGS#5","after":3,"changes":0,"limit":100})"));
  bed.answer(asked, {{"conv", "5"},
                     {"messages", {Bed::message(4), Bed::message(5)}},
                     {"from", 4},
                     {"to", 5},
                     {"head", 5},
                     {"changes", 0},
                     {"more", false}});
  CHECK(bed.frame()["type"] == "ack");
  std::vector<json> events = bed.state.take_events();
  CHECK(std::ranges::count(events, "message", [](const json& each) { return each["event"]; }) == 2);
  // The next one begins at the first page's time.
  bed.get({{"type", "behind"}, {"ver", 10}});
  asked = bed.frame();
  CHECK(asked["body"]["since"] == 2'000);
  // Something more was not delivered meanwhile: the server says so by `more` alone, and stays behind until it is asked.
  bed.answer(asked, {{"chats", json::array()}, {"ver", 10}, {"more", true}, {"unread_total", 3}, {"time", 4'000}});
  asked = bed.frame();
  CHECK(asked["op"] == "sync");
  CHECK(asked["body"]["since"] == 2'000);
}

TEST_CASE("chat groups: what changed for oneself is read by a sync", "[app][chat][group]") {
  Bed bed;
  bed.online();
  bed.get(
      {{"type", "deliver"},
       {"pos", 1},
       {"ver", 11},
       {"unread_total", 0},
       {"items",
        {{{"kind", "group"}, {"group", "@TGS#6"}, {"tip", {{"type", "tip"}, {"kind", "invite"}, {"by", "mia"}}}}}}});
  std::vector<json> frames = bed.frames();
  REQUIRE(frames.size() == 2);
  CHECK(frames[1]["op"] == "sync");
  CHECK(frames[1]["body"]["ver"] == 10);
  CHECK(frames[1]["body"]["since"] == 1'000);
}

}  // namespace
}  // namespace nightpost::app
